"""
How a DICOM film hangs: which way up its picture is shown, and how large it is in millimetres.

- a film that is stored turned or mirrored is brought to the usual hanging once, before anything sees it: the
  patient's right on the left, feet down; a lateral film is only turned, since it hangs either way
- an orientation that is missing, oblique or makes no sense changes nothing

References
----------
DICOM PS3.3 C.7.6.1.1.1 (Patient Orientation) and 10.7.1.3 (the spacings).
"""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from xraylab.imaging.decoding.dicom_elements import numbers, text, texts
from xraylab.imaging.decoding.dicom_shape import possible
from xraylab.imaging.facts import Hung, Orientation

_ACROSS, _UPRIGHT = frozenset("LRAP"), frozenset("HF")
_MIRRORED, _HEAD_DOWN = "R", "H"
_OTHER_WAY = dict(zip("LRAPHF", "RLPAFH", strict=True))
_CALIBRATED = frozenset(["GEOMETRY", "FIDUCIAL"])
_LEAST, _MOST = 0.005, 5.0  # mm; a spacing beyond them is a mistake
_ALIKE = 1e-3

_At = Literal["detector", "patient", "scan", "file"]


@dataclass(frozen=True)
class Hanging:
    """What brings a stored picture to the usual hanging, in this order, and where it then leads."""

    swap: bool = False  # rows become columns
    mirror: bool = False  # left and right are exchanged
    flip: bool = False  # top and bottom are exchanged
    orientation: Orientation | None = None

    def hung(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture as it hangs; the same object if nothing changes."""
        if not (self.swap or self.mirror or self.flip):
            return pixels
        turned = pixels.T if self.swap else pixels
        turned = turned[:, ::-1] if self.mirror else turned
        return np.ascontiguousarray(turned[::-1] if self.flip else turned)

    @property
    def notes(self) -> list[str]:
        """What was done to the stored picture, in a sentence; empty if nothing was."""
        mirrored, turned = self.swap ^ self.mirror ^ self.flip, self.swap or self.flip
        done = " and ".join(["mirrored"] * mirrored + ["turned"] * turned)
        if not done:
            return []
        shown = "upright" if turned else ""
        if self.orientation == "LF":
            shown = f"{shown} with the patient's right on the left".strip()
        return [f"Stored {done}; shown {shown}."]


def hanging_of(ds: FileDataset) -> Hanging:
    """Return how a film has to be turned or mirrored."""
    leads = [value.upper() for value in texts(ds, "PatientOrientation")]
    if len(leads) != 2:  # noqa: PLR2004 (rows and columns)
        return Hanging()
    across, down = leads
    swap = across in _UPRIGHT
    if swap:
        across, down = down, across
    if across not in _ACROSS or down not in _UPRIGHT:
        return Hanging()
    flip = down == _HEAD_DOWN
    # A frontal film hangs with the patient's right on the left. A lateral one is never mirrored.
    mirror = across == _MIRRORED if across in "LR" else swap ^ flip
    return Hanging(swap, mirror, flip, cast(Orientation, (_OTHER_WAY[across] if mirror else across) + "F"))


def hung_of(ds: FileDataset, hanging: Hanging, shape: tuple[int, int]) -> Hung:
    """Return orientation and size of a film as it is shown.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns, as stored.
    """
    spacing, at = _spacing(ds)
    if not spacing:
        return Hung(hanging.orientation)
    height, width = (side * number for side, number in zip(spacing, shape, strict=True))
    return Hung(hanging.orientation, (width, height) if hanging.swap else (height, width), at)


def _spacing(ds: FileDataset) -> tuple[list[float], _At | None]:
    """Return the distance of rows and of columns in millimetres, and where it is true."""
    own, detector = _usable(ds, "PixelSpacing"), _usable(ds, "ImagerPixelSpacing")
    if own:
        return own, _where(ds, own, detector)
    if detector:
        return detector, "detector"
    scanned = _usable(ds, "NominalScannedPixelSpacing")
    return scanned, "scan" if scanned else None


def _where(ds: FileDataset, own: list[float], detector: list[float]) -> _At:
    if text(ds, "PixelSpacingCalibrationType").upper() in _CALIBRATED:
        return "patient"
    if not detector:  # the standard leaves open what such a spacing means
        return "file"
    return "detector" if np.allclose(own, detector, rtol=_ALIKE) else "patient"


def _usable(ds: FileDataset, keyword: str) -> list[float]:
    sides = numbers(ds, keyword)
    return sides if possible(sides) and all(_LEAST <= side <= _MOST for side in sides) else []
