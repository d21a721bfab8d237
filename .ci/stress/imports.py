"""Import many films, kill the import, and go on: ``python .ci/stress/imports.py [--films N] [--json FILE]``.

Memory must stay below 1 GB whatever the number of films, and after the kill only films that weren't read yet
may be decoded.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from conclusion import add_option, conclude

sys.path.insert(0, str(Path(__file__).parents[2]))


def main() -> int:
    """Return 1 if the import lost films, took too much memory or began anew, else 0."""
    from tests.support.big_import import try_import

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=100_000)
    add_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = try_import(Path(folder), asked.films)
    words = "an import of small films that is killed half-way, and goes on"
    return conclude("imports", words, found.counts, found.failures, asked.json)


if __name__ == "__main__":
    sys.exit(main())
