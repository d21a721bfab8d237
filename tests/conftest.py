"""What tests of several rooms ask for: reference radiographs, and a command's JSON document."""

import json
import os
from pathlib import Path

import pytest

from xraylab import settings
from xraylab.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
_PACKAGE_MODELS = settings.STARTER


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests don't depend on the models of a version; those about shipped models bring their own."""
    monkeypatch.setattr("xraylab.settings.STARTER", ROOT / "tests" / "nothing")


@pytest.fixture(scope="session")
def package_models() -> Path:
    """The folder of the models that this version ships."""
    return _PACKAGE_MODELS


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data and weights; tests that need it skip where it is missing.

    Where it exists its tests run, and fail if something in it is not as it should be.
    """
    folder = Path(os.environ.get("XRAYLAB_REFERENCE") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"no reference radiographs in {folder} (set XRAYLAB_REFERENCE)")
    return folder


@pytest.fixture
def run(capsys):
    """Run a command with ``--json`` and return its one document."""

    def run(*arguments):
        code = main([*map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))

    return run
