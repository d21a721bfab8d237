"""
A DICOM file, brought to grey as a screen would show it.

- stored values → modality rescale → VOI LUT or window → one inversion → 8 bits; pixel padding is black
- only what is needed to draw the film and to judge it is parsed; nothing that names anybody leaves this
  module, in a result or in a sentence
- sizes are checked in the header and in the compressed picture before any of it is decoded
- this module loads pydicom, so it is imported only once a file is DICOM
"""

import datetime
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
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
from xraylab.imaging.film import (
    EXPLICIT_VRS,
    MARK,
    MAX_PIXELS,
    PREAMBLE,
    Signs,
    check_scans,
    check_size,
    colour_of,
)

_NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian}
# Which package unpacks what, named so that another installed one never changes a film. GDCM only where no
# other can.
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


def _words(text: str) -> list[str]:
    return text.split()


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
_TAGS = [tag for tag in map(tag_for_keyword, _words(_NEEDED)) if tag is not None]

_VIEWS = frozenset(_words("AP PA LL RL RLD LLD RLO LLO LPO RPO LAO RAO OBL LATERAL LAT"))
_VIEW_CODES = {  # SNOMED CT, and the older SNOMED-RT spelling of the same
    "399348003": "AP",
    "R-10206": "AP",
    "272479007": "PA",
    "R-40888": "PA",
    "399173006": "LL",
    "R-10236": "LL",
    "399198007": "RL",
    "R-10232": "RL",
}
_MODALITIES = frozenset(
    _words(
        "AR CR CT DX ECG ES GM IO IVUS KO MG MR NM OP OPT OT PR PT PX REG RF RG RTDOSE RTIMAGE RTPLAN "
        "RTSTRUCT SC SEG SM SR US XA XC"
    )
)
# Free text in this field could name somebody; only these words are passed on.
_BODY_PARTS = frozenset(
    _words(
        "ABDOMEN ANKLE ARM BREAST CERVICAL CHEST CLAVICLE CSPINE ELBOW EXTREMITY FEMUR FINGER FOOT FOREARM "
        "HAND HEAD HEART HIP HUMERUS JAW KNEE LEG LSPINE LUNG MANDIBLE NECK PELVIS RIB RIBS SHOULDER SINUS "
        "SKULL SPINE STERNUM THIGH THORAX THUMB TOE TSPINE WHOLEBODY WRIST"
    )
)
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_OLDEST = 90.0  # years; greater ages help to tell who somebody is, and no gate asks for them

_MAX_INFLATED = 512 * 2**20  # bytes of a deflated data set
_MAX_RLE = 64  # a byte of a run-length code never stands for more
_JPEG = b"\xff\xd8"
_META = 2  # the group of the file meta
_BITS = (8, 16, 32)
_STRIP = 256  # rows brought to grey at a time, so that a large film needs little memory
_RANGE = (0.5, 99.5)  # percentiles that become black and white where the file names no window
_SAMPLED = 2**20  # pixels that they are taken from
_WHITE = 255

_NO_WINDOW = "The file names no grey scale, so it was set from the darkest and brightest parts of the film."
_BAD_WINDOW = "The file's grey scale makes no sense, so it was set from the darkest and brightest parts."
_FIRST = "The file names several grey scales; the first was used."


@dataclass(frozen=True, eq=False)
class DicomFilm:
    """A film as a screen would show it."""

    pixels: NDArray[np.uint8]  # (rows, columns)
    bits: int  # per sample, as stored
    signs: Signs


def read(data: bytes) -> DicomFilm:
    """Bring a DICOM file to 8 bits of grey, black for air.

    Parameters
    ----------
    data : bytes
        A whole file, with or without preamble and file meta.

    Raises
    ------
    UnreadableImageError
        If it holds no single picture, one of a size or packing that isn't read, or a damaged one. Other
        exceptions of its decoders are left to the caller.
    """
    ds = _parsed(data)
    _check(ds)
    stored = _unpacked(ds)
    modality = _word(ds, "Modality", _MODALITIES)
    notes: list[str] = []
    colour = 0.0
    if stored.ndim == 3:  # noqa: PLR2004 (rows, columns, channels)
        picture = Image.fromarray(_eight_bits(stored, ds))
        pixels, colour = np.asarray(picture.convert("L")).copy(), colour_of(picture)
    else:
        pixels, notes = _shown(stored, ds)
    return DicomFilm(
        pixels=pixels,
        bits=_whole(ds, "BitsStored"),
        signs=Signs(
            colour=colour,
            modality=modality,
            view=_view(ds),
            body_part=_word(ds, "BodyPartExamined", _BODY_PARTS),
            age=_age(ds),
            raw=_text(ds, "PresentationIntentType") == "FOR PROCESSING",
            notes=tuple(notes),
        ),
    )


# The file


def _parsed(data: bytes) -> FileDataset:
    """Read the elements that are needed, and say how the pixels are packed."""
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
    found = read_dataset(file, implicit, little, specific_tags=list(_TAGS))
    kind = meta.get("MediaStorageSOPClassUID")
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    ds = FileDataset("", found, file_meta=meta, is_implicit_VR=implicit, is_little_endian=little)
    if kind and "SOPClassUID" not in ds:
        ds.SOPClassUID = kind
    return ds


def _guessed(first: bytes) -> UID:
    """How a file without file meta writes its elements, by its first."""
    if first[:1] == b"\x00":
        return ExplicitVRBigEndian
    return ExplicitVRLittleEndian if first[4:6] in EXPLICIT_VRS else ImplicitVRLittleEndian


def _inflated(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpacker.decompress(packed, _MAX_INFLATED)
    if unpacker.unconsumed_tail:
        raise UnreadableImageError(
            f"The DICOM file would unpack to more than {_MAX_INFLATED // 2**20} MB, which no radiograph "
            "does. Export it again."
        )
    return data


def _named(syntax: UID) -> str:
    """A transfer syntax for people: by the standard's name, or its number if it has none."""
    if syntax.is_transfer_syntax and not syntax.is_private:
        return str(syntax.name)
    number = str(syntax)
    known = re.fullmatch(r"[0-9.]{1,64}", number)
    return f"transfer syntax {number}" if known else "no known transfer syntax"


def _check(ds: FileDataset) -> None:
    """Refuse what is not one picture of a usual size, before anything is unpacked."""
    if "PixelData" not in ds:
        raise UnreadableImageError(_no_picture(ds))
    frames = _whole(ds, "NumberOfFrames", 1)
    if frames > 1:
        raise UnreadableImageError(
            f"The DICOM file holds {frames} pictures, and a film is one. Export the one to read on its own."
        )
    check_size(_whole(ds, "Columns"), _whole(ds, "Rows"))
    samples, bits = _whole(ds, "SamplesPerPixel", 1), _whole(ds, "BitsAllocated")
    if samples not in (1, 3):
        raise UnreadableImageError(
            f"The DICOM file has {samples} samples a pixel; only 1 (grey) and 3 are read."
        )
    if bits not in _BITS:
        raise UnreadableImageError(
            f"Samples of {bits} bits in a DICOM file aren't read, only 8, 16 and 32. Export it again."
        )
    if _whole(ds, "Columns") * _whole(ds, "Rows") * samples > MAX_PIXELS:
        raise UnreadableImageError("The DICOM file has too many pixels for a radiograph. Export it smaller.")


def _no_picture(ds: FileDataset) -> str:
    kind = UID(str(ds.get("SOPClassUID", "")))
    if "FloatPixelData" in ds or "DoubleFloatPixelData" in ds:
        return "The DICOM file holds a map of measurements and no film. Export the film itself."
    known = kind.name if kind.type == "SOP Class" else ""
    what = str(known).removesuffix(" Storage")
    described = f"is of the kind “{what}” and" if what else "has no pixels: it"
    return f"The DICOM file {described} holds no picture. Export the film itself."


def _unpacked(ds: FileDataset) -> NDArray[Any]:
    """The stored values: (rows, columns), or (rows, columns, 3) in RGB."""
    syntax = ds.file_meta.TransferSyntaxUID
    plugin = _PLUGINS.get(syntax, "")
    if plugin:
        _check_frame(get_frame(ds.PixelData, 0, number_of_frames=1), ds)
        if syntax == JPEGExtended12Bit and _whole(ds, "BitsStored") > 8:  # noqa: PLR2004
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
    """Compare what the compressed picture says of its size with the header, before decoding."""
    columns, rows = _whole(ds, "Columns"), _whole(ds, "Rows")
    if ds.file_meta.TransferSyntaxUID == RLELossless:
        samples = _whole(ds, "SamplesPerPixel", 1) * _whole(ds, "BitsAllocated") // 8
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
    """Width and height in the head of a JPEG, JPEG-LS or JPEG 2000 picture."""
    siz = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    if siz >= 0 and not frame.startswith(_JPEG):
        x, y, x0, y0 = (int.from_bytes(frame[siz + 8 + 4 * n : siz + 12 + 4 * n], "big") for n in range(4))
        return x - x0, y - y0
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


# The grey scale


def _shown(stored: NDArray[Any], ds: FileDataset) -> tuple[NDArray[np.uint8], list[str]]:
    """Stored values as the 8 bits that a screen shows, and what there is to say of it."""
    padding = _padding(ds)
    scale, notes = _grey_scale(stored, padding, ds)
    turned = _text(ds, "PhotometricInterpretation") == "MONOCHROME1" or (
        _text(ds, "PresentationLUTShape") == "INVERSE"
    )
    shown = np.empty(stored.shape, np.uint8)
    for top in range(0, len(stored), _STRIP):
        strip = stored[top : top + _STRIP]
        share = scale(_rescaled(strip, ds)).clip(0, 1)
        grey = np.rint(_WHITE * (1 - share if turned else share))
        shown[top : top + _STRIP] = np.where(padding(strip), 0, grey)
    return shown, notes


_Scale = Callable[[NDArray[Any]], NDArray[np.float64]]


def _grey_scale(
    stored: NDArray[Any], padding: Callable[[NDArray[Any]], NDArray[np.bool_]], ds: FileDataset
) -> tuple[_Scale, list[str]]:
    """From rescaled values to shares of white, by LUT, window, or the film's own range, in this order."""
    luts = ds.get("VOILUTSequence")
    if luts:
        entries = 2 ** int(luts[0].LUTDescriptor[2]) - 1
        return lambda values: apply_voi(np.rint(values).astype(np.int64), ds) / entries, (
            [_FIRST] if len(luts) > 1 else []
        )
    centre, width = _number(ds, "WindowCenter"), _number(ds, "WindowWidth")
    function = _text(ds, "VOILUTFunction") or "LINEAR"
    if centre is not None and width is not None and width >= (1 if function == "LINEAR" else 1e-9):
        several = getattr(ds["WindowCenter"], "VM", 1) > 1
        return _window(centre, width, function), [_FIRST] if several else []
    named = "WindowCenter" in ds and ds["WindowCenter"].value not in (None, "")
    if not named and _whole(ds, "BitsStored") == 8 and not _rescales(ds):  # noqa: PLR2004
        low = -128.0 if stored.dtype.kind == "i" else 0.0  # 8 bits without a window are as they were shown
        return lambda values: (values - low) / _WHITE, []
    step = max(1, int(np.sqrt(stored.size / _SAMPLED)))
    sample = stored[::step, ::step]
    sample = sample[~padding(sample)]
    low, high = np.percentile(_rescaled(sample, ds), _RANGE) if sample.size else (0.0, 1.0)
    return lambda values: (values - low) / max(high - low, 1e-9), [_BAD_WINDOW if named else _NO_WINDOW]


def _window(centre: float, width: float, function: str) -> _Scale:
    """From values to shares of white, before they are clipped to 0 and 1.

    References
    ----------
    DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
    """
    if function == "SIGMOID":
        return lambda values: 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return lambda values: (values - centre) / width + 0.5
    if width == 1:
        return lambda values: (values > centre - 0.5).astype(np.float64)
    return lambda values: (values - (centre - 0.5)) / (width - 1) + 0.5


def _rescales(ds: FileDataset) -> bool:
    slope, intercept = _number(ds, "RescaleSlope"), _number(ds, "RescaleIntercept")
    return bool(ds.get("ModalityLUTSequence")) or (slope or 1.0, intercept or 0.0) != (1.0, 0.0)


def _rescaled(stored: NDArray[Any], ds: FileDataset) -> NDArray[np.float64]:
    if ds.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, ds).astype(np.float64)
    slope, intercept = _number(ds, "RescaleSlope") or 1.0, _number(ds, "RescaleIntercept") or 0.0
    return stored.astype(np.float64) * slope + intercept


def _padding(ds: FileDataset) -> Callable[[NDArray[Any]], NDArray[np.bool_]]:
    """Which stored values stand for no part of the film."""
    value, limit = (_stored_value(ds, name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    if value is None:
        return lambda stored: np.zeros(stored.shape, bool)
    low, high = sorted((value, value if limit is None else limit))
    return lambda stored: (stored >= low) & (stored <= high)


def _stored_value(ds: FileDataset, keyword: str) -> int | None:
    """A value written as the pixels are, signed or not, whatever type the file gave it."""
    value = ds.get(keyword)
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], "little" if ds.original_encoding[1] else "big") if value else None
    if not isinstance(value, int):
        return None
    value &= 0xFFFF
    signed = _whole(ds, "PixelRepresentation") == 1
    return value - 0x10000 if signed and value & 0x8000 else value


def _eight_bits(colour: NDArray[Any], ds: FileDataset) -> NDArray[np.uint8]:
    depth = colour.dtype.itemsize * 8
    if str(ds.PhotometricInterpretation) != "PALETTE COLOR":
        depth = _whole(ds, "BitsStored")
    return (colour >> max(depth - 8, 0)).clip(0, _WHITE).astype(np.uint8)


# What the file says of the film


def _view(ds: FileDataset) -> str | None:
    if view := _word(ds, "ViewPosition", _VIEWS):
        return view
    for item in ds.get("ViewCodeSequence") or ():
        if view := _VIEW_CODES.get(_text(item, "CodeValue")):
            return view
    return None


def _age(ds: FileDataset) -> float | None:
    """Age in years, at most 90, from the age or else from two dates."""
    if match := _AGE.fullmatch(_text(ds, "PatientAge")):
        return min(int(match[1]) / _PER_YEAR[match[2]], _OLDEST)
    born = _date(ds, "PatientBirthDate")
    then = next(
        filter(None, (_date(ds, f"{when}Date") for when in ("Study", "Series", "Acquisition", "Content"))),
        None,
    )
    if born is None or then is None or then < born:
        return None
    return min(round((then - born).days / _PER_YEAR["D"], 2), _OLDEST)  # rounded, so as not to tell the day


def _date(ds: FileDataset, keyword: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(_text(ds, keyword), "%Y%m%d").date()
    except ValueError:
        return None


def _word(ds: Dataset, keyword: str, known: frozenset[str]) -> str | None:
    """The first known word of a field; unknown ones could be anything, a name too."""
    return next((word for word in re.split(r"[^A-Z]+", _text(ds, keyword).upper()) if word in known), None)


def _text(ds: Dataset, keyword: str) -> str:
    try:
        value = ds.get(keyword)
    except Exception:  # a damaged field says nothing, and pixels come first
        return ""
    if isinstance(value, bytes | None):
        return ""
    return str(value if isinstance(value, str) or not hasattr(value, "__getitem__") else value[0]).strip()


def _number(ds: Dataset, keyword: str) -> float | None:
    """The first number of a field, None if there is no finite one."""
    try:
        number = float(_text(ds, keyword))
    except (ValueError, IndexError):
        return None
    return number if np.isfinite(number) else None


def _whole(ds: Dataset, keyword: str, default: int = 0) -> int:
    number = _number(ds, keyword)
    return default if number is None else int(number)
