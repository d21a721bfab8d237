"""
PNG, JPEG, TIFF, BMP and WebP files: open one safely, and bring it to grey.

- grey, 8 bits, upright as the file's orientation tag says
- one file is one film: a file with several pages or frames is refused, none is picked silently
- a teaching phantom carries a mark and a caption strip; the strip is cut off before anything sees the film
"""

import contextlib
import io
from collections.abc import Iterator

from PIL import Image, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ExifTags import Base as Tag
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from xraylab.errors import UnreadableImageError
from xraylab.imaging.decoding import deep
from xraylab.imaging.decoding.guard import guarded
from xraylab.imaging.decoding.limits import check_scans, check_size
from xraylab.imaging.decoding.own_range import NO_WINDOW
from xraylab.imaging.facts import CAPTION_ROWS, MAX_PIXELS, PHANTOM_MARK, FileFacts

GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"})  # modes without colour

_CLASSES: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "WEBP": WebPImageFile,
}
# What a film of each orientation tag is as stored; 1 is upright.
_STORED = {
    2: "mirrored",
    **dict.fromkeys((3, 6, 8), "turned"),
    **dict.fromkeys((4, 5, 7), "mirrored and turned"),
}
_TAG = "orientation tag"  # key of a TIFF's information
_MOST_COUNTED = 100  # pictures of a TIFF
_EIGHT_BITS = 8
_PNG_BIT_DEPTH = 24  # offset of the bit depth in the header chunk, which always comes first
_BITS_TAG, _FORMAT_TAG = 258, 339  # of TIFF
_TILE_TAGS = (322, 323)  # width and height of a TIFF's tiles


@contextlib.contextmanager
def opened(data: bytes, kind: str) -> Iterator[ImageFile]:
    """Open a file in the format that it was recognised as.

    Parameters
    ----------
    data : bytes
        A whole file.
    kind : str
        Its format, from ``recognition.recognise``; not DICOM.

    Yields
    ------
    ImageFile
        Not decoded yet, with its size and kind checked.

    Raises
    ------
    UnreadableImageError
        If the file is damaged, holds several pictures, or too many or too few pixels; also for any
        exception that the block raises.
    """
    if kind == "JPEG":
        check_scans(data)
    # The file's own class, not Image.open: that one judges the size before we can say it in our words.
    with guarded(), _CLASSES[kind](io.BytesIO(data)) as image:
        check_size(*image.size)
        _check_kind(image)
        if isinstance(image, TiffImageFile):
            image.info[_TAG] = image.tag_v2.get(Tag.Orientation)  # Pillow removes it when it turns the film
        yield image


def facts_of(data: bytes, image: ImageFile) -> FileFacts:
    """Return the facts of a file that is open, as it is stored."""
    tables: dict[int, list[int]] = getattr(image, "quantization", None) or {}
    bits = _EIGHT_BITS
    if image.format == "PNG":  # Pillow's mode is the same for 4 and 8 bits, and for 8 and 16 in colour
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


def eight_bits(data: bytes, image: ImageFile) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a file that is open as a picture of 8 bits per sample, with notes on its grey scale.

    A file of 8 bits is returned as it is, and not decoded yet.
    """
    if not deep.is_deep(image):
        return image, ()
    with _CLASSES[str(image.format)](io.BytesIO(data)) as again:
        return deep.eight_bits(image, again), (NO_WINDOW,)


def grey_of(image: Image.Image, *, synthetic: bool) -> Image.Image:
    """Return one channel of 8 bits, upright, without the caption of a phantom.

    Parameters
    ----------
    image : PIL.Image.Image
        From ``eight_bits``; if it isn't decoded yet, it is decoded here.
    synthetic : bool
        Whether it is a teaching phantom, whose caption is cut off.
    """
    upright = _upright(image)
    if upright.mode in ("LA", "PA", "RGBA", "P"):
        rgba = upright.convert("RGBA")
        grey = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("L")
    else:
        grey = upright if upright.mode == "L" else upright.convert("L")
    if synthetic and grey.height > CAPTION_ROWS:
        grey = grey.crop((0, 0, grey.width, grey.height - CAPTION_ROWS))
    return grey


def turned(image: ImageFile, picture: Image.Image) -> tuple[str, ...]:
    """Return a note if the file's orientation tag says that the film is stored turned or mirrored.

    Parameters
    ----------
    image : ImageFile
        The open file.
    picture : PIL.Image.Image
        From ``eight_bits``; if it isn't decoded yet, it is decoded here.
    """
    picture.load()
    with contextlib.suppress(Exception):  # as in _upright
        tag = image.info[_TAG] if isinstance(image, TiffImageFile) else picture.getexif()[Tag.Orientation]
        done = _STORED[tag]
        return (f"Stored {done}; shown upright, as the file's orientation tag says.",)
    return ()


def _check_kind(image: ImageFile) -> None:
    """Reject a file that is not one single picture, or that has no grey values."""
    if getattr(image, "is_animated", False):
        raise UnreadableImageError(
            f"The file holds {_how_many(image)} pictures, and a film is one. Save the one to read on its own."
        )
    if isinstance(image, TiffImageFile):
        if image.mode == "F" or image.tag_v2.get(_FORMAT_TAG, (1,))[0] != 1:
            raise UnreadableImageError(
                "The TIFF holds signed or fractional numbers, not grey values. Export it with 8 or 16 bits."
            )
        # Each tile is decoded whole, so a tile may be large although the picture is small.
        sides = [int(image.tag_v2.get(tag, 1)) for tag in _TILE_TAGS]
        if sides[0] * sides[1] > MAX_PIXELS:
            raise UnreadableImageError("The TIFF has tiles too large for a radiograph. Export it again.")


def _how_many(image: ImageFile) -> str:
    """Count a file's pictures; stop at 100 for a TIFF, since the time grows with their square."""
    if not isinstance(image, TiffImageFile):
        return str(getattr(image, "n_frames", 1))
    for number in range(1, _MOST_COUNTED + 1):
        try:
            image.seek(number)
        except EOFError:
            return str(number)
    return f"more than {_MOST_COUNTED}"


def _upright(image: Image.Image) -> Image.Image:
    """Turn the film as its orientation tag says; ignore a damaged tag, since the pixels matter more."""
    image.load()
    with contextlib.suppress(Exception):  # the tag may be hostile too, but the film itself has been read
        ImageOps.exif_transpose(image, in_place=True)  # most films have no tag, and are then not copied
    return image
