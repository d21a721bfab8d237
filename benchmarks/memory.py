"""
Measure whether reading films leaks memory: ``python -m benchmarks.memory [--films 500]``.

It reads uploads one after another in two ways. The library reads and scores each film and draws its heatmap.
Then each film is dropped on the Read screen in a real Chromium, read, viewed with its heatmap, and removed.
The output is the growth of the reading process's resident memory after the first films; those load what is
loaded only once. Target: less than 50 MB.
"""

import argparse
import gc
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import psutil
from playwright.sync_api import Page

from benchmarks.material import phantom_files
from tests.support.chromium import chromium
from tests.support.serving import served_app
from xraylab.imaging import Film
from xraylab.models import load_shipped
from xraylab.reading.heatmap import heatmaps, overlay_png
from xraylab.reading.loaded import load
from xraylab.reading.read import read_film
from xraylab.settings import load_settings

_WARM = 20
_MOST_MB = 50.0
_DIFFERENT = 10  # films; their bytes differ every time
_PATIENCE = 60_000  # milliseconds


def upload(raw: list[bytes], number: int) -> bytes:
    """Return a film that wasn't uploaded before: bytes after the end of a JPEG change only its hash."""
    return raw[number % len(raw)] + str(number).encode()


def in_the_library(films: int, model: str) -> list[float]:
    """Return the resident megabytes after the first films, and at the end."""
    loaded = load(load_shipped(load_settings(), model))
    raw, _ = phantom_files(_DIFFERENT)
    seen = []
    for number in range(_WARM + films):
        if number == _WARM:
            seen.append(_resident(psutil.Process()))
        reading = read_film(loaded, Film(f"{number}.jpeg", upload(raw, number)))
        if reading.film is not None:
            overlay_png(heatmaps(loaded, reading.film.standard.pixels)[0].values)
    gc.collect()
    return [*seen, _resident(psutil.Process())]


def on_the_page(films: int) -> list[float]:
    """Return the resident megabytes of the app's server after the first films and after each tenth."""
    raw, _ = phantom_files(_DIFFERENT)
    seen = []
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, served_app(Path(folder)) as url:
        server = next(one for one in psutil.Process().children() if "streamlit" in " ".join(one.cmdline()))
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{url}/read")
        for number in range(_WARM + films):
            if number >= _WARM and (number - _WARM) % max(films // 10, 1) == 0:
                seen.append(_resident(server))
            _read_by_hand(page, upload(raw, number), f"{number}.jpeg")
        seen.append(_resident(server))
    return seen


def _read_by_hand(page: Page, data: bytes, name: str) -> None:
    """Drop a film, wait until it is read and its heatmap is there, and remove it."""
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})
    page.get_by_role("radiogroup", name="This film").get_by_text(name).wait_for(timeout=_PATIENCE)
    page.locator(".overlay img").first.wait_for(state="attached", timeout=_PATIENCE)
    page.get_by_role("button", name="Remove film").click()
    page.get_by_text("Drop films anywhere").wait_for(timeout=_PATIENCE)


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 1e6)


def main() -> None:
    """Read films in both ways and print the growth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--model", default="mobilenet_v2", help="For the library; the page uses its default.")
    options = parser.parse_args()
    ways = {
        "library": partial(in_the_library, options.films, options.model),
        "page": partial(on_the_page, options.films),
    }
    for where, measured in ways.items():
        megabytes = measured()
        grown = megabytes[-1] - megabytes[0]
        result = {
            "where": where,
            "films": options.films,
            "grown_mb": round(grown, 1),
            "resident_mb": [round(value) for value in megabytes],
            "reached": grown < _MOST_MB,
        }
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
