"""Search very many films for near duplicates: ``python .ci/stress/near.py [--films N] [--json FILE]``.

Every changed copy must be found, and no two other films may be called one picture. Of 100,000 films the
search must end in ten minutes, and its time must grow with less than the square of their number.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from conclusion import add_option, conclude

sys.path.insert(0, str(Path(__file__).parents[2]))


def main() -> int:
    """Return 1 if a copy wasn't found, a pair was wrong, or the search took too long, else 0."""
    from tests.support.many_films import try_search

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=100_000)
    add_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = try_search(Path(folder), asked.films)
    words = "a search for near duplicates among made-up films, a fiftieth of which are changed copies"
    return conclude("near", words, found.counts, found.failures, asked.json)


if __name__ == "__main__":
    sys.exit(main())
