"""What a journey found, and the page about all of them."""

import statistics
from collections.abc import Sequence
from typing import Literal

import numpy as np

from xraylab.files import Record

BUSY = 1.0  # load average from which other work disturbs the figures
Unit = Literal["s", "ms", "px", "%", "moves"]
Statistic = Literal["median", "95th percentile"]
_DIGITS: dict[Unit, int] = {"s": 2, "ms": 1, "px": 0, "%": 0, "moves": 0}

_HEAD = """# The user's clock

Written by `python -m scripts.journeys` from `docs/ux.json`; don't edit.

A real Chromium, with a window of 1400 × 900, does what a user does. A clock inside the page measures how
long the user waits:

- it starts with the event of the mouse, the key or the file in the browser
- an answer is there in the first task after the frame that paints it
- a screen has *settled* with its last change, if no script of the server runs and nothing changes in the
  300 ms after it
- a wait that begins before the page starts with the process of the server
- a saved file is there when the browser has it

Server and browser share one machine. *Before* was measured by hand on two busy cores, before the screens
were designed anew and with other films, so a small difference says nothing. *Bound* is what has to be
reached.
"""


class Row(Record):
    """One thing that was measured, some times."""

    what: str
    values: tuple[float, ...]
    unit: Unit = "s"
    statistic: Statistic = "median"
    clicks: int | None = None  # that the user needs; keys and drops are no clicks
    bound: float | None = None  # the largest value that is reached, or the smallest if more is better
    more_is_better: bool = False
    before: str = ""

    @property
    def value(self) -> float:
        """The figure that counts."""
        if self.statistic == "median":
            return statistics.median(self.values)
        return float(np.percentile(self.values, 95))

    @property
    def reached(self) -> bool | None:
        """Whether the figure is within its bound; None without a bound."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.more_is_better else self.value <= self.bound


class Machine(Record):
    """Where a journey was measured."""

    cores: int
    processor: str
    browser: str
    load: float  # average of the minute before the journey


class Journey(Record):
    """The rows of one journey."""

    name: str  # for ``--only``
    title: str
    about: str  # what was done, in sentences
    rows: tuple[Row, ...]
    machine: Machine


class Journeys(Record):
    """All journeys, as ``docs/ux.json`` holds them."""

    journeys: tuple[Journey, ...]


def page(journeys: Sequence[Journey]) -> str:
    """Return the whole page as Markdown."""
    return "\n".join([_HEAD, _missed(journeys), *map(_section, journeys)])


def _missed(journeys: Sequence[Journey]) -> str:
    bounded = [(journey, row) for journey in journeys for row in journey.rows if row.bound is not None]
    missed = [f"{row.what} ({journey.title.lower()})" for journey, row in bounded if not row.reached]
    reached = f"{len(bounded) - len(missed)} of {len(bounded)} bounds are reached."
    return f"{reached} Missed: {'; '.join(missed)}.\n" if missed else f"{reached}\n"


def _section(journey: Journey) -> str:
    lines = [
        "| what | clicks | measured | lowest to highest | before | bound | reached |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        *map(_line, journey.rows),
    ]
    where = journey.machine
    busy = " **Other work kept the machine busy.**" if where.load > BUSY else ""
    words = (
        f"{where.cores} cores of {where.processor}, Chromium {where.browser}, load average {where.load:.1f} "
        f"at the start.{busy}"
    )
    return f"## {journey.title}\n\n{journey.about}\n\n" + "\n".join(lines) + f"\n\n{words}\n"


def _line(row: Row) -> str:
    statistic = "" if len(row.values) == 1 else f" ({row.statistic} of {len(row.values)})"
    low, high = min(row.values), max(row.values)
    span = "–" if len(row.values) == 1 else f"{_number(low, row.unit)} to {written(high, row.unit)}"
    clicks = "–" if row.clicks is None else str(row.clicks)
    bound = "–"
    if row.bound is not None:
        bound = f"{'≥' if row.more_is_better else '≤'} {written(row.bound, row.unit)}"
    reached = {True: "yes", False: "no", None: "–"}[row.reached]
    cells = (
        row.what,
        clicks,
        written(row.value, row.unit) + statistic,
        span,
        row.before or "–",
        bound,
        reached,
    )
    return f"| {' | '.join(cells)} |"


def written(value: float, unit: Unit) -> str:
    """Write a value with its unit."""
    return f"{_number(value, unit)}\u202f{unit}"


def _number(value: float, unit: Unit) -> str:
    return f"{value:.{_DIGITS[unit]}f}"
