"""What tests of screens share: a screen opened as the sidebar would, and what stands on it."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.serving import ROOT


@pytest.fixture
def show(monkeypatch):
    """Open a screen as the sidebar would, with nobody starting workers."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)

    def open_(name):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        return app.switch_page(f"pages/{name}.py").run() if name else app

    return open_
