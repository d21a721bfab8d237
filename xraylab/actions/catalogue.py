"""Lists: the models, networks and recipes that there are, one row each."""

import math
from collections.abc import Sequence

from xraylab import documents
from xraylab.data.datasets import DatasetInfo, list_datasets
from xraylab.errors import XRayLabError
from xraylab.evaluation.few import too_few
from xraylab.evaluation.intervals import auc_interval
from xraylab.models import Model, list_models, load_model, model_that_reads
from xraylab.networks.pretrained import imagenet_path
from xraylab.networks.registry import networks
from xraylab.settings import Settings
from xraylab.training.recipe import PRESETS


def model_rows(settings: Settings) -> list[documents.ModelRow]:
    """Return every model with its validation AUC: the user's own, newest first, then the shipped ones."""
    models = list_models(settings)
    reads = model_that_reads(settings, models)
    films = list_datasets(settings)
    return [_model_row(model, reads, films) for model in models]


def model_row(settings: Settings, name: str) -> documents.ModelRow:
    """Return one model with its validation AUC.

    Raises
    ------
    NotFoundError
        If there is no such model.
    """
    return _model_row(load_model(settings, name), model_that_reads(settings), list_datasets(settings))


def network_rows(settings: Settings) -> list[documents.NetworkRow]:
    """Return every network."""
    return [
        documents.NetworkRow(
            name=entry.name,
            title=entry.title,
            about=entry.about,
            side=entry.side,
            pretrained=entry.pretrained,
            # Looked up at each call: a user may have placed the file since.
            weights_here=imagenet_path(settings, entry) is not None,
        )
        for entry in networks()
    ]


def recipe_rows() -> list[documents.RecipeRow]:
    """Return every preset."""
    return [
        documents.RecipeRow(
            name=preset.name,
            about=preset.about,
            epochs=preset.epochs,
            stages=[stage.model_dump() for stage in preset.stages],
        )
        for preset in PRESETS
    ]


def _model_row(model: Model, reads: Model | None, films: Sequence[DatasetInfo]) -> documents.ModelRow:
    lock = model.lock
    try:
        table = model.table("validation")
        auc, auc_ci, few = table.auc, _auc_interval(model), too_few(table)
    except XRayLabError:
        # One model with damaged predictions, or those of other weights, must not hide the others.
        auc, auc_ci, few = math.nan, (math.nan, math.nan), None
    return documents.ModelRow(
        name=model.name,
        arch=model.card.arch,
        dataset=_films_of(model, films),
        recipe=str(model.card.recipe["name"]),
        threshold=lock.threshold if lock else None,
        rule=lock.rule if lock else None,
        review_from=lock.review_from if lock else None,
        val_auc=auc,
        val_auc_ci=auc_ci,
        few=few,
        reads=reads is not None and reads.name == model.name,
        created_at=model.card.created_at,
        shipped=model.shipped,
    )


def _films_of(model: Model, films: Sequence[DatasetInfo]) -> str:
    """Return the present name of the films of a model, whose dataset may have been renamed."""
    own, name = model.card.dataset, model.card.dataset.name
    if model.shipped or name in [info.name for info in films]:
        return name
    return next((info.name for info in films if own.is_of(info)), name)


def _auc_interval(model: Model) -> tuple[float, float]:
    """Return the 95 % interval of the validation AUC, clustered by patient."""
    films = model.films("validation").scored
    return auc_interval(films.labels, films.scores, films.groups)
