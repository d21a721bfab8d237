"""
Tags: DICOM files of a source by what they say of themselves, for tables that name them so.

The tags identify patients. They are compared here and never kept: of a patient only a hash goes further.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from xraylab.data.entries import Entry
from xraylab.data.patients import BY_TAG
from xraylab.errors import UnreadableImageError
from xraylab.imaging import Film
from xraylab.imaging.headers import Identity, identity_of


def index(films: Sequence[Entry]) -> Callable[[str], dict[str, tuple[Entry, ...]]]:
    """Return a function that gives the DICOM files by the value of a tag; they are read when it is called."""

    @cache
    def identities() -> list[Identity | None]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(_identity, films))

    def by(keyword: str) -> dict[str, tuple[Entry, ...]]:
        found: dict[str, list[Entry]] = defaultdict(list)
        for film, identity in zip(films, identities(), strict=True):
            if identity is not None and (value := getattr(identity, keyword)):
                found[value].append(film)
        return {value: tuple(entries) for value, entries in found.items()}

    return by


def patient_of(data: bytes) -> str | None:
    """Return a name for the patient of a DICOM file that doesn't say who it is, or None."""
    try:
        identity = identity_of(Film("", data))
    except UnreadableImageError:
        return None
    return (
        f"{BY_TAG}{hashlib.sha256(identity.patient.encode()).hexdigest()[:16]}" if identity.patient else None
    )


def _identity(film: Entry) -> Identity | None:
    try:
        return identity_of(Film(film.path, film.read()))
    except UnreadableImageError:
        return None
