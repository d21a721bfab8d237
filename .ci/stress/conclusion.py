"""The one form in which every script of ``.ci/stress`` tells what it found, for ``scripts.evidence``."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the result as one JSON object.")


def conclude(
    name: str, tried: str, counts: Mapping[str, float], failures: Sequence[str], file: Path | None
) -> int:
    """Print what a script found, write it if a file is given, and return its exit code.

    Parameters
    ----------
    name : str
        Of the script in ``.ci/stress``, without ``.py``.
    tried : str
        What it did, in a few words.
    counts : mapping of str to float
        What was counted and measured, with units in the names.
    failures : sequence of str
        One sentence each; none if all promises were kept.
    file : Path or None
        Where to write the result.
    """
    print(f"{tried}: {len(failures)} failures")
    print("\n".join([*(f"  {what} {number}" for what, number in counts.items()), *failures]))
    if file is not None:
        result = {
            "name": name,
            "tried": tried,
            "counts": dict(counts),
            "failures": list(failures),
            "date": datetime.now(UTC).date().isoformat(),
            "command": " ".join(["python", f".ci/stress/{name}.py", *_arguments()]),
        }
        file.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return int(bool(failures))


def of_films(
    name: str, about: str | None, tried: str, attempt: Callable[[Path, int], Any], films: int
) -> int:
    """Try something with many films in a folder of its own, conclude, and return the exit code.

    Parameters
    ----------
    name, tried : str
        As for ``conclude``.
    about : str or None
        What the script says of itself.
    attempt : callable
        Called with the folder and the number of films; returns ``counts`` and ``failures``.
    films : int
        How many, if the command line doesn't say.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--films", type=int, default=films)
    add_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = attempt(Path(folder), asked.films)
    return conclude(name, tried, found.counts, found.failures, asked.json)


def _arguments() -> list[str]:
    """Return the arguments without the file of the result, which is another one each time."""
    given = sys.argv[1:]
    return [
        word
        for place, word in enumerate(given)
        if not word.startswith("--json") and given[place - 1 : place] != ["--json"]
    ]
