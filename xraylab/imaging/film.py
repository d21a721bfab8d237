"""
A film as one object: its file, and what is made from it when it is first needed.

- ``standard`` is for networks, ``picture`` for people; each is decoded once and kept until it is dropped
- a DICOM file is decoded once for both if the picture is needed first
- a film lives in memory only; its name may identify a patient and is never logged
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xraylab.imaging.facts import FileFacts, Hung, Signs, StandardFilm
from xraylab.imaging.recognition import is_dicom
from xraylab.imaging.standard import decode, decode_dicom, standardise


@dataclass(frozen=True)
class Refused:
    """A file that can't be read, and the reason."""

    name: str = field(repr=False)  # as the user calls the file
    why: str  # a sentence for people


class Film:
    """A film's file with its pixels, tags and hash.

    Everything but name and data is computed when it is first used and kept. Two threads that use a film
    for the first time at the same moment may both decode it; the result is the same.

    Parameters
    ----------
    name : str
        As the user calls the file; it may identify a patient.
    data : bytes
        The whole file: PNG, JPEG, TIFF, BMP, WebP or DICOM. It is recognised by its content.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        self._standard: StandardFilm | None = None
        self._picture: NDArray[np.uint8] | None = None
        self._facts: FileFacts | None = None  # facts, signs and hanging are small, so they outlive the pixels
        self._signs: Signs | None = None
        self._hung: Hung | None = None

    def __repr__(self) -> str:
        # Without the name: a repr can end up in a log.
        return f"<Film of {len(self.data)} bytes>"

    @cached_property
    def sha256(self) -> str:
        """Hash of the whole file, as 64 hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def is_dicom(self) -> bool:
        """Whether the file is read as DICOM, with or without its mark."""
        return is_dicom(self.data)

    @property
    def standard(self) -> StandardFilm:
        """The film as networks see it, 256 × 256 pixels.

        Raises
        ------
        UnreadableImageError
            If the file can't be read; see ``standardise``.
        """
        return self._standard or self._keep(standardise(self.data))

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The film at its native resolution for display, uint8 (height, width).

        Raises
        ------
        UnreadableImageError
            If the file can't be read; see ``standardise``.
        """
        if self._picture is None:
            if self.is_dicom:
                self._picture, standard = decode_dicom(self.data)
                self._keep(standard)
            else:
                self._picture = decode(self.data)
        return self._picture

    @property
    def facts(self) -> FileFacts:
        """Format, size and depth of the file; kept after the pixels are dropped."""
        return self._facts or self.standard.facts

    @property
    def signs(self) -> Signs:
        """Colour and tags of the film; kept after the pixels are dropped."""
        return self._signs or self.standard.signs

    @property
    def hung(self) -> Hung:
        """Orientation and size of the film as it is shown; kept after the pixels are dropped."""
        return self._hung or self.standard.hung

    def drop_picture(self) -> None:
        """Free the native-resolution picture; it is decoded again if it is needed again."""
        self._picture = None

    def drop_pixels(self) -> None:
        """Free the picture and the standard film; facts, signs and hash stay."""
        self._picture = self._standard = None

    def _keep(self, standard: StandardFilm) -> StandardFilm:
        self._standard, self._hung = standard, standard.hung
        self._facts, self._signs = standard.facts, standard.signs
        return standard
