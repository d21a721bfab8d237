"""
Openings: who saw results on labelled films, and when (``openings.jsonl`` in the home).

- an opening belongs to the films, by their fingerprints: not to a dataset's name, a folder or a model
- a line is written before any result is shown, and never changed
- it names its films by the hash of a file in ``openings/``, which holds their fingerprints
- a home that was copied, or a file that was deleted by hand, can't be noticed
"""

import contextlib
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from xraylab.files import Record, append_line, write_bytes
from xraylab.imaging.fingerprint import FINGERPRINT_BYTES, Fingerprints
from xraylab.settings import Settings
from xraylab.stored import TABLE_BYTES, Finite, Label, Moment, read_file, read_lines

_FILE, _FOLDER = "openings.jsonl", "openings"


class Opening(Record):
    """One time that results on some films were shown."""

    schema_: Literal["xraylab.opening/1"] = Field("xraylab.opening/1", alias="schema")
    at: Moment
    actor: Label
    model: Label
    members: tuple[Label, ...] = ()  # the models that an ensemble averages
    data: Label  # the name of a dataset, folder or archive, without its path
    threshold: Finite | None = None
    review_from: Finite | None = None
    # SHA-256 of their fingerprints, a part of a path; empty if an earlier version wrote the record.
    films: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    def concerns(self, model: str) -> bool:
        """Return whether results of this model were shown, or of an ensemble with it."""
        return model in (self.model, *self.members)


def log_opening(settings: Settings, films: NDArray[np.uint8], **facts: object) -> None:
    """Write down that results on films are about to be shown.

    Parameters
    ----------
    films : uint8 array of shape (n, 16)
        Stored fingerprints.
    **facts
        The other fields of ``Opening``, without ``at``.

    Raises
    ------
    StorageError
        If the disk is full or the home may not be written.
    """
    raw = films.tobytes()
    digest = hashlib.sha256(raw).hexdigest()
    opening = Opening.model_validate({"at": datetime.now(UTC), "films": digest, **facts})
    write_bytes(settings.home / _FOLDER / digest, raw)
    append_line(settings.home / _FILE, opening.model_dump(mode="json", by_alias=True))


def read_openings(settings: Settings) -> list[Opening]:
    """Return every opening in this home, oldest first; lines that can't be read are passed over."""
    openings = []
    for line in read_lines(settings.home / _FILE):
        with contextlib.suppress(ValidationError):  # one torn line must not hide the other openings
            openings.append(Opening.model_validate(line))
    return openings


def openings_on(settings: Settings, films: Fingerprints) -> list[Opening]:
    """Return the openings that showed results on at least one of these films, oldest first."""
    openings = read_openings(settings)
    # Most openings show the same films, and searching them is the slow part.
    shown = {
        digest: bool((films.find(_films(settings.home / _FOLDER / digest)) >= 0).any())
        for digest in {opening.films for opening in openings}
    }
    return [opening for opening in openings if shown[opening.films]]


def _films(file: Path) -> NDArray[np.uint8]:
    """Return stored fingerprints, uint8 of shape (n, 16); none if the file is missing or damaged."""
    try:
        raw = read_file(file, TABLE_BYTES)
    except OSError:
        raw = b""
    whole = hashlib.sha256(raw).hexdigest() == file.name
    return np.frombuffer(raw if whole else b"", np.uint8).reshape(-1, FINGERPRINT_BYTES)
