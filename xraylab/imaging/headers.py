"""
What a film's file states beside its pixels, for a DICOM file that is made from it.

The file is read in another process, as its pixels are, see ``apart``.
"""

import io
from dataclasses import dataclass

from xraylab.errors import UnreadableImageError
from xraylab.imaging.apart import decoders, protocol
from xraylab.imaging.film import Film
from xraylab.imaging.recognition import recognise

_IDENTITY = ("SOPInstanceUID", "StudyInstanceUID", "PatientID")


@dataclass(frozen=True)
class Identity:
    """What a film, its study and its patient are called in DICOM; empty if the file doesn't say."""

    film: str
    study: str
    patient: str


def lossy_before(film: Film) -> bool | None:
    """Return whether a film was ever compressed with loss; None if its file doesn't say."""
    if not film.is_dicom:
        return True if _is_jpeg(film) else None
    try:
        return decoders().ask(protocol.DICOM, protocol.LOSSY, film.data).lossy
    except UnreadableImageError:  # a damaged header doesn't say it
        return None


def study_of(film: Film) -> bytes:
    """Return patient and study of a DICOM film, as a DICOM file without pixels; it identifies the patient.

    Raises
    ------
    UnreadableImageError
        If they can't be read, or no study is named.
    """
    return decoders().ask(protocol.DICOM, protocol.STUDY, film.data).study


def identity_of(film: Film) -> Identity:
    """Return by what a DICOM film, its study and its patient are known; it identifies the patient.

    Raises
    ------
    UnreadableImageError
        If it isn't DICOM, or they can't be read.
    """
    if not film.is_dicom:
        raise UnreadableImageError("This is not a DICOM file.")
    import pydicom  # imported here: slow to load, and few films are asked for this

    # Written anew by the other process, so this isn't the file of a stranger.
    elements = pydicom.dcmread(io.BytesIO(study_of(film)))
    return Identity(*(str(elements.get(keyword, "")).strip() for keyword in _IDENTITY))


def _is_jpeg(film: Film) -> bool:
    try:
        return recognise(film.data) == "JPEG"
    except UnreadableImageError:
        return False
