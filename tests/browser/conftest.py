"""
Fixtures of all tests that need a real browser.

- ``serve(script, env=None, options=None) -> url`` runs a Streamlit script, given as a path or as text, in its
  own folder; the server runs until the last test of the module
- ``page`` is a fresh tab; it fails the test if the browser's console reported an error
"""

import contextlib
import textwrap
from pathlib import Path

import pytest

from tests.support.serving import served

PATIENCE = 60_000  # milliseconds; other workers keep the cores busy
# After a deep link Streamlit looks for these below the page first; that fails, and does no harm.
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
    """Return the list of errors in the console of the browser."""
    return []


@pytest.fixture(scope="module")
def context(browser):
    """Return a context for the tabs of one module; its cache loads the files of Streamlit only once.

    A blank tab of the same site stays open. It keeps the process of the tabs alive from one test to the next.
    """
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    context.set_default_timeout(PATIENCE)
    blank = context.new_page()
    blank.route("**", lambda route: route.fulfill(body=""))  # nothing is asked of the network
    blank.goto("http://127.0.0.1")
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
