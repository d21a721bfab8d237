"""
Described films: what a source says of each of its files, before anybody asks for a finding.

Folders and tables say it in different ways; from here on it is the same.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from xraylab.data.entries import Entry
from xraylab.data.labels import How, Says
from xraylab.data.mapping import Mapping as SourceMapping
from xraylab.data.spellings import split_named, words

LATERAL = "LATERAL"  # as the gate knows it
_AGE = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s*([dwmy]?)\w*", re.IGNORECASE)
_PATIENT_FOLDER = re.compile(r"(?:patient|subject|person|case|pat|sub)[-_ ]?\d+", re.IGNORECASE)
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0, "": 1.0}
_OLDEST = 90.0  # years; as of DICOM films, greater ages help to identify a patient


@dataclass(frozen=True, slots=True)
class Facts:
    """What a table says of a film beside its labels; text is kept as it stands there."""

    age: float | None = None  # years
    sex: str | None = None  # M, F or O
    view: str | None = None  # as DICOM writes it
    kept: tuple[tuple[str, str], ...] = ()  # other columns, by which films can be filtered and compared


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Described:
    """A file of a source, and what is said of it."""

    entry: Entry
    says: Says
    split: str | None = None  # "train", "val", "test"; None if the source says none
    patient: str | None = None
    facts: Facts = NO_FACTS


@dataclass(frozen=True)
class Layout:
    """All files that a source says something of."""

    name: str
    films: list[Described]
    how: How
    patients_from: str | None  # where patients are named; None for the names of files
    ignored: Counter[str]
    notes: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()  # that are kept
    manifest: str | None = None
    tables: tuple[str, ...] = ()  # all that were read for it


def age(text: str) -> float | None:
    """Return an age in years, at most 90, from ``62``, ``062Y``, ``4,5`` or ``18 months``; else None."""
    match = _AGE.fullmatch(text.strip())
    if not match:
        return None
    return min(_OLDEST, float(match[1].replace(",", ".")) / _PER_YEAR[match[2].upper()])


def sex(text: str) -> str | None:
    """Return M, F or O from a word; None if it is none of them."""
    return {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}.get(words(text))


def view(values: Mapping[str, str]) -> str | None:
    """Return the view from the columns that name it; a lateral view in any of them decides."""
    told = [words(value) for value in values.values()]
    if any(word in ("l", "ll", "rl") or "lat" in word for word in told):
        return LATERAL
    return next((word.upper() for word in told if word in ("pa", "ap")), None)


def split_of(name: str, mapping: SourceMapping) -> str | None:
    """Return the split that a folder or a value stands for, as a person decided or else by its words."""
    return mapping.splits[name] if name in mapping.splits else split_named(name)


def split_by_folders(path: str, mapping: SourceMapping) -> str | None:
    """Return the split that the innermost of a file's folders stands for."""
    folders = reversed(path.split("/")[:-1])
    return next(filter(None, (split_of(folder, mapping) for folder in folders)), None)


def patient_folder(path: str) -> str | None:
    """Return the innermost folder of a file that is called as a patient: ``patient00001``."""
    return next(filter(_PATIENT_FOLDER.fullmatch, reversed(path.split("/")[:-1])), None)
