"""The Chromium in which tests, benchmarks and scripts look at the app; always started in the same way."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType

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
