"""
What is passed on of a film: its pixels for networks, and facts that its file states.

- ``FileFacts`` describe the file, ``Signs`` the film; neither holds anything that identifies a patient
- both are small, so they may be kept after the pixels are dropped
- only plain data: a decoder's process and its caller both load this module
"""

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

SIDE = 256  # of a film as networks see it
MAX_PIXELS = 100_000_000  # a film plate at 0.1 mm has 18 million
PHANTOM_MARK = "xraylab-phantom"  # PNG text key of a teaching phantom
CAPTION_ROWS = 24  # rows below an exported phantom that say SYNTHETIC
_LATERAL = re.compile(r"LL\b|RL\b|.*LAT")


def is_lateral(view: str) -> bool:
    """Return whether a view, as DICOM writes it, is a lateral one."""
    return _LATERAL.match(view) is not None


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


@dataclass(frozen=True, eq=False)
class StandardFilm:
    """A film as networks see it, with what its file states."""

    pixels: NDArray[np.uint8]  # (256, 256)
    facts: FileFacts
    signs: Signs = field(default_factory=Signs)
