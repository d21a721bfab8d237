"""
Tests in several processes: how many, how many threads each, and what they share.

pytest-xdist starts the processes, which it calls workers. To import this module limits the threads of a
worker, which must happen before NumPy and torch are loaded. So it imports nothing heavy itself.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

CORES = os.cpu_count() or 1
MOST_WORKERS = 8  # each holds torch and Streamlit, about 1.5 GB
# Small networks gain little by a second thread, and lose much when another process has its core: each thread
# then waits for the other, hundreds of times per film.
ONE_THREAD = "1"
_COUNT = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "XRAYLAB_THREADS")

if _COUNT > 1:
    for _name in _THREAD_VARIABLES:  # subprocesses inherit them
        os.environ.setdefault(_name, str(max(1, CORES // _COUNT)))


def number_of_workers(arguments: list[str]) -> int:
    """Return the number of workers that pays for what was asked for; 0 runs the tests in this process.

    A worker needs seconds to start, and the tests of one file stay in one worker.
    """
    files = {argument.partition("::")[0] for argument in arguments}
    if len(files) == 1 and files.pop().endswith(".py"):
        return 0
    return min(CORES, MOST_WORKERS) if CORES > 1 else 0


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first worker makes and all workers of this run use.

    Nobody may change the folder later: tests copy it.

    Parameters
    ----------
    factory : pytest.TempPathFactory
        The fixture ``tmp_path_factory``.
    name : str
        Name of the folder, different for each fixture.
    make : callable
        Called with the path of the folder, which doesn't exist yet.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    shared.mkdir(exist_ok=True)
    folder, done = shared / name, shared / f"{name}.done"
    # A catalogue names its films by absolute path, so the folder is made where it stays, not renamed.
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed or was killed
            make(folder)
            done.touch()
    return folder
