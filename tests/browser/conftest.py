"""
Fixtures of every test that needs a real browser.

- ``serve(script, env=None, options=None) -> url`` runs a Streamlit script, given as a path or as text, in a
  folder of its own; the server lives until the module's last test
- ``page`` is a fresh tab; it fails the test if the browser's console reported an error
"""

import contextlib
import textwrap
from pathlib import Path

import pytest

from tests.support.serving import served

PATIENCE = 60_000  # milliseconds; other workers keep the cores busy
# A deep link makes Streamlit look for these beside the page first; it says so and goes on.
_HARMLESS = ("_stcore/health", "_stcore/host-config")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    with contextlib.ExitStack() as servers:

        def start(script, env=None, options=None):
            folder, path = tmp_path_factory.mktemp("served"), script
            if not isinstance(script, Path):
                path = folder / "app.py"
                path.write_text(textwrap.dedent(script), "utf-8")
            return servers.enter_context(served(path, folder, env=env, options=options))

        yield start


@pytest.fixture
def console_errors():
    """What the browser complained of so far."""
    return []


@pytest.fixture(scope="module")
def context(browser):
    """Tabs of one module share a cache, so that Streamlit's own files are loaded once."""
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context, console_errors):
    tab = context.new_page()

    def listen(message):
        where = message.location.get("url", "")
        if message.type == "error" and not any(part in where for part in _HARMLESS):
            console_errors.append(f"{message.text} ({where})")

    tab.on("console", listen)
    tab.on("pageerror", lambda error: console_errors.append(str(error)))
    yield tab
    tab.close()
    assert console_errors == []
