"""Kill before every file operation, and at random times: ``python .ci/stress/kills.py [--json]``.

Imports, replaces, trains, locks, averages, opens, keeps, deletes and reports. After each kill the next start
must find nothing lost and leave nothing over.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run every kill and return 1 if something was lost or left, else 0."""
    parser = argparse.ArgumentParser(description="Kill before file operations, and look for losses.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument("--share", type=float, default=1.0, help="Share of the operations to kill at.")
    parser.add_argument("--random", type=int, default=200, help="Number of kills at random times.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.support.kills", folder]
        options = ["--share", str(asked.share), "--random", str(asked.random)]
        done = subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    tried = json.loads(done.stdout)
    result = {
        "name": "kills",
        "command": "python .ci/stress/kills.py --json",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "tried": f"kill -9 before {tried['points']} file operations and at {tried['random']} random times",
        **tried,
    }
    if asked.json:
        print(json.dumps(result))
    else:
        print(f"{result['tried']}: {len(tried['failures'])} failures")
        for failure in tried["failures"]:
            print(failure)
    return int(bool(tried["failures"]))


if __name__ == "__main__":
    sys.exit(main())
