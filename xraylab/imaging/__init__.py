"""
From bytes to a film.

- ``standardise`` is the only way from a file to a network: 256 × 256 grey bytes, stretched to the square
- ``decode`` gives the film as it is, for a person to look at
- nothing here touches the disk, and every input is taken for hostile until it has been read
"""

from xraylab.imaging.film import (
    CAPTION_ROWS,
    PHANTOM_MARK,
    PREPROCESS_VERSION,
    SIDE,
    FileFacts,
    Signs,
    StandardFilm,
    decode,
    is_dicom,
    is_film,
    standardise,
)

__all__ = [
    "CAPTION_ROWS",
    "PHANTOM_MARK",
    "PREPROCESS_VERSION",
    "SIDE",
    "FileFacts",
    "Signs",
    "StandardFilm",
    "decode",
    "is_dicom",
    "is_film",
    "standardise",
]
