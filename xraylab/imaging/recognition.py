"""
Recognise a film's format by its first bytes, never by its name.

- only bytes are compared: nothing of the file is decoded here
- ``IMAGE_SUFFIXES`` is the one list of names' endings, for looking through folders that hold other files too
"""

from xraylab.errors import UnreadableImageError

DICOM = "DICOM"
PREAMBLE, MARK = 128, b"DICM"  # offset and text of the mark that a DICOM file carries
EXPLICIT_VRS = frozenset(b"AE AS CS DA DT LO LT OB OW PN SH SQ ST TM UI UL UN US UT".split())

DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".dic"})
IMAGE_SUFFIXES = DICOM_SUFFIXES | {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi"),
    *(".tif", ".tiff", ".tf2", ".tf8", ".btf"),
    *(".png", ".bmp", ".dib", ".webp"),
}

_SIGNATURES: dict[bytes, str] = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00\x08\x00\x00\x00": "TIFF",  # BigTIFF, for files of more than 4 GB and those who write them so
    b"MM\x00+\x00\x08\x00\x00": "TIFF",
}
_BMP, _RIFF, _WEBP = b"BM", b"RIFF", b"WEBP"


def recognise(data: bytes) -> str:
    """Return a file's format, by its first bytes.

    Parameters
    ----------
    data : bytes
        The file, or its first few kilobytes.

    Returns
    -------
    str
        ``JPEG``, ``PNG``, ``TIFF``, ``BMP``, ``WEBP`` or ``DICOM``.

    Raises
    ------
    UnreadableImageError
        If the file is empty or in no format that is read.
    """
    if not data:
        raise UnreadableImageError("The file is empty (0 bytes). Export it again.")
    marked = data[PREAMBLE : PREAMBLE + len(MARK)] == MARK
    for signature, kind in _SIGNATURES.items():
        # A DICOM file may begin like a TIFF, so that programs for both can open it.
        if data.startswith(signature) and not (marked and kind == "TIFF"):
            return kind
    if marked or _begins_as_dicom(data):
        return DICOM
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return "WEBP"
    if data.startswith(_BMP) and data[6:10] == bytes(4):  # two letters alone could begin a text
        return "BMP"
    raise UnreadableImageError(
        "This is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image. Export the film as one of these."
    )


def is_film(data: bytes) -> bool:
    """Return whether a file begins like a film that can be read; the film may still be damaged."""
    try:
        recognise(data)
    except UnreadableImageError:
        return False
    return True


def is_dicom(data: bytes) -> bool:
    """Return whether a file is read as DICOM, with or without its mark."""
    try:
        return recognise(data) == DICOM
    except UnreadableImageError:
        return False


def _begins_as_dicom(data: bytes) -> bool:
    """Return whether a file without DICOM's mark begins with an element as only DICOM files do."""
    group, element = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2))
    if group in (0x0200, 0x0800):  # written with the big end first
        return data[2:3] == b"\0" and data[4:6] in EXPLICIT_VRS
    if group not in (0x0002, 0x0008) or element > 0xFF or len(data) < 16:  # noqa: PLR2004
        return False
    length = int.from_bytes(data[4:8], "little")
    return data[4:6] in EXPLICIT_VRS or (length % 2 == 0 and length <= min(len(data), 0xFFFF))
