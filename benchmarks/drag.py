"""
How live the threshold cockpit is: a 2-second drag of 60 mouse moves over 25,000 films, in a real Chromium.

``python -m benchmarks.drag`` prints JSON. An update is a change of the numbers on the screen; its delay runs
from the input event's own time stamp to the change in the document.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.browser.serving import CHROMIUM, CHROMIUM_ARGUMENTS, served

FILMS, MOVES, SECONDS = 25_000, 60, 2.0
FEWEST_UPDATES, MOST_MS = 55, 8.0

APP = f"""
import numpy as np
import streamlit as st
from xraylab.app.components.threshold_cockpit import Chosen, threshold_cockpit
from xraylab.evaluation.thresholds import threshold_table

@st.cache_resource
def table():
    rng = np.random.default_rng(7)
    groups = rng.integers(0, {FILMS * 7 // 10}, {FILMS})
    labels = (rng.random({FILMS}) < 0.62).astype(int)
    return threshold_table(labels, 1 / (1 + np.exp(-rng.normal(2.6 * labels - 1.2, 1.5))), groups)

st.set_page_config(layout="wide")
threshold_cockpit(table(), key="cockpit", store="chosen", initial=Chosen(0.5))
"""

# The observer runs as a microtask, right after the handler that changed the document.
OBSERVE = """section => {
  const read = () => [...section.querySelectorAll('[data-text]')].map(el => el.textContent).join('|');
  let last = read(), source = null;
  window.updates = [];
  section.getRootNode().addEventListener('input', event => { source = event.timeStamp; }, { capture: true });
  new MutationObserver(() => {
    const now = performance.now(), seen = read();
    if (seen === last) return;
    last = seen;
    window.updates.push({ seen, delay: now - source });
  }).observe(section, { subtree: true, childList: true, characterData: true });
}"""


def drag(page: Page) -> list[dict[str, Any]]:
    """Drag across most of the scale and return the updates seen before the mouse was let go."""
    page.locator(".cockpit").evaluate(OBSERVE)
    box = page.locator(".cockpit .plot").bounding_box()
    assert box is not None
    left, width, y = box["x"] + 0.1 * box["width"], 0.8 * box["width"], box["y"] + box["height"] / 2
    page.mouse.move(left, y)
    page.mouse.down()
    page.evaluate("() => { window.updates.length = 0; }")
    start = time.perf_counter()
    for move in range(1, MOVES + 1):
        page.mouse.move(left + width * move / MOVES, y)
        time.sleep(max(0.0, start + SECONDS * move / MOVES - time.perf_counter()))
    updates: list[dict[str, Any]] = page.evaluate("window.updates")
    page.mouse.up()
    return updates


def main() -> None:
    """Run the drag once and print what was seen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = Path(folder) / "app.py"
        script.write_text(APP, "utf-8")
        with served(script, Path(folder)) as url:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.goto(url)
            page.locator(".cockpit .value").wait_for()
            page.get_by_test_id("stStatusWidget").wait_for(state="detached")
            updates = drag(page)
            browser.close()
    distinct = len({update["seen"] for update in updates})
    middle, late = np.quantile([update["delay"] for update in updates], [0.5, 0.95])
    result = {
        "name": "drag",
        "n": FILMS,
        "moves": MOVES,
        "distinct_updates": distinct,
        "event_to_dom_ms_p50": round(float(middle), 2),
        "event_to_dom_ms_p95": round(float(late), 2),
        "reached": bool(distinct >= FEWEST_UPDATES and late <= MOST_MS),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
