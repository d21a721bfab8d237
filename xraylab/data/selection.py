"""
Selection: which described films answer the question, and which are left out.

- films of other labels, contradictory labels and lateral views are counted by their reason
- of a folder that was nested into itself only the outermost film is kept
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from xraylab.data import labels, patients
from xraylab.data.described import LATERAL, NO_FACTS, Described, Facts, Layout
from xraylab.data.mapping import Mapping
from xraylab.errors import UnreadableImageError
from xraylab.findings import Finding

LATERAL_VIEW = "lateral view"
_BOTH = "labelled as present and as absent"


@dataclass(frozen=True)
class SourceFile:
    """One labelled image of a source, not read yet."""

    path: str  # inside the source, with forward slashes
    label: int  # 0 absent, 1 present
    folder: str | None  # "train", "val" or "test" if the source is already split
    read: Callable[[], bytes]  # raises UnreadableImageError
    subtype: str = ""  # by its labels, in lower case; empty if they name none
    patient: str | None = None  # None if only the file itself may name the patient
    facts: Facts = NO_FACTS

    @property
    def stem(self) -> str:
        """The file's name without folder and extension."""
        return PurePosixPath(self.path).stem


def select(
    layout: Layout, finding: Finding, mapping: Mapping
) -> tuple[list[SourceFile], set[str], Counter[str]]:
    """Keep the films that answer the question; of a nested copy keep the outermost one.

    Returns
    -------
    kept : list of SourceFile
    copies : set of str
        Paths of the nested copies.
    ignored : Counter
    """
    ignored: Counter[str] = Counter()
    by_path = _by_path(mapping)
    namesakes: dict[tuple[object, ...], list[SourceFile]] = {}
    for film in layout.films:
        label = labels.number(film.says, finding, layout.how, mapping.uncertain)
        if label is None:
            ignored[_why_left_out(film, finding)] += 1
        elif film.facts.view == LATERAL and mapping.laterals != "kept":
            ignored[LATERAL_VIEW] += 1
        else:
            file = _file(film, label, finding, by_path)
            name = PurePosixPath(file.path).name if layout.manifest is None else file.path
            namesakes.setdefault((film.split or "train", film.says.yes, name), []).append(file)
    kept: list[SourceFile] = []
    copies: set[str] = set()
    for files in namesakes.values():
        distinct = _without_copies(files)
        kept += distinct
        copies |= {file.path for file in files} - {file.path for file in distinct}
    ignored["nested copy"] = len(copies)
    return kept, copies, +ignored


def _by_path(mapping: Mapping) -> Callable[[str], str | None]:
    """Return what names the patient of a film by its whole path, if a person gave a pattern for that."""
    if not (mapping.patient or "").startswith("path:"):
        return lambda path: None
    return patients.patient_key("re:" + str(mapping.patient).removeprefix("path:"))


def _file(film: Described, label: int, finding: Finding, by_path: Callable[[str], str | None]) -> SourceFile:
    path = film.entry.path
    subtype = finding.subtype(film.says.yes)
    return SourceFile(
        path, label, film.split, film.entry.read, subtype, by_path(path) or film.patient, film.facts
    )


def _why_left_out(film: Described, finding: Finding) -> str:
    """Say why a film doesn't answer the question."""
    if film.says.yes and finding.number(film.says.yes) == 1:
        return _BOTH
    if finding.number(film.says.unsure) == 1:
        return f"uncertain about {finding.name}"
    if len(film.says.yes) == 1:
        return f"labelled “{film.says.yes[0]}”, which is neither present nor absent"
    return f"with labels that don't say whether there is {finding.name}"


def _without_copies(files: list[SourceFile]) -> list[SourceFile]:
    """Keep files of different content among those of one name and class: two sites may both have a 1.png."""
    if len(files) == 1:
        return files
    outermost_first = sorted(files, key=lambda f: (f.path.count("/"), f.path))
    return list({_content(f): f for f in reversed(outermost_first)}.values())


def _content(file: SourceFile) -> str:
    try:
        return hashlib.sha256(file.read()).hexdigest()
    except UnreadableImageError:
        return file.path  # kept here; it is refused later, with the reason
