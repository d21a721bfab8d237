"""
Tables of a DICOM film: the modality LUT and the VOI LUT, as their data hold them.

- a descriptor is often wrong about the bits of an entry, so the data decide: words of 16 bits, or two entries
  of 8 bits in each word
- the first value mapped has the sign of the values that are looked up, whatever type the file gave it
- a table that is empty, too short or holds a single value can't be used; its film is read without it

References
----------
DICOM PS3.3 C.11.1.1 (modality LUT) and C.11.2.1.1 (VOI LUT).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

_WORD = 0x10000  # a descriptor's number of entries that is stored as 0
_EIGHT_BITS = 8
_DESCRIBED = 3  # numbers of a descriptor: entries, first value mapped, bits per entry


@dataclass(frozen=True)
class Range:
    """The values that a film may have at one step of its grey scale."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Table:
    """A table from values of a film to other values."""

    first: int  # value of the film that the first entry stands for
    entries: NDArray[np.float64]
    bits: int  # per entry, as the descriptor says

    def look_up(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the entries of values; those outside of the table have its first or last entry."""
        places = (np.rint(values) - self.first).clip(0, len(self.entries) - 1).astype(np.intp)
        found: NDArray[np.float64] = self.entries[places]
        return found

    @property
    def range(self) -> Range:
        """The smallest and the largest entry."""
        return Range(float(self.entries.min()), float(self.entries.max()))

    @property
    def contradicts(self) -> bool:
        """Whether the entries need other bits than the descriptor says, so that its white isn't theirs."""
        return int(self.entries.max()).bit_length() != self.bits


def tables(ds: FileDataset, keyword: str, values: Range) -> Iterator[Table | None]:
    """Yield the tables of a sequence; None for one that can't be used.

    Parameters
    ----------
    ds : FileDataset
    keyword : str
        ``ModalityLUTSequence`` or ``VOILUTSequence``.
    values : Range
        What may be looked up.
    """
    little = bool(ds.file_meta.TransferSyntaxUID.is_little_endian)
    for item in ds.get(keyword) or ():
        yield _table(item, values, little)


def _table(item: Dataset, values: Range, little: bool) -> Table | None:
    descriptor, words = _words(item, "LUTDescriptor", little), _words(item, "LUTData", little)
    if len(descriptor) != _DESCRIBED:
        return None
    length, first, bits = int(descriptor[0]) or _WORD, int(descriptor[1]), int(descriptor[2])
    if bits <= _EIGHT_BITS and len(words) == (length + 1) // 2 < length:
        words = words.astype("<u2").view(np.uint8)  # the first entry is in the low byte
    entries = words[:length].astype(np.float64)
    if len(entries) < length or np.ptp(entries) == 0:
        return None
    first -= _WORD if values.low < 0 and first > values.high else 0
    return Table(first, entries, bits)


def _words(item: Dataset, keyword: str, little: bool) -> NDArray[np.uint16]:
    """Return an element as unsigned words of 16 bits, whatever type it has; empty if there are none."""
    try:
        value, kind = item[keyword].value, item[keyword].VR
        if isinstance(value, bytes):  # odd bytes in OB; a word's bytes are in the file's order
            order = "<u2" if little or kind == "OB" else ">u2"
            return np.frombuffer(value + bytes(len(value) % 2), order).astype(np.uint16)
        return np.array([int(number) & 0xFFFF for number in np.atleast_1d(value)], np.uint16)
    except Exception:  # pydicom converts a value when it is first used, and may fail in many ways
        return np.empty(0, np.uint16)
