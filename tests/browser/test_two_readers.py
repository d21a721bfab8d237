"""Several readers on one server with the same model: each gets scores and maps of its own films."""

import asyncio
import base64
import contextlib
import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.load import Measured, film, process_at, visit
from tests.support.serving import ROOT
from tests.support.soak import PAGES, in_tabs, use
from tests.support.waiting import eventually, shown
from xraylab import actions
from xraylab.data import phantoms
from xraylab.imaging import Film
from xraylab.models import ENSEMBLE, load_shipped
from xraylab.reading.heatmap import heatmap, overlay_png
from xraylab.reading.loaded import load
from xraylab.reading.read import read_film
from xraylab.settings import load_settings

pytestmark = pytest.mark.slow

PlaywrightTimeout = pytest.importorskip("playwright.sync_api").TimeoutError
EACH = 4  # films a reader
MOST_GROWTH = 50  # MB, as in the whole soak
# Milliseconds, as of a person: what is typed is lost if a run, the blur and the next screen come all at once.
_A_KEY, _A_CLICK = 100, 100


@pytest.fixture(scope="module")
def films():
    """Films as PNG by their names."""
    made = {}
    for number, phantom in enumerate(phantoms.generate(2 * EACH, seed=8)):
        data = io.BytesIO()
        Image.fromarray(phantom.pixels).save(data, "PNG")
        made[f"{number}.png"] = data.getvalue()
    return made


def drop(page, films):
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in films.items()]
    )


def scores(page):
    """What the table of the batch says, film by film."""
    with page.expect_download() as download:
        page.get_by_role("button", name="All films as CSV").click()
    rows = csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig")))
    return {row["file"]: float(row["score"]) for row in rows}


def drawn(page):
    """The heatmap over the first film, as it came to the browser."""
    image = page.locator(".overlay img").first
    shown(image, state="attached")
    source = image.get_attribute("src")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))), np.int16)


@pytest.fixture(scope="module")
def url(serve, tmp_path_factory):
    home = tmp_path_factory.mktemp("readers") / "home"
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(home)})


def test_each_reader_gets_the_scores_and_the_map_that_a_film_has_alone(
    url, context, films, tmp_path, monkeypatch, package_models
):
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    named = list(films.items())
    batches = [dict(named[:EACH]), dict(named[EACH:])]
    pages = [context.new_page() for _ in batches]
    for page in pages:
        page.goto(f"{url}/read")
        shown(page.locator("input[type=file]"), state="attached")
    for page, batch in zip(pages, batches, strict=True):  # neither waits for the other
        drop(page, batch)
    loaded = load(load_shipped(load_settings(), ENSEMBLE))
    alone = {name: read_film(loaded, Film(name, data)) for name, data in films.items()}
    maps = []
    for page, batch in zip(pages, batches, strict=True):
        shown(page.get_by_role("button", name="All films as CSV"))
        found = scores(page)
        assert found == pytest.approx({name: alone[name].score for name in batch}, rel=0, abs=1e-6)
        maps.append(drawn(page))
        first = alone[next(iter(batch))].film.standard.pixels
        expected = Image.open(io.BytesIO(overlay_png(heatmap(loaded, first))))
        assert np.abs(maps[-1] - np.asarray(expected, np.int16)).max() <= 1
        page.close()
    assert np.abs(maps[0] - maps[1]).max() > 5, "the test needs maps that differ by more than is allowed"

    folder = tmp_path / "films"
    folder.mkdir()
    for name, data in films.items():
        (folder / name).write_bytes(data)
    told = actions.predict(load_settings(), ENSEMBLE, [str(folder)])
    assert [row.score for row in told] == pytest.approx(
        [alone[Path(row.file).name].score for row in told], rel=0, abs=1e-6
    )


def look_at(page, screen):
    """Go to another screen; Streamlit drops a click that meets the rerun after a field was left."""
    heading = page.get_by_role("heading", name=screen, exact=True)

    def arrived():
        page.get_by_test_id("stSidebar").get_by_role("link", name=screen).click(delay=_A_CLICK)
        with contextlib.suppress(PlaywrightTimeout):
            heading.wait_for(timeout=5000)
        return heading.is_visible()

    eventually(arrived)


def test_films_and_what_was_typed_stay_while_another_screen_is_shown(url, page, films, console_errors):
    (first, film), (second, other), (lost, third), *_ = films.items()
    page.goto(f"{url}/read")
    shown(page.locator("input[type=file]"), state="attached")
    page.route("**/_stcore/upload_file/**", lambda route: route.abort(), times=1)
    drop(page, {lost: third})
    shown(page.get_by_test_id("stFileChip").get_by_text("Error"))  # the others mustn't meet its fault
    drop(page, {first: film, second: other})
    listed = page.get_by_role("radiogroup", name="This film").get_by_role("radio")
    chosen = page.get_by_role("radiogroup", name="This film").get_by_role("radio", checked=True)
    shown(listed.nth(1))
    [chip] = page.get_by_test_id("stFileChip").locator("visible=true").all_inner_texts()
    assert lost in chip
    assert all("upload" in error for error in console_errors)
    console_errors.clear()  # those of the upload that failed
    listed.nth(1).click()
    shown(page.get_by_text("2 of 2"))
    shown(chosen.get_by_text(second))
    shown(listed.filter(has_text="not read yet").first, state="detached")
    words = listed.all_inner_texts()
    # Until the run ends, the call of the film before is still on the page.
    shown(page.locator("[data-test-script-state=notRunning]"))
    call = page.get_by_role("radiogroup", name="Your call")
    call.get_by_text("Unsure").click()
    shown(call.locator("label:has(input:checked)").get_by_text("Unsure"))
    page.get_by_label("Note").press_sequentially("Rotated", delay=_A_KEY)
    shown(page.locator("[data-test-script-state=notRunning]"))  # the call was taken
    # and away from the middle of typing
    for screen in ("Threshold", "Read"):
        look_at(page, screen)
    shown(listed.nth(1))
    assert listed.all_inner_texts() == words
    shown(chosen.get_by_text(second))
    assert page.get_by_label("Note").input_value() == "Rotated"
    assert call.get_by_label("Unsure").is_checked()
    page.get_by_role("button", name="Remove film").click()
    shown(listed.nth(1), state="detached")
    assert listed.count() == 1
    page.reload()
    shown(page.get_by_text("Drop films anywhere on this page"))


def run_apart(work):
    """Run a coroutine in another thread: Playwright has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def test_readers_and_draggers_share_a_server_without_an_error(url):
    """A small part of ``.ci/stress/load.py``."""
    measured, data = Measured(), [[film(reader, width=500, height=600)] for reader in range(3)]
    run_apart(visit(url, process_at(url), measured, 4.0, data, 3))
    assert measured.errors == []
    assert len(measured.readings) == len(data)
    assert len(measured.drags) >= 3


def test_views_and_uploads_leave_the_memory_of_a_server_as_it_was(url):
    """A small part of ``.ci/stress/soak.py``; the tests above have warmed the server up."""
    measured, data = Measured(), film(9, width=500, height=600)
    process = process_at(url)
    run_apart(use(url, process, measured, range(len(PAGES)), in_tabs(range(2)), data))
    warm = measured.memory[-1]
    run_apart(use(url, process, measured, range(2 * len(PAGES)), in_tabs(range(2, 8)), data))
    assert measured.errors == []
    assert (measured.memory[-1] - warm) / 2**20 <= MOST_GROWTH
