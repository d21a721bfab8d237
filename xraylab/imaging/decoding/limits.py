"""
Limits that a picture keeps before any of it is decoded, whatever format it is in.

- a small file can declare a picture that fills the memory, or one that takes hours to decode
- sizes come from the header, passes from the bytes of the JPEG: nothing is unpacked here
"""

import re

from xraylab.errors import UnreadableImageError
from xraylab.imaging.facts import MAX_PIXELS

_MIN_SIDE = 32
_MOST_SCANS = 100  # of a JPEG, as libtiff allows; 1 to 12 are usual
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # of a JPEG, but those that stand inside a scan
_START_OF_SCAN, _END, _WITHOUT_LENGTH = b"\xda", b"\xd9", (b"\x01", b"\xd8")


def check_size(width: int, height: int) -> None:
    """Reject a picture with too many pixels for a radiograph, or too few.

    Parameters
    ----------
    width, height : int
        Pixels, as the header states them.

    Raises
    ------
    UnreadableImageError
        If width x height is above 100 million, or the shorter side below 32 pixels.
    """
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
    """Reject a JPEG with too many passes over the film: a small file could take hours.

    Parameters
    ----------
    data : bytes
        A whole JPEG, with its markers.

    Raises
    ------
    UnreadableImageError
        If it has more than 100 passes.
    """
    scans, at = 0, 0
    # Counting bytes is quick and never too low; only a suspicious file is walked marker by marker.
    if data.count(b"\xff" + _START_OF_SCAN) <= _MOST_SCANS:
        return
    while (marker := _MARKER.search(data, at)) and marker[1] != _END:
        scans += marker[1] == _START_OF_SCAN
        at = marker.end()
        at += 0 if marker[1] in _WITHOUT_LENGTH else int.from_bytes(data[at : at + 2], "big")
    if scans > _MOST_SCANS:
        raise UnreadableImageError(
            f"The JPEG is packed in {scans} passes, and more than {_MOST_SCANS} aren't read. Export it again."
        )
