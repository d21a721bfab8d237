"""
Stored values of a DICOM film to the 8 bits of grey that a screen shows.

- stored values → modality rescale → VOI LUT or window → one inversion → 8 bits; pixel padding is black
- a table that can't be used gives way to the numbers beside it, and a note says so
- a file without a usable window is scaled by its own darkest and brightest parts, and a note says so

References
----------
DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT and window), C.7.5.1.1.2 (pixel padding).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from xraylab.imaging.decoding.dicom_elements import number, text, whole
from xraylab.imaging.decoding.dicom_tables import Range, Table, tables
from xraylab.imaging.decoding.own_range import NO_WINDOW, own_range, step_of

_STRIP = 256  # rows brought to grey at a time, so that a large film needs little memory
_WHITE = 255

_BAD_WINDOW = "The file's grey scale makes no sense, so it was set from the darkest and brightest parts."
_FIRST = "The file names several grey scales; the first was used."

_BAD_TABLE = (
    "The file's {} table can't be used: it is empty, too short or holds a single value. It was left out."
)
_ODD_TABLE = "The file's {} table holds entries of other bits than it says; they were used as they are."
_ENTRY_BITS = (8, 16)  # that DICOM allows in a modality table
_SEQUENCES = {"modality": "ModalityLUTSequence", "VOI": "VOILUTSequence"}

_Scale = Callable[[NDArray[Any]], NDArray[np.float64]]
_Mask = Callable[[NDArray[Any]], NDArray[np.bool_]]


def shown(stored: NDArray[Any], ds: FileDataset) -> tuple[NDArray[np.uint8], list[str]]:
    """Return a grey film as a screen shows it, with notes on its grey scale.

    Parameters
    ----------
    stored : array of shape (rows, columns)
        Integers, signed or not.
    ds : FileDataset
        The elements that define the grey scale.

    Returns
    -------
    pixels : uint8 array of shape (rows, columns)
        Black for air.
    notes : list of str
        What was assumed, in sentences.
    """
    padding = _padding(ds)
    modality, doubts = _modality(ds)
    scale, notes = _grey_scale(stored, padding, modality, ds)
    # Both may be set in one file; the film is inverted once all the same.
    inverted = text(ds, "PhotometricInterpretation") == "MONOCHROME1" or (
        text(ds, "PresentationLUTShape") == "INVERSE"
    )
    pixels = np.empty(stored.shape, np.uint8)
    for top in range(0, len(stored), _STRIP):
        strip = stored[top : top + _STRIP]
        share = scale(modality.rescaled(strip)).clip(0, 1)
        grey = np.rint(_WHITE * (1 - share if inverted else share))
        pixels[top : top + _STRIP] = np.where(padding(strip), 0, grey)
    return pixels, [*doubts, *notes]


def eight_bits(colour: NDArray[Any], ds: FileDataset) -> NDArray[np.uint8]:
    """Return a colour film with 8 bits per sample.

    Parameters
    ----------
    colour : array of shape (rows, columns, 3)
    """
    depth = colour.dtype.itemsize * 8  # palette entries use all their bits
    if str(ds.PhotometricInterpretation) != "PALETTE COLOR":
        depth = whole(ds, "BitsStored")
    return (colour >> max(depth - 8, 0)).clip(0, _WHITE).astype(np.uint8)


@dataclass(frozen=True)
class _Modality:
    """The step from stored values to those that a window or VOI table is written for."""

    rescaled: _Scale
    range: Range
    changes: bool  # whether any value changes


def _modality(ds: FileDataset) -> tuple[_Modality, list[str]]:
    """Return the modality rescale: by its table if that can be used, or else by slope and intercept."""
    bits, signed = whole(ds, "BitsStored"), whole(ds, "PixelRepresentation") == 1
    stored = Range(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else Range(0, 2**bits - 1)
    table, notes = _first_usable(ds, "modality", stored)
    if table:
        notes += [_ODD_TABLE.format("modality")] if table.bits not in _ENTRY_BITS else []
        return _Modality(table.look_up, table.range, changes=True), notes
    slope, intercept = number(ds, "RescaleSlope") or 1.0, number(ds, "RescaleIntercept") or 0.0
    ends = sorted(end * slope + intercept for end in (stored.low, stored.high))
    scale = partial(_linear, slope=slope, intercept=intercept)
    return _Modality(scale, Range(*ends), (slope, intercept) != (1.0, 0.0)), notes


def _linear(values: NDArray[Any], *, slope: float, intercept: float) -> NDArray[np.float64]:
    return values.astype(np.float64) * slope + intercept


def _first_usable(ds: FileDataset, kind: str, values: Range) -> tuple[Table | None, list[str]]:
    """Return the first table that can be used, ``modality`` or ``VOI``, with notes on what was left out."""
    found = list(tables(ds, _SEQUENCES[kind], values))
    table = next(filter(None, found), None)
    notes = [_BAD_TABLE.format(kind)] if found and not found[0] else []
    notes += [_FIRST] if table and len(found) > 1 else []
    return table, notes


def _grey_scale(
    stored: NDArray[Any], padding: _Mask, modality: _Modality, ds: FileDataset
) -> tuple[_Scale, list[str]]:
    """Return the map from rescaled values to shares of white: by table, window or range, in this order."""
    table, notes = _first_usable(ds, "VOI", modality.range)
    if table:
        # Its white is its largest entry, whatever its descriptor says.
        notes += [_ODD_TABLE.format("VOI")] if table.contradicts else []
        return lambda values: table.look_up(values) / table.range.high, notes
    centre, width = number(ds, "WindowCenter"), number(ds, "WindowWidth")
    function = text(ds, "VOILUTFunction") or "LINEAR"
    if centre is not None and width is not None and width >= (1 if function == "LINEAR" else 1e-9):
        several = getattr(ds["WindowCenter"], "VM", 1) > 1
        return _window(centre, width, function), [*notes, _FIRST] if several else notes
    named = "WindowCenter" in ds and ds["WindowCenter"].value not in (None, "")
    if not named and whole(ds, "BitsStored") == 8 and not modality.changes:  # noqa: PLR2004
        low = -128.0 if stored.dtype.kind == "i" else 0.0  # 8 bits without a window are ready to be shown
        return lambda values: (values - low) / _WHITE, notes
    return _own_range(stored, padding, modality), [*notes, _BAD_WINDOW if named else NO_WINDOW]


def _own_range(stored: NDArray[Any], padding: _Mask, modality: _Modality) -> _Scale:
    """Return the map that makes a film's darkest part black and its brightest part white."""
    step = step_of(*stored.shape)
    sample = stored[::step, ::step]
    low, high = own_range(modality.rescaled(sample[~padding(sample)]))
    return lambda values: (values - low) / (high - low)


def _window(centre: float, width: float, function: str) -> _Scale:
    """Return the map from values to shares of white; shares are not yet clipped to 0 and 1.

    References
    ----------
    DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
    """
    if function == "SIGMOID":
        return lambda values: 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return lambda values: (values - centre) / width + 0.5
    if width == 1:  # a width of 1 is a step: the formula below would divide by zero
        return lambda values: (values > centre - 0.5).astype(np.float64)
    return lambda values: (values - (centre - 0.5)) / (width - 1) + 0.5


def _padding(ds: FileDataset) -> _Mask:
    """Return a test for stored values that are no part of the film."""
    value, limit = (_stored_value(ds, name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    if value is None:
        return lambda stored: np.zeros(stored.shape, bool)
    low, high = sorted((value, value if limit is None else limit))
    return lambda stored: (stored >= low) & (stored <= high)


def _stored_value(ds: FileDataset, keyword: str) -> int | None:
    """Return an element as the pixels are written, signed or not, whatever type the file gave it."""
    value = ds.get(keyword)
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], "little" if ds.original_encoding[1] else "big") if value else None
    if not isinstance(value, int):
        return None
    value &= 0xFFFF
    signed = whole(ds, "PixelRepresentation") == 1
    return value - 0x10000 if signed and value & 0x8000 else value
