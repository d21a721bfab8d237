"""
Reading a PNG or JPEG as a radiograph.

- recognised by content, never by name; grey, 8 bits, upright as the file's orientation tag says
- a JPEG is decoded at the smallest scale that still covers the square, which costs a fifth of the time
- a teaching phantom carries a mark and a caption strip; the strip is cut off before anything sees the film
"""

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from xraylab.errors import UnreadableImageError

PREPROCESS_VERSION = 1  # raise it when the bytes that standardise() returns change
SIDE = 256
PHANTOM_MARK = "xraylab-phantom"  # PNG text key of a teaching phantom
CAPTION_ROWS = 24  # rows below an exported phantom that say SYNTHETIC

_SIGNATURES: dict[bytes, type[ImageFile]] = {
    b"\xff\xd8\xff": JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImageFile,
}
_MAX_PIXELS = 100_000_000  # a film plate at 0.1 mm has 18 million
_MIN_SIDE = 32
_EIGHT_BITS = 8
_PNG_BIT_DEPTH = 24  # offset of the bit depth in the header chunk, which always comes first


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
    """What a film tells of itself beside its grey values, for whoever reads it; it names nobody."""

    colour: float = 0.0  # mean distance between the largest and the smallest of a pixel's channels, 0 to 255
    modality: str | None = None  # as DICOM writes it: CR, DX, CT
    view: str | None = None  # as DICOM writes it: PA, AP, LL
    body_part: str | None = None  # as DICOM writes it: CHEST
    age: float | None = None  # years
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
        A whole PNG or JPEG file.

    Returns
    -------
    StandardFilm
        uint8 pixels of shape (256, 256); the aspect ratio is given up so that no part of the film is.

    Raises
    ------
    UnreadableImageError
        If the bytes are no PNG or JPEG, are damaged, or hold too many or too few pixels.
    """
    with _opened(data) as image:
        facts = _facts(data, image)
        if image.mode in ("L", "RGB"):
            image.draft("L", (SIDE, SIDE))  # only JPEG files know how; others ignore it
        grey = _grey(image, facts)
    square = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return StandardFilm(np.asarray(square, dtype=np.uint8).copy(), facts)


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
    with _opened(data) as image:
        return np.asarray(_grey(image, _facts(data, image)), dtype=np.uint8).copy()


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[ImageFile]:
    """Open a file and translate whatever its decoder says into a sentence."""
    kind = _recognise(data)
    try:
        # The file's own class, not Image.open: that one judges the size before we can say it in our words.
        with _without_warnings, kind(io.BytesIO(data)) as image:
            _check_size(*image.size)
            yield image
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


def _recognise(data: bytes) -> type[ImageFile]:
    if not data:
        raise UnreadableImageError("The file is empty (0 bytes). Export it again.")
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            return kind
    raise UnreadableImageError("This is not a PNG or JPEG image. Export the film as one of these.")


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


def _check_size(width: int, height: int) -> None:
    if width * height > _MAX_PIXELS:
        raise UnreadableImageError(
            f"The image has {width} × {height} pixels, more than 100 million, too many for a radiograph. "
            "Export it smaller."
        )
    if min(width, height) < _MIN_SIDE:
        raise UnreadableImageError(
            f"The image has {width} × {height} pixels, too few for a radiograph "
            f"(at least {_MIN_SIDE} × {_MIN_SIDE})."
        )


def _facts(data: bytes, image: ImageFile) -> FileFacts:
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    return FileFacts(
        format=str(image.format),
        bytes=len(data),
        width=image.width,
        height=image.height,
        # A PNG says it at a fixed place; Pillow's mode doesn't tell 4 bits, or 16 in colour, from 8.
        bits=data[_PNG_BIT_DEPTH] if image.format == "PNG" else _EIGHT_BITS,
        quant_sum=sum(tables[min(tables)]) if tables else None,
        synthetic=PHANTOM_MARK in image.info,
    )


def _grey(image: Image.Image, facts: FileFacts) -> Image.Image:
    """One channel of 8 bits, upright, without a phantom's caption."""
    upright = _upright(image)
    if upright.mode.startswith("I"):
        grey = _from_16_bits(np.asarray(upright))
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
