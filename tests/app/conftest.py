"""What tests of screens share: a screen opened as the sidebar would, and what stands on it."""

import html
import re

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


def written(app):
    """All that a screen says, as plain text."""
    elements = (*app.error, *app.warning, *app.success, *app.markdown, *app.caption, *app.get("html"))
    texts = [getattr(element, "value", None) or element.proto.body for element in elements]
    return html.unescape(re.sub(r"<[^>]+>", " ", " ".join(texts)).replace("\\", ""))
