"""
A pytest plugin: if the reference radiographs are there, no test that needs them may skip.

They are in ``data/`` of the folder that XRAYLAB_REFERENCE names, by default ``../shared``.
"""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(os.environ.get("XRAYLAB_REFERENCE") or Path(__file__).parents[2] / "shared")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Turn the skip of such a test into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _needs_data(item, str(report.longrepr)):
        report.outcome = "failed"
        report.longrepr = f"{REFERENCE / 'data'} is there, and still this test skipped: {report.longrepr}"
    return report


def _needs_data(item: pytest.Item, reason: str) -> bool:
    asked = item.get_closest_marker("real_data") is not None or "XRAYLAB_REFERENCE" in reason
    return asked and (REFERENCE / "data").is_dir()
