"""
Patients: read the patient of a film from its file name, and group films that must stay together.

- a group is a connected component of films that share a patient or have identical pixels
- the kind of pneumonia in a file name is a convenient label, not a diagnosis
- the presets follow the file names of Kermany et al. (2018), Mendeley Data, doi 10.17632/rscbjbr9sj
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import DatasetError

_NORMAL_COUNTERS = {"NORMAL2-IM": "IM"}
_MERGED: dict[str, dict[str, str]] = {  # counters that a preset treats as the same counter
    "prefix-number": {},
    "merged-normal": _NORMAL_COUNTERS,
    "number": _NORMAL_COUNTERS | {"bacteria": "person", "virus": "person"},
}
PATIENT_KEYS = (*_MERGED, "none")

_PNEUMONIA = re.compile(r"person(\d+)_(bacteria|virus)(?:_\d+)+", re.IGNORECASE)
_NORMAL = re.compile(r"(NORMAL2-IM|IM)-(\d+)-\d+(?:-\d+)?", re.IGNORECASE)
_PHANTOM = re.compile(r"phantom(\d+)_(normal|focal|interstitial)_\d+", re.IGNORECASE)


def patient_key(preset: str) -> Callable[[str], str | None]:
    """Return a function that maps a file's stem to its patient, or to None if the name doesn't contain one.

    Parameters
    ----------
    preset : str
        ``prefix-number`` (each of the four counters in Kermany file names is separate), ``merged-normal``
        (the two NORMAL counters are one), ``number`` (the two PNEUMONIA counters are one as well, the most
        cautious choice), ``none`` (never a patient), or ``re:PATTERN``, whose first group is the patient.

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


def subtype(stem: str) -> str:
    """Return the kind of pneumonia from the file name: bacterial, viral, focal, interstitial, or empty."""
    if match := _PNEUMONIA.fullmatch(stem):
        return {"bacteria": "bacterial", "virus": "viral"}[match[2].lower()]
    if (match := _PHANTOM.fullmatch(stem)) and match[2].lower() != "normal":
        return match[2].lower()
    return ""


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
    if match := _PNEUMONIA.fullmatch(stem):
        return match[2].lower(), str(int(match[1]))
    if match := _NORMAL.fullmatch(stem):
        return match[1].upper(), str(int(match[2]))
    if match := _PHANTOM.fullmatch(stem):
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
