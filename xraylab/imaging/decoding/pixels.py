"""
From a file's bytes to pixels: 256 × 256 for networks, the native resolution for people.

- runs in a decoder's process only; everything else asks through ``imaging.standard``
- DICOM goes through ``dicom``, all other formats through ``raster``
- a JPEG is decoded at the smallest scale that still covers the square, which costs a fifth of the time;
  the picture for people therefore needs a decode of its own
- one decode of a DICOM file gives both
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xraylab.imaging.decoding import raster
from xraylab.imaging.decoding.colour import colour_of
from xraylab.imaging.decoding.guard import guarded
from xraylab.imaging.facts import SIDE, FileFacts, Signs, StandardFilm
from xraylab.imaging.recognition import DICOM, recognise

if TYPE_CHECKING:
    from xraylab.imaging.decoding.dicom import DicomFilm

_SMALL = (64, 64)  # pixels; enough to measure the colour of a JPEG


def standardise(data: bytes) -> StandardFilm:
    """Bring a file to the one size and grey scale that every network sees.

    Parameters
    ----------
    data : bytes
        A whole PNG, JPEG, TIFF, BMP, WebP or DICOM file.

    Returns
    -------
    StandardFilm
        uint8 pixels of shape (256, 256). The film is stretched to the square, so that no part is lost; the
        aspect ratio is not kept.

    Raises
    ------
    UnreadableImageError
        If the bytes are no such file, are damaged, hold several pictures, or too many or too few pixels.
    """
    kind = recognise(data)
    if kind == DICOM:
        return _standard_of(_read_dicom(data), data)
    return _standardise_raster(data, kind)


def decode(data: bytes) -> NDArray[np.uint8]:
    """Read a film at its native resolution, for display.

    Returns
    -------
    pixels : uint8 array of shape (height, width)
        A DICOM film whose pixels aren't square is drawn to scale.

    Raises
    ------
    UnreadableImageError
        As for ``standardise``.
    """
    kind = recognise(data)
    if kind == DICOM:
        return _read_dicom(data).drawn
    with raster.opened(data, kind) as image:
        facts = raster.facts_of(data, image)
        picture, _ = raster.eight_bits(data, image)
        grey = raster.grey_of(picture, synthetic=facts.synthetic)
        return np.asarray(grey, dtype=np.uint8).copy()


def decode_dicom(data: bytes) -> tuple[NDArray[np.uint8], StandardFilm]:
    """Read a DICOM file once, for display and for networks.

    Returns
    -------
    pixels : uint8 array of shape (height, width)
    standard : StandardFilm

    Raises
    ------
    UnreadableImageError
        As for ``standardise``.
    """
    film = _read_dicom(data)
    return film.drawn, _standard_of(film, data)


def _standardise_raster(data: bytes, kind: str) -> StandardFilm:
    with raster.opened(data, kind) as image:
        facts, stored = raster.facts_of(data, image), image.mode
        if image.mode in ("L", "RGB"):
            image.draft("L", (SIDE, SIDE))  # only JPEG has drafts; other formats ignore it
        picture, notes = raster.eight_bits(data, image)
        notes += raster.turned(image, picture)
        grey = raster.grey_of(picture, synthetic=facts.synthetic)
        colour = 0.0 if stored in raster.GREY_MODES or kind == "JPEG" else colour_of(picture)
    if kind == "JPEG" and stored not in raster.GREY_MODES:
        # The grey draft has lost the colour: open the file again, at the smallest scale.
        with raster.opened(data, kind) as image:
            image.draft("RGB", _SMALL)
            colour = colour_of(image)
    return StandardFilm(_square(grey), facts, Signs(colour=colour, notes=notes))


def _read_dicom(data: bytes) -> "DicomFilm":
    with guarded():
        from xraylab.imaging.decoding import dicom  # late: it loads pydicom, which most films don't need

        return dicom.read(data)


def _standard_of(film: "DicomFilm", data: bytes) -> StandardFilm:
    height, width = film.stored
    facts = FileFacts("DICOM", len(data), width, height, film.bits, None, synthetic=False)
    return StandardFilm(_square(Image.fromarray(film.pixels)), facts, film.signs, film.hung)


def _square(grey: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.uint8).copy()
