"""The Chromium in which tests, benchmarks and scripts look at the app; always started in the same way."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType

State = Literal["attached", "detached", "hidden", "visible"]
CHROMIUM = shutil.which("chromium")
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium(*arguments: str) -> "Iterator[Browser]":
    """Start Chromium, which must be on the path, and close it on leaving.

    Parameters
    ----------
    arguments : str
        More arguments of its command line.
    """
    from playwright.sync_api import sync_playwright  # late: a test without a browser doesn't need it

    with sync_playwright() as playwright, another(playwright.chromium, *arguments) as browser:
        yield browser


@contextmanager
def another(browsers: "BrowserType", *arguments: str) -> "Iterator[Browser]":
    """Start one more Chromium where one runs already, and close it on leaving.

    Parameters
    ----------
    browsers : BrowserType
        The `browser_type` of the browser that runs.
    arguments : str
        More arguments of its command line.
    """
    browser = browsers.launch(executable_path=CHROMIUM, args=[*_ARGUMENTS, *arguments])
    try:
        yield browser
    finally:
        browser.close()


def look_often(patience: float) -> None:
    """Let every ``Locator.wait_for`` of this process look 30 times a second.

    Playwright itself looks after 20, 70, 170 and 270 ms, and then twice a second: what takes 300 ms would
    cost a test 770.

    Parameters
    ----------
    patience : float
        Milliseconds to wait where a call names none.
    """
    from playwright.sync_api import Locator

    original: Any = Locator.wait_for
    if hasattr(original, "looks_often"):
        return

    def wait_for(self: Locator, *, timeout: float | None = None, state: State | None = None) -> None:
        until = time.monotonic() + (patience if timeout is None else timeout) / 1000
        while time.monotonic() < until:
            if _is(self, state or "visible"):
                return
            time.sleep(0.03)
        original(self, timeout=1, state=state)  # says what was missing

    wait_for.looks_often = True  # type: ignore[attr-defined]
    Locator.wait_for = wait_for  # type: ignore[method-assign,assignment]


def _is(locator: Any, state: State) -> bool:
    if state in ("attached", "detached"):
        return bool(locator.count() == (state == "attached"))  # two are an error, which Playwright words
    return bool(locator.is_visible()) == (state == "visible")
