"""
Reading a file as a radiograph: PNG, JPEG, TIFF, BMP and WebP here, DICOM through ``dicom``.

- recognised by content, never by name; grey, 8 bits, upright as the file's orientation tag says
- a file is one film: what holds several pages or frames is refused, none is picked in silence
- a JPEG is decoded at the smallest scale that still covers the square, which costs a fifth of the time
- a teaching phantom carries a mark and a caption strip; the strip is cut off before anything sees the film
"""

import contextlib
import io
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from xraylab.errors import UnreadableImageError

PREPROCESS_VERSION = 1  # raise it when the bytes that standardise() returns change
SIDE = 256
PHANTOM_MARK = "xraylab-phantom"  # PNG text key of a teaching phantom
CAPTION_ROWS = 24  # rows below an exported phantom that say SYNTHETIC

_GREY = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"})  # modes in which nothing is coloured
_SIGNATURES: dict[bytes, type[ImageFile]] = {
    b"\xff\xd8\xff": JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"II*\x00": TiffImageFile,
    b"MM\x00*": TiffImageFile,
}
_BMP, _RIFF, _WEBP = b"BM", b"RIFF", b"WEBP"
PREAMBLE, MARK = 128, b"DICM"  # where and how a DICOM file says that it is one
EXPLICIT_VRS = frozenset(b"AE AS CS DA DT LO LT OB OW PN SH SQ ST TM UI UL UN US UT".split())
MAX_PIXELS = 100_000_000  # a film plate at 0.1 mm has 18 million
_MOST_SCANS = 100  # of a JPEG, as libtiff allows; 1 to 12 are usual
_MOST_COUNTED = 100  # pictures of a TIFF
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # of a JPEG, but those that stand inside a scan
_START_OF_SCAN, _END, _WITHOUT_LENGTH = b"\xda", b"\xd9", (b"\x01", b"\xd8")
_MIN_SIDE = 32
_EIGHT_BITS = 8
_PNG_BIT_DEPTH = 24  # offset of the bit depth in the header chunk, which always comes first
_BITS_TAG, _PHOTOMETRIC_TAG, _FORMAT_TAG = 258, 262, 339  # of TIFF
_TILE_TAGS = (322, 323)  # width and height of a TIFF's tiles
_SMALL = 64  # pixels; the side at which the colour of a film is looked for


@dataclass(frozen=True)
class FileFacts:
    """What only the file knew: kept in the catalog, since shortcuts hide here."""

    format: str
    bytes: int
    width: int  # pixels, as stored in the file
    height: int
    bits: int  # per sample, as stored
    quant_sum: int | None  # sum of the first JPEG quantisation table; None for other formats
    synthetic: bool  # a teaching phantom


@dataclass(frozen=True)
class Signs:
    """What a film tells of itself beside its grey values; nothing that names anybody."""

    colour: float = 0.0  # mean distance between the largest and the smallest of a pixel's channels, 0 to 255
    modality: str | None = None  # as DICOM writes it: CR, DX, CT
    view: str | None = None  # as DICOM writes it: PA, AP, LL
    body_part: str | None = None  # as DICOM writes it: CHEST
    age: float | None = None  # years
    raw: bool = False  # data of the detector, which weren't made to be looked at
    notes: tuple[str, ...] = ()  # what was done or doubted while it was read, in sentences


@dataclass(frozen=True, eq=False)
class StandardFilm:
    """A film as networks see it, with what its file said."""

    pixels: NDArray[np.uint8]  # (256, 256)
    facts: FileFacts
    signs: Signs = Signs()


def standardise(data: bytes) -> StandardFilm:
    """Bring a file to the one size and grey scale that every network sees.

    Parameters
    ----------
    data : bytes
        A whole PNG, JPEG, TIFF, BMP, WebP or DICOM file.

    Returns
    -------
    StandardFilm
        uint8 pixels of shape (256, 256); the aspect ratio is given up so that no part of the film is.

    Raises
    ------
    UnreadableImageError
        If the bytes are no such file, are damaged, hold several pictures, or too many or too few pixels.
    """
    kind = _recognise(data)
    if kind is None:
        return _standardise_dicom(data)
    with _opened(data, kind) as image:
        facts, stored = _facts(data, image), image.mode
        if image.mode in ("L", "RGB"):
            image.draft("L", (SIDE, SIDE))  # only JPEG files know how; others ignore it
        grey = _grey(image, facts)
        colour = 0.0 if stored in _GREY or kind is JpegImageFile else colour_of(image)
    if kind is JpegImageFile and stored not in _GREY:
        with _opened(data, kind) as image:  # once more, small: the fast way has kept the grey only
            image.draft("RGB", (_SMALL, _SMALL))
            colour = colour_of(image)
    return StandardFilm(_square(grey), facts, Signs(colour=colour))


def _square(grey: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.uint8).copy()


def _standardise_dicom(data: bytes) -> StandardFilm:
    with _in_our_words(), _without_warnings:
        from xraylab.imaging import dicom  # late: it loads pydicom, which most films don't need

        film = dicom.read(data)
    height, width = film.pixels.shape
    facts = FileFacts("DICOM", len(data), width, height, film.bits, None, synthetic=False)
    return StandardFilm(_square(Image.fromarray(film.pixels)), facts, film.signs)


def decode(data: bytes) -> NDArray[np.uint8]:
    """Read a film at its native resolution, for display.

    Returns
    -------
    pixels : uint8 array of shape (height, width)

    Raises
    ------
    UnreadableImageError
        As for ``standardise``.
    """
    kind = _recognise(data)
    if kind is None:
        with _in_our_words(), _without_warnings:
            from xraylab.imaging import dicom

            return dicom.read(data).pixels
    with _opened(data, kind) as image:
        return np.asarray(_grey(image, _facts(data, image)), dtype=np.uint8).copy()


def is_film(data: bytes) -> bool:
    """Whether a file begins as one that may be read, whatever it is called; it may be damaged still."""
    try:
        _recognise(data)
    except UnreadableImageError:
        return False
    return True


def is_dicom(data: bytes) -> bool:
    """Whether a file is read as DICOM, with or without its mark."""
    try:
        return _recognise(data) is None
    except UnreadableImageError:
        return False


def colour_of(image: Image.Image) -> float:
    """Mean distance between the largest and the smallest of a pixel's channels, 0 to 255, seen small."""
    rgb = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else image.convert("RGB")
    if max(rgb.size) > _SMALL:
        rgb = rgb.resize((_SMALL, _SMALL), Image.Resampling.BOX)
    return float(np.ptp(np.asarray(rgb).astype(np.int16), axis=2).mean())


@contextlib.contextmanager
def _opened(data: bytes, kind: type[ImageFile]) -> Iterator[ImageFile]:
    """Open a file as what it was recognised for."""
    if kind is JpegImageFile:
        check_scans(data)
    # The file's own class, not Image.open: that one judges the size before we can say it in our words.
    with _in_our_words(), _without_warnings, kind(io.BytesIO(data)) as image:
        check_size(*image.size)
        _check_kind(image)
        yield image


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    """Translate whatever a decoder says into a sentence."""
    try:
        yield
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError(
            "The image is too large for this machine's memory. Export it smaller."
        ) from error
    except Exception as error:  # decoders meet hostile bytes with many kinds of exception
        raise UnreadableImageError(
            "The image is damaged or cut off and can't be read to its end. Export or copy it again."
        ) from error


def _recognise(data: bytes) -> type[ImageFile] | None:
    """What reads a file, by its first bytes; None stands for DICOM."""
    if not data:
        raise UnreadableImageError("The file is empty (0 bytes). Export it again.")
    marked = data[PREAMBLE : PREAMBLE + len(MARK)] == MARK
    for signature, kind in _SIGNATURES.items():
        # A DICOM file may begin like a TIFF, so that programs for both can open it.
        if data.startswith(signature) and not (marked and kind is TiffImageFile):
            return kind
    if marked or _begins_as_dicom(data):
        return None
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return WebPImageFile
    if data.startswith(_BMP) and data[6:10] == bytes(4):  # two letters alone could begin a text
        return BmpImageFile
    raise UnreadableImageError(
        "This is not a DICOM, PNG, JPEG, TIFF, BMP or WebP image. Export the film as one of these."
    )


def _begins_as_dicom(data: bytes) -> bool:
    """Whether a file without DICOM's mark begins with an element as only DICOM files do."""
    group, element = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2))
    if group in (0x0200, 0x0800):  # written with the big end first
        return data[2] == 0 and data[4:6] in EXPLICIT_VRS
    if group not in (0x0002, 0x0008) or element > 0xFF or len(data) < 16:  # noqa: PLR2004
        return False
    length = int.from_bytes(data[4:8], "little")
    return data[4:6] in EXPLICIT_VRS or (length % 2 == 0 and length <= min(len(data), 0xFFFF))


def _check_kind(image: ImageFile) -> None:
    """Refuse what is no single picture of a kind that can be shown in grey."""
    if getattr(image, "is_animated", False):
        raise UnreadableImageError(
            f"The file holds {_how_many(image)} pictures, and a film is one. Save the one to read on its own."
        )
    if isinstance(image, TiffImageFile):
        if image.mode == "F" or image.tag_v2.get(_FORMAT_TAG, (1,))[0] != 1:
            raise UnreadableImageError(
                "The TIFF holds signed or fractional numbers, not grey values. Export it with 8 or 16 bits."
            )
        sides = [int(image.tag_v2.get(tag, 1)) for tag in _TILE_TAGS]
        if sides[0] * sides[1] > MAX_PIXELS:
            raise UnreadableImageError("The TIFF has tiles too large for a radiograph. Export it again.")


def _how_many(image: ImageFile) -> str:
    """Count a file's pictures; of a TIFF not all, since the time for it grows with their square."""
    if not isinstance(image, TiffImageFile):
        return str(getattr(image, "n_frames", 1))
    for number in range(1, _MOST_COUNTED + 1):
        try:
            image.seek(number)
        except EOFError:
            return str(number)
    return f"more than {_MOST_COUNTED}"


class _WithoutWarnings:
    """Ignore warnings about damaged metadata, whoever turned warnings into errors.

    The filters belong to the process, and films are read in several threads: the first one in saves them, the
    last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._saved.__exit__(None, None, None)


_without_warnings = _WithoutWarnings()


def check_size(width: int, height: int) -> None:
    """Refuse what has too many pixels for a radiograph, or too few."""
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(
            f"The image has {width} × {height} pixels, more than 100 million, too many for a radiograph. "
            "Export it smaller."
        )
    if min(width, height) < _MIN_SIDE:
        raise UnreadableImageError(
            f"The image has {width} × {height} pixels, too few for a radiograph "
            f"(at least {_MIN_SIDE} × {_MIN_SIDE})."
        )


def check_scans(data: bytes) -> None:
    """Refuse a JPEG of so many passes over the film that a small file takes hours."""
    scans, at = 0, 0
    if data.count(b"\xff" + _START_OF_SCAN) <= _MOST_SCANS:
        return
    while (found := _MARKER.search(data, at)) and found[1] != _END:
        scans += found[1] == _START_OF_SCAN
        at = found.end()
        at += 0 if found[1] in _WITHOUT_LENGTH else int.from_bytes(data[at : at + 2], "big")
    if scans > _MOST_SCANS:
        raise UnreadableImageError(
            f"The JPEG is packed in {scans} passes, and more than {_MOST_SCANS} aren't read. Export it again."
        )


def _facts(data: bytes, image: ImageFile) -> FileFacts:
    tables: dict[int, list[int]] = getattr(image, "quantization", None) or {}
    bits = _EIGHT_BITS
    if image.format == "PNG":  # Pillow's mode doesn't tell 4 bits, or 16 in colour, from 8
        bits = data[_PNG_BIT_DEPTH]
    elif isinstance(image, TiffImageFile):
        bits = int(image.tag_v2.get(_BITS_TAG, (1,))[0])
    return FileFacts(
        format=str(image.format),
        bytes=len(data),
        width=image.width,
        height=image.height,
        bits=bits,
        quant_sum=sum(tables[min(tables)]) if tables else None,
        synthetic=PHANTOM_MARK in image.info,
    )


def _grey(image: Image.Image, facts: FileFacts) -> Image.Image:
    """One channel of 8 bits, upright, without a phantom's caption."""
    white_is_zero = isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC_TAG) == 0
    upright = _upright(image)
    if upright.mode.startswith("I"):
        grey = _from_16_bits(np.asarray(upright))
        grey = ImageOps.invert(grey) if white_is_zero else grey  # with 8 bits Pillow has done it
    elif upright.mode in ("LA", "PA", "RGBA", "P"):
        rgba = upright.convert("RGBA")
        grey = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("L")
    else:
        grey = upright if upright.mode == "L" else upright.convert("L")
    if facts.synthetic and grey.height > CAPTION_ROWS:
        grey = grey.crop((0, 0, grey.width, grey.height - CAPTION_ROWS))
    return grey


def _upright(image: Image.Image) -> Image.Image:
    """Turn the film as its orientation tag says; a damaged tag says nothing, and pixels come first."""
    image.load()
    with contextlib.suppress(Exception):  # hostile bytes again, but the film itself has been read
        ImageOps.exif_transpose(image, in_place=True)  # most have no tag, and are then not copied
    return image


def _from_16_bits(values: NDArray[np.integer]) -> Image.Image:
    """Keep the top 8 of the bits in use: 12-bit films are often stored in 16."""
    used = int(values.max(initial=0)).bit_length()
    return Image.fromarray((values >> max(used - _EIGHT_BITS, 0)).clip(0, 255).astype(np.uint8))
