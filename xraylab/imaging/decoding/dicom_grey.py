"""
Stored values of a DICOM film to the 8 bits of grey that a screen shows.

- stored values → modality rescale → VOI LUT or window → one inversion → 8 bits; pixel padding is black
- a file without a usable window is scaled by its own darkest and brightest parts, and a note says so

References
----------
DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT and window), C.7.5.1.1.2 (pixel padding).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi

from xraylab.imaging.decoding.dicom_elements import number, text, whole

_STRIP = 256  # rows brought to grey at a time, so that a large film needs little memory
_RANGE = (0.5, 99.5)  # percentiles that become black and white if the file names no window
_SAMPLED = 2**20  # pixels that the percentiles are computed from
_WHITE = 255

_NO_WINDOW = "The file names no grey scale, so it was set from the darkest and brightest parts of the film."
_BAD_WINDOW = "The file's grey scale makes no sense, so it was set from the darkest and brightest parts."
_FIRST = "The file names several grey scales; the first was used."

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
    scale, notes = _grey_scale(stored, padding, ds)
    # Both may be set in one file; the film is inverted once all the same.
    inverted = text(ds, "PhotometricInterpretation") == "MONOCHROME1" or (
        text(ds, "PresentationLUTShape") == "INVERSE"
    )
    pixels = np.empty(stored.shape, np.uint8)
    for top in range(0, len(stored), _STRIP):
        strip = stored[top : top + _STRIP]
        share = scale(_rescaled(strip, ds)).clip(0, 1)
        grey = np.rint(_WHITE * (1 - share if inverted else share))
        pixels[top : top + _STRIP] = np.where(padding(strip), 0, grey)
    return pixels, notes


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


def _grey_scale(stored: NDArray[Any], padding: _Mask, ds: FileDataset) -> tuple[_Scale, list[str]]:
    """Return the map from rescaled values to shares of white: by LUT, window or range, in this order."""
    luts = ds.get("VOILUTSequence")
    if luts:
        entries = 2 ** int(luts[0].LUTDescriptor[2]) - 1
        return lambda values: apply_voi(np.rint(values).astype(np.int64), ds) / entries, (
            [_FIRST] if len(luts) > 1 else []
        )
    centre, width = number(ds, "WindowCenter"), number(ds, "WindowWidth")
    function = text(ds, "VOILUTFunction") or "LINEAR"
    if centre is not None and width is not None and width >= (1 if function == "LINEAR" else 1e-9):
        several = getattr(ds["WindowCenter"], "VM", 1) > 1
        return _window(centre, width, function), [_FIRST] if several else []
    named = "WindowCenter" in ds and ds["WindowCenter"].value not in (None, "")
    if not named and whole(ds, "BitsStored") == 8 and not _rescales(ds):  # noqa: PLR2004
        low = -128.0 if stored.dtype.kind == "i" else 0.0  # 8 bits without a window are ready to be shown
        return lambda values: (values - low) / _WHITE, []
    return _own_range(stored, padding, ds), [_BAD_WINDOW if named else _NO_WINDOW]


def _own_range(stored: NDArray[Any], padding: _Mask, ds: FileDataset) -> _Scale:
    """Return the map that makes a film's darkest part black and its brightest part white."""
    step = max(1, int(np.sqrt(stored.size / _SAMPLED)))
    sample = stored[::step, ::step]
    sample = sample[~padding(sample)]
    low, high = np.percentile(_rescaled(sample, ds), _RANGE) if sample.size else (0.0, 1.0)
    return lambda values: (values - low) / max(high - low, 1e-9)


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


def _rescales(ds: FileDataset) -> bool:
    slope, intercept = number(ds, "RescaleSlope"), number(ds, "RescaleIntercept")
    return bool(ds.get("ModalityLUTSequence")) or (slope or 1.0, intercept or 0.0) != (1.0, 0.0)


def _rescaled(stored: NDArray[Any], ds: FileDataset) -> NDArray[np.float64]:
    if ds.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, ds).astype(np.float64)
    slope, intercept = number(ds, "RescaleSlope") or 1.0, number(ds, "RescaleIntercept") or 0.0
    return stored.astype(np.float64) * slope + intercept


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
