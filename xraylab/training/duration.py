"""
How long a training will take, said before it starts.

- work is counted in GFLOP from the registry's figure for one film, time is work over speed
- speeds are those that earlier trainings reached here (``<home>/speeds.json``); a network that never ran here
  borrows another's, and before any training a short matrix product gives a first guess
- no torch; what can't be read in the file of speeds counts as not known
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError

from xraylab.files import Record, write_text
from xraylab.networks.registry import Network
from xraylab.settings import Settings
from xraylab.training.recipe import Recipe, Stage

Kind = Literal["forward", "train"]
KINDS: tuple[Kind, ...] = ("forward", "train")

_TRAIN_PASSES = 3  # a backward pass costs about two forward passes
_HEAD_STEP = 2e-5  # seconds a film and epoch on cached features, whatever the network
_START = 5.0  # seconds until a worker has torch in memory
_GUESS_SPREAD = math.sqrt(3)  # a first guess is right within this factor, either way

_PROBE_SIDE = 768
_PROBE_SECONDS = 0.02
_EFFICIENCY = 0.25  # of a large matrix product that networks reach: 0.15 (MobileNetV2) to 0.4 (ResNet50)
_GPU_GUESS = {"cuda": 3000.0, "mps": 400.0}  # GFLOP/s; a processor's probe says nothing about them
_NVIDIA = Path("/dev/nvidia0")


class Speed(Record, extra="forbid"):
    """What one network reached on one device."""

    device: str  # "cpu", "cuda" or "mps"
    arch: str
    kind: Kind
    gflop_per_second: float = Field(gt=0, allow_inf_nan=False)


class Speeds(Record, extra="forbid"):
    """Everything measured on this machine, the latest last (``speeds.json``)."""

    schema_: Literal["xraylab.speeds/1"] = Field("xraylab.speeds/1", alias="schema")
    speeds: tuple[Speed, ...] = ()

    def of(self, device: str, arch: str, kind: Kind) -> float | None:
        """What this network reached on this device, in GFLOP/s; None if that isn't known."""
        found = (s for s in self.speeds if (s.device, s.arch, s.kind) == (device, arch, kind))
        return next((speed.gflop_per_second for speed in found), None)

    def nearest(self, device: str, kind: Kind) -> float | None:
        """The latest that any network reached on this device, in GFLOP/s; None if none ever ran."""
        found = (s for s in reversed(self.speeds) if (s.device, s.kind) == (device, kind))
        return next((speed.gflop_per_second for speed in found), None)


@dataclass(frozen=True)
class DurationEstimate:
    """How long a training will take.

    Attributes
    ----------
    seconds : float
        From the start of its worker to the finished model.
    measured : bool
        Whether this network's own speed on this machine is known; else it is a first guess.
    """

    seconds: float
    measured: bool

    @property
    def range(self) -> tuple[float, float]:
        """Shortest and longest time to expect, in seconds."""
        if self.measured:
            return self.seconds, self.seconds
        return self.seconds / _GUESS_SPREAD, self.seconds * _GUESS_SPREAD

    def __add__(self, other: "DurationEstimate") -> "DurationEstimate":
        """One training after another."""
        return DurationEstimate(self.seconds + other.seconds, self.measured and other.measured)


def film_gflop(entry: Network, kind: Kind) -> float:
    """GFLOP that one film costs: forward only, or forward and backward for ``train``."""
    return entry.gflop * (_TRAIN_PASSES if kind == "train" else 1)


def estimate(
    recipe: Recipe, entry: Network, films: Mapping[str, int], speeds: Speeds, *, device: str = "cpu"
) -> DurationEstimate:
    """Estimate how long a training will take.

    Parameters
    ----------
    recipe : Recipe
        As it will be run (see ``recipe.plan``), without stopping early.
    films : mapping
        How many there are of ``train``, ``validation`` and ``test``.
    speeds : Speeds
        As ``read_speeds`` gives them.
    device : str
        As ``expected_device`` gives it.
    """
    work = {"forward": 0.0, "train": 0.0}  # films, passed through the whole network
    head_steps = 0
    for stage in recipe.stages:
        forward, train = _films_passed(stage, entry, films)
        work["forward"] += forward
        work["train"] += train
        head_steps += 0 if stage.tail is None else stage.epochs * films["train"]
    work["forward"] += films["validation"] + films["test"]  # scored once more for the card
    seconds, measured = _START + head_steps * _HEAD_STEP, True
    for kind in ("forward", "train"):
        if work[kind]:
            # Training passes the films forward too: who has trained the network knows both.
            own = speeds.of(device, entry.name, kind) or speeds.of(device, entry.name, "train")
            measured = measured and own is not None
            speed = own or speeds.nearest(device, kind) or _first_guess(device)
            seconds += work[kind] * film_gflop(entry, kind) / speed
    return DurationEstimate(seconds, measured)


def _films_passed(stage: Stage, entry: Network, films: Mapping[str, int]) -> tuple[float, float]:
    """Films that a stage passes forward and films that it trains on, in passes through the whole network.

    A tail of n stages counts as n parts of the network in all its parts with the head: each costs alike.
    """
    training, validation = films["train"], films["validation"]
    cached = stage.views * training + validation
    if stage.tail is None:
        return stage.epochs * validation, stage.epochs * training
    share = min(stage.tail / len(entry.stages), 1.0)
    forward = (1 - share) * cached + stage.epochs * share * validation
    return forward, stage.epochs * share * training


def expected_device(settings: Settings, speeds: Speeds) -> str:
    """The device that a training will run on, as far as that is known without torch."""
    if settings.device != "auto":
        return settings.device
    if speeds.speeds:
        return speeds.speeds[-1].device
    return "cuda" if _NVIDIA.exists() else "cpu"


def read_speeds(settings: Settings) -> Speeds:
    """Speeds measured on this machine; none where there is no file, or it is damaged."""
    try:
        return Speeds.model_validate_json(_file(settings).read_bytes())
    except (OSError, ValidationError):
        return Speeds()


def record_speed(settings: Settings, device: str, arch: str, kind: Kind, gflop_per_second: float) -> None:
    """Keep what a training reached, in place of what the same network reached on that device before.

    Parameters
    ----------
    device : str
        As torch writes it; the number of a GPU is dropped.
    gflop_per_second : float
        Films a second times ``film_gflop``. What isn't a positive number is passed over.

    Raises
    ------
    StorageError
        If the disk is full or the home may not be written.
    """
    if not (math.isfinite(gflop_per_second) and gflop_per_second > 0):
        return
    speed = Speed(device=device.partition(":")[0], arch=arch, kind=kind, gflop_per_second=gflop_per_second)
    key = (speed.device, speed.arch, speed.kind)
    others = [s for s in read_speeds(settings).speeds if (s.device, s.arch, s.kind) != key]
    write_text(_file(settings), Speeds(speeds=(*others, speed)).model_dump_json(indent=2) + "\n")


def _file(settings: Settings) -> Path:
    return settings.home / "speeds.json"


@cache
def _first_guess(device: str) -> float:
    """GFLOP/s that a network may reach on a device where none ever ran."""
    return _GPU_GUESS.get(device) or _EFFICIENCY * _matrix_product()


def _matrix_product() -> float:
    """GFLOP/s of a large matrix product on this processor: the best of those that 20 ms have room for."""
    a = np.full((_PROBE_SIDE, _PROBE_SIDE), 0.5, np.float32)
    out = a @ a  # the first one starts the threads
    began, best = time.perf_counter(), math.inf
    while (started := time.perf_counter()) - began < _PROBE_SECONDS or best == math.inf:
        np.matmul(a, a, out=out)
        best = min(best, time.perf_counter() - started)
    return 2 * _PROBE_SIDE**3 / 1e9 / best
