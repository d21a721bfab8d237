"""
Patients: read the patient of a film from its file name, and group films that must stay together.

- a group is a connected component of films that share a patient or have identical pixels
- the kind of pneumonia in a file name is a convenient label, not a diagnosis
- the presets follow the file names of Kermany et al. (2018), Mendeley Data, doi 10.17632/rscbjbr9sj, as
  Kaggle's copy has them and as version 3 of the archive itself has them
- copies and augmented films keep the patient's name inside a longer one, so names are searched, not matched
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import DatasetError
from xraylab.findings import Finding
from xraylab.formats import count

BY_TAG = "dicom-"  # before the hash of a patient that a DICOM tag names
TAGS, FILES, ALONE = "tags of DICOM", "names of files", "nothing"  # where patients come from
NOBODY = f"{ALONE}: every film is a patient of its own"
_NORMAL_COUNTERS = {"NORMAL2-IM": "IM"}
_MERGED: dict[str, dict[str, str]] = {  # counters that a preset treats as the same counter
    "prefix-number": {},
    "merged-normal": _NORMAL_COUNTERS,
    "number": _NORMAL_COUNTERS
    | {"bacteria": "person", "virus": "person", "BACTERIA": "PNEUMONIA", "VIRUS": "PNEUMONIA"},
}
PATIENT_KEYS = (*_MERGED, "none")
_RULES = {
    "prefix-number": FILES,
    "merged-normal": f"{FILES}, NORMAL counters merged",
    "number": f"the number in {FILES} alone (cautious)",
    "none": NOBODY,
}

_PNEUMONIA = re.compile(r"person(\d+)_(bacteria|virus)(?![a-z])", re.IGNORECASE)
_NORMAL = re.compile(r"(?<![a-z0-9])(NORMAL2-IM|IM)-(\d+)-\d", re.IGNORECASE)
_MENDELEY = re.compile(r"(?<![a-z0-9])(BACTERIA|VIRUS|NORMAL)-(\d+)-\d", re.IGNORECASE)
_PHANTOM = re.compile(r"phantom(\d+)_(normal|focal|interstitial)(?![a-z])", re.IGNORECASE)
_KINDS = {"bacteria": "bacterial", "virus": "viral"}


def patient_key(preset: str) -> Callable[[str], str | None]:
    """Return a function that maps a file's stem to its patient, or to None if the name doesn't contain one.

    Parameters
    ----------
    preset : str
        ``prefix-number`` (each of the counters in Kermany file names is separate), ``merged-normal``
        (the two NORMAL counters of Kaggle's copy are one), ``number`` (the bacterial and the viral counter
        are one as well, the most cautious choice), ``none`` (never a patient), or
        ``re:PATTERN``, whose first group is the patient.

    Raises
    ------
    DatasetError
        If the preset isn't one of these.
    """
    if preset.startswith("re:"):
        return _pattern_key(preset.removeprefix("re:"))
    if preset not in PATIENT_KEYS:
        raise DatasetError(
            f"There is no patient key “{preset}”. Choose one of {', '.join(PATIENT_KEYS)}, or re:PATTERN "
            "with one group that holds the patient."
        )

    def key(stem: str) -> str | None:
        counter, number = _counter(stem)
        if preset == "none" or number is None:
            return None
        return f"{_MERGED[preset].get(counter, counter)}-{number}"

    return key


def is_of_kermany(stem: str) -> bool:
    """Return whether a file's stem is that of a film of the Kermany set."""
    return any(pattern.search(stem) for pattern in (_PNEUMONIA, _NORMAL))


def subtype(stem: str, finding: Finding) -> str:
    """Return the subtype that the file name of a film of the Kermany set or of a phantom names; else empty.

    The names of Kermany count only if the finding has their subtypes, bacterial and viral.
    """
    if match := _PNEUMONIA.search(stem):
        return finding.subtype([_KINDS[match[2].lower()]])
    if match := _MENDELEY.search(stem):
        return finding.subtype([_KINDS.get(match[1].lower(), "")])
    if (match := _PHANTOM.search(stem)) and match[2].lower() != "normal":
        return match[2].lower()
    return ""


def named(by_source: str | None, by_name: str | None, preset: str) -> str | None:
    """Return a film's patient: by table, folder or tag, unless a person asks for the names of files."""
    if preset == "none":
        return None
    return by_name if preset.startswith("re:") else by_source or by_name


def origin(name: str | None, by_source: str | None, told_in: str | None) -> str:
    """Return where a film's patient comes from.

    Parameters
    ----------
    name : str or None
        The film's patient.
    by_source : str or None
        The patient that a table, a folder or a tag names.
    told_in : str or None
        What else than names and tags tells the patients of this source, in words.
    """
    if name is None:
        return ALONE
    if name != by_source:
        return FILES
    return TAGS if name.startswith(BY_TAG) else told_in or FILES


def told(preset: str, origins: Mapping[str, int] | None) -> str:
    """Say where the patients of a dataset come from.

    Parameters
    ----------
    preset : str
        How names of files name patients.
    origins : mapping of str to int, or None
        Films by where their patient comes from; None if an older version, which knew names of files only,
        imported them.
    """
    if origins is None:
        return rule(preset)
    if set(origins) == {ALONE}:
        return NOBODY
    words = {name: rule(preset) if name == FILES else name for name in origins}
    if len(words) == 1:
        return words.popitem()[1]
    return ", ".join(f"{words[name]} ({count(n)} film{'' if n == 1 else 's'})" for name, n in origins.items())


def rule(preset: str) -> str:
    """Say how a preset takes patients from names of files."""
    return _RULES.get(preset, f"{FILES} by {preset}")


def without_placeholder(named: list[str | None]) -> list[str | None]:
    """Drop a patient of a DICOM tag that all films share: it is what was written in place of the patients."""
    told = {name for name in named if name is not None}
    one_for_all = len(told) == 1 and len(named) > 1 and next(iter(told)).startswith(BY_TAG)
    return [None] * len(named) if one_for_all else named


def of_no_patient(films: int, preset: str) -> list[str]:
    """Say how many films no patient is known for, unless a person asked for that."""
    if not films or preset == "none":
        return []
    names = "file name doesn't" if films == 1 else "file names don't"
    return [f"{films} {names} name the patient; each of these films was treated as a separate patient."]


def groups(patients: Sequence[str], pixel_hashes: Sequence[str]) -> NDArray[np.int64]:
    """Number the groups of films that must never be divided between splits.

    Parameters
    ----------
    patients, pixel_hashes : sequences of n strings
        The patient of each film, and a hash of its standardised pixels.

    Returns
    -------
    group : int64 array of shape (n,)
        Films share a number if they have the same patient or pixels, or are linked through other films.
    """
    if not len(patients):
        return np.empty(0, np.int64)
    from scipy.sparse import coo_matrix  # imported here: slow to load, and only an import of films needs it
    from scipy.sparse.csgraph import connected_components

    # A graph of patients and pixels, in which each film is an edge; its components are the groups.
    _, patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    _, pixels = np.unique(np.asarray(pixel_hashes, dtype=str), return_inverse=True)
    offset = int(patient.max()) + 1
    size = offset + int(pixels.max()) + 1
    links = coo_matrix((np.ones(len(patients)), (patient, pixels + offset)), shape=(size, size))
    _, component = connected_components(links, directed=False)
    _, group = np.unique(component[patient], return_inverse=True)
    return group.astype(np.int64)


def _counter(stem: str) -> tuple[str, str | None]:
    """Return the counter that a name belongs to, and its number without leading zeros."""
    if match := _PNEUMONIA.search(stem):
        return match[2].lower(), str(int(match[1]))
    if match := _NORMAL.search(stem):
        return match[1].upper(), str(int(match[2]))
    if match := _MENDELEY.search(stem):  # in capitals, so never the counter of a "person…_bacteria"
        return match[1].upper(), str(int(match[2]))
    if match := _PHANTOM.search(stem):
        return "phantom", str(int(match[1]))
    return "", None


def _pattern_key(pattern: str) -> Callable[[str], str | None]:
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise DatasetError(f"“{pattern}” is not a valid regular expression: {error}.") from error
    if compiled.groups < 1:
        raise DatasetError(f"“{pattern}” needs one group in parentheses that holds the patient.")

    def key(stem: str) -> str | None:
        match = compiled.search(stem)
        return (match[1] or None) if match else None

    return key
