"""
Parse a DICOM file: its elements and its transfer syntax, as far as they are needed to draw and judge a film.

- what plainly is there is read, even if it isn't as the file says; a note or a sentence tells of it
- nothing that identifies a patient is parsed, and no text of the file is repeated
"""

import re
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from xraylab.errors import UnreadableImageError
from xraylab.imaging.recognition import EXPLICIT_VRS, MARK, PREAMBLE

NATIVE = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})  # uncompressed

_NEEDED = (
    "SOPClassUID PixelData FloatPixelData DoubleFloatPixelData Rows Columns SamplesPerPixel BitsAllocated "
    "BitsStored HighBit PixelRepresentation PhotometricInterpretation PlanarConfiguration NumberOfFrames "
    "ExtendedOffsetTable ExtendedOffsetTableLengths PixelPaddingValue PixelPaddingRangeLimit RescaleSlope "
    "RescaleIntercept ModalityLUTSequence VOILUTSequence WindowCenter WindowWidth VOILUTFunction "
    "PixelAspectRatio PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing "
    "PixelSpacingCalibrationType PatientOrientation "
    "PresentationLUTShape PresentationIntentType Modality ViewPosition ViewCodeSequence BodyPartExamined "
    "PatientAge PatientBirthDate StudyDate SeriesDate AcquisitionDate ContentDate "
    "RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
    "BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData "
    "BluePaletteColorLookupTableData SegmentedRedPaletteColorLookupTableData "
    "SegmentedGreenPaletteColorLookupTableData SegmentedBluePaletteColorLookupTableData"
)
_TAGS = [tag for tag in map(tag_for_keyword, _NEEDED.split()) if tag is not None]

_MAX_INFLATED = 512 * 2**20  # bytes of a deflated data set
_NO_LENGTH = 0xFFFFFFFF
_META = 2  # the group of the file meta
_END_OF_FRAGMENTS = b"\xfe\xff\xdd\xe0" + bytes(4)
_GZIP = b"\x1f\x8b"
_ANY_HEADER = 32  # added to zlib's window size: read zlib's or gzip's header, whichever is there
# A file begins with an element of group 0008, whose two bytes show the order.
_BEGINS = {b"\x08\x00": ExplicitVRLittleEndian, b"\x00\x08": ExplicitVRBigEndian}

_OTHER_HEADER = "The file is deflated with a header that DICOM doesn't allow; it was read all the same."
_OTHER_ORDER = "The file's bytes aren't in the order that it says; they were read as they are."
_CUT_OFF_BEFORE = (
    "The DICOM file ends before its pixels: it was cut off, or saved without them. Copy or export it again."
)


@dataclass(frozen=True, eq=False)
class Parsed:
    """The elements of a file."""

    ds: FileDataset
    notes: list[str]
    unended: bool = False  # whether the end of the compressed pixels is missing


def parsed(data: bytes) -> Parsed:
    """Read the elements that are needed, and which transfer syntax they are in.

    Raises
    ------
    UnreadableImageError
        If there are no pixels, or the data set would unpack to too many bytes.
    """
    start = PREAMBLE + len(MARK) if data[PREAMBLE : PREAMBLE + len(MARK)] == MARK else 0
    file = BytesIO(data)
    file.seek(start)
    meta = FileMetaDataset()
    if data[start : start + 2] == b"\x02\x00":
        meta = FileMetaDataset(read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != _META))
    body = data[file.tell() :] if file.tell() else data
    notes: list[str] = []
    syntax = UID(str(meta.get("TransferSyntaxUID", "")).strip())
    if syntax == DeflatedExplicitVRLittleEndian:
        body, notes = _inflated(body)
        syntax = ExplicitVRLittleEndian
    order = _BEGINS.get(body[:2])
    if not syntax:
        syntax = _guessed(body[:6])
    elif order and (order == ExplicitVRBigEndian) != (syntax == ExplicitVRBigEndian):
        syntax = ExplicitVRBigEndian if order == ExplicitVRBigEndian else _guessed(body[:6])
        notes = [*notes, _OTHER_ORDER]
    ds, unended = _elements(body, syntax)
    kind = meta.get("MediaStorageSOPClassUID")
    if kind and "SOPClassUID" not in ds:
        ds.SOPClassUID = kind
    if "PixelData" not in ds:
        raise UnreadableImageError(_no_picture(ds))
    return Parsed(ds, notes, unended)


def named(syntax: UID) -> str:
    """Return the standard's name of a transfer syntax, or its number if it has no name."""
    if syntax.is_transfer_syntax and not syntax.is_private:
        return str(syntax.name)
    uid = str(syntax)
    # Only digits and dots are repeated in the sentence: the element could hold any text, even a name.
    return f"transfer syntax {uid}" if re.fullmatch(r"[0-9.]{1,64}", uid) else "no known transfer syntax"


def _elements(body: bytes, syntax: UID) -> tuple[FileDataset, bool]:
    """Read the elements; return them, and whether the compressed pixels had no end."""
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    file = BytesIO(body)
    elements = read_dataset(file, implicit, little, specific_tags=list(_TAGS))
    unended = False
    if "PixelData" not in elements:
        # pydicom leaves out compressed pixels without an end, so look whether there are any.
        again = read_dataset(BytesIO(body + _END_OF_FRAGMENTS), implicit, little, specific_tags=list(_TAGS))
        if unended := "PixelData" in again:
            elements = again
        elif file.tell() > len(body) or _short(elements):
            raise UnreadableImageError(_CUT_OFF_BEFORE)
    meta = FileMetaDataset()  # a new one: the file's own may hold damaged elements
    meta.TransferSyntaxUID = syntax
    ds = FileDataset("", elements, file_meta=meta, is_implicit_VR=implicit, is_little_endian=little)
    return ds, unended


def _short(elements: Dataset) -> bool:
    """Return whether the file ended inside an element."""
    return any(
        isinstance(element, RawDataElement)
        and element.length != _NO_LENGTH
        and len(element.value or b"") < element.length
        for element in elements.values()
    )


def _guessed(first: bytes) -> UID:
    """Guess the transfer syntax of a data set by its first element."""
    if first[:1] == b"\x00":
        return ExplicitVRBigEndian
    return ExplicitVRLittleEndian if first[4:6] in EXPLICIT_VRS else ImplicitVRLittleEndian


def _inflated(packed: bytes) -> tuple[bytes, list[str]]:
    """Unpack a deflated data set, and no more of it than the limit; note a header before it."""
    first = int.from_bytes(packed[:2], "big")
    # No deflated data set begins with a header of zlib or gzip by chance.
    headed = (first >> 8 & 0x0F == zlib.DEFLATED and first % 31 == 0) or packed.startswith(_GZIP)
    unpacker = zlib.decompressobj(zlib.MAX_WBITS + _ANY_HEADER if headed else -zlib.MAX_WBITS)
    data = unpacker.decompress(packed, _MAX_INFLATED)
    if unpacker.unconsumed_tail:
        raise UnreadableImageError(
            f"The DICOM file would unpack to more than {_MAX_INFLATED // 2**20} MB, which no radiograph "
            "does. Export it again."
        )
    if not unpacker.eof:
        raise UnreadableImageError("The DICOM file is cut off: its deflated data have no end. Copy it again.")
    return data, [_OTHER_HEADER] if headed else []


def _no_picture(ds: FileDataset) -> str:
    """Write why a file without pixels is refused, with its kind if the standard names it."""
    kind = UID(str(ds.get("SOPClassUID", "")))
    if "FloatPixelData" in ds or "DoubleFloatPixelData" in ds:
        return "The DICOM file holds a map of measurements and no film. Export the film itself."
    if "Rows" in ds and "Columns" in ds and "BitsAllocated" in ds:
        return _CUT_OFF_BEFORE
    # The standard's names alone are repeated: an unknown UID could hold any text.
    name = str(kind.name if kind.type == "SOP Class" else "").removesuffix(" Storage")
    described = f"is of the kind “{name}” and" if name else "has no pixels: it"
    return f"The DICOM file {described} holds no picture. Export the film itself."
