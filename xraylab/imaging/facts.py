"""
Facts that a file states about its film, in addition to the grey values.

- ``FileFacts`` describe the file, ``Signs`` the film; neither holds anything that identifies a patient
- both are small, so they may be kept after the pixels are dropped
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

_SMALL = 64  # pixels; the side at which the colour of a film is measured


@dataclass(frozen=True)
class FileFacts:
    """Properties of the file itself; the catalog keeps them, since a network may learn them as shortcuts."""

    format: str
    bytes: int
    width: int  # pixels, as stored in the file
    height: int
    bits: int  # per sample, as stored
    quant_sum: int | None  # sum of the first JPEG quantisation table; None for other formats
    synthetic: bool  # a teaching phantom


@dataclass(frozen=True)
class Signs:
    """Colour and DICOM tags of a film; nothing that identifies a patient."""

    colour: float = 0.0  # mean distance between the largest and the smallest of a pixel's channels, 0 to 255
    modality: str | None = None  # as DICOM writes it: CR, DX, CT
    view: str | None = None  # as DICOM writes it: PA, AP, LL
    body_part: str | None = None  # as DICOM writes it: CHEST
    age: float | None = None  # years
    raw: bool = False  # raw data of the detector, not processed for viewing
    notes: tuple[str, ...] = ()  # what was assumed or is doubtful about the grey scale, in sentences


def colour_of(image: Image.Image) -> float:
    """Return how coloured an image is.

    Parameters
    ----------
    image : PIL.Image.Image
        In any mode and size; it is measured at 64 × 64 pixels at most.

    Returns
    -------
    float
        Mean distance between the largest and the smallest channel of a pixel, 0 to 255.
    """
    # A palette may hold transparency, which Pillow converts without a warning only by way of RGBA.
    rgb = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else image.convert("RGB")
    if max(rgb.size) > _SMALL:
        rgb = rgb.resize((_SMALL, _SMALL), Image.Resampling.BOX)
    return float(np.ptp(np.asarray(rgb).astype(np.int16), axis=2).mean())
