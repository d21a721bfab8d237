"""
Frame of the benchmarks: check that two ways do the same, then time them.

- a row is two ways to one result, the usual way and ours; ``check`` compares their results
- nothing is timed before every row has been checked
- the two ways run in turns, so that a busy minute affects both
- the result is the median of the rounds' ratios, baseline seconds over ours: larger is better
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

_LEAST_SECONDS = 0.2  # quicker work is repeated until this time has passed


class Difference(Record):
    """Largest difference between the results of two ways."""

    what: str
    largest: float
    allowed: float


class Environment(Record):
    """Facts of the machine that the ratios depend on."""

    torch: str
    python: str
    machine: str
    threads: int
    bf16: bool  # whether the processor has AVX512-BF16
    amx: bool
    gpu: str = ""
    films: str = "teaching phantoms"  # or the films that were given


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


@dataclass(frozen=True)
class Estimated:
    """What a way would take of which only a part was run; a row's ``compared`` says so."""

    seconds: float


class NotEquivalentError(Exception):
    """Error: the two ways of a row don't do the same, so timing them would mean nothing."""


class Row(Protocol):
    """Two ways to one result."""

    @property
    def name(self) -> str:
        """Name of the row, for ``--only``."""

    @property
    def target(self) -> float:
        """Smallest ratio that counts as reached."""

    @property
    def compared(self) -> str:
        """Description of both ways for the report; read after ``prepare``."""

    def unavailable(self) -> str | None:
        """Return why this machine can't run the row; None if it can."""

    def prepare(self, material: Material) -> None:
        """Prepare whatever is not timed."""

    def check(self) -> Sequence[Difference]:
        """Compare the results of both ways."""

    def baseline(self) -> object:
        """Run the usual way once."""

    def ours(self) -> object:
        """Run our way once."""


@dataclass(frozen=True)
class Timed:
    """Seconds of one round."""

    baseline: float
    ours: float

    @property
    def ratio(self) -> float:
        """Speed of our way relative to the usual one."""
        return self.baseline / self.ours


def measure(
    rows: Sequence[Row], material: Material, *, rounds: int, say: Callable[[str], None] = lambda _: None
) -> Iterator[Result]:
    """Check rows, then time them in turns.

    Raises
    ------
    NotEquivalentError
        If the results of any row differ more than allowed. Then nothing has been timed.
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
        result = judged(row, ratios[row.name], differences.get(row.name, ()), reasons[row.name])
        here = result.environment.model_copy(update={"films": material.words})
        yield result.model_copy(update={"environment": here})


def _checked(row: Row) -> tuple[Difference, ...]:
    differences = tuple(row.check())
    for difference in differences:
        if not difference.largest <= difference.allowed:  # rejects NaN too
            raise NotEquivalentError(
                f"{row.name}: {difference.what} differ by {difference.largest:.2g}, more than "
                f"{difference.allowed:.2g}. Nothing was timed."
            )
    return differences


def judged(
    row: Row, ratios: Sequence[float], differences: Sequence[Difference], skipped: str | None
) -> Result:
    """Return the result of a row from its rounds."""
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
    """Return the mean wall-clock seconds of some work, repeated for at least a fifth of a second.

    If the work returns an ``Estimated``, its seconds count instead.
    """
    times = 0
    started = time.perf_counter()
    while True:
        made = work()
        if isinstance(made, Estimated):
            return made.seconds
        times += 1
        passed = time.perf_counter() - started
        if passed >= _LEAST_SECONDS:
            return passed / times


def environment() -> Environment:
    """Return the facts of this machine that matter for the ratios."""
    return Environment(
        torch=torch.__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        threads=torch.get_num_threads(),
        bf16=torch.cpu._is_avx512_bf16_supported(),
        amx=torch.cpu._is_amx_tile_supported(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
    )
