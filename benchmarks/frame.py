"""
What every row of the benchmarks goes through.

- a row is two ways to one end: the usual one and ours; ``check`` says how far their results lie apart
- nothing is timed before every row has been checked; then one round of each pair after another, so that
  a busy minute falls on both ways alike
- judged by the median of the rounds' ratios, baseline seconds over ours: larger is better
"""

import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from benchmarks.material import Material
from xraylab.files import Record

_LEAST_SECONDS = 0.2  # a quicker piece of work is repeated until this has passed


class Difference(Record):
    """How far the results of two ways lie apart."""

    what: str
    largest: float
    allowed: float


class Environment(Record):
    """What the ratios depend on."""

    torch: str
    python: str
    machine: str
    threads: int
    bf16: bool  # whether the processor has AVX512-BF16
    amx: bool
    gpu: str = ""
    films: str = "teaching phantoms"  # or what was given


class Result(Record):
    """One row of ``results.json``."""

    name: str
    compared: str  # the usual way against ours, in words
    target: float
    median_ratio: float | None
    rounds: tuple[float, ...]  # the ratio in each
    reached: bool | None
    differences: tuple[Difference, ...]
    environment: Environment
    skipped: str | None = None  # why it was not measured


class Results(Record):
    """The whole of ``results.json``."""

    rows: tuple[Result, ...]


class NotEquivalentError(Exception):
    """The two ways of a row don't do the same, so timing them would mean nothing."""


class Row(Protocol):
    """Two ways to one end."""

    @property
    def name(self) -> str:
        """What it is called in ``--only``."""

    @property
    def target(self) -> float:
        """The least ratio to reach."""

    @property
    def compared(self) -> str:
        """What is compared with what, for the report; asked for after ``prepare``."""

    def unavailable(self) -> str | None:
        """Why this machine can't run it, in words; None if it can."""

    def prepare(self, material: Material) -> None:
        """Do what isn't timed."""

    def check(self) -> Sequence[Difference]:
        """How far both ways lie apart."""

    def baseline(self) -> object:
        """Go the usual way once."""

    def ours(self) -> object:
        """Go our way once."""


@dataclass(frozen=True)
class Timed:
    """Seconds of one round."""

    baseline: float
    ours: float

    @property
    def ratio(self) -> float:
        """How many times faster ours was."""
        return self.baseline / self.ours


def measure(
    rows: Sequence[Row], material: Material, *, rounds: int, say: Callable[[str], None] = lambda _: None
) -> Iterator[Result]:
    """Check rows, then time them in turns.

    Raises
    ------
    NotEquivalentError
        If the ways of any row lie further apart than allowed; nothing has been timed then.
    """
    differences: dict[str, tuple[Difference, ...]] = {}
    reasons = {row.name: row.unavailable() for row in rows}
    able = [row for row in rows if reasons[row.name] is None]
    for row in able:
        say(f"checking {row.name}")
        row.prepare(material)
        differences[row.name] = _checked(row)
    ratios: dict[str, list[float]] = {row.name: [] for row in rows}
    for number in range(1, rounds + 1):
        for row in able:
            timed = Timed(baseline=seconds(row.baseline), ours=seconds(row.ours))
            ratios[row.name].append(timed.ratio)
            say(
                f"round {number} of {rounds}: {row.name} {timed.ratio:.2f} "
                f"({timed.baseline:.4g} s against {timed.ours:.4g} s)"
            )
    for row in rows:
        found = judged(row, ratios[row.name], differences.get(row.name, ()), reasons[row.name])
        here = found.environment.model_copy(update={"films": material.words})
        yield found.model_copy(update={"environment": here})


def _checked(row: Row) -> tuple[Difference, ...]:
    found = tuple(row.check())
    for difference in found:
        if not difference.largest <= difference.allowed:  # NaN is not allowed either
            raise NotEquivalentError(
                f"{row.name}: {difference.what} differ by {difference.largest:.2g}, more than "
                f"{difference.allowed:.2g}. Nothing was timed."
            )
    return found


def judged(
    row: Row, ratios: Sequence[float], differences: Sequence[Difference], skipped: str | None
) -> Result:
    """A row's result from its rounds."""
    median = statistics.median(ratios) if ratios else None
    return Result(
        name=row.name,
        compared=row.compared,
        target=row.target,
        median_ratio=None if median is None else float(f"{median:.3g}"),
        rounds=tuple(float(f"{ratio:.3g}") for ratio in ratios),
        reached=None if median is None else median >= row.target,
        differences=tuple(differences),
        environment=environment(),
        skipped=skipped,
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall clock of a piece of work, the mean of as many times as fill a fifth of a second."""
    times = 0
    started = time.perf_counter()
    while True:
        work()
        times += 1
        passed = time.perf_counter() - started
        if passed >= _LEAST_SECONDS:
            return passed / times


def environment() -> Environment:
    """What of this machine matters."""
    return Environment(
        torch=torch.__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        threads=torch.get_num_threads(),
        bf16=torch.cpu._is_avx512_bf16_supported(),
        amx=torch.cpu._is_amx_tile_supported(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
    )
