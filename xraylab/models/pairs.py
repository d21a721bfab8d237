"""
Pairs of models that somebody named for the test films before either had been tested (``pairs.jsonl``).

- they lie in the home, under the hash of the films: a shipped model's films needn't be here
- a line is added and never changed; one that was torn off, or that can't be read, is no pair
"""

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from xraylab.files import Record, append_line, read_lines, storage_errors
from xraylab.settings import Settings


class Pair(Record):
    """Two models to be tested against each other; the first less the second."""

    schema_: Literal["xraylab.pair/1"] = Field("xraylab.pair/1", alias="schema")
    films: str  # the hash of their pixels
    dataset: str
    first: str
    second: str
    first_sha256: str
    second_sha256: str
    named_at: datetime
    actor: str

    @property
    def hashes(self) -> dict[str, str]:
        """What each model was when the pair was named, by its name."""
        return {self.first: self.first_sha256, self.second: self.second_sha256}


def read_pairs(settings: Settings) -> list[Pair]:
    """Every pair named in this home, oldest first."""
    pairs = []
    for line in read_lines(_file(settings)):
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
    with storage_errors(settings.home):
        settings.home.mkdir(parents=True, exist_ok=True)
    append_line(_file(settings), pair.model_dump(mode="json"))


def _file(settings: Settings) -> Path:
    return settings.home / "pairs.jsonl"
