"""
How the pixels of a DICOM film are packed: as its transfer syntax says, or as they plainly are.

- compressed pixels lie in fragments, and their own header shows how they are coded
- if that isn't what the file says, the pixels are read as they are, and a note says so
- exactly one picture may be there; sizes are checked before anything is unpacked
"""

from dataclasses import dataclass

from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from xraylab.errors import UnreadableImageError
from xraylab.imaging.decoding.codestream import JPEG, JPEG_2000, JPEG_LS, LOSSLESS_JPEG, Coded, coded
from xraylab.imaging.decoding.dicom_elements import text, whole
from xraylab.imaging.decoding.dicom_file import NATIVE, named
from xraylab.imaging.decoding.limits import check_scans

RLE, UNPACKED = "run lengths", "plain pixels"
_HALF_COLOUR = "YBR_FULL_422"
# How the pixels of each syntax are coded; the first syntax of a kind stands for what is coded so.
CODED_AS = {
    JPEGBaseline8Bit: JPEG,
    JPEGExtended12Bit: JPEG,
    JPEGLosslessSV1: LOSSLESS_JPEG,
    JPEGLossless: LOSSLESS_JPEG,
    JPEGLSLossless: JPEG_LS,
    JPEGLSNearLossless: JPEG_LS,
    JPEG2000: JPEG_2000,
    JPEG2000Lossless: JPEG_2000,
    HTJ2KLossless: JPEG_2000,
    HTJ2KLosslessRPCL: JPEG_2000,
    HTJ2K: JPEG_2000,
    RLELossless: RLE,
}

_ITEM = b"\xfe\xff\x00\xe0"
_NO_LENGTH = 0xFFFFFFFF
_END_OF_PICTURE = b"\xff\xd9"
_RLE_HEADER, _MOST_SEGMENTS = 64, 15
_EIGHT_BITS = 8

_OTHERWISE = "The file's pixels aren't packed as it says ({}) but as {}; they were read so."
_UNENDED = "The end of the file's compressed pixels is missing; the picture itself is whole."
_BARE = "The file's compressed picture doesn't lie in fragments; it was read all the same."
_IN_FRAGMENTS = "The file's uncompressed pixels lie in fragments; they were read all the same."
_UNNAMED = (
    "The DICOM file doesn't say how its pixels are packed. Export it again, with file meta information."
)
_FULL_COLOUR = "The file's colours aren't packed as it says (YBR_FULL_422) but in full; they were read so."


@dataclass(frozen=True)
class Packing:
    """How the pixels are packed; the data set holds them so."""

    syntax: UID
    precision: int  # bits per sample that were packed
    notes: list[str]


@dataclass(frozen=True)
class _Fragments:
    """Compressed pixels in the pieces in which a file holds them."""

    pieces: list[bytes]
    pictures: int
    whole: bool  # False if the last piece is shorter than it says


def settle_packing(ds: FileDataset, *, unended: bool) -> Packing:
    """Find how the pixels are packed, and have the data set say so.

    Parameters
    ----------
    ds : FileDataset
        Its layout must be settled.
    unended : bool
        Whether the end of the fragments was missing.

    Raises
    ------
    UnreadableImageError
        If there isn't exactly one picture of the size that the file says, or it is packed in no known way.
    """
    said, value = ds.file_meta.TransferSyntaxUID, ds.PixelData or b""
    notes = []
    fragmented = getattr(ds["PixelData"], "is_undefined_length", False) or (
        value.startswith(_ITEM) and not (said in NATIVE and len(value) - _length(ds) in (0, 1))
    )
    if fragmented:
        value = _single(_fragments(ds), unended=unended)
        notes += [_UNENDED] if unended else []
    header = coded(value)
    if header and said in NATIVE and not fragmented and not _fits(header, ds):
        header = None  # pixels that happen to begin like a picture
    kind = header.kind if header else _kind_without_header(value, ds)
    if not kind and (fragmented or said not in NATIVE):
        raise UnreadableImageError(_unknown(said))
    if kind in ("", UNPACKED):
        notes += [*_check_unpacked(ds, value), *([_IN_FRAGMENTS] if fragmented else [])]
        kind = UNPACKED
    else:
        _check_packed(ds, value, header)
        notes += [] if fragmented else [_BARE]
    if kind != CODED_AS.get(said, UNPACKED):
        notes.append(_OTHERWISE.format(named(said), kind))
        said = next((syntax for syntax, coding in CODED_AS.items() if coding == kind), ExplicitVRLittleEndian)
        ds.file_meta.TransferSyntaxUID = said
    if notes:
        ds.PixelData = value if kind == UNPACKED else encapsulate([value])
    return Packing(said, header.precision if header else whole(ds, "BitsAllocated"), notes)


def _pieces(value: bytes) -> tuple[list[bytes], bool]:
    """Return the items of compressed pixels, a table first, and whether the last one is whole."""
    pieces: list[bytes] = []
    at = 0
    while value[at : at + 4] == _ITEM:
        length = int.from_bytes(value[at + 4 : at + 8], "little")
        if length == _NO_LENGTH or at + 8 + length > len(value):
            return pieces, False
        pieces.append(value[at + 8 : at + 8 + length])
        at += 8 + length
    return pieces, True


def _fragments(ds: FileDataset) -> _Fragments:
    items, complete = _pieces(ds.PixelData)
    table, pieces = b"".join(items[:1]), items[1:]
    # A picture may lie in several pieces, so count where pictures begin, and what the tables list.
    begun = sum(coded(piece) is not None or _is_rle(piece) for piece in pieces)
    listed = max(len(table) // 4, len(ds.get("ExtendedOffsetTable") or b"") // 8)
    return _Fragments(pieces, max(begun, listed if listed <= len(pieces) else 0), complete)


def _single(fragments: _Fragments, *, unended: bool) -> bytes:
    """Return the picture of fragments, which must hold one, whole."""
    if fragments.pictures > 1:
        raise UnreadableImageError(too_many(fragments.pictures))
    picture = b"".join(fragments.pieces)
    ends = coded(picture) is None or picture.rstrip(b"\0").endswith(_END_OF_PICTURE)
    if not fragments.whole or (unended and not ends):
        raise UnreadableImageError(
            "The DICOM file is cut off: its compressed picture isn't there to its end. Copy it again."
        )
    return picture


def too_many(pictures: int) -> str:
    """Write why a file of several pictures is refused."""
    return f"The DICOM file holds {pictures} pictures, and a film is one. Export the one to read on its own."


def _unknown(said: UID) -> str:
    if said in NATIVE:
        return _UNNAMED
    return (
        f"The DICOM file's pixels aren't packed as it says ({named(said)}), nor in another known way. Export "
        "it again."
    )


def _kind_without_header(value: bytes, ds: FileDataset) -> str:
    if _is_rle(value):
        return RLE
    pictures, left = divmod(len(value), _length(ds))
    return UNPACKED if pictures and left <= 1 else ""  # an odd number of bytes is filled up


def _is_rle(value: bytes) -> bool:
    """Return whether bytes begin with a header of run-length codes: their number, and where each begins."""
    segments, first = (int.from_bytes(value[at : at + 4], "little") for at in (0, 4))
    return 0 < segments <= _MOST_SEGMENTS and first == _RLE_HEADER


def _length(ds: FileDataset) -> int:
    """Return the bytes that the pixels of one picture take when they aren't compressed."""
    samples = whole(ds, "Rows") * whole(ds, "Columns") * whole(ds, "SamplesPerPixel")
    length = samples * whole(ds, "BitsAllocated") // 8
    return length * 2 // 3 if text(ds, "PhotometricInterpretation") == _HALF_COLOUR else length


def _check_unpacked(ds: FileDataset, value: bytes) -> list[str]:
    """Reject uncompressed pixels of more or less than one picture; settle how colours are packed."""
    notes = []
    length = _length(ds)
    if text(ds, "PhotometricInterpretation") == _HALF_COLOUR and length * 3 // 2 <= len(value) < length * 2:
        ds.PhotometricInterpretation = "YBR_FULL"
        notes, length = [_FULL_COLOUR], _length(ds)
    if len(value) < length:
        raise UnreadableImageError(
            f"The DICOM file is damaged or cut off: it holds {len(value)} of {length} bytes of pixels. "
            "Copy it again."
        )
    if len(value) >= 2 * length:
        raise UnreadableImageError(too_many(len(value) // length))
    return notes


def _check_packed(ds: FileDataset, frame: bytes, header: Coded | None) -> None:
    """Reject a compressed picture of another size, before it is decoded, or one that would take too long."""
    # A run-length code has no size of its own; at worst it doubles the bytes, plus its header.
    if not (_fits(header, ds) if header else len(frame) <= 2 * _length(ds) + _RLE_HEADER):
        raise UnreadableImageError(
            "The DICOM file's compressed picture is not of the size that its header says. Export it again."
        )
    if header and header.kind != JPEG_2000:
        check_scans(frame)
    if header and header.kind == JPEG and header.precision > _EIGHT_BITS:
        raise UnreadableImageError(
            "The DICOM file is a JPEG of 12 bits, which isn't read. Export it uncompressed."
        )


def _fits(header: Coded, ds: FileDataset) -> bool:
    return (header.width, header.height) == (whole(ds, "Columns"), whole(ds, "Rows"))
