"""Use hostile bundles and archives: ``python .ci/stress/bundles.py [--bundles N] [--archives N] [--json F]``.

Each must give a result or a sentence within 20 seconds, and no decision without a finite score. Every batch
runs in its own process, so that a crash costs one batch and is seen.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from conclusion import add_option, conclude

ROOT = Path(__file__).parents[2]
BATCH = 10


def main() -> int:
    """Return 1 if a bundle or an archive gave neither a result nor a sentence, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=100)
    parser.add_argument("--archives", type=int, default=50)
    add_option(parser)
    asked = parser.parse_args()
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _run("make_home", home)
        for kind, count in (("bundles", asked.bundles), ("archives", asked.archives)):
            for first in range(0, count, BATCH):
                number = min(BATCH, count - first)
                failures += _run(f"try_{kind}", home, first, number)
                print(f"{kind} {first} to {first + number - 1}: {len(failures)} failures so far")
    counts = {"bundles": asked.bundles, "archives": asked.archives}
    words = "hostile folders of models and datasets, and hostile archives, in every way of use"
    return conclude("bundles", words, counts, failures, asked.json)


def _run(function: str, home: Path, first: int = 0, count: int = 0) -> list[str]:
    """Run a function of ``tests.support.hostile_home`` in its own process; return its failures."""
    code = f"from tests.support import hostile_home as h; h.{function}({str(home)!r}, {first}, {count})"
    command = [sys.executable, "-X", "faulthandler", "-c", code]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    failures = [line.removeprefix("FAULT ") for line in done.stdout.splitlines() if line.startswith("FAULT ")]
    if done.returncode:
        failures.append(f"{function} {first}: the process ended with {done.returncode}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
