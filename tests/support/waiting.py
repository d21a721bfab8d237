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
from typing import TYPE_CHECKING, Literal, TypeVar

import psutil

if TYPE_CHECKING:
    from playwright.sync_api import Locator

STILL = 60.0  # seconds
# Seconds of processor time: in STILL, a process that only polls uses less, and one at work uses more, even on
# a machine with 20 busy processes per core.
_PORTION = 0.5
_CHECK = 0.5  # seconds between two looks at what moves, which costs processor time itself
_LOOK = 2000  # milliseconds in which a page is looked at before the processes are
_SERVER, _WORKER = "streamlit run", "xraylab.runs.worker"  # as they are called in command lines
_State = Literal["attached", "detached", "hidden", "visible"]
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


def shown(
    locator: "Locator", home: Path | None = None, *, state: _State = "visible", still: float = STILL
) -> None:
    """Wait until a page shows something, for as long as what it waits for moves.

    Parameters
    ----------
    locator : Locator
        Where to look.
    home : Path or None
        The home of the training that the page watches. Such a page asks the server again and again, so the
        server always has work: the files of the training and the work of its worker count instead.
    state : str
        A state of ``Locator.wait_for``.
    still : float
        Seconds without a move after which the wait fails.
    """
    from playwright.sync_api import TimeoutError as NotYet

    def look() -> bool:
        try:
            locator.wait_for(timeout=_LOOK, state=state)
        except NotYet:
            return False
        return True

    def moves() -> object:
        return work_done(_SERVER) if home is None else (files_of(home), work_done(_WORKER))

    eventually(look, moves=moves, still=still)
