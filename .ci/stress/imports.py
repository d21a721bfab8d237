"""Import many films, kill the import, and go on: ``python .ci/stress/imports.py [--films N] [--json FILE]``.

Memory must stay below 1 GB whatever the number of films, and after the kill only films that weren't read yet
may be decoded.
"""

import sys
from pathlib import Path

from conclusion import of_films

sys.path.insert(0, str(Path(__file__).parents[2]))


def main() -> int:
    """Return 1 if the import lost films, took too much memory or began anew, else 0."""
    from tests.support.big_import import try_import

    words = "an import of small films that is killed half-way, and goes on"
    return of_films("imports", __doc__, words, try_import, 100_000)


if __name__ == "__main__":
    sys.exit(main())
