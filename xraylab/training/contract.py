"""What goes into a training and what comes out of it, as plain data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Films:
    """The films of a training: the store, and which of its rows are for what."""

    pixels: NDArray[np.uint8]  # (n, 256, 256), may be a memory map
    labels: NDArray[np.int64]  # (n,): the class of each, NORMAL is 0
    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    key: str = ""  # changes when the films or their split do: a checkpoint belongs to one key


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to, counted at a pneumonia score of 0.5; NaN where it isn't defined."""

    epoch: int  # from 1, counted through all stages
    stage: str  # what was trained: "head", "tail:1", "all"
    train_loss: float
    train_accuracy: float
    train_balanced_accuracy: float
    train_f1: float
    train_kappa: float
    train_auc: float
    validation_loss: float
    validation_accuracy: float
    validation_balanced_accuracy: float
    validation_f1: float
    validation_kappa: float
    validation_auc: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    doing: str  # for a person: "epoch 4 of 15"
    fraction: float  # of the whole work, 0 to 1
    films_per_second: float  # of what it is doing now
    seconds_left: float
    device: str
    memory: float  # bytes that the training holds, on the GPU where it has one


@dataclass
class Monitor:
    """Who is told; each callable may raise to stop the training."""

    on_progress: Callable[[Progress], None] = lambda _: None
    on_epoch: Callable[[Epoch], None] = lambda _: None
    on_return: Callable[[list[Epoch]], None] = lambda _: None  # the epochs before a stopped training went on


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, at its best epoch."""

    net: "nn.Module"
    best: Epoch
    history: list[Epoch]
    notes: tuple[str, ...] = ()  # what a person should know of how it went
    speeds: Mapping[str, float] = field(default_factory=dict)  # films a second, "forward" and "train"
