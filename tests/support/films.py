"""Tiny films, folders and archives for tests: real files, made when asked for."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def grey(seed: int = 0, *, width: int = 64, height: int = 48) -> np.ndarray:
    """Return a smooth film of uint8 (height, width); each seed gives another."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """Return the bytes of an image file."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def film(seed: int = 0, kind: str = "PNG") -> bytes:
    """Return the bytes of a small film; each seed gives another."""
    return encoded(grey(seed), kind)


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bare_png(width: int, height: int, *, rows: bytes = b"") -> bytes:
    """Return a PNG whose header announces 8-bit grey pixels, but which holds only ``rows``."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in chunks)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder, by their relative paths."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a zip archive, with names exactly as given, even unsafe ones."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


def kermany(normal: int = 8, pneumonia: int = 8, *, prefix: str = "chest_xray/train/") -> dict[str, bytes]:
    """Return films in the folders and with the names of the Kermany dataset, one film per patient."""
    files = {f"{prefix}NORMAL/IM-{n:04d}-0001.png": film(n) for n in range(normal)}
    for n in range(pneumonia):
        kind = ("bacteria", "virus")[n % 2]
        files[f"{prefix}PNEUMONIA/person{n}_{kind}_{n}.jpeg"] = film(1000 + n, "JPEG")
    return files


def passes(number: int, *, behind: bytes = b"") -> bytes:
    """Return a progressive JPEG that repeats its last scan many times with almost no data."""
    data = encoded(grey(), "JPEG", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    head = data[last : last + 2 + int.from_bytes(data[last + 2 : last + 4], "big")]
    return data[:end] + head * number + data[end:] + behind


def deep_png(values: np.ndarray) -> bytes:
    """Return a PNG of 16 bits from uint16 (rows, columns, 1 to 4 channels); Pillow writes only grey ones."""
    rows, columns, channels = values.shape
    header = struct.pack(">IIBBBBB", columns, rows, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in values))
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in chunks)


def deep_tiff(
    values: np.ndarray,
    *,
    order: str = "<",
    planes: bool = False,
    deflated: bool = False,
    extra: int | None = None,
) -> bytes:
    """Return a TIFF of 16 bits from uint16 (rows, columns, 3 or 4 channels); four without ``extra`` are CMYK.

    Parameters
    ----------
    order : str
        ``<`` for the small end first, ``>`` for the big end.
    planes : bool
        Whether each channel is stored on its own.
    extra : int, optional
        What a fourth channel is: 0 nothing, 1 transparency by which colours are multiplied, 2 transparency.
    """
    rows, columns, channels = values.shape
    stored = np.moveaxis(values, 2, 0) if planes else values[np.newaxis]
    strips = [np.ascontiguousarray(part).astype(f"{order}u2").tobytes() for part in stored]
    strips = [zlib.compress(strip) for strip in strips] if deflated else strips
    tags = {256: [columns], 257: [rows], 258: [16] * channels, 259: [8 if deflated else 1]}
    tags |= {262: [5 if channels == 4 and extra is None else 2], 273: [0] * len(strips), 277: [channels]}
    tags |= {278: [rows], 279: [len(strip) for strip in strips], 284: [2 if planes else 1]}
    tags |= {} if extra is None else {338: [extra]}
    at = 8 + 2 + 12 * len(tags) + 4
    tags[273] = [at + sum(tags[279][:number]) for number in range(len(strips))]
    at += sum(tags[279])
    entries = behind = b""
    for tag, numbers in tags.items():
        kind, letter = (4, "I") if tag in (273, 279) else (3, "H")
        value = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        entries += struct.pack(f"{order}HHI", tag, kind, len(numbers))
        if len(value) > 4:
            entries += struct.pack(f"{order}I", at + len(behind))
            behind += value
        else:
            entries += value.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)
    return head + b"".join(strips) + behind
