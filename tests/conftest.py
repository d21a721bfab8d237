"""
Fixtures of all tests: the reference radiographs, a browser, and the JSON document of a command.

``pytest`` runs one worker per core, see ``tests/support/workers.py``. Files with slow tests begin first: a
long file that began last would leave the other workers idle.
"""

import gc
import json
import os
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from tests.support.chromium import CHROMIUM, chromium
from tests.support.workers import number_of_workers
from xraylab import settings

ROOT = Path(__file__).resolve().parents[1]
_PACKAGE_MODELS = settings.STARTER


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Answer ``-n auto``, which is the default."""
    return number_of_workers(config.args)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with slow tests first, and leave the order within a file as it is."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Exempt all that the test modules have loaded from garbage collection.

    It is never garbage, but each collection would look through it for half a second. Each stage of a training
    collects twice.
    """
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter collect all objects when it ends, which C libraries check."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the shipped models, so that no test depends on them; tests about them bring their own."""
    monkeypatch.setattr("xraylab.settings.STARTER", ROOT / "tests" / "nothing")


@pytest.fixture
def no_packaged_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the packages that hold ImageNet weights, as if they weren't installed."""

    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("xraylab.networks.pretrained.distribution", absent)


@pytest.fixture(scope="session")
def package_models() -> Path:
    """Return the folder of the models that this version ships."""
    return _PACKAGE_MODELS


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of reference data and weights; skip the test if the folder is missing.

    If it exists, its tests run, and they fail if a file in it is wrong.
    """
    folder = Path(os.environ.get("XRAYLAB_REFERENCE") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"no reference radiographs in {folder} (set XRAYLAB_REFERENCE)")
    return folder


@pytest.fixture(scope="session")
def browser():
    """Start the one Chromium of this worker; Playwright can be started only once per process."""
    if CHROMIUM is None:
        message = "needs Chromium on the path (on Debian: apt install chromium)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect.set_options(timeout=60_000)  # other workers keep the cores busy
    # Tabs of one server share a process: it has compiled Streamlit's scripts already, which takes a second.
    with chromium("--process-per-site") as browser:
        yield browser


@pytest.fixture
def run(capsys):
    """Run a command with ``--json`` and return its one document."""
    from xraylab.__main__ import main

    def run(*arguments):
        code = main([*map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))

    return run
