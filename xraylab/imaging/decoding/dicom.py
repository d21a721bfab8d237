"""
Read a DICOM file: parse it, check it, and unpack its pixels.

- ``dicom_grey`` turns stored values into grey, ``dicom_signs`` reads the tags
- only the elements that are needed to draw and judge the film are parsed; nothing that identifies a patient
  leaves this module, neither in a result nor in a sentence
- sizes are checked in the header and in the compressed picture before anything is decoded
- this module loads pydicom, so import it only for a file that is DICOM
"""

import re
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
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
from xraylab.imaging.decoding.colour import colour_of
from xraylab.imaging.decoding.dicom_elements import whole
from xraylab.imaging.decoding.dicom_grey import eight_bits, shown
from xraylab.imaging.decoding.dicom_signs import signs_of
from xraylab.imaging.decoding.limits import check_scans, check_size
from xraylab.imaging.facts import MAX_PIXELS, Signs
from xraylab.imaging.recognition import EXPLICIT_VRS, MARK, PREAMBLE

_NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian}
# The package that unpacks each syntax is named, so that another installed one never changes a film. GDCM
# only unpacks what no other package can.
_PLUGINS = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
    RLELossless: "pylibjpeg",
}
_NEEDED = (
    "SOPClassUID PixelData FloatPixelData DoubleFloatPixelData Rows Columns SamplesPerPixel BitsAllocated "
    "BitsStored HighBit PixelRepresentation PhotometricInterpretation PlanarConfiguration NumberOfFrames "
    "ExtendedOffsetTable ExtendedOffsetTableLengths PixelPaddingValue PixelPaddingRangeLimit RescaleSlope "
    "RescaleIntercept ModalityLUTSequence VOILUTSequence WindowCenter WindowWidth VOILUTFunction "
    "PresentationLUTShape PresentationIntentType Modality ViewPosition ViewCodeSequence BodyPartExamined "
    "PatientAge PatientBirthDate StudyDate SeriesDate AcquisitionDate ContentDate "
    "RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
    "BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData "
    "BluePaletteColorLookupTableData SegmentedRedPaletteColorLookupTableData "
    "SegmentedGreenPaletteColorLookupTableData SegmentedBluePaletteColorLookupTableData"
)
_TAGS = [tag for tag in map(tag_for_keyword, _NEEDED.split()) if tag is not None]

_MAX_INFLATED = 512 * 2**20  # bytes of a deflated data set
_JPEG = b"\xff\xd8"
_META = 2  # the group of the file meta
_BITS = (8, 16, 32)


@dataclass(frozen=True, eq=False)
class DicomFilm:
    """A film as a screen shows it."""

    pixels: NDArray[np.uint8]  # (rows, columns)
    bits: int  # per sample, as stored
    signs: Signs


def read(data: bytes) -> DicomFilm:
    """Bring a DICOM file to 8 bits of grey, black for air.

    Parameters
    ----------
    data : bytes
        A whole file, with or without preamble and file meta.

    Returns
    -------
    DicomFilm
        At native resolution.

    Raises
    ------
    UnreadableImageError
        If the file doesn't hold exactly one picture, or its size or packing isn't read. The decoders may
        raise other exceptions on a damaged file; call this inside ``guard.guarded``.
    """
    ds = _parsed(data)
    _check(ds)
    stored = _unpacked(ds)
    notes: list[str] = []
    colour = 0.0
    if stored.ndim == 3:  # noqa: PLR2004 (rows, columns, channels)
        picture = Image.fromarray(eight_bits(stored, ds))
        pixels, colour = np.asarray(picture.convert("L")).copy(), colour_of(picture)
    else:
        pixels, notes = shown(stored, ds)
    signs = signs_of(ds, colour=colour, notes=tuple(notes))
    return DicomFilm(pixels, whole(ds, "BitsStored"), signs)


def _parsed(data: bytes) -> FileDataset:
    """Read the elements that are needed, and set how the pixels are packed."""
    start = PREAMBLE + len(MARK) if data[PREAMBLE : PREAMBLE + len(MARK)] == MARK else 0
    file = BytesIO(data)
    file.seek(start)
    meta = FileMetaDataset()
    if data[start : start + 2] == b"\x02\x00":
        meta = FileMetaDataset(read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != _META))
    first = data[file.tell() : file.tell() + 6]
    syntax = UID(str(meta.get("TransferSyntaxUID", "")).strip()) or _guessed(first)
    if syntax == DeflatedExplicitVRLittleEndian:
        file, syntax = BytesIO(_inflated(data[file.tell() :])), ExplicitVRLittleEndian
    if syntax not in _NATIVE and syntax not in _PLUGINS:
        raise UnreadableImageError(
            f"The DICOM file's pixels are packed in a way that isn't read ({_named(syntax)}). Export it "
            "uncompressed."
        )
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    elements = read_dataset(file, implicit, little, specific_tags=list(_TAGS))
    kind = meta.get("MediaStorageSOPClassUID")
    meta = FileMetaDataset()  # a new one: the file's own may hold damaged elements
    meta.TransferSyntaxUID = syntax
    ds = FileDataset("", elements, file_meta=meta, is_implicit_VR=implicit, is_little_endian=little)
    if kind and "SOPClassUID" not in ds:
        ds.SOPClassUID = kind
    return ds


def _guessed(first: bytes) -> UID:
    """Guess the transfer syntax of a file without file meta by its first element."""
    if first[:1] == b"\x00":
        return ExplicitVRBigEndian
    return ExplicitVRLittleEndian if first[4:6] in EXPLICIT_VRS else ImplicitVRLittleEndian


def _inflated(packed: bytes) -> bytes:
    """Unpack a deflated data set, and no more of it than the limit."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpacker.decompress(packed, _MAX_INFLATED)
    if unpacker.unconsumed_tail:
        raise UnreadableImageError(
            f"The DICOM file would unpack to more than {_MAX_INFLATED // 2**20} MB, which no radiograph "
            "does. Export it again."
        )
    return data


def _named(syntax: UID) -> str:
    """Return the standard's name of a transfer syntax, or its number if it has no name."""
    if syntax.is_transfer_syntax and not syntax.is_private:
        return str(syntax.name)
    uid = str(syntax)
    # Only digits and dots are repeated in the sentence: the element could hold any text, even a name.
    return f"transfer syntax {uid}" if re.fullmatch(r"[0-9.]{1,64}", uid) else "no known transfer syntax"


def _check(ds: FileDataset) -> None:
    """Reject a file without exactly one picture of a usual size, before anything is unpacked."""
    if "PixelData" not in ds:
        raise UnreadableImageError(_no_picture(ds))
    frames = whole(ds, "NumberOfFrames", 1)
    if frames > 1:
        raise UnreadableImageError(
            f"The DICOM file holds {frames} pictures, and a film is one. Export the one to read on its own."
        )
    check_size(whole(ds, "Columns"), whole(ds, "Rows"))
    samples, bits = whole(ds, "SamplesPerPixel", 1), whole(ds, "BitsAllocated")
    if samples not in (1, 3):
        raise UnreadableImageError(
            f"The DICOM file has {samples} samples per pixel; only 1 (grey) and 3 are read."
        )
    if bits not in _BITS:
        raise UnreadableImageError(
            f"Samples of {bits} bits in a DICOM file aren't read, only 8, 16 and 32. Export it again."
        )
    if whole(ds, "Columns") * whole(ds, "Rows") * samples > MAX_PIXELS:
        raise UnreadableImageError("The DICOM file has too many pixels for a radiograph. Export it smaller.")


def _no_picture(ds: FileDataset) -> str:
    """Write why a file without pixels is refused, with its kind if the standard names it."""
    kind = UID(str(ds.get("SOPClassUID", "")))
    if "FloatPixelData" in ds or "DoubleFloatPixelData" in ds:
        return "The DICOM file holds a map of measurements and no film. Export the film itself."
    # The standard's names alone are repeated: an unknown UID could hold any text.
    name = str(kind.name if kind.type == "SOP Class" else "").removesuffix(" Storage")
    described = f"is of the kind “{name}” and" if name else "has no pixels: it"
    return f"The DICOM file {described} holds no picture. Export the film itself."


def _unpacked(ds: FileDataset) -> NDArray[Any]:
    """Return the stored values: (rows, columns), or (rows, columns, 3) in RGB."""
    syntax = ds.file_meta.TransferSyntaxUID
    plugin = _PLUGINS.get(syntax, "")
    if plugin:
        _check_frame(get_frame(ds.PixelData, 0, number_of_frames=1), ds)
        if syntax == JPEGExtended12Bit and whole(ds, "BitsStored") > 8:  # noqa: PLR2004
            raise UnreadableImageError(
                "The DICOM file is a JPEG of 12 bits, which isn't read. Export it uncompressed."
            )
    elif getattr(ds["PixelData"], "is_undefined_length", False):
        raise UnreadableImageError(
            "The DICOM file doesn't say how its pixels are packed. Export it again, with "
            "file meta information."
        )
    try:
        array, meta = get_decoder(syntax).as_array(ds, decoding_plugin=plugin)
    except BaseException as error:
        # The run-length decoder is written in Rust, and its panic isn't an Exception.
        if type(error).__name__ == "PanicException":
            raise ValueError("the decoder gave up") from error
        raise
    if str(meta["photometric_interpretation"]) == "PALETTE COLOR":
        return apply_color_lut(array, ds)
    return array


def _check_frame(frame: bytes, ds: FileDataset) -> None:
    """Reject a compressed picture whose own header states another size, before it is decoded."""
    columns, rows = whole(ds, "Columns"), whole(ds, "Rows")
    if ds.file_meta.TransferSyntaxUID == RLELossless:
        samples = whole(ds, "SamplesPerPixel", 1) * whole(ds, "BitsAllocated") // 8
        # A run-length code has no size of its own; at worst it doubles the bytes, plus a header of 64.
        possible = len(frame) <= 2 * columns * rows * samples + 64
    else:
        possible = _coded_size(frame) == (columns, rows)
    if frame.startswith(_JPEG):
        check_scans(frame)
    if not possible:
        raise UnreadableImageError(
            "The DICOM file's compressed picture is not of the size that its header says. Export it again."
        )


def _coded_size(frame: bytes) -> tuple[int, int] | None:
    """Return width and height from the header of a JPEG, JPEG-LS or JPEG 2000 picture."""
    siz = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    if siz >= 0 and not frame.startswith(_JPEG):
        x, y, x0, y0 = (int.from_bytes(frame[siz + 8 + 4 * n : siz + 12 + 4 * n], "big") for n in range(4))
        return x - x0, y - y0
    # A JPEG is a chain of segments; the one that starts a frame (C0 to CF, or F7 for JPEG-LS) has the size.
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:  # noqa: PLR2004
        marker = frame[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 (a filler)
            at += 1
            continue
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):  # noqa: PLR2004
            return int.from_bytes(frame[at + 7 : at + 9], "big"), int.from_bytes(
                frame[at + 5 : at + 7], "big"
            )
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None
