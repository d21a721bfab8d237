"""
What a person wrote beside a model, dataset or run: a note, and the names that it had before.

- ``note.json`` and ``renamed.json`` lie in the object's own folder, so they go wherever the folder goes
- ``renamed.json`` is written before the folder gets its new name: a kill in between changes nothing, because
  the folder still has the name that everything knows
- the record that an object was made with is never changed: what refers to an earlier name still finds it
"""

import contextlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from xraylab.errors import XRayLabError
from xraylab.files import Record, remove_file, write_text
from xraylab.stored import Label, read_file

NOTE_FILE, NAMES_FILE = "note.json", "renamed.json"
LONGEST_NOTE = 200
_MOST_NAMES = 1000


class _Note(Record):
    """A line that a person wrote about an object (``note.json``)."""

    schema_: Literal["xraylab.note/1"] = Field("xraylab.note/1", alias="schema")
    note: Annotated[str, StringConstraints(max_length=LONGEST_NOTE)]


class _Names(Record):
    """The name of an object that was renamed, and those that it had before (``renamed.json``)."""

    schema_: Literal["xraylab.renamed/1"] = Field("xraylab.renamed/1", alias="schema")
    name: Label
    earlier: tuple[Label, ...] = Field(min_length=1, max_length=_MOST_NAMES)


def read_note(folder: Path) -> str:
    """Return the note in a folder; empty if there is none, or it can't be read."""
    with contextlib.suppress(OSError, ValidationError):
        return tidy(_Note.model_validate_json(read_file(folder / NOTE_FILE)).note)
    return ""


def write_note(folder: Path, note: str) -> None:
    """Replace the note in a folder; an empty one is removed.

    Raises
    ------
    XRayLabError
        If it is longer than ``LONGEST_NOTE``.
    StorageError
        If the disk is full or can't be written.
    """
    line = tidy(note)
    check_note(line)
    if line:
        write_text(folder / NOTE_FILE, _Note(note=line).model_dump_json(indent=2) + "\n")
    else:
        remove_file(folder / NOTE_FILE)


def check_note(line: str) -> None:
    """Check the length of a note.

    Raises
    ------
    XRayLabError
        If it is longer than ``LONGEST_NOTE``.
    """
    if len(line) > LONGEST_NOTE:
        raise XRayLabError(f"The note has more than {LONGEST_NOTE} characters. Shorten it and save again.")


def tidy(note: str) -> str:
    """Return a note as one line, without invisible characters."""
    # Control and formatting characters (category C) can hide text or turn its direction.
    seen = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in note)
    return " ".join(seen.split())


def earlier_names(folder: Path) -> tuple[str, ...]:
    """Return the names that the object in a folder had before, oldest first."""
    names = _read_names(folder)
    # After a rename that was cut off, the present name is among them.
    return () if names is None else tuple(name for name in names.earlier if name != folder.name)


def was_renamed(folder: Path, name: str) -> bool:
    """Return whether a folder got its present name by a rename, from this name or by way of it."""
    names = _read_names(folder)
    return names is not None and names.name == folder.name and name in names.earlier


def write_names(folder: Path, old: str, new: str) -> None:
    """Write down that the object in a folder, which was called ``old``, is about to be called ``new``.

    Raises
    ------
    StorageError
        If the disk is full or can't be written.
    """
    names = _read_names(folder)
    known = dict.fromkeys((*(names.earlier if names else ()), old))
    record = _Names(name=new, earlier=tuple(known)[-_MOST_NAMES:])
    write_text(folder / NAMES_FILE, record.model_dump_json(indent=2) + "\n")


def renamed_from(folders: Iterable[Path], name: str) -> Path | None:
    """Return the folder of the one object that had a name before; None without any, or if several had it."""
    matches = [folder for folder in folders if name in earlier_names(folder)]
    return matches[0] if len(matches) == 1 else None


def _read_names(folder: Path) -> _Names | None:
    try:
        return _Names.model_validate_json(read_file(folder / NAMES_FILE))
    except (OSError, ValidationError):
        return None
