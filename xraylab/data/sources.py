"""
Sources: recognise how a folder, an archive or a table names films, labels, patients and splits.

- it is recognised by looking, and said before anything is imported; a mapping corrects it
- a table that names most of the films goes before their folders
- films of labels that are neither present nor absent, masks and lateral films are left out and counted
- a file that can't be read raises ``UnreadableImageError`` for that file only
- one file at a time is held in memory
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from xraylab.data import class_folders, labels, manifests, patients, rows, tags
from xraylab.data.described import Described, Layout
from xraylab.data.entries import Entry
from xraylab.data.finder import Finder
from xraylab.data.listing import Listing, open_listing
from xraylab.data.mapping import Columns, Mapping
from xraylab.data.selection import LATERAL_VIEW, SourceFile, select
from xraylab.data.spellings import is_mask, is_table, words
from xraylab.data.tables import is_readable_table
from xraylab.errors import DatasetError, UnreadableImageError
from xraylab.files import Record
from xraylab.findings import PNEUMONIA, Finding
from xraylab.imaging import DICOM_SUFFIXES, IMAGE_SUFFIXES, is_film, is_lateral

NOT_STATED = "not stated"  # in place of a split
_NO_TABLE = "none"
_BY_TAG = f"{patients.TAGS}, when the films are read"
_SYSTEM, _MASK, _NO_IMAGE = "system file", "mask", "not an image"
_MOST_TABLES = 50
_MOST_FOLDERS = 6  # in a sentence
_LEAST_SHARE = 0.5  # of the films that a table must name to go before their folders
_OFFICIAL = {"test_list.txt": "test", "train_val_list.txt": "train"}  # of the NIH's collection


class Understood(Record):
    """What was understood of a source before any of its films was read."""

    layout: str
    finding: Finding
    n: int
    classes: dict[str, int]  # films without and with the finding
    labels: dict[str, int]  # as the source calls them, with the films that have each
    patients: int | None  # None if only the tags of DICOM tell
    patients_from: str
    splits: dict[str, int]  # films of each split that the source states; "not stated" for the rest
    ignored: dict[str, int]
    columns: tuple[str, ...]  # that are kept, to filter and compare films by
    manifest: str | None  # the table that names the films
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A source's labelled images, the number of ignored files for each reason, and notes in sentences."""

    files: list[SourceFile]
    ignored: dict[str, int]
    notes: list[str]
    finding: Finding
    layout: Layout
    labels: dict[str, int]
    keeps_laterals: bool = False

    def said(self) -> str:
        """Return a hash of all that the source says of its films, without what only reading them tells."""
        digest = hashlib.sha256()
        for file in self.files:
            told = (file.path, file.label, file.folder, file.subtype, file.patient, file.facts)
            digest.update(repr((told, self.keeps_laterals)).encode())
        return digest.hexdigest()

    def sets_aside(self, view: str | None) -> bool:
        """Return whether a film of this view is left out, because it is a lateral one."""
        if self.keeps_laterals or not view or not is_lateral(view):
            return False
        self.ignored[LATERAL_VIEW] = self.ignored.get(LATERAL_VIEW, 0) + 1
        return True

    def understood(self, patient_key: str) -> Understood:
        """Say what was understood, with the patients that names of files name by a key."""
        key = patients.patient_key(patient_key)
        named = [patients.named(file.patient, key(file.stem), patient_key) for file in self.files]
        alone = named.count(None)
        # Only reading them tells whose they are.
        by_tag = patient_key != "none" and any(
            name is None and _may_be_dicom(file.path) for file, name in zip(self.files, named, strict=True)
        )
        notes = [*self.notes, *([] if by_tag else patients.of_no_patient(alone, patient_key))]
        return Understood(
            layout=self.layout.name,
            finding=self.finding,
            n=len(self.files),
            classes=dict(zip(self.finding.classes, self._classes(), strict=True)),
            labels=self.labels,
            patients=None if by_tag else len(set(named) - {None}) + alone,
            patients_from=_BY_TAG if by_tag else _patients_from(self.layout, alone, len(named), patient_key),
            splits=dict(Counter(file.folder or NOT_STATED for file in self.files)),
            ignored=self.ignored,
            columns=self.layout.columns,
            manifest=self.layout.manifest,
            notes=tuple(notes),
        )

    def _classes(self) -> tuple[int, int]:
        present = sum(file.label for file in self.files)
        return len(self.files) - present, present


def _may_be_dicom(path: str) -> bool:
    """Return whether a film is DICOM by its name, or has no name for it."""
    suffix = PurePosixPath(path).suffix.lower()
    return suffix in DICOM_SUFFIXES or _is_nameless(suffix)


def _is_nameless(suffix: str) -> bool:
    # Hospital archives often name DICOM files by numbers.
    return suffix in ("", ".") or suffix[1:].isdigit()


def _patients_from(layout: Layout, alone: int, n: int, patient_key: str) -> str:
    if alone == n:
        return patients.NOBODY
    if layout.patients_from is None or patient_key.startswith("re:"):
        return patients.rule(patient_key)
    return layout.patients_from


@contextmanager
def open_source(
    path: Path,
    finding: Finding | None = None,
    mapping: Mapping | None = None,
    *,
    room: Path | None = None,
) -> Iterator[Source]:
    """Recognise the labelled images of a folder, an archive, a file of arrays or a table.

    Parameters
    ----------
    path : Path
    finding : Finding or None
        The question, if it is known; its labels count where the source has them.
    mapping : Mapping or None
        What a person corrected.
    room : Path or None
        Folder on whose disk a compressed archive may be decompressed.

    Raises
    ------
    NotFoundError
        If the path doesn't exist.
    DatasetError
        If the source can't be read, looks like an attack, or holds no labelled images.
    """
    mapping = mapping or Mapping()
    with open_listing(path, room) as listing:
        name = mapping.finding or (finding or PNEUMONIA).name
        yield _recognised(_with_own_name(listing, finding, name), finding, mapping, name, path)


def _recognised(listing: Listing, finding: Finding | None, mapping: Mapping, name: str, path: Path) -> Source:
    films, ignored = _films(listing)
    layout = _layout(listing, films, mapping, name, path)
    layout.ignored.update(ignored)
    if layout.tables:
        layout.ignored[_NO_IMAGE] -= len(layout.tables)
    return _asked(layout, finding, mapping, name, path)


def _with_own_name(listing: Listing, finding: Finding | None, name: str) -> Listing:
    """Put a folder that is called as a label above its files, so that importing ``…/NORMAL`` itself works."""
    own = listing.name
    label = labels.is_absent_word(own) or labels.names(own, name)
    if not label and (finding is None or finding.number([own]) is None):
        return listing
    return replace(listing, entries=[replace(e, path=f"{own}/{e.path}") for e in listing.entries])


# Which files are films


def _films(listing: Listing) -> tuple[list[Entry], Counter[str]]:
    ignored = Counter(listing.ignored)
    films = []
    for entry in listing.entries:
        if reason := _reason_to_ignore(entry):
            ignored[reason] += 1
        else:
            films.append(entry)
    return films, ignored


def _reason_to_ignore(entry: Entry) -> str | None:
    parts = PurePosixPath(entry.path).parts
    if not parts or any(part == "__MACOSX" or part.startswith(".") for part in parts):
        return _SYSTEM
    suffix = PurePosixPath(parts[-1]).suffix.lower()
    nameless = _is_nameless(suffix)
    if suffix not in IMAGE_SUFFIXES and not nameless:
        return _NO_IMAGE
    if any(map(is_mask, parts[:-1])):
        return _MASK
    return _NO_IMAGE if nameless and not _is_film(entry.head or entry.read) else None


def _is_film(read: Callable[[], bytes]) -> bool:
    try:
        return is_film(read())
    except UnreadableImageError:
        return False


# How they are described


def _layout(listing: Listing, films: list[Entry], mapping: Mapping, finding: str, path: Path) -> Layout:
    chosen = _chosen_table(listing, mapping, path)
    notes: list[str] = []
    table = None if mapping.manifest == _NO_TABLE else _table(listing, films, mapping, chosen, notes)
    if table is not None and table.has_labels and (chosen or table.found >= _LEAST_SHARE * len(films)):
        layout = rows.describe(table, films, mapping, finding)
        if path.suffix.lower() == ".npz":
            layout = replace(layout, name="MedMNIST", manifest=None)
        return replace(layout, films=_with_official(layout.films, listing), notes=[*notes, *layout.notes])
    if chosen:
        raise _useless(chosen, table, films)
    layout = class_folders.describe(films, mapping, finding)
    return replace(layout, notes=[*notes, *layout.notes])


def _chosen_table(listing: Listing, mapping: Mapping, path: Path) -> str | None:
    """Return the table that a person chose: the source itself, or by the mapping."""
    if path.is_file() and is_table(path.name):
        return path.name
    if mapping.manifest in (None, _NO_TABLE):
        return None
    there = [entry.path for entry in listing.entries if is_readable_table(entry)]
    fitting = [name for name in there if name == mapping.manifest or name.endswith(f"/{mapping.manifest}")]
    if not fitting:
        raise DatasetError(
            f"There is no table {mapping.manifest} in {path.name}. There are: "
            f"{', '.join(there[:10]) or 'none'}."
        )
    return fitting[0]


def _table(
    listing: Listing, films: list[Entry], mapping: Mapping, chosen: str | None, notes: list[str]
) -> manifests.Manifest | None:
    """Read the tables of a source; one that can't be read costs a note, unless a person chose it."""
    # A text is a table only if a person says so: it may be anything.
    tables = [entry for entry in listing.entries if is_readable_table(entry)]
    there = [entry for entry in tables if entry.path == chosen or not entry.path.lower().endswith(".txt")]
    there.sort(key=lambda entry: (entry.path != chosen, entry.path.count("/"), entry.path))
    read = []
    by_tag, finder = tags.index(films), Finder(films)
    for entry in there[:_MOST_TABLES]:
        wanted = (
            mapping if chosen in (None, entry.path) else mapping.model_copy(update={"columns": Columns()})
        )
        try:
            read.append(manifests.open_manifest(entry, finder, wanted, by_tag))
        except DatasetError as error:
            if entry.path == chosen:
                raise
            notes.append(str(error))
    if notes and not read and mapping.columns != Columns():
        raise DatasetError(notes[0])
    return manifests.joined(read, chosen)


def _useless(chosen: str, table: manifests.Manifest | None, films: list[Entry]) -> DatasetError:
    if table is not None:
        return DatasetError(
            f"The table {chosen} has no column of labels. Its columns are {', '.join(table.table.columns)}. "
            "Say in a mapping which of them hold labels."
        )
    return DatasetError(
        f"The table {chosen} names none of the {len(films)} films beside it. Place it in the folder that "
        "holds the films, or say in a mapping which column names them."
    )


def _with_official(films: list[Described], listing: Listing) -> list[Described]:
    """Take the splits from the lists of names that come with the NIH's collection."""
    official = {
        name: split
        for entry in listing.entries
        if (split := _OFFICIAL.get(entry.path.rsplit("/", 1)[-1]))
        for name in entry.read().decode("utf-8", "replace").split()
    }
    if not official:
        return films
    return [
        replace(film, split=film.split or official.get(film.entry.path.rsplit("/", 1)[-1])) for film in films
    ]


# What they are asked


def _asked(layout: Layout, finding: Finding | None, mapping: Mapping, name: str, path: Path) -> Source:
    if not layout.films:
        raise _nothing(layout, path, finding or PNEUMONIA)
    counts = _counts(layout.films)
    asked = _finding(counts, layout, finding, mapping, name)
    files, copies, ignored = select(layout, asked, mapping)
    ignored += layout.ignored
    if not files:
        raise DatasetError(
            f"{path.name} has no films whose labels say whether there is {asked.name}. Its labels are "
            f"{labels.told(counts)}. Say in a mapping which of them count as present and as absent."
        )
    files.sort(key=lambda file: file.path)
    notes = [*layout.notes, *_said_of_labels(asked, counts, mapping)]
    counts = _counts([film for film in layout.films if film.entry.path not in copies])
    return Source(files, dict(ignored), notes, asked, layout, counts, mapping.laterals == "kept")


def _nothing(layout: Layout, path: Path, asked: Finding) -> DatasetError:
    seen = ", ".join(f"{n} {reason}" for reason, n in (+layout.ignored).most_common(_MOST_FOLDERS))
    return DatasetError(
        f"{path.name} contains no labelled radiographs{f' ({seen})' if seen else ''}. XRayLab looks for "
        "DICOM, PNG, JPEG, TIFF, BMP or WebP files in folders that are called as their labels, such as "
        f"{' and '.join(asked.classes)}, or named by a table beside them."
    )


def _counts(films: Sequence[Described]) -> dict[str, int]:
    counted = Counter(label for film in films for label in dict.fromkeys(film.says.yes))
    counted.update({label: 0 for film in films for label in film.says.unsure})  # it may have no film
    return dict(sorted(counted.items()))


def _finding(
    counts: dict[str, int], layout: Layout, finding: Finding | None, mapping: Mapping, name: str
) -> Finding:
    given = (*mapping.present, *mapping.absent)
    wanted = finding or (PNEUMONIA if words(name) == PNEUMONIA.name else None)
    answers = {wanted.number([label]) for label in counts} if wanted and not given else set()
    if finding is not None and answers >= {0, 1}:
        return finding
    try:
        return labels.propose(
            counts,
            layout.how,
            finding=name,
            present=mapping.present,
            absent=mapping.absent,
            subtypes=mapping.subtypes,
        )
    except DatasetError:
        # Films of one class; whether they suffice is said later.
        if wanted is not None and (answers <= {0, 1} or (finding and answers & {0, 1})) and answers:
            return wanted
        raise


def _said_of_labels(finding: Finding, counts: dict[str, int], mapping: Mapping) -> list[str]:
    """Name a label of the mapping that no film has: most likely it is misspelled."""
    known = {label.casefold() for label in counts}
    unused = [label for label in (*mapping.present, *mapping.absent) if label.casefold() not in known]
    if not unused:
        return []
    return [f"No film is labelled {', '.join(f'“{label}”' for label in unused)}, which the mapping names."]
