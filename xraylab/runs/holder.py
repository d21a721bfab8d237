"""
Who holds a run or a device, and whether that process still lives.

- on this host the process table answers: same pid, same start, not a zombie
- on another host only its heartbeat can: it is alive while its counter keeps moving on *our* clock, so that
  two hosts never have to agree on the time
"""

import functools
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

SILENCE = 60.0  # seconds without a heartbeat after which another host's holder counts as dead
_SAME_START = 2.0  # seconds; the system derives a start from its clock, which may be nudged meanwhile


@dataclass(frozen=True)
class Holder:
    """One process on one host; the start time tells it from a later process with the same pid."""

    host: str
    pid: int
    process_start: float  # Unix seconds


def this_process() -> Holder:
    """Return who is asking; the same answer each time, even when the system's clock is set meanwhile."""
    return _own(os.getpid())


@functools.cache
def _own(pid: int) -> Holder:
    return holder_of(psutil.Process(pid))


def holder_of(process: psutil.Process) -> Holder:
    """Return a process of this host as a holder."""
    return Holder(platform.node(), process.pid, process.create_time())


@dataclass
class Observer:
    """Watches holders over time; one lasts as long as the process that observes.

    Parameters
    ----------
    clock : callable
        Seconds that never go back.
    host : str
        The host whose process table can be asked.
    """

    clock: Callable[[], float] = time.monotonic
    host: str = field(default_factory=platform.node)
    _seen: dict[Holder, tuple[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def alive(self, holder: Holder, heartbeat: int) -> bool:
        """Say whether a holder lives, given the counter it last wrote."""
        if holder.host == self.host:
            return _runs_here(holder)
        now = self.clock()
        with self._lock:
            counter, since = self._seen.get(holder, (heartbeat, now))
            if counter != heartbeat:
                since = now
            self._seen[holder] = heartbeat, since
        return now - since <= SILENCE


def _runs_here(holder: Holder) -> bool:
    try:
        process = psutil.Process(holder.pid)
        same = abs(process.create_time() - holder.process_start) <= _SAME_START
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # a zombie that has no start any more is one of these
        return False
    except psutil.AccessDenied:  # somebody else's: it exists, and that is all we may know
        return True


OBSERVER = Observer()
