"""Put 8 readers and 12 draggers on one server: ``python .ci/stress/load.py [--minutes N] [--json FILE]``.

Each reader reads a film per minute, each dragger releases the threshold every 3 s, and one real Chromium
measures what a person sees. It needs Chromium, and a machine without other work: server, visitors and
Chromium share the two cores.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.load import Measured, put_load_on

READERS, DRAGGERS = 8, 12
MOST_DRAG, MOST_READING = 1.0, 10.0  # seconds, 95 % of drags and readings


def main() -> int:
    """Put the load on, print the figures and return 0 if all targets are reached."""
    parser = argparse.ArgumentParser(description="Put eight readers and twelve draggers on one server.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--json", type=Path, help="File for the result.")
    asked = parser.parse_args()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        measured = put_load_on(Path(folder), seconds=60 * asked.minutes, readers=READERS, draggers=DRAGGERS)
    result = {
        "name": "load",
        "tried": f"{READERS} readers and {DRAGGERS} draggers for {asked.minutes:g} minutes",
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load_before, 2),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", *sys.argv]),
        **_figures(measured),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n", "utf-8")
    return int(not result["reached"])


def _figures(measured: Measured) -> dict[str, object]:
    drags, readings = _times(measured.drags), _times(measured.readings)
    seen_drags, seen_readings = _times(measured.seen_drags), _times(measured.seen_readings)
    reached = (
        not measured.errors
        and all(part["p95"] < MOST_DRAG for part in (drags, seen_drags))
        and all(part["p95"] < MOST_READING for part in (readings, seen_readings))
        and bool(measured.places)
    )
    megabytes = [round(size / 2**20) for size in measured.memory]
    return {
        "counts": {"drags": len(measured.drags), "readings": len(measured.readings)},
        "failures": len(measured.errors),
        "errors": measured.errors[:20],
        "drag_seconds": drags,
        "reading_seconds": readings,
        "drag_seconds_in_chromium": seen_drags,
        "reading_seconds_in_chromium": seen_readings,
        "places_shown": sorted(measured.places),
        "server_mb": {
            "first": round(megabytes[0]),
            "last": round(megabytes[-1]),
            "most": round(max(megabytes)),
        },
        "decoders_mb_most": round(max(measured.decoders) / 2**20),
        "reached": reached,
    }


def _times(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {"n": 0, "p50": float("inf"), "p95": float("inf"), "most": float("inf")}
    p50, p95 = np.quantile(seconds, [0.5, 0.95])
    return {"n": len(seconds), "p50": round(p50, 3), "p95": round(p95, 3), "most": round(max(seconds), 3)}


if __name__ == "__main__":
    sys.exit(main())
