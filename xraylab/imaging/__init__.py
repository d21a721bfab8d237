"""
From bytes to a film.

- ``Film`` holds a file and makes from it what is needed; it is what the other rooms pass on
- ``standardise`` is the only way from a file to a network: 256 × 256 grey bytes, stretched to the square
- ``decode`` gives the film at its native resolution, for a person to look at
- both have the film decoded in a process of its own, with limits: see ``apart`` and ``decoding``
- nothing here touches the disk, and every input counts as hostile until it has been read
"""

from xraylab.imaging.facts import (
    CAPTION_ROWS,
    PHANTOM_MARK,
    SIDE,
    FileFacts,
    Hung,
    Signs,
    StandardFilm,
    is_lateral,
)
from xraylab.imaging.film import Film, Refused
from xraylab.imaging.recognition import DICOM_SUFFIXES, IMAGE_SUFFIXES, is_dicom, is_film
from xraylab.imaging.standard import PREPROCESS_VERSION, decode, prepare_to_decode, standardise

__all__ = [
    "CAPTION_ROWS",
    "DICOM_SUFFIXES",
    "IMAGE_SUFFIXES",
    "PHANTOM_MARK",
    "PREPROCESS_VERSION",
    "SIDE",
    "FileFacts",
    "Film",
    "Hung",
    "Refused",
    "Signs",
    "StandardFilm",
    "decode",
    "is_dicom",
    "is_film",
    "is_lateral",
    "prepare_to_decode",
    "standardise",
]
