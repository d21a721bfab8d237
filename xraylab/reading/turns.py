"""
Turns: readers share the networks of one process, one piece of work at a time.

- a piece is short: a batch of films, the heatmap of one film, a part of a test; a long job is many pieces
- readers are served in the order in which they asked, and none twice in a row while another waits, so that
  500 films of one reader make another wait for one piece
- the pieces run in one thread of low priority, with the threads that torch starts for it: what else the
  process does goes first, such as screens without readings
- a reader that stops waiting leaves the queue; an error is raised where the piece came from
- once nobody has asked for a while, what is left of films is collected, and the system gets its memory back
- no torch here
"""

import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from xraylab.system import give_memory_back

T = TypeVar("T")
OnPlace = Callable[[int], None]

_NICE = 4  # a third of the share of a thread at 0; a training has 5, since no person waits for each epoch
_LOWEST = 19
_PATIENCE = 0.2  # seconds before a reader is told its place, since most waits are shorter
_IDLE = 0.5  # seconds without a piece before memory is freed, since that delays the next piece
_GLANCE = 0.05  # seconds between two looks of what gives way
_LOOK = 1.0  # seconds between two calls that tell the place; the caller may stop waiting in one


class InTurn(Protocol):
    """Runs a piece of work when it is its turn, and returns its result."""

    def __call__(self, piece: Callable[[], T], /) -> T:
        """Run the piece; what it raises is raised here."""


def at_once(piece: Callable[[], T], /) -> T:
    """Run a piece without waiting, for networks that no other thread uses."""
    return piece()


class OneAtATime:
    """Runs pieces in the threads that ask, one at a time: for a program with one reader."""

    def __init__(self) -> None:
        self._busy = threading.RLock()  # a piece may consist of pieces

    def __call__(self, piece: Callable[[], T], /) -> T:
        """Run a piece once no other runs."""
        with self._busy:
            return piece()


@dataclass(frozen=True, eq=False)
class _Piece:
    reader: Hashable
    work: Callable[[], Any]
    done: "Future[Any]" = field(default_factory=Future)

    def run(self) -> None:
        """Keep the result or the error for the thread that waits."""
        try:
            self.done.set_result(self.work())
        except BaseException as error:  # the next reader's piece must run whatever happened in this one
            self.done.set_exception(error)

    @property
    def begun(self) -> bool:
        return self.done.running() or self.done.done()


class Turns:
    """The queue in which the readers of a process wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[_Piece] = []  # in the order in which they came
        self._running: _Piece | None = None
        self._last: Hashable = None  # the reader that was served last
        self._thread: threading.Thread | None = None
        self._spared = False  # whether the collector was told what stays

    def of(self, reader: Hashable, on_place: OnPlace | None = None) -> InTurn:
        """Return a reader's way to run pieces; see ``run``."""

        def in_turn(piece: Callable[[], T], /) -> T:
            return self.run(reader, piece, on_place)

        return in_turn

    def run(self, reader: Hashable, piece: Callable[[], T], on_place: OnPlace | None = None) -> T:
        """Run a piece when it is the reader's turn.

        Parameters
        ----------
        reader : hashable
            Names the reader, however many pieces and threads it has.
        piece : callable
            Short work; it can't be stopped once it has begun. A piece within a piece runs at once.
        on_place : callable, optional
            Called while the piece waits, at least once a second, with the number of readers before this one,
            and with 0 when it begins. If it raises an error, the reader leaves the queue.

        Returns
        -------
        object
            The result of the piece.
        """
        if threading.current_thread() is self._thread:
            return piece()
        mine = _Piece(reader, piece)
        self._join(mine)
        try:
            if on_place is not None:
                self._stand(mine, on_place)
            result: T = mine.done.result()
        finally:
            self._leave(mine)
        return result

    def give_way(self, seconds: float) -> None:
        """Return at once if nobody is served; otherwise wait until nobody has asked for a while.

        Parameters
        ----------
        seconds : float
            The while: a reader's pieces follow each other with pauses between them.
        """
        until = 0.0
        while True:
            with self._changed:
                if self._waiting or self._running is not None:
                    until = time.monotonic() + seconds
            if time.monotonic() >= until:
                return
            time.sleep(_GLANCE)

    def _join(self, mine: _Piece) -> None:
        with self._changed:
            self._waiting.append(mine)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="readings", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _leave(self, mine: _Piece) -> None:
        with self._changed:
            if mine in self._waiting:
                self._waiting.remove(mine)
                self._changed.notify_all()

    def _stand(self, mine: _Piece, on_place: OnPlace) -> None:
        """Wait until the piece begins, and tell its place meanwhile."""
        before = self._place(mine, None, _PATIENCE)
        if before is None:
            return
        while before is not None:
            on_place(before)
            before = self._place(mine, before, _LOOK)
        on_place(0)

    def _place(self, mine: _Piece, known: int | None, seconds: float) -> int | None:
        """Return the number of readers before a piece, None once it begins; wait a while for a new one.

        Parameters
        ----------
        known : int or None
            The number that was told before; None if only the beginning is waited for.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: mine.begun or (known is not None and self._before(mine) != known), seconds
            )
            return None if mine.begun else self._before(mine)

    def _before(self, mine: _Piece) -> int:
        ahead = self._waiting[: self._waiting.index(mine)]
        if self._running is not None:
            ahead = [self._running, *ahead]
        return len({piece.reader for piece in ahead} - {mine.reader})

    def _serve(self) -> None:
        """Run piece after piece, for as long as the process lives."""
        _give_way()
        # One thread for all readers: torch would start new threads of its own for each thread that calls it.
        while True:
            self._next().run()

    def _next(self) -> _Piece:
        """Wait for pieces, and take the first one of a reader that wasn't served last."""
        with self._changed:
            self._running = None
            came = self._changed.wait_for(lambda: self._waiting, _IDLE)
        if not came:
            self._tidy()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            others = (piece for piece in self._waiting if piece.reader != self._last)
            piece = next(others, self._waiting[0])
            self._waiting.remove(piece)
            piece.done.set_running_or_notify_cancel()
            self._running, self._last = piece, piece.reader
            self._changed.notify_all()
            return piece

    def _tidy(self) -> None:
        """Free what the pieces and the screens that asked for them left behind."""
        gc.collect()  # objects that refer to each other hold on to films, and few objects are many megabytes
        if not self._spared:
            # What stays, such as modules and networks, is not looked at again: nobody is served meanwhile.
            gc.freeze()
            self._spared = True
        give_memory_back()


def _give_way() -> None:
    """Lower the priority of this thread, and of those that it starts, below the rest of the process."""
    # Only Linux gives each thread a priority of its own; elsewhere the number might name another process.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            # Added, since the whole program may have been started at a low priority.
            lower = min(_LOWEST, os.getpriority(os.PRIO_PROCESS, thread) + _NICE)
            os.setpriority(os.PRIO_PROCESS, thread, lower)
