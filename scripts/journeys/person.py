"""A person at the app: one tab of Chromium. Clicks are counted, and waits are timed inside the page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Download, Locator, Page

from tests.support.waiting import shown

CLOCK = Path(__file__).with_name("clock.js")
WINDOW = (1400, 900)
QUIET = 300  # milliseconds without a change of the document, after which a page has settled
PATIENCE = 900_000  # milliseconds
Event = Literal["click", "keydown", "input"]


@dataclass(frozen=True)
class Wait:
    """How long a person waited, in seconds since the event."""

    shown: float
    settled: float  # like ``shown`` unless it was asked for


class Person:
    """One tab of the app.

    Parameters
    ----------
    page : Page
        A fresh one, with the clock.
    url : str
        Address of the server.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.clicks = 0

    def open(self, path: str = "") -> None:
        """Open a screen by its address, and wait until it has settled."""
        self.page.goto(f"{self.url}/{path}")
        self.page.get_by_role("heading").first.wait_for()
        self.rest()

    def rest(self) -> None:
        """Wait until no script of the server runs and the page has settled."""
        shown(self.page.locator("[data-test-script-state=notRunning]"))
        self.page.wait_for_timeout(2 * QUIET)

    def think(self, seconds: float) -> None:
        """Do nothing for a while, as a person who looks."""
        self.page.wait_for_timeout(1000 * seconds)

    def click(self, where: Locator) -> None:
        """Click, and count it."""
        where.click()
        self.clicks += 1

    def wait(self, event: Event, act: Callable[[], object], shows: str, *, settle: bool = False) -> Wait:
        """Act, and return how long it took until the page showed the answer.

        Parameters
        ----------
        event : str
            What the clock starts with.
        act : callable
            Causes the event.
        shows : str
            Whether the answer is there, in JavaScript.
        settle : bool
            Whether to wait until the page has settled, too.
        """
        quiet = str(QUIET) if settle else "null"
        self.page.evaluate(f"clock.arm('{event}', () => {shows}, {quiet})")
        act()
        answer = self.page.evaluate("clock.answer")
        return Wait(answer["shown"] / 1000, answer["settled"] / 1000)

    def click_until(self, where: Locator, shows: str, *, settle: bool = False) -> Wait:
        """Click, and return how long it took until the page showed the answer."""
        return self.wait("click", lambda: self.click(where), shows, settle=settle)

    def press_until(self, key: str, shows: str) -> float:
        """Press a key, and return the seconds until the page showed the answer."""
        return self.wait("keydown", lambda: self.page.keyboard.press(key), shows).shown

    def drop(self, films: list[Path], shows: str) -> float:
        """Hand over films, and return the seconds until the page showed the answer."""
        uploader = self.page.locator("input[type=file]").first
        return self.wait("input", lambda: uploader.set_input_files(films), shows).shown

    def save(self, where: Locator) -> tuple[float, Download]:
        """Click on what saves a file; return the seconds until the browser has it, and the file."""
        self.page.evaluate("addEventListener('click', () => { window.saving = Date.now(); }, true)")
        with self.page.expect_download(timeout=PATIENCE) as started:
            self.click(where)
        started.value.path()
        return (self.page.evaluate("Date.now() - window.saving")) / 1000, started.value

    def button(self, name: str) -> Locator:
        """Return a button by its words."""
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        """Return an entry of the sidebar."""
        return self.page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True)


@contextmanager
def at(browser: Browser, url: str) -> Iterator[Person]:
    """Open a tab in a profile of its own, with the clock."""
    context = browser.new_context(viewport={"width": WINDOW[0], "height": WINDOW[1]})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(path=CLOCK)
    yield Person(context.new_page(), url)
    context.close()
