"""Put 8 readers and 12 draggers on one server: ``python .ci/stress/load.py [--minutes N] [--json FILE]``.

Each reader reads a film per minute, each dragger releases the threshold every 3 s, and one real Chromium
measures what a person sees. It needs Chromium, and a machine without other work: server, visitors and
Chromium share the two cores.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from conclusion import add_option, conclude

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.load import Measured, put_load_on

READERS, DRAGGERS = 8, 12
MOST_DRAG, MOST_READING = 1.0, 10.0  # seconds, 95 % of drags and readings


def main() -> int:
    """Put the load on, print the figures and return 0 if all targets are reached."""
    parser = argparse.ArgumentParser(description="Put eight readers and twelve draggers on one server.")
    parser.add_argument("--minutes", type=float, default=5.0)
    add_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = put_load_on(Path(folder), seconds=60 * asked.minutes, readers=READERS, draggers=DRAGGERS)
    words = f"{READERS} readers and {DRAGGERS} draggers on one server for {asked.minutes:g} minutes"
    counts = {
        "drags": len(measured.drags),
        "readings": len(measured.readings),
        **_slowest("drag", measured.drags),
        **_slowest("reading", measured.readings),
        **_slowest("drag_in_Chromium", measured.seen_drags),
        **_slowest("reading_in_Chromium", measured.seen_readings),
        "server_MB_at_most": round(max(measured.memory) / 2**20),
    }
    return conclude("load", words, counts, _failures(measured, counts), asked.json)


def _slowest(what: str, seconds: list[float]) -> dict[str, float]:
    """Return the time that 95 % of answers keep, in seconds; infinite if there was none."""
    return {f"{what}_p95_seconds": round(float(np.quantile(seconds, 0.95)), 3) if seconds else float("inf")}


def _failures(measured: Measured, counts: dict[str, float]) -> list[str]:
    limits = {"drag": MOST_DRAG, "reading": MOST_READING}
    limits |= {f"{name}_in_Chromium": limit for name, limit in limits.items()}
    slow = [
        f"{name}: 95 % within {counts[f'{name}_p95_seconds']} s, not {limit:g}"
        for name, limit in limits.items()
        if not counts[f"{name}_p95_seconds"] < limit
    ]
    failures = [*measured.errors, *slow]
    return failures if measured.places else [*failures, "no reader saw its place in the queue"]


if __name__ == "__main__":
    sys.exit(main())
