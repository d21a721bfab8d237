"""
The shape of a DICOM film's pixels: a film whose pixels aren't square is drawn to scale for people.

- networks see the film as it is stored, stretched to the square as all films are, so its score stays
- pixels are only added, never left out

References
----------
DICOM PS3.3 C.7.6.3.1.7 (Pixel Aspect Ratio) and 10.7.1.3 (the spacings).
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset

from xraylab.imaging.decoding.dicom_elements import numbers
from xraylab.imaging.facts import MAX_PIXELS

# Each holds two numbers, the vertical one first. A film may have any of them.
_KEYWORDS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_SQUARE = 0.01  # what is off by less is the rounding of a spacing
_MOST = 10.0  # a ratio beyond it is a mistake

_NOT_SQUARE = (
    "The film's pixels aren't square ({}), so it is drawn to scale. The score is that of the film as it is "
    "stored."
)
_IMPOSSIBLE = "The file's ratio of a pixel's sides makes no sense, so the film is drawn as it is stored."


def aspect_of(ds: FileDataset) -> tuple[float, list[str]]:
    """Return a pixel's height over its width, with a note unless it is 1."""
    for keyword in _KEYWORDS:
        sides = numbers(ds, keyword)
        if len(sides) != 2:  # noqa: PLR2004 (height and width)
            continue
        if not possible(sides):
            return 1.0, [_IMPOSSIBLE]
        aspect = sides[0] / sides[1]
        if abs(math.log(aspect)) < _SQUARE:
            return 1.0, []
        return aspect, [_NOT_SQUARE.format(f"height : width = {aspect:.3g}")]
    return 1.0, []


def possible(sides: list[float]) -> bool:
    """Return whether these are two sides that a pixel may have, in any unit."""
    return len(sides) == 2 and min(sides) > 0 and 1 / _MOST <= sides[0] / sides[1] <= _MOST  # noqa: PLR2004


def to_scale(pixels: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """Return a film with square pixels, as large as it must be to lose none; the same if they are square.

    Parameters
    ----------
    pixels : uint8 array of shape (rows, columns)
    aspect : float
        A pixel's height over its width.
    """
    height, width = pixels.shape
    larger = (width, round(height * aspect)) if aspect > 1 else (round(width / aspect), height)
    if larger == (width, height):
        return pixels
    fit = min(1.0, math.sqrt(MAX_PIXELS / (larger[0] * larger[1])))
    size = (max(1, int(larger[0] * fit)), max(1, int(larger[1] * fit)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR), dtype=np.uint8).copy()
