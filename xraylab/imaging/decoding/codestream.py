"""
What a compressed picture says of itself: how it is coded, its size and its bits.

Only headers are read; nothing is unpacked here.
"""

from dataclasses import dataclass

JPEG, LOSSLESS_JPEG, JPEG_LS, JPEG_2000 = "JPEG", "lossless JPEG", "JPEG-LS", "JPEG 2000"

_JPEG_START, _JPEG_2000_START = b"\xff\xd8", b"\xff\x4f\xff\x51"
_MOST_BOXES = 4096  # bytes that may stand before a JPEG 2000 picture
_JPEG_LS_FRAME = 0xF7  # the marker that starts a frame of JPEG-LS
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {_JPEG_LS_FRAME}
_LOSSLESS_FRAMES = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_FILLER = 0xFF


@dataclass(frozen=True)
class Coded:
    """The header of a compressed picture."""

    kind: str  # JPEG, lossless JPEG, JPEG-LS or JPEG 2000
    width: int
    height: int
    precision: int  # bits of a sample


def coded(frame: bytes) -> Coded | None:
    """Return the header of a JPEG, JPEG-LS or JPEG 2000 picture; None if it begins like none of them."""
    if frame.startswith(_JPEG_START):
        return _jpeg(frame)
    start = frame.find(_JPEG_2000_START, 0, _MOST_BOXES)
    return None if start < 0 else _jpeg_2000(frame[start:])


def _jpeg_2000(stream: bytes) -> Coded:
    x, y, x0, y0 = (int.from_bytes(stream[8 + 4 * n : 12 + 4 * n], "big") for n in range(4))
    first_component = int.from_bytes(stream[42:43], "big")
    return Coded(JPEG_2000, x - x0, y - y0, (first_component & 0x7F) + 1)


def _jpeg(stream: bytes) -> Coded | None:
    # A JPEG is a chain of segments; the one that starts a frame has the size.
    at = 2
    while at + 9 <= len(stream) and stream[at] == _FILLER:
        marker = stream[at + 1]
        if marker == _FILLER:
            at += 1
            continue
        if marker in _FRAMES:
            height, width = (int.from_bytes(stream[at + n : at + n + 2], "big") for n in (5, 7))
            kind = LOSSLESS_JPEG if marker in _LOSSLESS_FRAMES else JPEG
            return Coded(JPEG_LS if marker == _JPEG_LS_FRAME else kind, width, height, stream[at + 4])
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None
