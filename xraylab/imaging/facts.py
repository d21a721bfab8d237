"""
What is passed on of a film: its pixels for networks, and facts that its file states.

- ``FileFacts`` describe the file, ``Signs`` the film; neither holds anything that identifies a patient
- ``Hung`` is how the film is shown; these three are small, so they may be kept after the pixels are dropped
- only plain data: a decoder's process and its caller both load this module
"""

import re
from dataclasses import dataclass, field
from typing import Literal

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


Orientation = Literal["LF", "AF", "PF"]  # where rows and columns of a picture lead, as DICOM writes it
_MEASURED_AT = {
    "detector": "at the detector",
    "patient": "in the patient, as the file was calibrated",
    "scan": "on the film that was scanned",
    "file": "as the file states",
}


@dataclass(frozen=True)
class Hung:
    """How a film hangs as it is shown; nothing of it is known of most files."""

    orientation: Orientation | None = None  # LF: the patient's right is on the left, and the feet are down
    size_mm: tuple[float, float] | None = None  # height and width of the whole film
    at: Literal["detector", "patient", "scan", "file"] | None = None  # where these millimetres are true

    @property
    def measured_at(self) -> str:
        """Where a length in millimetres is true, in words; empty without a size."""
        return _MEASURED_AT[self.at] if self.at else ""


@dataclass(frozen=True)
class Signs:
    """Colour and DICOM tags of a film; nothing that identifies a patient."""

    colour: float = 0.0  # mean distance between the largest and the smallest of a pixel's channels, 0 to 255
    modality: str | None = None  # as DICOM writes it: CR, DX, CT
    view: str | None = None  # as DICOM writes it: PA, AP, LL
    body_part: str | None = None  # as DICOM writes it: CHEST
    age: float | None = None  # years
    raw: bool = False  # raw data of the detector, not processed for viewing
    notes: tuple[str, ...] = ()  # what was assumed or done, or is doubtful about the film, in sentences


@dataclass(frozen=True, eq=False)
class StandardFilm:
    """A film as networks see it, with what its file states."""

    pixels: NDArray[np.uint8]  # (256, 256)
    facts: FileFacts
    signs: Signs = field(default_factory=Signs)
    hung: Hung = Hung()
