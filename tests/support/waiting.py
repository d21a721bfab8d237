"""
Waiting for other processes, for as long as they move.

A busy machine takes many times as long as a free one, so no wait here has a time limit of its own. A wait
fails when nothing has moved for ``STILL`` seconds: no file changed, and no process did more than poll.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import Locator

STILL = 60.0  # seconds
_PORTION = 3.0  # seconds of processor time: in STILL, a process that polls takes less, and one at work more
_CHECK = 0.5  # seconds between two looks at what moves, which costs processor time itself
_LOOK = 2000  # milliseconds in which a page is looked at before the processes are
WORKER = "xraylab.runs.worker"
Result = TypeVar("Result")


def work_done(named: str = "") -> int:
    """Return how many portions of processor time were used by the processes that this one started.

    Parameters
    ----------
    named : str
        Count only those whose command line contains this.
    """
    own = os.times()
    seconds = 0.0 if named else own.children_user + own.children_system  # of those that have ended
    for process in psutil.Process().children(recursive=True):
        try:
            if named in " ".join(process.cmdline()):
                times = process.cpu_times()
                seconds += times.user + times.system
        except psutil.Error:  # it ended meanwhile
            continue
    return int(seconds / _PORTION)


def files_of(home: Path) -> list[tuple[str, int, int]]:
    """Return path, size and time of change of each file below a home, but for the database.

    The heartbeat of a worker changes the database while the worker lives, even if its training hangs.
    """
    files = []
    for folder, _, names in os.walk(home):
        for name in names:
            path = Path(folder, name)
            try:
                status = path.stat()
            except FileNotFoundError:  # removed meanwhile
                continue
            files.append((str(path), status.st_size, status.st_mtime_ns))
    return sorted(file for file in files if "xraylab.db" not in file[0])


def eventually(
    look: Callable[[], Result], *, moves: Callable[[], object] = work_done, still: float = STILL
) -> Result:
    """Return what ``look`` finds once that is true; fail when nothing has moved for a while.

    Parameters
    ----------
    look : callable
        Called again and again; takes no arguments.
    moves : callable
        Returns something that differs from before while what is waited for goes on. The default is the work
        of all processes that this one started.
    still : float
        Seconds without a move after which the wait fails.
    """
    checked = moved = time.monotonic()
    before = moves()
    while not (result := look()):
        if time.monotonic() >= checked + min(_CHECK, still / 4):
            checked, now = time.monotonic(), moves()
            if now != before:
                moved, before = checked, now
            assert checked < moved + still, f"still {result!r}, and nothing moved for {still} seconds"
        time.sleep(0.02)
    return result


def exit_code(process: subprocess.Popen[bytes], *, still: float = STILL) -> int:
    """Wait until a process has ended, for as long as it or another one works, and return its exit code."""
    eventually(lambda: process.poll() is not None, still=still)
    return int(process.returncode)


def shown(locator: "Locator", home: Path, *, still: float = STILL) -> None:
    """Wait until a page shows something, for as long as the training that it watches in a home moves."""
    from playwright.sync_api import TimeoutError as NotYet

    def look() -> bool:
        try:
            locator.wait_for(timeout=_LOOK)
        except NotYet:
            return False
        return True

    eventually(look, moves=lambda: (files_of(home), work_done(WORKER)), still=still)
