"""
The stored bits of a DICOM film: where they lie in a word, and what else stands there.

- the value of a pixel is the Bits Stored that end at High Bit; other bits of its word are no part of it
- older films hold overlays in those bits, and some files say too few Bits Stored: a note tells of either

References
----------
DICOM PS3.5 8.1.1 and annex D (2004 and before: overlays in unused bits).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from xraylab.imaging.decoding.dicom_elements import whole

_STRIP = 256  # rows at a time, so that a large film needs little memory
_OTHER_BITS = (
    "More bits are in use than the {} that the file says are stored (Bits Stored); the others were left out."
)


def stored_bits(words: NDArray[Any], ds: FileDataset, *, precision: int, exact: bool) -> list[str]:
    """Bring words to the values of their pixels, in place.

    Parameters
    ----------
    words : array of shape (rows, columns) or (rows, columns, 3)
        Integers, signed as the file says.
    ds : FileDataset
        With its Bits Stored and High Bit settled.
    precision : int
        Bits of a word that were packed: all of them, or as many as a compressed picture states. If these end
        below High Bit, the pixels were moved down before they were compressed.
    exact : bool
        Whether they were packed without loss. Otherwise a value may exceed its bits a little.

    Returns
    -------
    list of str
        A note if other bits are in use.
    """
    bits, high = whole(ds, "BitsStored"), whole(ds, "HighBit")
    width = words.dtype.itemsize * 8
    shift = high + 1 - bits if precision > high else 0
    if bits == width or not (exact or shift):
        return []
    others = False
    for top in range(0, len(words), _STRIP):
        strip = words[top : top + _STRIP]
        before = strip.copy()
        strip <<= width - bits - shift
        strip >>= width - bits  # of signed numbers, this repeats the sign
        others = others or (exact and _others(before, strip, bits, shift))
    return [_OTHER_BITS.format(bits)] if others else []


def _others(words: NDArray[Any], values: NDArray[Any], bits: int, shift: int) -> bool:
    """Return whether bits are in use that are neither part of a value nor a repeated sign."""
    field = np.array((1 << bits) - 1 << shift).astype(words.dtype)
    return bool(((words & ~field != 0) & (values << shift != words)).any())
