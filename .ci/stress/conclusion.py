"""The one form in which every script of ``.ci/stress`` tells what it found, for ``scripts.evidence``."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path


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


def _arguments() -> list[str]:
    """Return the arguments without the file of the result, which is another one each time."""
    given = sys.argv[1:]
    return [
        word
        for place, word in enumerate(given)
        if not word.startswith("--json") and given[place - 1 : place] != ["--json"]
    ]
