"""
The worker: takes a device, drains its queue one run at a time, oldest first, and leaves.

::

    python -m xraylab.runs.worker --device cpu

- if somebody alive has the device, it leaves at once: whoever has it also sees the queue
- what a run prints, logs or crashes with is in the log of its folder
- it is told to stop by SIGTERM; the run it works on then fails with a sentence, and the queue waits
"""

import argparse
import contextlib
import errno
import faulthandler
import gc
import importlib
import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import psutil

from xraylab.errors import StorageError, XRayLabError
from xraylab.runs import folder
from xraylab.runs.holder import this_process
from xraylab.runs.lease import Lease, acquire, hand_over, held, next_run
from xraylab.runs.table import Run, RunCancelled, State, cancel_requested, finish, reconcile
from xraylab.settings import Settings, load_settings

STOPPED = (
    "The run was stopped by the system (a shutdown, or somebody ended the worker). "
    "Resume it, or start it again."
)
NO_MEMORY = (
    "The machine ran out of memory. Close other programs, or choose a smaller network, and start again."
)
NO_SPACE = "The disk that holds {home} is full, so the run had to stop. Free some space and start it again."
GONE = "The folder of this run is gone, and what it was to train with it. Start it again."
UNEXPECTED = "An unexpected error stopped this run (reference {reference}). The log has the details."

_POLL = 0.2  # seconds between two looks at the cancel flag, however often an executor asks
_log = logging.getLogger(__name__)


class Executor(Protocol):
    """What trains: it reads the run's recipe, tells how far it is, and stops when asked to."""

    def __call__(
        self,
        settings: Settings,
        run_id: str,
        *,
        progress: Callable[[dict[str, Any]], None],
        cancelled: Callable[[], bool],
    ) -> Sequence[str] | None:
        """Train, or go on from the run's checkpoint; raise ``RunCancelled`` soon after ``cancelled()``.

        It returns sentences worth knowing about the training, which are kept with the run's result.
        ``cancelled`` may be asked after every batch; ``progress`` writes a file: now and then will do.
        """


def drain(
    settings: Settings,
    device: str,
    *,
    execute: Executor | None = None,
    token: str | None = None,
    stopping: threading.Event | None = None,
) -> None:
    """Work on a device's queue until it is empty; return at once if somebody else does.

    Parameters
    ----------
    execute : callable, optional
        What trains; by default ``xraylab.runs.execute.execute``, imported when the first run needs it.
    token : str, optional
        A lease that was taken for this process by the one that started it.
    stopping : threading.Event, optional
        Set when the process has to leave.
    """
    lease = acquire(settings, device) if token is None else _adopt(settings, Lease(device, token))
    if lease is None:
        return
    stopping = stopping or threading.Event()
    with held(settings, lease) as lost:
        reconcile(settings)
        while not stopping.is_set() and (run := next_run(settings, lease)) is not None:
            _work(settings, run, execute, lambda: stopping.is_set() or lost.is_set())


def perform(
    settings: Settings,
    run: Run,
    *,
    execute: Executor | None = None,
    stop: Callable[[], bool] = lambda: False,
    watch: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Work on a run that this process has started, to its end; the caller holds the device's lease.

    A training in the foreground does it so, and starts a worker for whoever queued up meanwhile::

        with device_lease(settings, device, wait) as lost:
            run = start(settings, submit(settings, ...).id)
            perform(settings, run, stop=lost.is_set, watch=bar)
        ensure_worker(settings, device)

    Parameters
    ----------
    stop : callable
        Whether the process has to leave, for a reason other than the user's cancelling this run.
    watch : callable, optional
        Shown each progress as well, for a progress bar.

    Raises
    ------
    KeyboardInterrupt
        Passed on, once the run is ended as cancelled.
    """
    with _logged(folder.path(settings, run.id) / folder.LOG):
        _log.info("run %s: %s on %s, recipe %s, %s", run.id, run.arch, run.dataset, run.recipe, run.device)
        try:
            state, error, notes = _outcome(settings, run, execute, stop, watch)
        except KeyboardInterrupt:
            finish(settings, run.id, "cancelled")
            raise
        except BaseException:
            finish(settings, run.id, "failed", STOPPED)
            raise
        _log.info("run %s: %s", run.id, state)
        finish(settings, run.id, state, error, notes=notes)
        free_memory()  # the error that held the network, if there was one, is gone by now


def free_memory() -> None:
    """Give back what a training held, that of a graphics card too, for whoever comes next."""
    gc.collect()
    torch = sys.modules.get("torch")  # what never loaded it holds nothing
    if torch is None:
        return
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _work(settings: Settings, run: Run, execute: Executor | None, stop: Callable[[], bool]) -> None:
    """Work on one run of the queue; one that has lost its folder doesn't keep the others waiting."""
    try:
        with _captured(folder.path(settings, run.id) / folder.LOG):
            perform(settings, run, execute=execute, stop=stop)
    except FileNotFoundError:
        finish(settings, run.id, "failed", GONE)
    except OSError as error:
        finish(settings, run.id, "failed", _sentence(settings, error))


def _outcome(
    settings: Settings,
    run: Run,
    execute: Executor | None,
    stop: Callable[[], bool],
    watch: Callable[[dict[str, Any]], None] | None,
) -> tuple[State, str | None, Sequence[str]]:
    """Train, and say how it ended and what is worth knowing; whatever went wrong is in the log by then."""

    def progress(value: dict[str, Any]) -> None:
        folder.write_progress(settings, run.id, value)
        if watch is not None:
            watch(value)

    try:
        execute = execute or _executor()
        notes = execute(settings, run.id, progress=progress, cancelled=_flag(settings, run.id, stop))
    except RunCancelled:
        stopped = stop() and not cancel_requested(settings, run.id)
        return ("failed", STOPPED, ()) if stopped else ("cancelled", None, ())
    except Exception as error:
        return "failed", _sentence(settings, error), ()
    return "done", None, notes or ()


def _sentence(settings: Settings, error: Exception) -> str:
    if isinstance(error, XRayLabError):
        _log.error("%s", error, exc_info=error)
        return str(error)
    reference = uuid.uuid4().hex[:6]
    _log.error("reference %s", reference, exc_info=error)
    if _out_of_memory(error):
        return NO_MEMORY
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NO_SPACE.format(home=settings.home)
    return UNEXPECTED.format(reference=reference)


def _out_of_memory(error: Exception) -> bool:
    """Know the error in Python's words and in torch's, without importing torch."""
    torch_says = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or torch_says


def _flag(settings: Settings, run_id: str, stop: Callable[[], bool]) -> Callable[[], bool]:
    """Return a question that may be asked after every batch without asking the database each time."""
    looked, answer = -_POLL, False

    def cancelled() -> bool:
        nonlocal looked, answer
        if not answer and time.monotonic() - looked >= _POLL:
            with contextlib.suppress(StorageError):  # a database that is busy is no reason to lose a training
                answer = cancel_requested(settings, run_id)
            looked = time.monotonic()
        return answer or stop()

    return cancelled


def _executor() -> Executor:
    """Import what trains, and torch with it; not before there is something to train."""
    return cast(Executor, importlib.import_module("xraylab.runs.execute").execute)


def _adopt(settings: Settings, lease: Lease) -> Lease | None:
    return lease if hand_over(settings, lease, this_process()) else None


@contextlib.contextmanager
def _logged(log: Path) -> Iterator[None]:
    """Let everything that is logged go to a run's log as well."""
    handler = logging.FileHandler(log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextlib.contextmanager
def _captured(log: Path) -> Iterator[None]:
    """Send both output streams to a run's log, those of C code and of a crashing interpreter included."""
    ours = os.dup(1), os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        _point_output_at(target, target)
        yield
    finally:
        _point_output_at(*ours)
        for descriptor in (*ours, target):
            os.close(descriptor)


def _point_output_at(output: int, errors: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(output, 1)
    os.dup2(errors, 2)


def _step_back() -> None:
    """Let the app and its user go first."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(5)


def main(arguments: list[str] | None = None, *, execute: Executor | None = None) -> int:
    """Run the worker of one device."""
    parser = argparse.ArgumentParser(
        prog="python -m xraylab.runs.worker", description="Drain a device's queue."
    )
    parser.add_argument("--device", default="cpu", help="the device whose queue is drained")
    parser.add_argument("--token", help="a lease already taken for this process")
    options = parser.parse_args(arguments)

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    faulthandler.enable()
    _step_back()
    drain(load_settings(), options.device, execute=execute, token=options.token, stopping=stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
