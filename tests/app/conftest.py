"""A fixture of the tests of screens: a screen, opened as from the sidebar."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.serving import ROOT


@pytest.fixture
def show(monkeypatch):
    """Return a function that opens a screen as from the sidebar; no worker is started."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)

    def open_(name):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        return app.switch_page(f"pages/{name}.py").run() if name else app

    return open_
