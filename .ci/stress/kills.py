"""Kill before every file operation, and at random times: ``python .ci/stress/kills.py [--json FILE]``.

Imports, replaces, mends, trains, locks, averages, opens, keeps, deletes, reports and backs up. After each
kill the next start must find nothing lost and leave nothing over.
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
    """Run every kill and return 1 if something was lost or left, else 0."""
    parser = argparse.ArgumentParser(description="Kill before file operations, and look for losses.")
    add_option(parser)
    parser.add_argument("--share", type=float, default=1.0, help="Share of the operations to kill at.")
    parser.add_argument("--random", type=int, default=200, help="Number of kills at random times.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.support.kills", folder]
        options = ["--share", str(asked.share), "--random", str(asked.random)]
        done = subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    tried = json.loads(done.stdout)
    words = f"kill -9 before {tried['points']} file operations and at {tried['random']} random times"
    return conclude("kills", words, tried["operations"], tried["failures"], asked.json)


if __name__ == "__main__":
    sys.exit(main())
