"""
Execute a run: train, score the held-out films, publish the model, lock it.

- validation and test films are scored by the same scorer that reading uses; the test scores stay sealed
- the features of the training films are kept for the gate, if there are enough films
- ``publish`` then makes the model's folder, complete and locked, as the very last step: a run that stops
  before leaves no model
"""

import hashlib
import logging
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab.data.datasets import Dataset, load_dataset
from xraylab.evaluation.novelty import Novelty, learnt_from
from xraylab.files import write_text
from xraylab.finite import check_scores
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.imaging.perturbations import SUITE
from xraylab.models import Card, TrainedOn, check_name_free, next_number
from xraylab.models.heatmap_scale import PASSES
from xraylab.networks.download import ensure_weights
from xraylab.networks.registry import Network, build, network
from xraylab.networks.weights import load_into
from xraylab.reading.features import learn
from xraylab.reading.gate import shown_by
from xraylab.reading.scoring import Scores, described, described_under_suite, score_network, scores_of
from xraylab.runs import folder, ranks
from xraylab.runs.publish import Finished, publish
from xraylab.runs.reporting import JobReporter
from xraylab.settings import Settings
from xraylab.training import checkpoint
from xraylab.training.cache import ActivationCache
from xraylab.training.contract import Films, Fitted, Monitor
from xraylab.training.device import FreeCores, keep_freed_memory, pick_device, use_threads
from xraylab.training.duration import KINDS, film_gflop, record_speed
from xraylab.training.loop import best_so_far, fit
from xraylab.training.memory import room
from xraylab.training.progress import Clock
from xraylab.training.recipe import Recipe, TrainingRequest, plan
from xraylab.training.seen import Seen, see
from xraylab.training.work import TO_MIDDLE, Work, needs_suite, passes_once

_WIDEST = 16_384  # bytes that a film takes at most as the input of a head
_log = logging.getLogger(__name__)


def execute(
    settings: Settings,
    run_id: str,
    *,
    progress: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool],
) -> tuple[str, ...]:
    """Train the model of a run, from its checkpoint if it was stopped before.

    Parameters
    ----------
    progress : callable
        Called with the progress, twice per second at most.
    cancelled : callable
        Returns True if the training has to stop.

    Returns
    -------
    tuple of str
        Sentences about the training that a person should know.

    Raises
    ------
    RunCancelled
        Soon after ``cancelled()`` is true.
    XRayLabError
        If the training can't be done; the message says why.
    """
    request = _read_request(settings, run_id)
    # Checked again, because the run may have waited for days.
    check_name_free(settings, request.name, replace=request.replace)
    reporter = JobReporter(settings, run_id, progress, cancelled)
    job = _Job.prepare(settings, run_id, request, reporter)
    started = time.monotonic()
    if folder.is_kept(settings, run_id):
        fitted, seen = job.keep()
    else:
        ranks.call(settings, run_id)
        fitted, seen = job.train()
    net = fitted.net.to("cpu")
    scored, suite = job.score(net, seen), job.score_under_suite(net)
    novelty = job.learn_novelty(net, seen)
    card = _card(job, fitted, seconds=reporter.seconds_before + time.monotonic() - started)
    finished = Finished(request, job.dataset, fitted, card, scored, suite, novelty)
    publish(settings, finished, on_maps=reporter.phase("Measuring the heatmaps", PASSES))
    reporter.finish()
    job.clean_up(fitted)
    return fitted.notes


def assist(settings: Settings, run_id: str) -> None:
    """Take part in a training that rank 0 executes; report, write and publish nothing."""
    silent = JobReporter(settings, run_id, lambda _: None, lambda: False)
    _Job.prepare(settings, run_id, _read_request(settings, run_id), silent).train()


def _read_request(settings: Settings, run_id: str) -> TrainingRequest:
    return TrainingRequest.model_validate(folder.read_recipe(settings, run_id)["training"])


@dataclass(frozen=True)
class _Job:
    """One training, with everything that it needs."""

    settings: Settings
    run_id: str
    request: TrainingRequest
    recipe: Recipe  # as it is run
    dataset: Dataset
    entry: Network
    device: torch.device
    reporter: JobReporter

    @classmethod
    def prepare(
        cls, settings: Settings, run_id: str, request: TrainingRequest, reporter: JobReporter
    ) -> "_Job":
        """Load the dataset, plan the recipe and choose the device."""
        dataset, entry = load_dataset(settings, request.dataset), network(request.arch)
        # The recipe on disk is planned already. Another version of XRayLab may have written it, so it is
        # checked against the network of this version.
        recipe = plan(request.recipe, entry, pretrained=request.weights != "none")
        use_threads(settings)
        keep_freed_memory()
        return cls(settings, run_id, request, recipe, dataset, entry, pick_device(settings), reporter)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.classes(self.dataset.info.finding)

    @property
    def checkpoints(self) -> Path:
        return folder.path(self.settings, self.run_id) / folder.CHECKPOINT

    @property
    def first_weights(self) -> Path:
        """File with the hash of the first weights, which a resumed run doesn't load again."""
        return self.checkpoints / "weights.sha256"

    def train(self) -> tuple[Fitted, Seen | None]:
        """Train; return what the films gave below the head too, if that never changes."""
        torch.manual_seed(self.recipe.seed)  # before the network is built: its weights are random at first
        net = self.build()
        if not checkpoint.exists(self.checkpoints):
            sha256 = self.load_first_weights(net)
            if ranks.leads():
                write_text(self.first_weights, sha256)
        _log.info(
            "training on %s with %d threads, %d epochs",
            self.device,
            torch.get_num_threads(),
            self.recipe.epochs,
        )
        reporter, films = self.reporter, self.films()
        once = self.passes_once
        work = self.work(once=once)
        self.begin(work.before + work.stages(self.recipe) + work.after(self.recipe))
        seen, speeds = (self.see(net) if once else None), {}
        if seen is not None and seen.computed:
            speeds["forward"] = reporter.clock.speed
        elif seen is not None:
            reporter.clock.skip(len(films.pixels))
        fitted = fit(
            net,
            self.entry,
            films,
            self.recipe,
            device=self.device,
            monitor=Monitor(reporter.on_progress, reporter.on_epoch, reporter.on_return),
            checkpoints=self.checkpoints,
            cache=self.settings.cache,
            known=None if seen is None else seen.inputs,
            clock=reporter.clock,
        )
        return replace(fitted, speeds={**speeds, **fitted.speeds}), seen

    def keep(self) -> tuple[Fitted, Seen | None]:
        """Return the best epoch so far of a stopped training."""
        net = self.build()
        fitted = best_so_far(net, self.entry, self.recipe, self.checkpoints)
        self.reporter.on_return(fitted.history)
        done, planned = len(fitted.history), self.recipe.epochs
        note = f"Stopped after epoch {done} of {planned}; the best epoch until then was kept."
        self.begin(self.work(once=False).after(self.recipe))
        return replace(fitted, notes=(*fitted.notes, note)), None

    @property
    def passes_once(self) -> bool:
        """Whether the films pass the network once, since nothing below the head is trained.

        On a GPU the pass would be in low precision, and the scores must come from the processor.
        """
        return (
            self.device.type == "cpu"
            and not ranks.several()
            and self.settings.backend == "fp32"
            and passes_once(self.recipe)
            and room(len(self.dataset.pixels) * _WIDEST, self.device)
        )

    def see(self, net: nn.Module) -> Seen:
        """Pass all films through the network once."""
        dataset = self.dataset
        films = len(dataset.pixels)
        return see(
            net,
            self.entry,
            dataset.pixels,
            films=dataset.info.pixel_hash,
            cache=ActivationCache(self.settings.cache),
            device=self.device,
            on_progress=self.reporter.phase("Passing the films through the network", films),
        )

    def work(self, *, once: bool) -> Work:
        """Return the work of the whole job."""
        train, validation, test = (len(self.dataset.rows(split)) for split in ("train", "validation", "test"))
        return Work(self.entry, train, validation, test, once=once)

    def begin(self, work: float) -> None:
        """Begin to count what is left to do."""
        reporter = self.reporter
        reporter.clock, reporter.device = Clock(work), str(self.device)
        reporter.cores = FreeCores(self.settings) if self.device.type == "cpu" else None

    def build(self) -> nn.Module:
        return build(self.entry, classes=len(self.classes))

    def load_first_weights(self, net: nn.Module) -> str:
        """Load the first weights, and return their hash; an empty string for random weights."""
        if self.request.weights == "none":
            return ""
        file = ensure_weights(
            self.settings, self.entry, self.request.weights, on_progress=self.reporter.on_download
        )
        return load_into(net, file, self.entry)

    def films(self) -> Films:
        dataset = self.dataset
        # The same pixels can be imported again with another split.
        split = hashlib.sha256(dataset.catalog["split"].str.cat(sep=" ").encode()).hexdigest()
        return Films(
            pixels=dataset.pixels,
            labels=dataset.targets(self.recipe.task),
            train=dataset.rows("train"),
            validation=dataset.rows("validation"),
            classes=self.classes,
            key=f"{dataset.info.pixel_hash} {split}",
        )

    def score(self, net: nn.Module, seen: Seen | None) -> pd.DataFrame:
        """Score the validation and test films; return the table of ``predictions``."""
        if seen is None:
            tell = self.reporter.phase("Scoring held-out films", len(self.held_out))
            scores = self.scores(net, self.dataset.pixels, self.held_out, tell)
        else:
            scores = _checked(scores_of(seen.outputs(net, self.entry, self.held_out)))
        return described(self.dataset.catalog, self.held_out, scores, self.classes)

    def score_under_suite(self, net: nn.Module) -> pd.DataFrame | None:
        """Score these films under each perturbation of the suite; None if the recipe doesn't need it."""
        if not needs_suite(self.recipe):
            return None
        dataset, before = self.dataset, 0
        tell = self.reporter.phase("Scoring held-out films, changed", len(SUITE) * len(self.held_out))

        def scored(films: NDArray[np.uint8]) -> Scores:
            nonlocal before
            scores = self.scores(net, films, None, lambda done: tell(before + done))
            before += len(films)
            return scores

        return described_under_suite(
            scored,
            dataset.catalog,
            dataset.pixels,
            self.held_out,
            self.classes,
        )

    def learn_novelty(self, net: nn.Module, seen: Seen | None) -> Novelty | None:
        """Learn the features of the training films, for the gate; None if there are too few films."""
        training, validation = self.dataset.rows("train"), self.dataset.rows("validation")
        tell = None
        if seen is None and (films := learnt_from(len(training), len(validation))):
            tell = self.reporter.phase("Learning what the training films are like", films, TO_MIDDLE)
        return learn(
            net,
            self.entry,
            self.dataset.pixels,
            training,
            validation,
            device=torch.device("cpu"),
            middle=None if seen is None else seen.middle,
            on_progress=tell,
        )

    @property
    def held_out(self) -> NDArray[np.intp]:
        return np.concatenate([self.dataset.rows("validation"), self.dataset.rows("test")])

    def scores(
        self,
        net: nn.Module,
        pixels: NDArray[np.uint8],
        rows: NDArray[np.intp] | None,
        on_progress: Callable[[int], None],
    ) -> Scores:
        # On the processor, even after a training on a GPU: a film that is read later is scored there, and
        # must get the same score.
        scores = score_network(
            net,
            self.entry,
            pixels,
            rows,
            device=torch.device("cpu"),
            backend=self.settings.backend,
            on_progress=on_progress,
        )
        return _checked(scores)

    def clean_up(self, fitted: Fitted) -> None:
        """Remove the checkpoint, and keep the speeds for the next estimate."""
        # Only after the model is in its place: until then a stopped run needs its checkpoint.
        folder.remove_checkpoint(self.settings, self.run_id)
        for kind in KINDS:
            if kind in fitted.speeds:
                speed = fitted.speeds[kind] * film_gflop(self.entry, kind)
                record_speed(self.settings, self.device.type, self.entry.name, kind, speed)


def _card(job: _Job, fitted: Fitted, *, seconds: float) -> Card:
    info = job.dataset.info
    weights = job.request.weights
    return Card(
        name=job.request.name,
        arch=job.entry.name,
        classes=job.classes,
        created_at=datetime.now(UTC),
        sequence=next_number(job.settings),
        run=job.run_id,
        dataset=TrainedOn(
            name=info.name,
            kind=info.kind,
            finding=info.finding,
            pixel_hash=info.pixel_hash,
            patient_key=info.patient_key,
            patients_from=info.patients_from,
            splits=info.splits,
            shown=shown_by(job.dataset.catalog, job.dataset.rows("train")),
        ),
        # A card is public: the path of a file may hold the name of its user.
        weights=weights if weights in ("none", "imagenet") else Path(weights).name,
        weights_sha256=job.first_weights.read_text("utf-8") if job.first_weights.exists() else "",
        recipe=job.recipe.model_dump(mode="json"),
        best_epoch=fitted.best.epoch,
        epochs=len(fitted.history),
        parameters=sum(parameter.numel() for parameter in fitted.net.parameters()),
        seconds=round(seconds, 1),
        device=str(job.device),
        preprocess_version=PREPROCESS_VERSION,
        model_sha256="",  # set when the weights are written
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "torchvision")},
        },
        backend=job.settings.backend,
        notes=fitted.notes,
    )


def _checked(scores: Scores) -> Scores:
    remedy = "No model was made of it. Train with a lower learning rate."
    check_scores(scores.logit, of="The trained network", remedy=remedy)
    return scores
