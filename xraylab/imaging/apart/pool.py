"""
The decoders of this process: up to one per processor, started when they are needed, ended when they aren't.

- a decoder serves one film at a time; if all are busy, a thread waits for its turn
- a decoder that broke is replaced at once, so that the next film doesn't wait for its start
- a thread watches: a decoder that takes too long is ended, and so is one that was idle for minutes
- a process that was forked starts decoders of its own
"""

import atexit
import os
import threading
import time
from collections.abc import Callable

from xraylab.errors import UnreadableImageError
from xraylab.imaging.apart import protocol
from xraylab.imaging.apart.process import Answer, Decoder, command

_LEAST, _MOST = 2, 16  # decoders; each holds 35 MB, with pydicom 80 MB
_IDLE_SECONDS = 300.0
_LOOK_EVERY = 0.5  # seconds


class Decoders:
    """A pool of decoders.

    Parameters
    ----------
    start : callable
        Starts a decoder for a family of formats: ``pictures`` or ``dicom``.
    most : int
        Films that are decoded at once.
    """

    def __init__(self, start: Callable[[str], Decoder], most: int) -> None:
        self._start, self._most = start, most
        self._turns = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._idle: dict[str, list[Decoder]] = {protocol.PICTURES: [], protocol.DICOM: []}
        self._busy: set[Decoder] = set()
        self._watch: threading.Thread | None = None

    def ask(self, family: str, want: bytes, data: bytes) -> Answer:
        """Have a film decoded; see ``Decoder.ask``.

        Raises
        ------
        UnreadableImageError
            If the film can't be read, takes too long or stops its decoder.
        """
        with self._turns:
            decoder = self._take(family)
            try:
                return decoder.ask(want, data)
            finally:
                self._give_back(family, decoder)

    def prepare(self, family: str = protocol.PICTURES, decoders: int = _LEAST) -> None:
        """Start decoders if fewer are there, and don't wait for them; a film then finds one that is ready."""
        with self._lock:
            for _ in range(min(decoders, self._most) - len(self._busy) - len(self._idle[family])):
                self._add(family)

    def close(self) -> None:
        """End all decoders."""
        with self._lock:
            for decoder in self._all():
                decoder.end()
            for idle in self._idle.values():
                idle.clear()

    def forget(self) -> None:
        """Forget decoders that belong to the process from which this one was forked."""
        for decoder in self._all():
            decoder.forget()

    @property
    def pids(self) -> list[int]:
        """Processes of the decoders that run."""
        with self._lock:
            return [decoder.pid for decoder in self._all()]

    def _all(self) -> list[Decoder]:
        return [*self._busy, *(decoder for idle in self._idle.values() for decoder in idle)]

    def _take(self, family: str) -> Decoder:
        with self._lock:
            while self._idle[family]:
                decoder = self._idle[family].pop()
                if decoder.usable:
                    break
                decoder.end()
            else:
                decoder = self._start(family)
            self._busy.add(decoder)
            self._look_after()
            return decoder

    def _give_back(self, family: str, decoder: Decoder) -> None:
        with self._lock:
            self._busy.discard(decoder)
            if decoder.usable:
                self._idle[family].append(decoder)
                return
            decoder.end()
            self._add(family)

    def _add(self, family: str) -> None:
        """Start a decoder ahead of need; if that fails, the film that needs it will say so."""
        try:
            self._idle[family].append(self._start(family))
        except UnreadableImageError:
            return
        self._look_after()

    def _look_after(self) -> None:
        if self._watch is None or not self._watch.is_alive():
            self._watch = threading.Thread(target=self._watch_over, name="decoders", daemon=True)
            self._watch.start()

    def _watch_over(self) -> None:
        """End decoders that take too long or aren't needed, until none is left."""
        while self._look():
            time.sleep(_LOOK_EVERY)

    def _look(self) -> bool:
        with self._lock:
            now = time.monotonic()
            for decoder in self._busy:
                decoder.end_if_late()
            for idle in self._idle.values():
                while idle and now - idle[0].idle_since > _IDLE_SECONDS:
                    idle.pop(0).end()
            left = bool(self._all())
            if not left:
                self._watch = None
            return left


def _made() -> Decoders:
    most = max(_LEAST, min(_MOST, os.cpu_count() or 1))
    return Decoders(lambda family: Decoder(command(family)), most)


_decoders = _made()


def decoders() -> Decoders:
    """Return the decoders of this process."""
    return _decoders


def _end() -> None:
    _decoders.close()


def _after_fork() -> None:
    global _decoders  # noqa: PLW0603 (locks and pipes of the parent can't be used)
    _decoders.forget()
    _decoders = _made()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
