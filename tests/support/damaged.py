"""Damaged files of every format that XRayLab reads; the same number gives the same file."""

import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.support.dicoms import bundled, dataset, dicom, written
from tests.support.films import encoded, film, grey
from xraylab.errors import UnreadableImageError
from xraylab.imaging import decode, standardise

_OF_PYDICOM = (
    "MR_small.dcm MR_small_RLE.dcm MR_small_bigendian.dcm MR_small_implicit.dcm MR_small_jp2klossless.dcm "
    "MR_small_jpeg_ls_lossless.dcm SC_rgb_jpeg_gdcm.dcm SC_rgb_jpeg_dcmtk.dcm SC_rgb_rle_16bit.dcm "
    "SC_rgb_jls_lossy_sample.dcm SC_rgb_gdcm_KY.dcm JPEG2000.dcm image_dfl.dcm examples_palette.dcm "
    "test-SR.dcm JPGExtended.dcm 693_J2KI.dcm"
)


def whole() -> list[bytes]:
    """Return files of every format before they are damaged."""
    deep = np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16)
    colour = Image.fromarray(grey()).convert("RGB")
    kinds = [film(), film(kind="JPEG"), encoded(deep), encoded(colour, "JPEG", progressive=True)]
    kinds += [encoded(grey(), kind) for kind in ("BMP", "TIFF", "WEBP")]
    kinds += [encoded(colour, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_deflate", "jpeg")]
    kinds += [encoded(deep, "TIFF", compression="packbits"), encoded(colour, "WEBP", lossless=True)]
    kinds += [bundled(name) for name in _OF_PYDICOM.split()]
    kinds += [dicom(deep, bits=12, WindowCenter=2000, WindowWidth=1500, PatientAge="003Y")]
    return [*kinds, written(dataset(deep, bits=12), meta=False)]


def damaged(number: int, files: list[bytes]) -> bytes:
    """Return one of the files with bytes changed, moved, repeated or cut off."""
    rng = np.random.default_rng(number)
    data = bytearray(files[number % len(files)])
    reach = len(data) if rng.random() < 0.5 else min(len(data), 1200)  # headers are hit as often as pixels
    for _ in range(int(rng.integers(1, 12))):
        at, length = int(rng.integers(reach)), int(rng.integers(1, 9))
        match int(rng.integers(4)):
            case 0:
                data[at : at + 1] = rng.bytes(1)
            case 1:
                data[at : at + length] = b"\xff" * length
            case 2:
                data[at : at + length] = b""
            case 3:
                data[at:at] = data[at : at + length]
    if rng.random() < 0.3:
        del data[int(rng.integers(1, len(data))) :]
    return bytes(data)


def stress(first: int, count: int) -> dict[str, float]:
    """Read damaged files as the program does, for networks and for people.

    Returns
    -------
    dict of str to float
        How many were ``read`` and ``refused``, how many of those ``stopped`` their decoder or took
        ``too_long``, and the seconds of the ``longest``.

    Raises
    ------
    AssertionError
        If a file gives neither a film nor a sentence.
    """
    files = whole()
    counts = dict.fromkeys(("read", "refused", "stopped", "too_long", "longest_seconds"), 0.0)
    for number in range(first, first + count):
        data = damaged(number, files)
        for way in (standardise, decode):
            began = time.monotonic()
            refused = _refusal(way, data, number)
            counts["longest_seconds"] = max(counts["longest_seconds"], time.monotonic() - began)
            counts["read"] += refused is None
            counts["refused"] += refused is not None
            counts["stopped"] += "stopped at this file" in (refused or "")
            counts["too_long"] += "takes too long to decode" in (refused or "")
    return counts


def _refusal(way: Callable[[bytes], object], data: bytes, number: int) -> str | None:
    """Read a file; return why it is refused, or None."""
    try:
        result = way(data)
    except UnreadableImageError as error:
        if not str(error).endswith((".", ").")):
            raise AssertionError(f"damaged file {number}: {error}") from error
        return str(error)
    except BaseException as error:
        raise AssertionError(f"damaged file {number}") from error
    pixels = result if isinstance(result, np.ndarray) else result.pixels
    assert (pixels.dtype, pixels.ndim) == (np.uint8, 2)
    return None
