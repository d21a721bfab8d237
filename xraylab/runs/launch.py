"""
Starting a worker that outlives whoever starts it.

- a page view, a submit or a command calls ``ensure_worker``; it is cheap when there is nothing to do
- a run that a worker could not begin three times in a row has failed: nobody waits for it for ever
- the device's lease is taken here, before the worker exists, and handed to it: of many calls at once, one
  starts a worker
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
from xraylab.runs.table import give_up, list_runs, reconcile
from xraylab.settings import Settings

WORKER = "xraylab.runs.worker"
_LOG_SIZE = 1_000_000  # bytes; a longer log moves aside before the next worker starts

_TRIES = 3  # workers that may break before they begin a run
NO_WORKER = (
    "The training in the background broke {tries} times before it could begin. "
    "{log} says why; “doctor” checks the installation."
)

# The workers this process started, and the run each was started for. Asking after them collects those that
# have left.
_children: dict[subprocess.Popen[bytes], tuple[Path, str]] = {}
_broken: Counter[tuple[Path, str]] = Counter()
_reaping = threading.Lock()


def ensure_worker(settings: Settings, device: str) -> bool:
    """Start a worker if runs wait for a device that nobody alive holds.

    Returns
    -------
    bool
        Whether one was started.

    Raises
    ------
    TrainingError
        If the system refuses to start a process.
    StorageError
        If the home may not be written.
    """
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
    except psutil.NoSuchProcess:  # gone already, whatever the reason
        release(settings, lease)
    return True


def _spawn(settings: Settings, lease: Lease) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-u", "-m", WORKER, "--device", lease.device, "--token", lease.token]
    with _worker_log(settings) as log:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                env=_environment(settings),
                **_detached(),
            )
        except OSError as error:
            raise TrainingError(
                f"The system refused to start the training in the background ({error.strerror}). "
                "Close other programs and try again."
            ) from error


def _environment(settings: Settings) -> dict[str, str]:
    """Return our environment with the home, and the package where it lies: a clone needn't be installed."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    ours = {name: value for name, value in os.environ.items() if name not in ranks.VARIABLES}
    return ours | {"XRAYLAB_HOME": str(settings.home.absolute()), "PYTHONPATH": path}


def _detached() -> dict[str, Any]:
    """Return what keeps a worker alive when its starter's terminal or server goes."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _worker_log(settings: Settings) -> IO[bytes]:
    log = _log_file(settings)
    with storage_errors(settings.logs):
        settings.logs.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_SIZE:
            log.replace(log.with_suffix(".log.1"))
        return log.open("ab")


def _log_file(settings: Settings) -> Path:
    return settings.logs / "worker.log"


def _reap(home: Path) -> list[str]:
    """Collect the workers that have left; return the runs of this home for which too many of them broke."""
    with _reaping:
        for child in [child for child in _children if child.poll() is not None]:
            started_for = _children.pop(child)
            if child.returncode > 0:  # it broke; a worker that was killed or told to leave may be replaced
                _broken[started_for] += 1
        lost = [one for one, times in _broken.items() if one[0] == home and times >= _TRIES]
        for one in lost:
            del _broken[one]
        return [run_id for _, run_id in lost]
