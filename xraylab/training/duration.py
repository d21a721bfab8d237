"""
Estimate how long a training will take, before it starts.

- work is counted in GFLOP, from the registry's figure for one film; time is work divided by speed
- speeds are those of earlier trainings on this machine (``<home>/speeds.json``); a network that never ran
  here borrows the speed of another, and before the first training a matrix product gives a first guess
- torch isn't imported; a damaged file of speeds counts as empty
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
from xraylab.networks.registry import Network, networks
from xraylab.settings import Settings
from xraylab.training.recipe import Recipe, Stage
from xraylab.training.work import BACKWARD, Work, passes_once

Kind = Literal["forward", "train"]
KINDS: tuple[Kind, ...] = ("forward", "train")

_HEAD_STEP = 2e-5  # seconds per film and epoch on cached features, for every network
_START = 5.0  # seconds until a worker has loaded torch
_GUESS_SPREAD = math.sqrt(3)  # a first guess may be wrong by this factor, in both directions

_PROBE_SIDE = 768
_PROBE_SECONDS = 0.02
_PROBE_PRODUCTS = 3  # at least: on a busy machine the first may be the only one in the time, and a slow one
_PROCESSORS = Path("/proc/cpuinfo")
_BF16 = ("avx512_bf16", "amx_bf16")  # in hardware
_GPU_GUESS = {"cuda": 3000.0, "mps": 400.0}  # GFLOP/s; a probe of the processor says nothing about a GPU
_NVIDIA = Path("/dev/nvidia0")


class Speed(Record, extra="forbid"):
    """Speed of one network on one device."""

    device: str  # "cpu", "cuda" or "mps"
    arch: str
    kind: Kind
    gflop_per_second: float = Field(gt=0, allow_inf_nan=False)


class Speeds(Record, extra="forbid"):
    """All speeds measured on this machine, the latest last (``speeds.json``)."""

    schema_: Literal["xraylab.speeds/1"] = Field("xraylab.speeds/1", alias="schema")
    speeds: tuple[Speed, ...] = ()

    def of(self, device: str, arch: str, kind: Kind) -> float | None:
        """Return the speed of this network on this device, in GFLOP/s; None if it isn't known."""
        matches = (s for s in self.speeds if (s.device, s.arch, s.kind) == (device, arch, kind))
        return next((speed.gflop_per_second for speed in matches), None)

    def nearest(self, device: str, entry: Network, kind: Kind) -> float | None:
        """Return the latest speed of any network on this device, in GFLOP/s, carried over to ``entry``.

        None if none ever ran.
        """
        matches = (s for s in reversed(self.speeds) if (s.device, s.kind) == (device, kind))
        speed = next(matches, None)
        if speed is None:
            return None
        other = next((one for one in networks() if one.name == speed.arch), None)
        # The paces are those of processors.
        carried = pace(entry, kind) / pace(other, kind) if other is not None and device == "cpu" else 1.0
        return speed.gflop_per_second * carried


@dataclass(frozen=True)
class Duration:
    """Expected duration of a training.

    Attributes
    ----------
    seconds : float
        From the start of its worker to the finished model.
    measured : bool
        True if the network's own speed on this machine is known; False for a first guess.
    """

    seconds: float
    measured: bool

    @property
    def range(self) -> tuple[float, float]:
        """Shortest and longest time to expect, in seconds."""
        if self.measured:
            return self.seconds, self.seconds
        return self.seconds / _GUESS_SPREAD, self.seconds * _GUESS_SPREAD

    def __add__(self, other: "Duration") -> "Duration":
        """Return the duration of one training after another."""
        return Duration(self.seconds + other.seconds, self.measured and other.measured)

    def times(self, n: int) -> "Duration":
        """Return the duration of ``n`` such trainings."""
        return Duration(self.seconds * n, self.measured)


def film_gflop(entry: Network, kind: Kind) -> float:
    """Return the GFLOP for one film: a forward pass, or forward and backward for ``train``."""
    return entry.gflop * (1 + BACKWARD if kind == "train" else 1)


def pace(entry: Network, kind: Kind) -> float:
    """Return the speed of a network on this processor over that of a large matrix product."""
    forward, train = entry.pace
    return train if kind == "train" and _has_bf16() else forward


@cache
def _has_bf16() -> bool:
    try:
        return any(name in _PROCESSORS.read_text() for name in _BF16)
    except OSError:  # not Linux
        return False


def expected_duration(
    recipe: Recipe, entry: Network, films: Mapping[str, int], speeds: Speeds, *, device: str = "cpu"
) -> Duration:
    """Estimate how long a training will take.

    Parameters
    ----------
    recipe : Recipe
        As it will be run (see ``recipe.plan``); an early end isn't foreseen.
    films : mapping
        Number of films in ``train``, ``validation`` and ``test``.
    speeds : Speeds
        As ``read_speeds`` returns them.
    device : str
        As ``expected_device`` returns it.
    """
    # On a GPU the films pass once more, on the processor: scores come from there.
    once = device == "cpu" and passes_once(recipe)
    job = Work(entry, films["train"], films["validation"], films["test"], once=once)
    work = {"forward": job.before + job.after(recipe), "train": 0.0}  # films that pass the whole network
    head_steps = 0
    for stage in recipe.stages:
        forward, train = _films_passed(stage, entry, films, once=once)
        work["forward"] += forward
        work["train"] += train
        head_steps += 0 if stage.tail is None else stage.epochs * films["train"]
    seconds, measured = _START + head_steps * _HEAD_STEP, True
    for kind in KINDS:
        if work[kind]:
            # A training step contains a forward pass, so its speed in GFLOP/s is close to that of forward.
            own = speeds.of(device, entry.name, kind) or speeds.of(device, entry.name, "train")
            measured = measured and own is not None
            speed = own or speeds.nearest(device, entry, kind) or _first_guess(device, entry, kind)
            seconds += work[kind] * film_gflop(entry, kind) / speed
    return Duration(seconds, measured)


def _films_passed(
    stage: Stage, entry: Network, films: Mapping[str, int], *, once: bool
) -> tuple[float, float]:
    """Return the films that pass forward and the films trained on, in passes of the whole network."""
    training, validation = films["train"], films["validation"]
    cached = 0 if once else stage.views * training + validation
    if stage.tail is None:
        return stage.epochs * validation, stage.epochs * training
    # Stages of a network cost about the same, so a tail of n stages is n parts of the whole.
    share = min(stage.tail / len(entry.stages), 1.0)
    forward = (1 - share) * cached + stage.epochs * share * validation
    return forward, stage.epochs * share * training


def expected_device(settings: Settings, speeds: Speeds) -> str:
    """Return the device that a training will probably run on, without loading torch."""
    if settings.device != "auto":
        return settings.device
    if speeds.speeds:  # the device of the last training is the one that torch will find again
        return speeds.speeds[-1].device
    return "cuda" if _NVIDIA.exists() else "cpu"


def read_speeds(settings: Settings) -> Speeds:
    """Read the speeds measured on this machine; empty if the file is missing or damaged."""
    try:
        return Speeds.model_validate_json(_file(settings).read_bytes())
    except (OSError, ValidationError):
        return Speeds()


def record_speed(settings: Settings, device: str, arch: str, kind: Kind, gflop_per_second: float) -> None:
    """Keep the speed of a training, in place of the earlier speed of this network on this device.

    Parameters
    ----------
    device : str
        Name of the device in torch; the number of a GPU is dropped.
    gflop_per_second : float
        Films per second times ``film_gflop``. A value that isn't finite and positive is ignored.

    Raises
    ------
    StorageError
        If the disk is full or the home folder can't be written.
    """
    if not (math.isfinite(gflop_per_second) and gflop_per_second > 0):
        return
    speed = Speed(device=device.partition(":")[0], arch=arch, kind=kind, gflop_per_second=gflop_per_second)
    key = (speed.device, speed.arch, speed.kind)
    others = [s for s in read_speeds(settings).speeds if (s.device, s.arch, s.kind) != key]
    write_text(_file(settings), Speeds(speeds=(*others, speed)).model_dump_json(indent=2) + "\n")


def _file(settings: Settings) -> Path:
    return settings.home / "speeds.json"


def _first_guess(device: str, entry: Network, kind: Kind) -> float:
    """Guess the GFLOP/s of a network on a device where no network ever ran."""
    return _GPU_GUESS.get(device) or pace(entry, kind) * _product()


@cache
def _product() -> float:
    return matrix_product()


def matrix_product() -> float:
    """Measure the GFLOP/s of a large matrix product on this processor: the best within 20 ms, or of three."""
    a = np.full((_PROBE_SIDE, _PROBE_SIDE), 0.5, np.float32)
    out = a @ a  # the first product starts NumPy's threads
    # The best, not the mean: other programs can only make a product slower.
    began, best, done = time.perf_counter(), math.inf, 0
    while (started := time.perf_counter()) - began < _PROBE_SECONDS or done < _PROBE_PRODUCTS:
        np.matmul(a, a, out=out)
        best, done = min(best, time.perf_counter() - started), done + 1
    return 2 * _PROBE_SIDE**3 / 1e9 / best
