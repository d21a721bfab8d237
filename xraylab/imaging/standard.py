"""
From a file's bytes to pixels: 256 × 256 for networks, the native resolution for people.

- a film is recognised here and decoded in another process, see ``apart``: this is the only way to its pixels
- the picture for people needs a decode of its own, unless the film is DICOM: a JPEG for networks is decoded
  at a smaller scale, which costs a fifth of the time
"""

import numpy as np
from numpy.typing import NDArray

from xraylab.imaging.apart import decoders, protocol
from xraylab.imaging.facts import StandardFilm
from xraylab.imaging.recognition import DICOM, recognise

# Raise it when the bytes that standardise() returns change for films as models learn from them. It stayed the
# same when DICOM films stored turned or mirrored were brought to the usual hanging, which all others had.
PREPROCESS_VERSION = 1


def standardise(data: bytes) -> StandardFilm:
    """Bring a file to the one size and grey scale that every network sees.

    Parameters
    ----------
    data : bytes
        A whole PNG, JPEG, TIFF, BMP, WebP or DICOM file.

    Returns
    -------
    StandardFilm
        uint8 pixels of shape (256, 256), turned to the usual hanging. The film is stretched to the square, so
        that no part is lost; the aspect ratio is not kept.

    Raises
    ------
    UnreadableImageError
        If the bytes are no such file, are damaged, hold several pictures, or too many or too few pixels; also
        if decoding takes too long, or stops the decoder.
    """
    return decoders().ask(_family(data), protocol.STANDARD, data).film


def decode(data: bytes) -> NDArray[np.uint8]:
    """Read a film at its native resolution, for display.

    Returns
    -------
    pixels : uint8 array of shape (height, width)
        Turned to the usual hanging; a DICOM film whose pixels aren't square is drawn to scale.

    Raises
    ------
    UnreadableImageError
        As for ``standardise``.
    """
    return decoders().ask(_family(data), protocol.PICTURE, data).pixels


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
    answer = decoders().ask(_family(data), protocol.BOTH, data)
    return answer.pixels, answer.film


def prepare_to_decode() -> None:
    """Start decoders in the background, so that the first film doesn't wait for them; return at once."""
    decoders().prepare()


def _family(data: bytes) -> str:
    """Return which decoders read a file; raise if it is no film."""
    return protocol.DICOM if recognise(data) == DICOM else protocol.PICTURES
