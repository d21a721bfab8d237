"""
Keep what the stress runs of full size found, and write the page: ``python -m scripts.evidence [FILE ...]``.

- each file is what a script of ``.ci/stress`` wrote with ``--json``; it replaces that script's last result in
  ``docs/evidence.json``
- without a file only ``docs/evidence.md`` is written again
"""

import argparse
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from scripts import DOCS
from xraylab.files import write_text

STORED, PAGE = DOCS / "evidence.json", DOCS / "evidence.md"
_SHARE = 20  # CI runs one in so many of what a full-size run tries

_HEAD = f"""# What was tried to break it

Written by `python -m scripts.evidence` from `docs/evidence.json`; don't edit.

Each row is a full-size run of a script in `.ci/stress`. Repeat it with the command of its row, in a clone
with the packages of `requirements-dev.lock`. The tests run about one in {_SHARE} of the same cases with every
change. [Security](security.md) has the promises, and the test of each.
"""


class Result(BaseModel):
    """What one stress script found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    tried: str  # one sentence
    counts: dict[str, float]  # with units in the names
    failures: list[str]
    date: str  # ISO 8601
    command: str


_RESULTS = TypeAdapter(list[Result])


def page(results: list[Result]) -> str:
    """Write the page."""
    rows = ["| what | counts | failures | date | command |", "| --- | --- | --- | --- | --- |"]
    rows += [_row(result) for result in results]
    return "\n".join([_HEAD, *rows]) + "\n"


def _row(result: Result) -> str:
    counts = ", ".join(f"{name.replace('_', ' ')} {value:,g}" for name, value in result.counts.items())
    cells = (result.tried, counts, _failures(result.failures), result.date, f"`{result.command}`")
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _failures(failures: list[str]) -> str:
    return f"{len(failures)}: {'; '.join(failures)}" if failures else "none"


def keep(files: list[Path]) -> list[Result]:
    """Return the stored results with those of the files in place of older ones."""
    stored = _RESULTS.validate_json(STORED.read_bytes()) if STORED.exists() else []
    new = [Result.model_validate_json(file.read_bytes()) for file in files]
    known = {result.name: result for result in [*stored, *new]}
    return sorted(known.values(), key=lambda result: result.name)


def main(words: list[str] | None = None) -> None:
    """Keep the results of the files, and write the page."""
    parser = argparse.ArgumentParser(
        description="Keep results of stress runs, and write the page about them."
    )
    parser.add_argument("files", type=Path, nargs="*")
    results = keep(parser.parse_args(words).files)
    stored = json.dumps([result.model_dump() for result in results], indent=2)
    write_text(STORED, stored + "\n")
    write_text(PAGE, page(results))


if __name__ == "__main__":
    main()
