"""
The loop: recipe and films to a fitted network.

- a ``head`` stage passes the films through the frozen network once and trains the head on cached features
- an ``all`` stage fine-tunes everything, augmented on the device; both use one-cycle AdamW
- the network runs in bf16 where the device has it; what is scored afterwards always runs in fp32
- the epoch with the best validation AUC is kept, across all stages
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from xraylab.errors import TrainingError
from xraylab.evaluation.thresholds import threshold_table
from xraylab.networks.inference import BATCH, outputs
from xraylab.networks.inputs import normalise, pneumonia_logit, to_grey
from xraylab.networks.registry import CLASSES, Network
from xraylab.training.augment import NONE, Variation, augment
from xraylab.training.device import bf16_pays
from xraylab.training.recipe import Recipe, Stage

_BACKWARD = 2  # a backward pass costs about two forward passes
_CACHE_BATCH = 64
_STAGE_NAMES = {"head": "head", "all": "whole network"}


@dataclass(frozen=True, eq=False)
class Films:
    """The films of a training: the store, and which of its rows are for what."""

    pixels: NDArray[np.uint8]  # (n, 256, 256), may be a memory map
    labels: NDArray[np.int64]  # (n,)
    train: NDArray[np.intp]
    validation: NDArray[np.intp]


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; NaN where it isn't defined."""

    epoch: int  # from 1, counted through all stages
    stage: str
    train_loss: float
    train_auc: float
    validation_loss: float
    validation_auc: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    doing: str  # for a person: "epoch 4 of 15"
    fraction: float  # of the whole work, 0 to 1
    films_per_second: float
    seconds_left: float


@dataclass
class Monitor:
    """Who is told; each callable may raise to stop the training."""

    on_progress: Callable[[Progress], None] = lambda _: None
    on_epoch: Callable[[Epoch], None] = lambda _: None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, at its best epoch."""

    net: nn.Module
    best: Epoch
    history: list[Epoch]


def fit(
    net: nn.Module,
    entry: Network,
    films: Films,
    recipe: Recipe,
    *,
    device: torch.device,
    monitor: Monitor,
    bf16: bool | None = None,
) -> Fitted:
    """Train a network.

    Parameters
    ----------
    net : nn.Module
        With its first weights; trained in place.
    films : Films
        Both splits need films of both classes for an AUC to choose by.
    recipe : Recipe
        As returned by ``recipe.plan``.
    bf16 : bool, optional
        Whether the network trains in bf16; by default where the device multiplies it in hardware.

    Returns
    -------
    Fitted
        The network with the weights of its best epoch by validation AUC (the earliest of equals).

    Raises
    ------
    TrainingError
        If a split lacks a class, or if the loss stopped being a number before any epoch could be kept.
    """
    _check_classes(films)
    autocast = bf16_pays(device) if bf16 is None else bf16
    return _Training(net, entry, films, recipe, device, monitor, autocast).run()


def _check_classes(films: Films) -> None:
    for name, rows in (("training", films.train), ("validation", films.validation)):
        if len(np.unique(films.labels[rows])) < len(CLASSES):
            raise TrainingError(
                f"The {name} films are not of both kinds, NORMAL and PNEUMONIA, so there is nothing to learn "
                "or to choose by. Import a dataset that has both in every split."
            )


@dataclass
class _Training:
    net: nn.Module
    entry: Network
    films: Films
    recipe: Recipe
    device: torch.device
    monitor: Monitor
    autocast: bool
    history: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None
    best_state: dict[str, Tensor] = field(default_factory=dict)
    doing: str = "starting"
    done: float = 0.0  # work so far, in films passed forward

    def run(self) -> Fitted:
        self.started = time.monotonic()
        self.total = sum(self._work(stage) for stage in self.recipe.stages)
        torch.manual_seed(self.recipe.seed)
        self.random = torch.Generator().manual_seed(self.recipe.seed)
        self._advance(0)
        self.net.to(self.device).to(memory_format=torch.channels_last)
        for stage in self.recipe.stages:
            finite = self._train_head(stage) if stage.trains == "head" else self._fine_tune(stage)
            if not finite:
                break
        if self.best is None:
            raise TrainingError(
                "The loss stopped being a number in the first epoch, so nothing could be kept. Lower the "
                "learning rate and train again."
            )
        self.net.load_state_dict(self.best_state)
        return Fitted(self.net.eval(), self.best, self.history)

    def _train_head(self, stage: Stage) -> bool:
        """Train the head on features of the frozen rest; the rest stays in eval mode throughout."""
        head = self.net.get_submodule(self.entry.head)
        with _without_head(self.net, self.entry):
            cached = torch.stack([self._features(self.films.train, view) for view in range(stage.views)])
            validation = self._features(self.films.validation, 0)

        def forward(batch: Tensor) -> Tensor:
            if stage.views == 1:
                return cast(Tensor, head(cached[0, batch].to(self.device)))
            view = torch.randint(stage.views, (len(batch),), generator=self.random)
            return cast(Tensor, head(cached[view, batch].to(self.device)))

        @torch.no_grad()
        def validate() -> Tensor:
            return cast(Tensor, head(validation.to(self.device)))

        return self._epochs(stage, head, forward, validate, work=0)

    def _fine_tune(self, stage: Stage) -> bool:
        """Train everything on augmented films."""

        def forward(batch: Tensor) -> Tensor:
            grey = self._grey(self.films.train[batch.numpy()])
            varied = augment(grey, Variation.of(self.recipe), self.random)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
                return cast(Tensor, self.net(normalise(varied, self.entry))).float()

        def validate() -> Tensor:
            rows = self.films.validation
            starts = range(0, len(rows), BATCH)
            batches = (self.films.pixels[rows[start : start + BATCH]] for start in starts)
            collected = []
            for output in outputs(self.net, self.entry, batches, device=self.device):
                collected.append(output)
                self._advance(len(output))
            return torch.cat(collected)

        return self._epochs(stage, self.net, forward, validate, work=1 + _BACKWARD)

    def _epochs(
        self,
        stage: Stage,
        part: nn.Module,
        forward: Callable[[Tensor], Tensor],
        validate: Callable[[], Tensor],
        *,
        work: float,
    ) -> bool:
        """Train ``part`` for a stage's epochs; false when the loss stopped being a number."""
        labels = self._labels(self.films.train)
        batches = math.ceil(len(labels) / self.recipe.batch_size)
        optimiser = torch.optim.AdamW(
            part.parameters(), lr=stage.learning_rate, weight_decay=self.recipe.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=stage.learning_rate, total_steps=batches * stage.epochs
        )
        weight = self._class_weights(labels)
        for number in range(1, stage.epochs + 1):
            self.doing = f"{_STAGE_NAMES[stage.trains]}, epoch {number} of {stage.epochs}"
            started = time.monotonic()
            part.train()
            seen: list[Tensor] = []
            order = torch.randperm(len(labels), generator=self.random)
            for batch in torch.split(order, self.recipe.batch_size):
                output = forward(batch)
                loss = functional.cross_entropy(output, labels[batch].to(self.device), weight=weight)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
                seen.append(output.detach().cpu())
                if not math.isfinite(loss.item()):
                    return False
                self._advance(work * len(batch))
            part.eval()
            self._close_epoch(
                stage,
                train=(torch.cat(seen), labels[order]),
                validation=(validate().cpu(), self._labels(self.films.validation)),
                weight=weight.cpu(),
                learning_rate=float(schedule.get_last_lr()[0]),
                seconds=time.monotonic() - started,
            )
        return True

    def _close_epoch(
        self,
        stage: Stage,
        *,
        train: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor],
        weight: Tensor,
        learning_rate: float,
        seconds: float,
    ) -> None:
        """Record an epoch, and keep its weights if none was better on validation; NaN is never better."""
        epoch = Epoch(
            epoch=len(self.history) + 1,
            stage=stage.trains,
            train_loss=functional.cross_entropy(*train, weight=weight).item(),
            train_auc=_auc(*train),
            validation_loss=functional.cross_entropy(*validation, weight=weight).item(),
            validation_auc=_auc(*validation),
            learning_rate=learning_rate,
            seconds=seconds,
        )
        self.history.append(epoch)
        if epoch.validation_auc > (self.best.validation_auc if self.best else -math.inf):
            self.best = epoch
            self.best_state = {k: v.detach().cpu().clone() for k, v in self.net.state_dict().items()}
        self.monitor.on_epoch(epoch)
        self._advance(0)

    @torch.no_grad()
    def _features(self, rows: NDArray[np.intp], view: int) -> Tensor:
        """What the frozen network makes of films: (n, features); the first view is unvaried."""
        self.doing = "passing the films through the frozen network"
        self.net.eval()
        parts = []
        for start in range(0, len(rows), _CACHE_BATCH):
            grey = self._grey(rows[start : start + _CACHE_BATCH])
            varied = augment(grey, Variation.of(self.recipe) if view else NONE, self.random)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
                parts.append(self.net(normalise(varied, self.entry)).float().cpu())
            self._advance(len(grey))
        return torch.cat(parts)

    def _grey(self, rows: NDArray[np.intp]) -> Tensor:
        """Stored films on the device, (B, 1, side, side) in [0, 1]."""
        return to_grey(torch.from_numpy(self.films.pixels[rows]).to(self.device), self.entry)

    def _labels(self, rows: NDArray[np.intp]) -> Tensor:
        return torch.from_numpy(self.films.labels[rows])

    def _class_weights(self, labels: Tensor) -> Tensor:
        """One weight a class, so that both count alike in the loss if the recipe says so."""
        counts = torch.bincount(labels, minlength=len(CLASSES)).clamp(min=1)
        weights = (
            len(labels) / (len(CLASSES) * counts)
            if self.recipe.balance == "loss"
            else torch.ones(len(CLASSES))
        )
        return weights.float().to(self.device)

    def _work(self, stage: Stage) -> float:
        """How much a stage has to do, in films passed forward."""
        train, validation = len(self.films.train), len(self.films.validation)
        if stage.trains == "head":
            return stage.views * train + validation
        return stage.epochs * ((1 + _BACKWARD) * train + validation)

    def _advance(self, films: float) -> None:
        """Tell the monitor; it may raise to stop the training."""
        self.done += films
        seconds = time.monotonic() - self.started
        fraction = min(self.done / self.total, 1.0)
        self.monitor.on_progress(
            Progress(
                doing=self.doing,
                fraction=fraction,
                films_per_second=self.done / seconds if seconds else 0.0,
                seconds_left=seconds * (1 - fraction) / fraction if fraction else math.nan,
            )
        )


@contextmanager
def _without_head(net: nn.Module, entry: Network) -> Iterator[None]:
    """The network up to its head, for as long as the block lasts."""
    head = net.get_submodule(entry.head)
    net.set_submodule(entry.head, nn.Identity())
    try:
        yield
    finally:
        net.set_submodule(entry.head, head)


def _auc(output: Tensor, labels: Tensor) -> float:
    scores = pneumonia_logit(output).numpy()
    if not np.isfinite(scores).all():
        return math.nan
    return threshold_table(labels.numpy(), scores).auc
