"""Fixtures of the tests of runs: an empty home, a queue, and workers that end with their test."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.run_rows import submit as queue
from tests.support.workers import made_once
from xraylab.database import reading
from xraylab.runs import launch
from xraylab.runs.run import Run
from xraylab.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(home: Path) -> None:
        with reading(load_settings(home=home)):
            pass

    return load_settings(home=made_once(tmp_path_factory, "migrated", make)).database


@pytest.fixture
def settings(tmp_path: Path, migrated: Path) -> Settings:
    settings = load_settings(home=tmp_path / "home")
    settings.home.mkdir()
    shutil.copy(migrated, settings.database)
    return settings


@pytest.fixture
def submit(settings: Settings) -> Callable[..., Run]:
    return functools.partial(queue, settings)


@pytest.fixture
def start_worker(settings: Settings) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return a function that starts a worker; kill the workers that still run at the end of the test."""
    started = []

    def start() -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.runs.fake_worker", "--device", "cpu"],
            cwd=ROOT,
            env=os.environ | {"XRAYLAB_HOME": str(settings.home)},
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let ``ensure_worker`` start the fake worker; kill what still runs at the end of the test."""
    monkeypatch.setattr(launch, "WORKER", "tests.runs.fake_worker")
    yield
    for child in launch._children:
        child.kill()
        child.wait()
    launch._children.clear()
    launch._broken.clear()
