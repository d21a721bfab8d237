"""
Publish a trained model: its folder appears in its place complete and locked, or not at all.

A rule that no threshold can satisfy leaves the model without a lock, and the log says why.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import safetensors.torch

from xraylab import predictions as predictions_file
from xraylab import trail
from xraylab.data.datasets import Dataset
from xraylab.errors import RecipeError
from xraylab.evaluation.novelty import Novelty
from xraylab.evaluation.rules import parse_rule
from xraylab.files import append_line, new_folder, write_bytes, write_text
from xraylab.models import (
    FILMS_FILE,
    NOVELTY_FILE,
    SUITE_FILE,
    Card,
    MadeFrom,
    Model,
    choose_threshold,
    films_bytes,
    films_of,
    list_models,
    made_from,
    novelty_bytes,
    seen_before,
)
from xraylab.models.heatmap_scale import SCALE_FILE
from xraylab.networks.registry import network
from xraylab.predictions import Predictions
from xraylab.runs import folder
from xraylab.settings import Settings
from xraylab.training.contract import Fitted
from xraylab.training.recipe import TrainingRequest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished training, with everything that its model's folder will hold."""

    request: TrainingRequest
    dataset: Dataset
    fitted: Fitted
    card: Card  # without the hash of the weights, which are written first
    predictions: pd.DataFrame  # of the validation and test films
    suite: pd.DataFrame | None  # the same films under the suite of perturbations, if the recipe asks for it
    novelty: Novelty | None  # what the training films are like, if there are enough of them


def publish(
    settings: Settings, finished: Finished, *, on_maps: Callable[[int], None] = lambda _: None
) -> None:
    """Write the folder of a model, lock it by the recipe's rule, and put it in its place.

    Parameters
    ----------
    on_maps : callable, optional
        Called with the number of heatmaps that were measured so far; may raise to stop.

    Raises
    ------
    NameTakenError
        If a model of this name appeared during the training and ``replace`` is false.
    StorageError
        If the disk is full or can't be written.
    """
    request = finished.request
    with new_folder(settings.models / request.name, replace=request.replace) as staging:
        card = _write_weights(staging, finished)
        write_text(staging / "card.json", card.model_dump_json(indent=2))
        _write_predictions(staging, card, finished)
        write_bytes(staging / FILMS_FILE, films_bytes(_made_from(settings, finished)))
        if finished.novelty is not None:
            made_for = {"model_sha256": card.model_sha256, "layer": network(card.arch).middle}
            write_bytes(staging / NOVELTY_FILE, novelty_bytes(finished.novelty, **made_for))
        for epoch in finished.fitted.history:
            append_line(staging / "history.jsonl", folder.finite(asdict(epoch)))
        _write_scale(staging, card, finished, on_maps)
        # Inside the block: the folder appears with its lock, so nobody can lock the model before its recipe.
        model = Model(staging, card)
        _lock(settings, model, finished)
        _enter(settings, model)


def _enter(settings: Settings, model: Model) -> None:
    """Write the entry of a model and its lock, without which the model doesn't get into its place."""
    card, lock = model.card, model.lock
    trail.enter(
        settings,
        trail.MODEL,
        "replaced" if (settings.models / card.name / "card.json").exists() else "trained",
        actor="training",
        name=card.name,
        objects={"model": card.model_sha256, "pixels": card.dataset.pixel_hash},
        changed="not locked" if lock is None else f"locked at {lock.threshold!r} by {lock.rule}",
    )


def _write_weights(staging: Path, finished: Finished) -> Card:
    """Write the weights; return the card with their hash."""
    state = finished.fitted.net.state_dict()
    raw = safetensors.torch.save({name: tensor.cpu().contiguous() for name, tensor in state.items()})
    write_bytes(staging / "model.safetensors", raw)
    return finished.card.model_copy(update={"model_sha256": hashlib.sha256(raw).hexdigest()})


def _write_predictions(staging: Path, card: Card, finished: Finished) -> None:
    tables = {"predictions.parquet": finished.predictions, SUITE_FILE: finished.suite}
    for name, table in tables.items():
        if table is not None:
            made_with = Predictions(table, card.model_sha256, card.dataset.pixel_hash)
            predictions_file.write(staging / name, made_with)


def _made_from(settings: Settings, finished: Finished) -> MadeFrom:
    """Describe the films that a model was made from, with those behind its first weights."""
    dataset, card = finished.dataset, finished.card
    started = [model for model in list_models(settings) if model.card.model_sha256 == card.weights_sha256]
    before = films_of(settings, started[0]) if started else None
    incomplete = card.weights not in {"none", "imagenet"} and before is None
    return made_from(dataset.catalog, dataset.fingerprints(), before, incomplete=incomplete)


def _lock(settings: Settings, model: Model, finished: Finished) -> None:
    """Lock a model by the recipe's rule, if a threshold satisfies it."""
    rule = parse_rule(finished.request.recipe.rule)
    try:
        threshold = choose_threshold(model, rule)
    except RecipeError as error:  # hours of training are worth keeping; a person can lock by another rule
        _log.warning("not locked: %s", error)
        return
    seen = seen_before(settings, model)
    model.write_lock(
        threshold,
        str(rule),
        actor="training",
        after_opening=seen.after_opening,
        openings_before=seen.openings,
    )


def _write_scale(staging: Path, card: Card, finished: Finished, on_maps: Callable[[int], None]) -> None:
    """Measure full colour of the model's heatmaps, on validation films with the finding."""
    # Late: a training begins a moment earlier without pytorch-grad-cam.
    from xraylab.reading.measure_scale import measure_scale, positives

    dataset, entry = finished.dataset, network(card.arch)
    films = dataset.pixels[positives(dataset.targets("finding"), dataset.rows("validation"))]
    # Grad-CAM needs gradients of activations only; those of the weights would take memory.
    net = finished.fitted.net.requires_grad_(requires_grad=False)
    scale = measure_scale(
        net, entry, films, classes=len(card.classes), model_sha256=card.model_sha256, on_pass=on_maps
    )
    if scale is not None:
        write_text(staging / SCALE_FILE, scale.model_dump_json(indent=2) + "\n")
