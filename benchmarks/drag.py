"""
Measure how fast the threshold cockpit follows a 2-second drag of 60 mouse moves, in a real Chromium.

``python -m benchmarks.drag`` prints one JSON line for 25,000 films and one for a million, and the same again
with the films divided into six groups. An update is a change of the numbers on the screen, of groups in their
own table. Its delays run from the moment that the browser hands over the move to the change in the document,
and to the first task after the frame that paints it.
"""

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from tests.support.chromium import chromium
from tests.support.serving import served

FILMS, MOVES, SECONDS = (25_000, 1_000_000), 60, 2.0
GROUPS = (0, 6)
FEWEST_UPDATES, MOST_MS, MOST_PAINT_MS = 55, 8.0, 16.7

APP = """
import numpy as np
import streamlit as st
from xraylab.app.components.threshold_cockpit import Chosen, threshold_cockpit
from xraylab.app.components.threshold_cockpit.groups import SplitBy
from xraylab.evaluation.subgroups import subgroups
from xraylab.evaluation.thresholds import threshold_table

FILMS, GROUPS = int(st.query_params["films"]), int(st.query_params["groups"])

@st.cache_resource
def films():
    rng = np.random.default_rng(7)
    groups = rng.integers(0, FILMS * 7 // 10, FILMS)
    labels = (rng.random(FILMS) < 0.62).astype(int)
    return labels, 1 / (1 + np.exp(-rng.normal(2.6 * labels - 1.2, 1.5))), groups

@st.cache_resource
def table():
    return threshold_table(*films())

@st.cache_resource
def split_by(groups):
    labels, scores, patients = films()
    sites = np.random.default_rng(8).integers(0, groups, FILMS)[patients].astype(str)
    return SplitBy(["site"], "site", subgroups(labels, scores, patients, {"site": sites}))

st.set_page_config(layout="wide")
divided = split_by(GROUPS) if GROUPS else None
threshold_cockpit(
    table(), key="cockpit", store="chosen", initial=Chosen(0.5), locked=Chosen(0.4), split_by=divided
)
"""

# The observer runs as a microtask, right after the handler that changed the document.
OBSERVE = """section => {
  const where = section.hasAttribute('data-groups') ? '.by-group td' : '[data-text]';
  const read = () => [...section.querySelectorAll(where)].map(el => el.textContent).join('|');
  let last = read(), source = null;
  window.updates = [];
  window.painted = [];
  const channel = new MessageChannel(), waiting = [];
  channel.port1.onmessage = () => {
    for (const start of waiting.splice(0)) window.painted.push(performance.now() - start);
  };
  // Chromium keeps a move for the next frame; what counts is the time from then on, as for an input event.
  const root = section.getRootNode();
  root.addEventListener('pointermove', () => { source = performance.now(); }, { capture: true });
  new MutationObserver(() => {
    const now = performance.now(), seen = read();
    if (seen === last) return;
    last = seen;
    window.updates.push({ seen, delay: now - source });
    const start = source;
    requestAnimationFrame(() => { waiting.push(start); channel.port2.postMessage(null); });
  }).observe(section, { subtree: true, childList: true, characterData: true });
}"""


def drag(page: Page) -> tuple[list[dict[str, Any]], list[float]]:
    """Drag across most of the scale; return the updates before the release, and when each was painted."""
    page.locator(".cockpit").evaluate(OBSERVE)
    box = page.locator(".cockpit .plot").bounding_box()
    assert box is not None
    left, width, y = box["x"] + 0.1 * box["width"], 0.8 * box["width"], box["y"] + box["height"] / 2
    page.mouse.move(left, y)
    page.mouse.down()
    page.evaluate("() => { window.updates.length = window.painted.length = 0; }")
    start = time.perf_counter()
    for move in range(1, MOVES + 1):
        page.mouse.move(left + width * move / MOVES, y)
        time.sleep(max(0.0, start + SECONDS * move / MOVES - time.perf_counter()))
    updates: list[dict[str, Any]] = page.evaluate("window.updates")
    painted: list[float] = page.evaluate("window.painted")
    page.mouse.up()
    return updates, painted


def measured(page: Page, url: str, films: int, groups: int) -> dict[str, Any]:
    """Open the cockpit on a number of films, drag, and return the measurements."""
    page.goto(f"{url}/?films={films}&groups={groups}")
    page.locator(".cockpit .value").wait_for(timeout=600_000)  # a million films are counted first
    if groups:
        page.locator(".cockpit .groups summary").click()
        page.locator(".by-group tbody tr").nth(groups).wait_for()  # the first row is that of all films
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")
    updates, painted = drag(page)
    distinct = len({update["seen"] for update in updates})
    middle, late = np.quantile([update["delay"] for update in updates], [0.5, 0.95])
    paint, late_paint = np.quantile(painted, [0.5, 0.95])
    return {
        "name": f"drag with {groups} groups" if groups else "drag",
        "n": films,
        "moves": MOVES,
        "distinct_updates": distinct,
        "event_to_dom_ms_p50": round(float(middle), 2),
        "event_to_dom_ms_p95": round(float(late), 2),
        "event_to_paint_ms_p50": round(float(paint), 2),
        "event_to_paint_ms_p95": round(float(late_paint), 2),
        "reached": bool(distinct >= FEWEST_UPDATES and late <= MOST_MS and late_paint <= MOST_PAINT_MS),
    }


def measurements(
    browser: Browser, folder: Path, sizes: Iterable[tuple[int, int]]
) -> Iterator[dict[str, Any]]:
    """Drag on some numbers of films and groups, and yield the measurements of each.

    Parameters
    ----------
    folder : Path
        Gets the script that is served, and its log.
    """
    script = folder / "app.py"
    script.write_text(APP, "utf-8")
    with served(script, folder) as url:
        for films, groups in sizes:
            page = browser.new_page(viewport={"width": 1400, "height": 1600})  # the groups are in view
            yield measured(page, url, films, groups)
            page.close()


def main() -> None:
    """Run the drag on each number of films and print the measurements."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for found in measurements(browser, Path(folder), product(FILMS, GROUPS)):
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
