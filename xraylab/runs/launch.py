"""
Starting a worker that outlives whoever starts it.

- a page view, a submit or a command calls ``ensure_worker``; it is cheap when there is nothing to do
- the device's lease is taken here, before the worker exists, and handed to it: of many calls at once, one
  starts a worker
"""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

import psutil

from xraylab.errors import TrainingError
from xraylab.files import storage_errors
from xraylab.runs.holder import holder_of
from xraylab.runs.lease import Lease, acquire, hand_over, release
from xraylab.runs.table import list_runs, reconcile
from xraylab.settings import Settings

WORKER = "xraylab.runs.worker"
_LOG_SIZE = 1_000_000  # bytes; a longer log moves aside before the next worker starts

# The workers this process started. Asking after them collects those that have left.
_children: list[subprocess.Popen[bytes]] = []
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
    _reap()
    reconcile(settings)
    if not any(run.device == device for run in list_runs(settings, states=["queued"])):
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
        _children.append(child)
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
    return os.environ | {"XRAYLAB_HOME": str(settings.home.absolute()), "PYTHONPATH": path}


def _detached() -> dict[str, Any]:
    """Return what keeps a worker alive when its starter's terminal or server goes."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _worker_log(settings: Settings) -> IO[bytes]:
    log = settings.logs / "worker.log"
    with storage_errors(settings.logs):
        settings.logs.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_SIZE:
            log.replace(log.with_suffix(".log.1"))
        return log.open("ab")


def _reap() -> None:
    with _reaping:
        _children[:] = [child for child in _children if child.poll() is None]
