"""
Pictures of 16 bits per sample: read with all their bits, then brought to 8 by the film's own range.

- such a file doesn't say which values are black and white: 12-bit films are often stored in 16 bits
- Pillow keeps only the top byte of a sample in colour, so such a picture is decoded once for each byte
- colour and transparency stay; the range is that of the luma of what is visible
"""

import contextlib
import sys
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base as Tag
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from xraylab.errors import UnreadableImageError
from xraylab.imaging.decoding.own_range import own_range, step_of

_STRIP = 256  # rows brought to 8 bits at a time, so that a large film needs little memory
_LUMA = np.array([19595, 38470, 7471])  # ITU-R BT.601 in 1/65536, as Pillow has it
_WHITE, _MOST = 255, 65535
_GREY_ALPHA = "LA;16B"  # the raw mode of a grey PNG with transparency
_FIRST, _SECOND = "B", "L"  # ends of raw modes that keep the first or the second byte of a sample
_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284  # tags of TIFF
_DEEP, _IN_PLANES = 16, 2

_Rows = Callable[[int, int], NDArray[np.integer[Any]]]  # from and to which row: (rows, columns, channels)


def is_deep(image: ImageFile) -> bool:
    """Return whether a picture has more than 8 bits per sample; ask before it is decoded.

    Raises
    ------
    UnreadableImageError
        If it has, and is packed in a way that Pillow can't unpack with all its bits.
    """
    if _in_planes(image) and image.tile[0].codec_name != "raw":
        raise UnreadableImageError(
            "The TIFF stores each colour of 16 bits on its own and compressed, which isn't read. Export it "
            "uncompressed or in grey."
        )
    return image.mode.startswith("I") or ";16" in _raw_mode(image)


def eight_bits(image: ImageFile, again: ImageFile) -> Image.Image:
    """Bring a picture to 8 bits per sample: grey or RGB, with or without transparency.

    Parameters
    ----------
    image : ImageFile
        An open picture that ``is_deep``; it is decoded here.
    again : ImageFile
        The same picture, opened a second time.
    """
    grey = image.mode.startswith("I")
    rows = _grey_rows(image) if grey else _colour_rows(image, again)
    low, high = own_range(_sample(rows, image.height, image.width))
    inverted = grey and isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0
    strips = []
    for top in range(0, image.height, _STRIP):
        values = rows(top, top + _STRIP)
        share = ((values - low) / (high - low)).clip(0, 1)
        strip = np.rint(_WHITE * (1 - share if inverted else share)).astype(np.uint8)
        if _has_alpha(values):
            strip[..., -1] = values[..., -1] >> 8
        strips.append(strip)
    made = Image.fromarray(np.concatenate(strips).squeeze(2) if grey else np.concatenate(strips))
    with contextlib.suppress(Exception):  # the tag may be damaged, but the film itself has been read
        made.getexif()[Tag.Orientation] = image.getexif()[Tag.Orientation]
    return made


def _sample(rows: _Rows, height: int, width: int) -> NDArray[Any]:
    """Return the luma of the film's visible pixels, of a large film of some of them."""
    step = step_of(height, width)
    values = np.concatenate([rows(row, row + 1)[:, ::step] for row in range(0, height, step)])
    colours = values[..., :-1] if _has_alpha(values) else values
    luma = colours[..., 0] if colours.shape[2] == 1 else (colours @ _LUMA + 0x8000) >> 16
    return luma[values[..., -1] > 0] if _has_alpha(values) else luma


def _has_alpha(values: NDArray[Any]) -> bool:
    return values.shape[2] in (2, 4)


def _grey_rows(image: ImageFile) -> _Rows:
    values = np.asarray(image)
    if values.dtype == np.int32:  # Pillow's name for unsigned numbers of 32 bits too
        values = values.view(np.uint32)
    return lambda top, end: values[top:end, :, np.newaxis]


def _colour_rows(image: ImageFile, again: ImageFile) -> _Rows:
    """Decode a picture once for each byte of its samples, and put them together."""
    stored = _raw_mode(image)
    if stored == _GREY_ALPHA:
        _set_raw_mode(image, "RGBA")  # as many bytes per pixel, so one decode gives them all
        image.load()
        return lambda top, end: _joined(*_every_second(_cropped(image, top, end)))
    channels, _, order = stored.partition(";16")
    for picture, byte in ((image, _FIRST), (again, _SECOND)):
        # Premultiplied colours ("a") are already those on a black ground, so their alpha isn't needed.
        _set_raw_mode(picture, channels.replace("a", "A") + ";16" + byte)
        picture.load()
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    high, low = (again, image) if little else (image, again)

    def rows(top: int, end: int) -> NDArray[np.integer[Any]]:
        values = _joined(_cropped(high, top, end), _cropped(low, top, end))
        if image.mode == "CMYK":
            return (_MOST - values[..., :3]) * (_MOST - values[..., 3:]) // _MOST
        return values[..., :3] if "a" in channels else values

    return rows


def _cropped(image: Image.Image, top: int, end: int) -> NDArray[np.uint8]:
    return np.asarray(image.crop((0, top, image.width, min(end, image.height))))


def _every_second(values: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return values[..., ::2], values[..., 1::2]


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.integer[Any]]:
    return high.astype(np.int64) << 8 | low


def _raw_mode(image: ImageFile) -> str:
    """Return how the samples lie in the file, in Pillow's words."""
    if not image.tile:
        return ""
    args = image.tile[0].args
    mode = str((args[0] if isinstance(args, tuple) else args) or "")
    if _in_planes(image):  # Pillow names the first channel alone, and not that it has 16 bits
        return f"{image.mode};16{'B' if image.tag_v2.prefix == b'MM' else 'L'}"
    return mode


def _set_raw_mode(image: ImageFile, raw_mode: str) -> None:
    """Have a picture decoded with another raw mode than the one that Pillow chose."""
    tiles = []
    for tile in image.tile:
        mode, *rest = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        own = f"{mode}{raw_mode[-4:]}" if _in_planes(image) else raw_mode
        tiles.append(tile._replace(args=(own, *rest) if isinstance(tile.args, tuple) else own))
    image.tile = tiles


def _in_planes(image: ImageFile) -> TypeGuard[TiffImageFile]:
    """Return whether a picture is a TIFF of 16 bits that stores each channel on its own."""
    if not isinstance(image, TiffImageFile) or image.tag_v2.get(_PLANAR) != _IN_PLANES:
        return False
    tags = image.tag_v2
    return len(tags.get(_BITS, ())) > 1 and tags[_BITS][0] == _DEEP
