"""Use one server up, and watch its memory: ``python .ci/stress/soak.py [--share S] [--json FILE]``.

In full 2,000 page views and 500 uploads that are read, which takes some 15 minutes; ``--share 0.05`` is a
twentieth of them. After the warm-up the memory of the server must not grow by more than 50 MB. In full, the
warm-up goes on until the tabs that were closed first have ended for good: before, each new one adds memory.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from conclusion import add_option, conclude

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.load import HEIGHT, WIDTH
from tests.support.soak import soak
from xraylab.app.sessions import GRACE

VIEWS, UPLOADS = 2000, 500
MOST_GROWTH = 50  # MB
SETTLE = GRACE + 15  # seconds


def main() -> int:
    """Use the server up, print the figures and return 0 if its memory stays flat."""
    parser = argparse.ArgumentParser(description="Use one server up, and watch its memory.")
    parser.add_argument("--share", type=float, default=1.0)
    add_option(parser)
    asked = parser.parse_args()
    views, uploads = round(VIEWS * asked.share), round(UPLOADS * asked.share)
    with tempfile.TemporaryDirectory() as folder:
        measured, warm = soak(
            Path(folder),
            views=views,
            uploads=uploads,
            width=WIDTH,
            height=HEIGHT,
            settle=SETTLE if asked.share >= 1 else 0.0,
        )
    growth = round((max(measured.memory) - warm) / 2**20)
    counts = {
        "views": views,
        "uploads_read": len(measured.readings),
        "MB_after_the_warm_up": round(warm / 2**20),
        "MB_grown_at_most": growth,
    }
    failures = list(measured.errors)
    if growth > MOST_GROWTH:
        failures.append(f"the server grew by {growth} MB, not by {MOST_GROWTH} at most")
    return conclude("soak", f"{views} page views and {uploads} uploads", counts, failures, asked.json)


if __name__ == "__main__":
    sys.exit(main())
