"""
The loop of a decoder: load, set the limits, then answer one request after another until the pipe closes.

- everything is loaded before the limits are set: later nothing can be opened
- a timer ends the process if a film takes too long, so that it ends even if its caller is dead
- after many films, much time, or if its memory has grown, it says that this answer is its last, and another
  decoder takes its place
"""

import gc
import importlib
import json
import os
import signal
import time
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xraylab.errors import UnreadableImageError
from xraylab.imaging.apart import protocol
from xraylab.imaging.decoding import pixels
from xraylab.imaging.decoding.confine import MOST_CPU, Usage, confine
from xraylab.imaging.decoding.guard import guarded
from xraylab.imaging.facts import StandardFilm

_MOST_FILMS = 2_000  # per process; to start one costs as much as 20 films
_MOST_GROWTH = 256 * 2**20  # bytes
# What is imported only when it is first needed: by NumPy for percentiles, by Python for a date.
_LATE = {
    protocol.PICTURES: ("numpy.ma",),
    protocol.DICOM: (
        "numpy.ma",
        "_strptime",
        "xraylab.imaging.decoding.dicom",
        "xraylab.imaging.decoding.study",
    ),
}
_NO_MEMORY = "The image is too large for this machine's memory. Export it smaller."

Made = tuple[dict[str, Any], list[memoryview]]  # the JSON of an answer, and the bytes that follow


def serve(family: str) -> None:
    """Answer requests on standard input until it closes; never return.

    Parameters
    ----------
    family : str
        ``pictures`` or ``dicom``: what to load.
    """
    # Decoders written in C may print: their words must not get between the answers.
    answers = os.dup(1)
    os.dup2(2, 1)
    load(family)
    life = _Life()
    confine()
    _write(answers, protocol.READY)
    with open(0, "rb", closefd=False) as requests:
        while request := _next(requests):
            _answer(answers, *request, life)
    os._exit(0)


class _Life:
    """What this process may still do before another one takes its place."""

    def __init__(self) -> None:
        self._films = 0
        self._usage = Usage()

    def ends(self) -> bool:
        """Count a film; return whether it was the last one."""
        self._films += 1
        if self._usage.grown() > _MOST_GROWTH:
            gc.collect()  # objects that refer to each other may still hold a film of many megabytes
        return (
            self._films >= _MOST_FILMS
            or self._usage.grown() > _MOST_GROWTH
            or time.process_time() > MOST_CPU / 2
        )


def load(family: str) -> None:
    """Import all that decoding one family of formats needs."""
    for name in _LATE[family]:
        module = importlib.import_module(name)
        getattr(module, "load_encodings", lambda: None)()
    Image.preinit()


def make(want: bytes, data: bytes) -> Made:
    """Decode a film.

    Raises
    ------
    UnreadableImageError
        If it can't be read.
    """
    if want == protocol.STANDARD:
        return _described(pixels.standardise(data))
    if want == protocol.BOTH:
        picture, standard = pixels.decode_dicom(data)
        header, parts = _described(standard)
        return header | {"shape": picture.shape}, [*parts, _bytes_of(picture)]
    if want in (protocol.LOSSY, protocol.STUDY):
        return _of_header(want, data)
    picture = pixels.decode(data)
    return {"shape": picture.shape}, [_bytes_of(picture)]


def _of_header(want: bytes, data: bytes) -> Made:
    from xraylab.imaging.decoding import study

    with guarded():
        if want == protocol.LOSSY:
            return {"lossy": study.lossy(data)}, []
        written = study.study(data)
        return {"length": len(written)}, [memoryview(written)]


def _described(film: StandardFilm) -> Made:
    facts = asdict(film.facts)
    del facts["bytes"]  # the caller knows it
    about = {"facts": facts, "signs": asdict(film.signs), "hung": asdict(film.hung)}
    return about, [_bytes_of(film.pixels)]


def _bytes_of(pixels: NDArray[np.uint8]) -> memoryview:
    return np.ascontiguousarray(pixels).data.cast("B")


def _next(requests: BinaryIO) -> tuple[bytes, bytes, bytes] | None:
    """Wait for a request; return what is wanted, its token and the file, or None at the end."""
    head = requests.read(protocol.REQUEST.size)
    if len(head) < protocol.REQUEST.size:
        return None
    _arm(protocol.SECONDS_CPU, protocol.SECONDS_MOST + 5)  # the caller's clock comes first
    want, token, length = protocol.REQUEST.unpack(head)
    data = requests.read(length)
    return (want, token, data) if len(data) == length else None


def _answer(answers: int, want: bytes, token: bytes, data: bytes, life: _Life) -> None:
    parts: list[memoryview] = []
    try:
        header, parts = make(want, data)
    except UnreadableImageError as error:
        header = {"why": str(error)}
    except MemoryError:
        header = {"why": _NO_MEMORY}
    _arm(0, 0)
    text = json.dumps(header | {"ends": life.ends()}).encode()
    _write(answers, protocol.ANSWER.pack(token, len(text)) + text)
    for part in parts:
        _write(answers, part)


def _arm(cpu: float, clock: float) -> None:
    """Let the system end this process after so many seconds; 0 lets it live."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, cpu)
        signal.setitimer(signal.ITIMER_REAL, clock)


def _write(to: int, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(to, left) :]
