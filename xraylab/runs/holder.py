"""
The process that holds a run or a device, and whether it is still alive.

- on this host the process table answers: the process has the same pid and start, and is no zombie; on Linux
  the start is counted from the boot, because a clock that is set moves every start that is given as a time
- for another host its heartbeat answers: the process is alive while its counter moves, measured on *our*
  clock, so that the clocks of two hosts never have to agree
"""

import contextlib
import functools
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SILENCE = 60.0  # seconds without a heartbeat after which another host's holder counts as dead
_SAME_START = 2.0  # seconds; earlier versions stored times, and a clock may be corrected meanwhile
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19  # "starttime" of proc(5), counted behind the name
_APART = 1e5  # seconds between the starts of two boots that have neighbouring numbers


@dataclass(frozen=True)
class Holder:
    """One process on one host."""

    host: str
    pid: int
    process_start: float  # from ``_start_of``; systems reuse pids, so a later process may have the same pid


def this_process() -> Holder:
    """Return the calling process as a holder, with the same start time at every call."""
    return _own(os.getpid())


# Cached, because where the start is a time it would differ after a correction of the clock, and a holder is
# found by equality. By pid, because a forked child is another process.
@functools.cache
def _own(pid: int) -> Holder:
    return holder_of(psutil.Process(pid))


def holder_of(process: psutil.Process) -> Holder:
    """Return a process of this host as a holder."""
    return Holder(platform.node(), process.pid, _start_of(process))


def _start_of(process: psutil.Process) -> float:
    """Return a number that is the same for a process at every call, and different for a later one.

    On Linux these are the seconds from the boot to the start of the process, added to a number of the boot;
    elsewhere the system keeps the start as a time, which setting the clock doesn't change.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        boot = int(_BOOT.read_text("ascii")[:7], 16)
        # The name of the process stands in brackets and may hold spaces, so fields are counted behind it.
        fields = Path(f"/proc/{process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return boot * _APART + int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    return process.create_time()


@dataclass
class Observer:
    """Memory of the heartbeats that a process has seen.

    Parameters
    ----------
    clock : callable
        Returns seconds that never go back.
    host : str
        Name of the host whose process table can be read.
    """

    clock: Callable[[], float] = time.monotonic
    host: str = field(default_factory=platform.node)
    _seen: dict[Holder, tuple[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def alive(self, holder: Holder, heartbeat: int) -> bool:
        """Return True if a holder is alive.

        Parameters
        ----------
        heartbeat : int
            The counter that the holder wrote last.
        """
        if holder.host == self.host:
            return _runs_here(holder)
        now = self.clock()
        # One observer serves all threads of the app.
        with self._lock:
            # A holder that we see for the first time counts as alive: its silence begins now.
            counter, since = self._seen.get(holder, (heartbeat, now))
            if counter != heartbeat:
                since = now
            self._seen[holder] = heartbeat, since
        return now - since <= SILENCE


def _runs_here(holder: Holder) -> bool:
    try:
        process = psutil.Process(holder.pid)
        starts = _start_of(process), process.create_time()
        same = any(abs(start - holder.process_start) <= _SAME_START for start in starts)
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # psutil raises this also for a zombie without a start time
        return False
    except psutil.AccessDenied:  # it belongs to another user: we may know only that it exists
        return True


# Shared by the whole process: silence can only be measured by an observer that lives longer than SILENCE.
OBSERVER = Observer()
