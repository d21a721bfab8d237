"""Read thousands of damaged files: ``python .ci/stress/films.py [COUNT] [--json FILE]``.

Each file must give a film or a sentence, through the decoders that the program uses. Each batch is read in
its own process, so that the batch is known if that process itself crashes. Files that stop their decoder, or
take too long, are counted: each costs itself alone.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from conclusion import add_option, conclude

ROOT = Path(__file__).parents[2]
BATCH = 500
LONGEST = 20.0  # seconds of one file; the time to start a decoder anew comes on top
_CODE = "import json; from tests.support.damaged import stress; print(json.dumps(stress({first}, {number})))"


def main() -> int:
    """Read damaged files and return 1 if one gave neither a film nor a sentence, or took too long, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=5000)
    add_option(parser)
    options = parser.parse_args()
    counts: dict[str, float] = {}
    failures = []
    for first in range(0, options.count, BATCH):
        number = min(BATCH, options.count - first)
        result = _batch(first, number)
        if result is None:
            failures.append(f"files {first} to {first + number - 1}")
        for name, value in (result or {}).items():
            known = counts.get(name, 0)
            counts[name] = max(known, value) if name == "longest_seconds" else known + int(value)
        print(f"files {first} to {first + number - 1}: {result or 'failed'}", flush=True)
    if counts.get("longest_seconds", 0) > LONGEST + 5:
        failures.append(f"a file took {counts['longest']:.1f} s")
    words = "damaged files of all formats, each decoded for networks and for people"
    return conclude("films", words, {"files": options.count} | counts, failures, options.json)


def _batch(first: int, number: int) -> dict[str, float] | None:
    """Read a batch of files in a process of its own; return its counts, or None if it failed."""
    command = [sys.executable, "-X", "faulthandler", "-c", _CODE.format(first=first, number=number)]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE)
    return json.loads(done.stdout) if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
