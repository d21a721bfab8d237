"""What there is: models, networks and recipes, as rows of a list."""

import math

from xraylab import documents
from xraylab.errors import (
    NotFoundError,
)
from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.thresholds import threshold_table
from xraylab.models import Model, list_models, load_model
from xraylab.networks.pretrained import imagenet_path
from xraylab.networks.registry import networks
from xraylab.settings import Settings
from xraylab.training.recipe import PRESETS


def model_rows(settings: Settings) -> list[documents.ModelRow]:
    """Every model, one's own newest first, then the shipped, with its validation AUC."""
    return [_model_row(model) for model in list_models(settings)]


def model_row(settings: Settings, name: str) -> documents.ModelRow:
    """One model with its validation AUC.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    return _model_row(load_model(settings, name))


def network_rows(settings: Settings) -> list[documents.NetworkRow]:
    """Every network."""
    return [
        documents.NetworkRow(
            name=entry.name,
            title=entry.title,
            about=entry.about,
            side=entry.side,
            pretrained=entry.pretrained,
            weights_here=imagenet_path(settings, entry) is not None,
        )
        for entry in networks()
    ]


def recipe_rows() -> list[documents.RecipeRow]:
    """Every preset."""
    return [
        documents.RecipeRow(
            name=preset.name,
            about=preset.about,
            epochs=preset.epochs,
            stages=[stage.model_dump() for stage in preset.stages],
        )
        for preset in PRESETS
    ]


def _model_row(model: Model) -> documents.ModelRow:
    lock = model.lock
    auc, auc_ci = _validation_auc(model)
    return documents.ModelRow(
        name=model.name,
        arch=model.card.arch,
        dataset=model.card.dataset.name,
        recipe=str(model.card.recipe["name"]),
        threshold=lock.threshold if lock else None,
        rule=lock.rule if lock else None,
        review_from=lock.review_from if lock else None,
        val_auc=auc,
        val_auc_ci=auc_ci,
        created_at=model.card.created_at,
        shipped=model.shipped,
    )


def _validation_auc(model: Model) -> tuple[float, tuple[float, float]]:
    """AUC and its interval on validation; NaN if the predictions are damaged, for the list to go on."""
    try:
        validation = model.validation.scored
    except NotFoundError:
        return math.nan, (math.nan, math.nan)
    labels, scores, groups = validation.labels, validation.scores, validation.groups
    return threshold_table(labels, scores, groups).auc, auc_interval(labels, scores, groups)
