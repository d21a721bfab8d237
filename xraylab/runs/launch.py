"""
Start a worker that outlives the process that starts it.

- page views, submits and commands call ``ensure_worker``; it is cheap if there is nothing to do
- this process takes the device's lease before the worker exists, and hands it to the worker: of many calls
  at the same time only one starts a worker
- if the worker breaks three times before it begins a run, that run fails, so that nobody waits for ever
"""

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import IO, Any

import psutil

from xraylab.errors import TrainingError
from xraylab.files import storage_errors
from xraylab.runs import ranks
from xraylab.runs.holder import holder_of
from xraylab.runs.lease import Lease, acquire, hand_over, release
from xraylab.runs.orphans import reconcile
from xraylab.runs.table import give_up, list_runs
from xraylab.settings import Settings

WORKER = "xraylab.runs.worker"
_LOG_SIZE = 1_000_000  # bytes; a longer log is moved aside before the next worker starts

_TRIES = 3  # workers that may break before they begin a run
NO_WORKER = (
    "The training in the background broke {tries} times before it could begin. "
    "{log} says why; “doctor” checks the installation."
)

# The workers that this process started, and the run that each was started for. A child that has ended stays
# in the process table as a zombie until its parent polls it.
_children: dict[subprocess.Popen[bytes], tuple[Path, str]] = {}
_broken: Counter[tuple[Path, str]] = Counter()
_reaping = threading.Lock()


def ensure_worker(settings: Settings, device: str) -> bool:
    """Start a worker if runs wait for a device that no living process holds.

    Returns
    -------
    bool
        True if a worker was started.

    Raises
    ------
    TrainingError
        If the system refuses to start a process.
    StorageError
        If the home folder can't be written.
    """
    # A run whose workers break at once would start a new worker at every page view.
    for run_id in _reap(settings.home):
        give_up(settings, run_id, NO_WORKER.format(tries=_TRIES, log=_log_file(settings)))
    reconcile(settings)
    waiting = [run for run in list_runs(settings, states=["queued"]) if run.device == device]
    if not waiting:
        return False
    lease = acquire(settings, device)
    if lease is None:
        return False
    try:
        child = _spawn(settings, lease)
    except BaseException:
        release(settings, lease)
        raise
    with _reaping:
        _children[child] = settings.home, waiting[-1].id
    try:
        hand_over(settings, lease, holder_of(psutil.Process(child.pid)))
    except psutil.NoSuchProcess:  # it has ended already: no process would ever give this lease back
        release(settings, lease)
    return True


def _spawn(settings: Settings, lease: Lease) -> subprocess.Popen[bytes]:
    arguments = (WORKER, "--device", lease.device, "--token", lease.token)
    return spawn(settings, *arguments, log=_log_file(settings), work="training")


def spawn(settings: Settings, module: str, *arguments: str, log: Path, work: str) -> subprocess.Popen[bytes]:
    """Start a module of Python that outlives this process.

    Parameters
    ----------
    log : Path
        File for what it prints; a long one is moved aside.
    work : str
        Its work, for the sentence of the error.

    Raises
    ------
    TrainingError
        If the system refuses to start a process.
    StorageError
        If the home folder can't be written.
    """
    with _opened(log) as output:
        try:
            return subprocess.Popen(
                [sys.executable, "-u", "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                close_fds=True,
                env=_environment(settings),
                **_detached(),
            )
        except OSError as error:
            raise TrainingError(
                f"The system refused to start the {work} in the background ({error.strerror}). "
                "Close other programs and try again."
            ) from error


def _environment(settings: Settings) -> dict[str, str]:
    """Return our environment, with the home folder and the place of the package."""
    package = str(Path(__file__).resolve().parents[2])  # a clone works without being installed
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    # With these variables the worker would wait for other ranks that were never started.
    inherited = {name: value for name, value in os.environ.items() if name not in ranks.VARIABLES}
    return inherited | {"XRAYLAB_HOME": str(settings.home.absolute()), "PYTHONPATH": path}


def _detached() -> dict[str, Any]:
    """Return the options that keep a worker alive when the terminal or server that started it ends."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    # Ctrl-C and a closed terminal send their signals to the whole session.
    return {"start_new_session": True}


def _opened(log: Path) -> IO[bytes]:
    with storage_errors(log.parent):
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_SIZE:
            log.replace(log.with_suffix(".log.1"))
        return log.open("ab")


def _log_file(settings: Settings) -> Path:
    return settings.logs / "worker.log"


def _reap(home: Path) -> list[str]:
    """Collect workers that have ended; return the runs of this home for which too many workers broke."""
    with _reaping:
        for child in [child for child in _children if child.poll() is not None]:
            started_for = _children.pop(child)
            # 0 is a worker that left in good order. A negative code is a signal: somebody ended the worker,
            # which says nothing against starting another one.
            if child.returncode > 0:
                _broken[started_for] += 1
        hopeless = [key for key, times in _broken.items() if key[0] == home and times >= _TRIES]
        for key in hopeless:
            del _broken[key]  # a run that is resumed starts with three new tries
        return [run_id for _, run_id in hopeless]
