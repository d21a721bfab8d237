"""Use one server up, and watch its memory: ``python .ci/stress/soak.py [--share S] [--json FILE]``.

In full 2,000 page views and 500 uploads that are read, which takes some 15 minutes; ``--share 0.05`` is a
twentieth of them. After the warm-up the memory of the server must not grow by more than 50 MB.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.load import HEIGHT, WIDTH
from tests.support.soak import soak

VIEWS, UPLOADS = 2000, 500
MOST_GROWTH = 50  # MB


def main() -> int:
    """Use the server up, print the figures and return 0 if its memory stays flat."""
    parser = argparse.ArgumentParser(description="Use one server up, and watch its memory.")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--json", type=Path, help="File for the result.")
    asked = parser.parse_args()
    views, uploads = round(VIEWS * asked.share), round(UPLOADS * asked.share)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        measured, warm = soak(Path(folder), views=views, uploads=uploads, width=WIDTH, height=HEIGHT)
    most = max(measured.memory)
    result = {
        "name": "soak",
        "tried": f"{views} page views and {uploads} uploads",
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load_before, 2),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", *sys.argv]),
        "counts": {"views": views, "uploads": len(measured.readings)},
        "failures": len(measured.errors),
        "errors": measured.errors[:20],
        "warm_mb": round(warm / 2**20),
        "last_mb": round(measured.memory[-1] / 2**20),
        "most_mb": round(most / 2**20),
        "growth_mb": round((most - warm) / 2**20),
        "decoders_mb_most": round(max(measured.decoders) / 2**20),
        "reached": not measured.errors and (most - warm) / 2**20 <= MOST_GROWTH,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n", "utf-8")
    return int(not result["reached"])


if __name__ == "__main__":
    sys.exit(main())
