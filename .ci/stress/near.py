"""Search very many films for near duplicates: ``python .ci/stress/near.py [--films N] [--json FILE]``.

Every changed copy must be found, and no two other films may be called one picture. Of 100,000 films the
search must end in ten minutes, and its time must grow with less than the square of their number.
"""

import sys
from pathlib import Path

from conclusion import of_films

sys.path.insert(0, str(Path(__file__).parents[2]))


def main() -> int:
    """Return 1 if a copy wasn't found, a pair was wrong, or the search took too long, else 0."""
    from tests.support.many_films import try_search

    words = "a search for near duplicates among made-up films, a fiftieth of which are changed copies"
    return of_films("near", __doc__, words, try_search, 100_000)


if __name__ == "__main__":
    sys.exit(main())
