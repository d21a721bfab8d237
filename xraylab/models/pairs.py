"""
Pairs of models that were named for the test films before either was tested (``pairs.jsonl``).

- the file lies in the home, and a pair names the hash of its films: a shipped model's films needn't be here
- a line is added and never changed; a line that was torn off or can't be read is passed over
"""

import contextlib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from xraylab.files import Record, append_line, make_folder
from xraylab.settings import Settings
from xraylab.stored import Count, Label, Moment, read_lines


class Pair(Record):
    """Two models to be tested against each other; a difference is the first less the second."""

    schema_: Literal["xraylab.pair/1"] = Field("xraylab.pair/1", alias="schema")
    films: Label  # the hash of their pixels
    dataset: Label
    first: Label
    second: Label
    first_sha256: Label
    second_sha256: Label
    named_at: Moment
    actor: Label
    openings: Count | None = Field(
        default=None,
        description="Openings on record in this home when the pair was named; null in pairs of earlier "
        "versions, where the times tell which came first.",
    )

    @property
    def hashes(self) -> dict[str, str]:
        """Hash of each model's weights when the pair was named, by the model's name."""
        return {self.first: self.first_sha256, self.second: self.second_sha256}


def read_pairs(settings: Settings) -> list[Pair]:
    """Return every pair named in this home, oldest first."""
    pairs = []
    for line in read_lines(_file(settings)):
        # One damaged line must not hide the other pairs: p is adjusted for all of them.
        with contextlib.suppress(ValidationError):
            pairs.append(Pair.model_validate(line))
    return pairs


def keep_pair(settings: Settings, pair: Pair) -> None:
    """Write a pair down for good.

    Raises
    ------
    StorageError
        If the disk is full or the home may not be written.
    """
    make_folder(settings.home)
    append_line(_file(settings), pair.model_dump(mode="json"))


def _file(settings: Settings) -> Path:
    return settings.home / "pairs.jsonl"
