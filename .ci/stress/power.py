"""Cut the power at random moments, in simulation: ``python .ci/stress/power.py [--json FILE] [--runs N]``.

What wasn't flushed to the disk may be lost. After the next start all that was reported as done must be there
and readable, and nothing may be half there. Needs gcc and Linux.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from conclusion import add_option, conclude

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Cut the power as often as asked, and return 1 if something was lost, else 0."""
    parser = argparse.ArgumentParser(description="Cut the power at random moments, and look for losses.")
    add_option(parser)
    parser.add_argument("--runs", type=int, default=100, help="Number of power cuts.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        command = [sys.executable, "-m", "tests.support.power", str(work), "--runs", str(asked.runs)]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    tried = json.loads(done.stdout)
    words = f"{sum(tried['runs'].values())} power cuts at random moments"
    return conclude("power", words, tried["runs"], tried["failures"], asked.json)


if __name__ == "__main__":
    sys.exit(main())
