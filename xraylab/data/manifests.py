"""
Manifests: tables that name films with their labels, patients, splits and whatever else.

- columns are found by their usual names, and the tables of well-known collections by all of theirs
- rows of one film are joined; a table may take labels or splits from another one that shares its identifiers
- each row without a film, and each film without a row, is counted
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from xraylab.data.entries import Entry
from xraylab.data.finder import MISSING, Finder
from xraylab.data.mapping import Mapping
from xraylab.data.spellings import ROLES, split_named, words
from xraylab.data.tables import read_table
from xraylab.errors import DatasetError

FLAGS = {"1": 1, "1.0": 1, "true": 1, "yes": 1, "0": 0, "0.0": 0, "false": 0, "no": 0, "-1": -1, "-1.0": -1}
_KNOWN = {  # well-known collections, by some of their columns
    "NIH ChestX-ray14": {"image index", "finding labels", "patient id"},
    "RSNA Pneumonia Detection": {"patientid", "target"},
    "CheXpert": {"path", "frontal lateral", "ap pa"},
    "VinDr": {"image id", "rad id"},
    "MIMIC-CXR-JPG": {"dicom id", "subject id", "study id"},
}
_IDENTIFIER = re.compile(r"(.* )?(id|uid)|patientid")

_TAGS = {  # columns that may name a film by what its DICOM file says
    "film": ("sop instance uid", "sopinstanceuid", "instance uid"),
    "study": ("study instance uid", "studyinstanceuid", "study uid"),
    "patient": ("patient id", "patientid", "patient"),
}

Files = tuple[Entry, ...] | str
"""The files that a row names, or the reason why there are none."""

Tags = Callable[[str], dict[str, tuple[Entry, ...]]]
"""Returns the DICOM files by the value of ``film``, ``study`` or ``patient``, see ``imaging.headers``."""


@dataclass(frozen=True, eq=False)
class Manifest:
    """A table with the roles of its columns."""

    entry: Entry
    table: pd.DataFrame
    roles: dict[str, list[str]]
    files: list[Files]
    flags: list[str]  # columns of 0 and 1 that are labels
    notes: list[str]
    used: tuple[str, ...]  # paths of all tables that it was made of

    @cached_property
    def values(self) -> dict[str, list[str]]:
        """Return the values of each column."""
        return {column: self.table[column].tolist() for column in self.table.columns}

    @property
    def found(self) -> int:
        """How many files of the source it names."""
        return len({file.path for files in self.files if not isinstance(files, str) for file in files})

    @cached_property
    def collection(self) -> str | None:
        """The well-known collection that has such a table, or None."""
        columns = set(map(words, self.table.columns))
        return next((name for name, known in _KNOWN.items() if known <= columns), None)

    @property
    def has_labels(self) -> bool:
        """Whether any of its columns are labels."""
        return bool(self.roles["label"] or self.flags)


def open_manifest(entry: Entry, finder: Finder, mapping: Mapping, tags: Tags) -> Manifest:
    """Read a table and find out what its columns are.

    Raises
    ------
    DatasetError
        If it can't be read, or has no column of a name that the mapping gives.
    """
    table, notes = read_table(entry)
    roles = {role: _columns(table, role, mapping) for role in ROLES}
    files = _files(table, roles, finder, tags)
    return Manifest(entry, table, roles, files, _flags(table, roles, mapping), notes, (entry.path,))


def _columns(table: pd.DataFrame, role: str, mapping: Mapping) -> list[str]:
    """Return the columns that have a role: those that the mapping names, else those with a usual name."""
    given = getattr(mapping.columns, role)
    given = [given] if isinstance(given, str) else list(given or ())
    by_words = {words(column): column for column in table.columns}
    missing = [name for name in given if words(name) not in by_words]
    if missing:
        raise DatasetError(
            f"The table has no column “{missing[0]}”. Its columns are {', '.join(map(str, table.columns))}."
        )
    if given:
        return [by_words[words(name)] for name in given]
    usual = [by_words[name] for name in ROLES[role] if name in by_words]
    if role == "view" and "ap pa" in by_words:
        usual.append(by_words["ap pa"])
    return usual if role in ("path", "view") else usual[:1]


def _files(table: pd.DataFrame, roles: dict[str, list[str]], finder: Finder, tags: Tags) -> list[Files]:
    """Find the files of each row by the column that names most of them; narrow the roles to that column."""
    tried: list[tuple[int, str, dict[str, Files]]] = []
    for column in roles["path"]:
        known = {value: _as_files(finder.find(value)) for value in table[column].unique()}
        tried.append((sum(not isinstance(files, str) for files in known.values()), column, known))
    if not any(found for found, _, _ in tried):
        tried += _by_tags(table, tags)
    found, named_by, known = max(tried, key=lambda one: one[0], default=(0, "", {}))
    if not found and not known:
        return []
    roles["path"] = [named_by]
    return [known[value] for value in table[named_by]]


def _as_files(file: Entry | str) -> Files:
    return file if isinstance(file, str) else (file,)


def _by_tags(table: pd.DataFrame, tags: Tags) -> Iterator[tuple[int, str, dict[str, Files]]]:
    """Yield the columns that may name DICOM files by a tag, with the files that they name."""
    for keyword, names in _TAGS.items():
        for column in table.columns:
            if words(column) in names:
                there = tags(keyword)
                known: dict[str, Files] = {
                    value: there.get(value, MISSING) for value in table[column].unique()
                }
                yield sum(not isinstance(files, str) for files in known.values()), column, known


def _flags(table: pd.DataFrame, roles: dict[str, list[str]], mapping: Mapping) -> list[str]:
    """Return the columns of 0, 1 and -1 that are labels."""
    given = mapping.columns.label
    if len(given) > 1:
        return roles["label"]
    taken = {column for columns in roles.values() for column in columns}
    if roles["label"]:
        return []
    flags = []
    for column in table.columns:
        values = set(table[column].str.lower().unique()) - {""}
        if column not in taken and column and values <= FLAGS.keys() and any(FLAGS[v] == 1 for v in values):
            flags.append(column)
    return flags


# From several tables to one


def joined(manifests: Sequence[Manifest], chosen: str | None) -> Manifest | None:
    """Choose the table that names the films, and add to it what it lacks from tables that share identifiers.

    Tables with the same columns are one: the parts of a collection, named by their splits.

    Parameters
    ----------
    chosen : str or None
        Path of the table that a person chose.
    """
    naming = [one for one in manifests if one.found and chosen in (None, one.entry.path)]
    if not naming:
        return None
    base = max(naming, key=lambda one: (one.has_labels, one.found, one.collection is not None))
    alike = [one for one in naming if list(one.table.columns) == list(base.table.columns)]
    base = _stacked(alike)
    for other in manifests:
        if other not in alike:
            base = _extended(base, other)
    return base


def _stacked(parts: list[Manifest]) -> Manifest:
    """Put tables of the same columns below each other; the name of each may say its split."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    tables = [one.table for one in parts]
    roles = first.roles
    splits = [_split_in_name(one.entry.path) for one in parts]
    if not roles["split"] and all(splits):
        tables = [table.assign(split=split) for table, split in zip(tables, splits, strict=True)]
        roles = {**roles, "split": ["split"]}
    files = [files for one in parts for files in one.files]
    flags = list(dict.fromkeys(flag for one in parts for flag in one.flags))
    table = pd.concat(tables, ignore_index=True)
    used = tuple(one.entry.path for one in parts)
    return replace(first, table=table, roles=roles, files=files, flags=flags, used=used)


def _split_in_name(path: str) -> str | None:
    """Return the split that a table's name says: ``train.csv``, ``image_labels_test.csv``."""
    stem = words(path.rsplit("/", 1)[-1].partition(".")[0])
    return split_named(stem.replace("labels", "").replace("annotations", ""))


def _extended(base: Manifest, other: Manifest) -> Manifest:
    """Add the columns of a role that a table lacks, if each row of the other one is about one thing."""
    shared = [
        column
        for column in base.table.columns
        if column in other.table.columns and _IDENTIFIER.fullmatch(words(column))
    ]
    wanted = {
        role: columns
        for role, columns in other.roles.items()
        if columns and not base.roles[role] and role != "path"
    }
    labels = other.flags if not base.has_labels else []
    added = [
        column
        for column in dict.fromkeys([*labels, *(column for columns in wanted.values() for column in columns)])
        if column not in base.table.columns
    ]
    if not shared or not added or other.table.duplicated(shared).any():
        return base
    table = base.table.merge(other.table[[*shared, *added]], on=shared, how="left").fillna("")
    roles = {
        **base.roles,
        **{role: columns for role, columns in wanted.items() if set(columns) <= set(table.columns)},
    }
    notes, used = [*base.notes, *other.notes], (*base.used, *other.used)
    return replace(base, table=table, roles=roles, flags=base.flags or labels, notes=notes, used=used)
