"""Reference radiographs, where there are any."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data and weights; tests that need it skip where it is missing.

    Where it exists its tests run, and fail if something in it is not as it should be.
    """
    folder = Path(os.environ.get("XRAYLAB_REFERENCE") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"no reference radiographs in {folder} (set XRAYLAB_REFERENCE)")
    return folder
