"""
What the worker does with a run: train, score, publish, lock.

- the model's folder appears whole, locked, at the very end; a run that stops before leaves none
- a rule that no threshold can meet leaves the model without a lock, and the log says why
- what the training films are like is learnt then, too, if there are enough of them
- validation and test films are scored by the one scorer; the test scores stay sealed in the folder
"""

import hashlib
import logging
import math
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab import predictions as predictions_file
from xraylab.data.datasets import Dataset, load_dataset
from xraylab.errors import RecipeError
from xraylab.evaluation.novelty import Novelty
from xraylab.evaluation.rules import parse_rule
from xraylab.files import append_line, new_folder, write_text
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models import (
    NOVELTY_FILE,
    SUITE_FILE,
    Card,
    Model,
    TrainedOn,
    check_name_free,
    choose_threshold,
    novelty_bytes,
)
from xraylab.models.heatmap_scale import SCALE_FILE
from xraylab.networks.download import ensure_weights
from xraylab.networks.registry import Network, build, network
from xraylab.networks.weights import load_into
from xraylab.predictions import Predictions
from xraylab.reading.features import learn
from xraylab.reading.measure_scale import measure_scale, positives
from xraylab.reading.scoring import Scores, described, described_under_suite, score_network
from xraylab.runs import folder, ranks
from xraylab.runs.table import RunCancelled
from xraylab.settings import Settings
from xraylab.training import checkpoint
from xraylab.training.contract import Epoch, Films, Fitted, Monitor, Progress
from xraylab.training.device import pick_device, use_threads
from xraylab.training.duration import KINDS, film_gflop, record_speed
from xraylab.training.loop import best_so_far, fit
from xraylab.training.recipe import Recipe, TrainingRequest, plan

_PROGRESS_EVERY = 0.5  # seconds
_MEGABYTE = 1e6
_log = logging.getLogger(__name__)


def execute(
    settings: Settings,
    run_id: str,
    *,
    progress: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool],
) -> tuple[str, ...]:
    """Train the model that a run asks for, from where an earlier attempt at it was stopped.

    Returns
    -------
    tuple of str
        What a person should know of how it went, as sentences.

    Raises
    ------
    RunCancelled
        Soon after ``cancelled()`` is true.
    XRayLabError
        If the training can't be done; the message says why.
    """
    request = TrainingRequest.model_validate(folder.read_recipe(settings, run_id)["training"])
    check_name_free(settings, request.name, replace=request.replace)
    dataset = load_dataset(settings, request.dataset)
    teller = _Teller(settings, run_id, progress, cancelled)
    use_threads(settings)
    job = _Job(settings, run_id, request, dataset, network(request.arch), pick_device(settings), teller)
    started = time.monotonic()
    if folder.is_kept(settings, run_id):
        fitted = job.keep()
    else:
        ranks.call(settings, run_id)
        fitted = job.train()
    net = fitted.net.to("cpu")
    scored, suite, novelty = job.score(net), job.score_under_suite(net), job.learn_novelty(net)
    card = job.card(fitted, seconds=teller.seconds_before + time.monotonic() - started)
    _publish(settings, request, card, fitted, scored, suite, novelty, dataset)
    job.tidy(fitted)
    return fitted.notes


def assist(settings: Settings, run_id: str) -> None:
    """Take part in the training that another process executes; nothing is told, written or published here."""
    request = TrainingRequest.model_validate(folder.read_recipe(settings, run_id)["training"])
    silent = _Teller(settings, run_id, lambda _: None, lambda: False)
    dataset, entry = load_dataset(settings, request.dataset), network(request.arch)
    use_threads(settings)
    _Job(settings, run_id, request, dataset, entry, pick_device(settings), silent).train()


@dataclass
class _Teller:
    """Writes what the training tells into the run's folder, and stops it when the run is cancelled."""

    settings: Settings
    run_id: str
    write: Callable[[dict[str, Any]], None]
    cancelled: Callable[[], bool]
    last: float = -math.inf
    seconds_before: float = 0.0  # that the epochs took before the run was stopped

    def stop_if_cancelled(self, _done: int = 0) -> None:
        if self.cancelled():
            raise RunCancelled

    def on_progress(self, now: Progress) -> None:
        self.stop_if_cancelled()
        if self._is_due():
            self.write(asdict(now))

    def _is_due(self) -> bool:
        """Whether it is time to write again."""
        due = time.monotonic() - self.last >= _PROGRESS_EVERY
        if due:
            self.last = time.monotonic()
        return due

    def say(self, doing: str, fraction: float) -> None:
        """Tell of something that isn't training."""
        self.stop_if_cancelled()
        self.write(asdict(Progress(doing, fraction, math.nan, math.nan, "", math.nan)))

    def on_download(self, done: int, total: int) -> None:
        self.stop_if_cancelled()
        if self._is_due():
            whole = f" of {total / _MEGABYTE:.0f}" if total else ""
            self.say(f"downloading ImageNet weights, {done / _MEGABYTE:.0f}{whole} MB", 0.0)

    def on_epoch(self, epoch: Epoch) -> None:
        folder.append_history(self.settings, self.run_id, asdict(epoch))
        _log.info(
            "epoch %d (%s): train loss %.4f, validation loss %.4f, validation AUC %.4f, %.1f s",
            epoch.epoch,
            epoch.stage,
            epoch.train_loss,
            epoch.validation_loss,
            epoch.validation_auc,
            epoch.seconds,
        )

    def on_return(self, epochs: list[Epoch]) -> None:
        folder.replace_history(self.settings, self.run_id, [asdict(epoch) for epoch in epochs])
        self.seconds_before = sum(epoch.seconds for epoch in epochs)
        _log.info("going on after epoch %d", len(epochs))


@dataclass(frozen=True)
class _Job:
    """One training, with everything that it needs."""

    settings: Settings
    run_id: str
    request: TrainingRequest
    dataset: Dataset
    entry: Network
    device: torch.device
    teller: _Teller

    @property
    def recipe(self) -> Recipe:
        return plan(self.request.recipe, self.entry, pretrained=self.request.weights != "none")

    @property
    def checkpoints(self) -> Path:
        return folder.path(self.settings, self.run_id) / folder.CHECKPOINT

    @property
    def origin(self) -> Path:
        """Where the hash of the first weights is kept: a run that goes on doesn't read them again."""
        return self.checkpoints / "weights.sha256"

    def train(self) -> Fitted:
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        net = self.build()
        if not checkpoint.exists(self.checkpoints):
            origin = self.load_first_weights(net)
            if ranks.leads():
                write_text(self.origin, origin)
        films = self.films(recipe)
        _log.info(
            "training on %s with %d threads, %d epochs", self.device, torch.get_num_threads(), recipe.epochs
        )
        monitor = Monitor(self.teller.on_progress, self.teller.on_epoch, self.teller.on_return)
        return fit(
            net,
            self.entry,
            films,
            recipe,
            device=self.device,
            monitor=monitor,
            checkpoints=self.checkpoints,
            cache=self.settings.cache,
        )

    def keep(self) -> Fitted:
        """The best so far of a training that was stopped."""
        fitted = best_so_far(self.build(), self.entry, self.recipe, self.checkpoints)
        self.teller.on_return(fitted.history)
        done, asked = len(fitted.history), self.recipe.epochs
        note = f"Stopped after epoch {done} of {asked}; what was best by then was kept."
        return replace(fitted, notes=(*fitted.notes, note))

    def build(self) -> nn.Module:
        return build(self.entry, classes=len(self.recipe.classes))

    def load_first_weights(self, net: nn.Module) -> str:
        """Load the weights to start from, and return their hash; empty without."""
        if self.request.weights == "none":
            return ""
        file = ensure_weights(
            self.settings, self.entry, self.request.weights, on_progress=self.teller.on_download
        )
        return load_into(net, file, self.entry)

    def films(self, recipe: Recipe) -> Films:
        dataset = self.dataset
        split = hashlib.sha256(dataset.catalog["split"].str.cat(sep=" ").encode()).hexdigest()
        return Films(
            pixels=dataset.pixels,
            labels=dataset.targets(recipe.task),
            train=dataset.rows("train"),
            validation=dataset.rows("validation"),
            key=f"{dataset.info.pixel_hash} {split}",
        )

    def score(self, net: nn.Module) -> pd.DataFrame:
        """Predictions on the validation and test films, in the schema of ``predictions``.

        On the processor, wherever the training ran: reading scores there, and a film has one score.
        """
        self.teller.say("scoring the held-out films", 1.0)
        scores = self.scores(net, self.dataset.pixels, self.held_out)
        return described(self.dataset.catalog, self.held_out, scores, self.recipe.classes)

    def score_under_suite(self, net: nn.Module) -> pd.DataFrame | None:
        """The same films under each perturbation of the suite, if the recipe or its rule asks for that."""
        if not (self.recipe.suite or parse_rule(self.recipe.rule).suite):
            return None
        self.teller.say("scoring the held-out films under the suite", 1.0)
        dataset = self.dataset
        return described_under_suite(
            lambda films: self.scores(net, films, None),
            dataset.catalog,
            dataset.pixels,
            self.held_out,
            self.recipe.classes,
        )

    def learn_novelty(self, net: nn.Module) -> Novelty | None:
        """What the training films are like, for the gate; None if they are too few."""
        self.teller.say("learning what the training films are like", 1.0)
        return learn(
            net,
            self.entry,
            self.dataset.pixels,
            self.dataset.rows("train"),
            self.dataset.rows("validation"),
            device=torch.device("cpu"),
            on_progress=self.teller.stop_if_cancelled,
        )

    @property
    def held_out(self) -> NDArray[np.intp]:
        return np.concatenate([self.dataset.rows("validation"), self.dataset.rows("test")])

    def scores(self, net: nn.Module, pixels: NDArray[np.uint8], rows: NDArray[np.intp] | None) -> Scores:
        return score_network(
            net,
            self.entry,
            pixels,
            rows,
            device=torch.device("cpu"),
            backend=self.settings.backend,
            on_progress=self.teller.stop_if_cancelled,
        )

    def card(self, fitted: Fitted, *, seconds: float) -> Card:
        info = self.dataset.info
        weights = self.request.weights
        return Card(
            name=self.request.name,
            arch=self.entry.name,
            classes=self.recipe.classes,
            created_at=datetime.now(UTC),
            run=self.run_id,
            dataset=TrainedOn(
                name=info.name,
                kind=info.kind,
                pixel_hash=info.pixel_hash,
                patient_key=info.patient_key,
                splits=info.splits,
            ),
            weights=weights if weights in ("none", "imagenet") else Path(weights).name,
            weights_sha256=self.origin.read_text("utf-8") if self.origin.exists() else "",
            recipe=self.recipe.model_dump(mode="json"),
            best_epoch=fitted.best.epoch,
            epochs=len(fitted.history),
            parameters=sum(parameter.numel() for parameter in fitted.net.parameters()),
            seconds=round(seconds, 1),
            device=str(self.device),
            preprocess_version=PREPROCESS_VERSION,
            model_sha256="",
            versions={
                "python": platform.python_version(),
                **{name: version(name) for name in ("torch", "torchvision")},
            },
            backend=self.settings.backend,
            notes=fitted.notes,
        )

    def tidy(self, fitted: Fitted) -> None:
        """Remember how fast it went, for the next estimate, and let go of what only a stopped run needs."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        for kind in KINDS:
            if kind in fitted.speeds:
                speed = fitted.speeds[kind] * film_gflop(self.entry, kind)
                record_speed(self.settings, self.device.type, self.entry.name, kind, speed)


def _publish(
    settings: Settings,
    request: TrainingRequest,
    card: Card,
    fitted: Fitted,
    scored: pd.DataFrame,
    suite: pd.DataFrame | None,
    novelty: Novelty | None,
    dataset: Dataset,
) -> None:
    with new_folder(settings.models / request.name, replace=request.replace) as staging:
        state = {name: tensor.cpu().contiguous() for name, tensor in fitted.net.state_dict().items()}
        raw = safetensors.torch.save(state)
        (staging / "model.safetensors").write_bytes(raw)
        card = card.model_copy(update={"model_sha256": hashlib.sha256(raw).hexdigest()})
        write_text(staging / "card.json", card.model_dump_json(indent=2))
        predictions_file.write(
            staging / "predictions.parquet", Predictions(scored, card.model_sha256, card.dataset.pixel_hash)
        )
        if suite is not None:
            predictions_file.write(
                staging / SUITE_FILE, Predictions(suite, card.model_sha256, card.dataset.pixel_hash)
            )
        if novelty is not None:
            made_for = {"model_sha256": card.model_sha256, "layer": network(card.arch).middle}
            (staging / NOVELTY_FILE).write_bytes(novelty_bytes(novelty, **made_for))
        for epoch in fitted.history:
            append_line(staging / "history.jsonl", folder.finite(asdict(epoch)))
        _write_scale(staging, card, fitted, network(request.arch), dataset)
        model = Model(staging, card)
        rule = parse_rule(request.recipe.rule)
        try:
            threshold = choose_threshold(model, rule)
        except RecipeError as error:  # the training is worth keeping; a person locks by another rule
            _log.warning("not locked: %s", error)
            return
        model.write_lock(
            threshold, str(rule), actor="training", after_opening=dataset.opened_for(request.name)
        )


def _write_scale(staging: Path, card: Card, fitted: Fitted, entry: Network, dataset: Dataset) -> None:
    """Measure what full colour means in the model's heatmaps, on validation films with pneumonia."""
    films = dataset.pixels[positives(dataset.targets("pneumonia"), dataset.rows("validation"))]
    net = fitted.net.requires_grad_(requires_grad=False)
    scale = measure_scale(net, entry, films, classes=len(card.classes), model_sha256=card.model_sha256)
    if scale is not None:
        write_text(staging / SCALE_FILE, scale.model_dump_json(indent=2) + "\n")
