"""Threshold: the films of a cell, the lock, and buttons that stay in their place."""

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Locator

from scripts.journeys.person import Person
from scripts.journeys.stage import MODEL, Scene
from scripts.journeys.table import Row
from xraylab.models import ENSEMBLE

ABOUT = (
    "A small network on teaching phantoms, which are in the home. Each cell of the matrix is opened for the "
    "first time in a session, and again; the clock ends when the name and the picture of the first film are "
    "there. A shipped model asks before a new lock replaces the one that it came with."
)
_CELLS = ("tn", "tp", "fp", "fn")
_PRESSES = 5
_OPENED = "clock.seen('.xl-cell-film') && clock.film()"  # no other film is on this screen


def rows(scene: Scene) -> Iterator[Row]:
    """Open cells, step through one, lock, and press *Review band* twice."""
    with scene.person(scene.used_home()) as person:
        _show(person, f"model={MODEL}&films=validation")
        yield from _moved(person)
        yield from _cells(person)
        yield from _locks(person)
        yield from _asked(person)


def _show(person: Person, view: str) -> None:
    person.open(f"threshold?{view}")
    person.page.locator(".cockpit .value").wait_for()
    person.rest()


def _moved(person: Person) -> Iterator[Row]:
    toggle = person.button("Review band")
    before = _box(toggle)
    person.click(toggle)
    person.rest()
    after = _box(toggle)
    far = max(abs(after[side] - before[side]) for side in ("x", "y"))
    yield Row(
        what="*Review band* pressed: how far the button moves",
        values=(far,),
        unit="px",
        bound=0,
        before="193\u202fpx",
    )
    person.page.mouse.click(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    person.rest()


def _cells(person: Person) -> Iterator[Row]:
    counts = {cell: _count(person, cell) for cell in _CELLS}
    filled = [cell for cell, films in counts.items() if films]
    first: list[float] = []
    again: list[float] = []
    for waits in (first, again):
        for cell in filled:
            waits.append(_open(person, cell))
            if len(again) == 1:
                heights = [
                    person.page.evaluate(f"clock.inSight('{part}').height")
                    for part in (".stage canvas", '[aria-label="This film"]')
                ]
            _close(person)
    before = "1.4\u202fs"
    yield Row(
        what="A cell for the first time, to its first film", values=tuple(first), clicks=1, before=before
    )
    yield Row(what="A cell again, to its first film", values=tuple(again), clicks=1, before=before)
    for what, height in zip(("the film", "the list"), heights, strict=True):
        yield Row(
            what=f"Height of {what} of an open cell in sight",
            values=(height,),
            unit="px",
            before="0\u202fpx",
        )
    yield from _stepped(person, max(filled, key=lambda cell: counts[cell]), max(counts.values()))


def _count(person: Person, cell: str) -> int:
    words = person.page.locator(f".cockpit [data-cell={cell}]").inner_text()
    return int(words.split()[0].replace(",", ""))


def _open(person: Person, cell: str) -> float:
    """Open a cell, and return the seconds until its first film was there."""
    wait = person.click_until(person.page.locator(f".cockpit [data-cell={cell}]"), _OPENED)
    person.rest()
    return wait.shown


def _close(person: Person) -> None:
    person.page.keyboard.press("Escape")
    person.page.locator(".st-key-xl-cell").wait_for(state="hidden")
    person.rest()


def _stepped(person: Person, cell: str, films: int) -> Iterator[Row]:
    _open(person, cell)
    waits = []
    for _ in range(min(_PRESSES, films - 1)):
        name = person.page.locator(".xl-cell-film span").inner_text()
        next_one = f"clock.text('.xl-cell-film span') !== '{name}' && {_OPENED}"
        waits.append(person.press_until("j", next_one))
        person.think(1)
    yield Row(what="Key j in a cell, to the next film", values=tuple(waits), clicks=0, bound=0.5)
    _close(person)


def _locks(person: Person) -> Iterator[Row]:
    waits, clicks = [], 0
    for _ in range(_PRESSES):
        person.page.locator(".cockpit .range.main").press("ArrowRight")
        person.rest()
        lock = person.page.locator(".st-key-lock button").first
        cut = lock.inner_text().removeprefix("Lock ").strip()
        person.clicks = 0
        said = f"clock.text('.xl-locked').toLowerCase().includes('locked {cut}')"
        waits.append(person.click_until(lock, said).shown)
        clicks = person.clicks
        person.rest()
    yield Row(what="Lock a model of one's own", values=tuple(waits), clicks=clicks, before="2.2\u202fs")


def _asked(person: Person) -> Iterator[Row]:
    _show(person, f"model={ENSEMBLE}&films=validation&at=0.7")
    person.clicks = 0
    asked = person.click_until(
        person.page.locator(".st-key-lock button").first, "clock.seen('[role=dialog]')"
    ).shown
    lock = person.page.get_by_role("dialog").get_by_role("button", name="Lock 0.700")
    person.click_until(lock, "clock.text('.xl-locked').toLowerCase().includes('locked 0.7')")
    yield Row(
        what="Lock a shipped model, to the question; the clicks are those to the lock",
        values=(asked,),
        clicks=person.clicks,
        before="1 click, no question",
    )


def _box(part: Locator) -> dict[str, Any]:
    box = part.bounding_box()
    if box is None:
        raise RuntimeError("the part isn't shown")
    return dict(box)
