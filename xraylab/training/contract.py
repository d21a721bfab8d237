"""Input and output of a training, as plain data; torch isn't imported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xraylab.findings import PNEUMONIA

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Films:
    """The films of a training: the pixel store, and its rows for training and validation."""

    pixels: NDArray[np.uint8]  # (n, 256, 256), may be a memory map
    labels: NDArray[np.int64]  # (n,): class of each film, 0 without the finding
    train: NDArray[np.intp]  # rows
    validation: NDArray[np.intp]
    classes: tuple[str, ...] = PNEUMONIA.classes  # their names, by number
    key: str = ""  # changes with the films and their split; a checkpoint belongs to one key


@dataclass(frozen=True)
class Epoch:
    """Measures of one epoch, at a score of 0.5; NaN if a measure isn't defined."""

    epoch: int  # from 1, counted through all stages
    stage: str  # the trained part: "head", "tail:1", "all"
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
    """Progress of a training."""

    doing: str  # for a person: "epoch 4 of 15"
    fraction: float  # of the whole work, 0 to 1
    films_per_second: float  # in the present phase
    seconds_left: float
    device: str
    memory: float  # bytes that the training holds, on the GPU if it uses one


@dataclass
class Monitor:
    """Callables that a training informs; each may raise to stop the training."""

    on_progress: Callable[[Progress], None] = lambda _: None
    on_epoch: Callable[[Epoch], None] = lambda _: None
    on_return: Callable[[list[Epoch]], None] = lambda _: None  # given the epochs of a checkpoint


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, at its best epoch."""

    net: "nn.Module"
    best: Epoch
    history: list[Epoch]
    notes: tuple[str, ...] = ()  # sentences about the training that a person should know
    speeds: Mapping[str, float] = field(default_factory=dict)  # films per second, "forward" and "train"
