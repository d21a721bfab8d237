"""
Measure how long a user waits, in a real Chromium, and write ``docs/ux.md``.

``python -m scripts.journeys [--only NAME ...] [--out FILE]``

- each journey has servers and homes of its own; your home is not touched
- what was measured is kept in a JSON file beside the page; ``--only`` measures some journeys and keeps the
  others as they were
- all of them take about ten minutes on two free cores; needs Chromium on the path and the packages of
  ``requirements-dev.txt``
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import DOCS
from scripts.journeys import cutting, dragging, first, managing, reading, switching
from scripts.journeys.stage import Scene
from scripts.journeys.table import BUSY, Journey, Journeys, Machine, Row, page, written
from tests.support.chromium import chromium
from xraylab.files import write_text

PAGE = DOCS / "ux.md"


@dataclass(frozen=True)
class Plan:
    """A journey before it is made."""

    name: str
    title: str
    about: str
    rows: Callable[[Scene], Iterator[Row]]


PLANS = (
    Plan("first", "A newcomer's first film", first.ABOUT, first.rows),
    Plan("switching", "From screen to screen", switching.ABOUT, switching.rows),
    Plan("cold", "The first film on Read", reading.ABOUT_COLD, reading.cold),
    Plan("many", "Many films on Read", reading.ABOUT_MANY, reading.many),
    Plan("one", "One film on Read", reading.ABOUT_ONE, reading.one),
    Plan("threshold", "Threshold", cutting.ABOUT, cutting.rows),
    Plan("drag", "Dragging the threshold", dragging.ABOUT, dragging.rows),
    Plan("models", "Deleting a model", managing.ABOUT, managing.rows),
    Plan("phantoms", "A training on phantoms", first.ABOUT_PHANTOMS, first.training),
)


def main(words: Sequence[str] | None = None) -> None:
    """Measure the journeys, and write the page."""
    names = [plan.name for plan in PLANS]
    parser = argparse.ArgumentParser(prog="python -m scripts.journeys", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--out", type=Path, default=PAGE)
    asked = parser.parse_args(words)
    for plan in PLANS:
        if plan.name in asked.only:
            keep(asked.out, made(plan))


def made(plan: Plan) -> Journey:
    """Make a journey, in a browser of its own, and print its rows as they come."""
    # A training that was cancelled may still write its last lines.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, chromium() as browser:
        began, load = time.monotonic(), os.getloadavg()[0]
        busy = " (other work keeps the machine busy)" if load > BUSY else ""
        print(f"{plan.title}; load average {load:.1f}{busy}", flush=True)
        rows = []
        for row in plan.rows(Scene(browser, Path(folder))):
            missed = "" if row.reached is not False else ", missed"
            print(f"  {row.what}: {written(row.value, row.unit)}{missed}", flush=True)
            rows.append(row)
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)
        machine = Machine(
            cores=os.cpu_count() or 1,
            processor=platform.machine(),
            browser=browser.version.partition(".")[0],
            load=round(load, 1),
        )
        return Journey(name=plan.name, title=plan.title, about=plan.about, rows=tuple(rows), machine=machine)


def keep(out: Path, journey: Journey) -> None:
    """Write a journey into the page, and into the file beside it, in place of an earlier one of its name."""
    kept = {known.name: known for known in stored(out)} | {journey.name: journey}
    ordered = tuple(kept[plan.name] for plan in PLANS if plan.name in kept)
    write_text(out.with_suffix(".json"), Journeys(journeys=ordered).model_dump_json(indent=1) + "\n")
    write_text(out, page(ordered))


def stored(out: Path) -> tuple[Journey, ...]:
    """Return the journeys in the file beside a page."""
    file = out.with_suffix(".json")
    return Journeys.model_validate_json(file.read_bytes()).journeys if file.exists() else ()


if __name__ == "__main__":
    main()
