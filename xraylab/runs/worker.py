"""
The worker: take a device, work through its queue one run at a time, oldest first, and end.

::

    python -m xraylab.runs.worker --device cpu

- if a living process holds the device, the worker ends at once, because that process works on the queue
- everything that a run prints, logs or crashes with goes to the log in its folder
- SIGTERM stops the worker: the current run then fails with a sentence, and the queue waits
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
from xraylab.runs.orphans import reconcile
from xraylab.runs.run import Run, RunCancelled, State
from xraylab.runs.table import cancel_requested, finish
from xraylab.settings import Settings, load_settings
from xraylab.tidy import sweep_home

STOPPED = (
    "The run was stopped by the system (a shutdown, or somebody ended the worker). "
    "Resume it, or start it again."
)
NO_MEMORY = (
    "The machine ran out of memory. Close other programs, or choose a smaller network, and start again."
)
NO_SPACE = "The disk that holds {home} is full, so the run had to stop. Free some space and start it again."
GONE = "The folder of this run is gone, and its recipe with it. Start it again."
UNEXPECTED = "An unexpected error stopped this run (reference {reference}). The log has the details."

_POLL = 0.2  # seconds between two reads of the cancel flag, even if an executor asks more often
_log = logging.getLogger(__name__)


class Executor(Protocol):
    """A function that trains: it reads the run's recipe, reports its progress, and stops when asked."""

    def __call__(
        self,
        settings: Settings,
        run_id: str,
        *,
        progress: Callable[[dict[str, Any]], None],
        cancelled: Callable[[], bool],
    ) -> Sequence[str] | None:
        """Train, or go on from the run's checkpoint.

        Parameters
        ----------
        progress : callable
            Writes a file, so call it about twice per second at most.
        cancelled : callable
            Cheap enough to call after every batch.

        Returns
        -------
        sequence of str, optional
            Notes on the training, as sentences; they are kept with the run's result.

        Raises
        ------
        RunCancelled
            Soon after ``cancelled()`` is true.
        """


def drain(
    settings: Settings,
    device: str,
    *,
    execute: Executor | None = None,
    token: str | None = None,
    stopping: threading.Event | None = None,
) -> None:
    """Work through a device's queue until it is empty; return at once if another process does.

    Parameters
    ----------
    execute : callable, optional
        The function that trains; by default ``xraylab.runs.execute.execute``, imported for the first run.
    token : str, optional
        Token of a lease that the starting process took for this one.
    stopping : threading.Event, optional
        Set when the process has to end.
    """
    lease = acquire(settings, device) if token is None else _adopt(settings, Lease(device, token))
    if lease is None:
        return
    stopping = stopping or threading.Event()
    with held(settings, lease) as lost:
        reconcile(settings)
        sweep_home(settings)
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
    """Execute a run that this process has started, and end it; the caller holds the device's lease.

    A training in the foreground does the same, and then starts a worker for runs that were queued meanwhile::

        [run] = submit_all(settings, [order])
        with device_lease(settings, device, wait) as lost:
            run = start(settings, run.id)
            perform(settings, run, stop=lost.is_set, watch=bar)
        ensure_worker(settings, device)

    Parameters
    ----------
    stop : callable
        Returns True if the process has to end for another reason than a cancelled run.
    watch : callable, optional
        Called with each progress too, for a progress bar.

    Raises
    ------
    KeyboardInterrupt
        Raised again, after the run was ended as cancelled.
    """
    with _logged(folder.path(settings, run.id) / folder.LOG):
        _log.info("run %s: %s on %s, recipe %s, %s", run.id, run.arch, run.dataset, run.recipe, run.device)
        try:
            state, error, notes = _outcome(settings, run, execute, stop, watch)
        except KeyboardInterrupt:  # the user of a foreground training wanted it to stop
            finish(settings, run.id, "cancelled")
            raise
        except BaseException:
            finish(settings, run.id, "failed", STOPPED)
            raise
        _log.info("run %s: %s", run.id, state)
        finish(settings, run.id, state, error, notes=notes)
        # Only here: inside ``_outcome`` an error's traceback still holds the network.
        free_memory()


def free_memory() -> None:
    """Free the memory of a training, on the GPU too, for the next run or for other programs."""
    gc.collect()
    torch = sys.modules.get("torch")  # without torch in memory there is nothing to free
    if torch is None:
        return
    # Torch keeps freed GPU memory for itself. Asking for ``is_initialized`` doesn't start CUDA.
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _work(settings: Settings, run: Run, execute: Executor | None, stop: Callable[[], bool]) -> None:
    """Execute one run of the queue, with its output in its log."""
    # Errors here come from opening the log. They must end this run only: the next runs of the queue wait.
    try:
        with _captured(folder.path(settings, run.id) / folder.LOG):
            perform(settings, run, execute=execute, stop=stop)
    except FileNotFoundError:
        finish(settings, run.id, "failed", GONE)
    except OSError as error:
        finish(settings, run.id, "failed", sentence_of(settings, error))


def _outcome(
    settings: Settings,
    run: Run,
    execute: Executor | None,
    stop: Callable[[], bool],
    watch: Callable[[dict[str, Any]], None] | None,
) -> tuple[State, str | None, Sequence[str]]:
    """Train; return the final state, the error as a sentence, and the notes. Errors are logged."""

    def progress(value: dict[str, Any]) -> None:
        folder.write_progress(settings, run.id, value)
        if watch is not None:
            watch(value)

    try:
        execute = execute or _executor()
        notes = execute(settings, run.id, progress=progress, cancelled=_flag(settings, run.id, stop))
    except RunCancelled:
        # The executor can't tell why it had to stop. If the user asked, that counts, even in a shutdown.
        stopped = stop() and not cancel_requested(settings, run.id)
        return ("failed", STOPPED, ()) if stopped else ("cancelled", None, ())
    except Exception as error:
        return "failed", sentence_of(settings, error), ()
    return "done", None, notes or ()


def sentence_of(settings: Settings, error: Exception) -> str:
    """Log an error, and return the sentence that the user reads."""
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
    """Return True for the errors of Python and torch that mean full memory."""
    # By name and text: a worker whose executor needs no torch must not import it here.
    from_torch = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or from_torch


def _flag(settings: Settings, run_id: str, stop: Callable[[], bool]) -> Callable[[], bool]:
    """Return the function that tells an executor to stop; it reads the database at most every 0.2 s."""
    last_read, cancel = -_POLL, False

    def cancelled() -> bool:
        nonlocal last_read, cancel
        if not cancel and time.monotonic() - last_read >= _POLL:
            with contextlib.suppress(StorageError):  # a busy database is no reason to lose a training
                cancel = cancel_requested(settings, run_id)
            last_read = time.monotonic()
        return cancel or stop()

    return cancelled


def _executor() -> Executor:
    """Import the function that trains, and torch with it, which takes seconds."""
    return cast(Executor, importlib.import_module("xraylab.runs.execute").execute)


def _adopt(settings: Settings, lease: Lease) -> Lease | None:
    """Name this process as the holder of a lease that its starter took; None if the lease is lost."""
    # The starter names us as the holder too. In either order, the lease always has a living holder.
    return lease if hand_over(settings, lease, this_process()) else None


@contextlib.contextmanager
def _logged(log: Path) -> Iterator[None]:
    """Send everything that is logged to a run's log as well."""
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
    """Send both output streams to a run's log."""
    # The file descriptors themselves are redirected: C code and a crashing interpreter write past sys.stdout.
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
    # Text that is still in Python's buffers belongs to where the output went until now.
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(output, 1)
    os.dup2(errors, 2)


def step_back() -> None:
    """Lower our priority, so that the app and other programs stay quick."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(5)


def main(arguments: list[str] | None = None, *, execute: Executor | None = None) -> int:
    """Run the worker of one device."""
    parser = argparse.ArgumentParser(
        prog="python -m xraylab.runs.worker", description="Work through a device's queue."
    )
    parser.add_argument("--device", default="cpu", help="the device whose queue the worker takes")
    parser.add_argument("--token", help="token of a lease that was taken for this process")
    options = parser.parse_args(arguments)

    # The handlers only set a flag: the executor must reach a point where it can stop and end its run.
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    faulthandler.enable()  # a crash in C code leaves a traceback in the log
    step_back()
    drain(load_settings(), options.device, execute=execute, token=options.token, stopping=stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
