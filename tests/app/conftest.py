"""A fixture of the tests of screens: a screen, opened as from the sidebar."""

from functools import cache

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.support.serving import ROOT


@pytest.fixture(scope="session", autouse=True)
def packages_looked_at_once():
    """Look for components in the installed packages once: it takes far longer than to draw a screen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
        )
        yield


@pytest.fixture
def show(monkeypatch):
    """Return a function that opens a screen as from the sidebar; no worker is started."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)
    monkeypatch.setattr("xraylab.runs.auditing.start", lambda *_: False)

    def open_(name):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        return app.switch_page(f"pages/{name}.py").run() if name else app

    return open_
