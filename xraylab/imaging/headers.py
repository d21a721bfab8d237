"""
What a film's file states beside its pixels, for a DICOM file that is made from it.

The file is read in another process, as its pixels are, see ``apart``.
"""

from xraylab.errors import UnreadableImageError
from xraylab.imaging.apart import decoders, protocol
from xraylab.imaging.film import Film
from xraylab.imaging.recognition import recognise


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


def _is_jpeg(film: Film) -> bool:
    try:
        return recognise(film.data) == "JPEG"
    except UnreadableImageError:
        return False
