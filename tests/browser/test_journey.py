"""The main job as a newcomer does it, in a real browser, from phantoms to a decision."""

import json
import re
from pathlib import Path

import pytest

from tests.support.serving import ROOT
from tests.support.sizes import cases
from tests.support.waiting import shown
from xraylab.app.shell import LIBRARY, SCREENS
from xraylab.data import phantoms
from xraylab.runs import table
from xraylab.runs.run import ACTIVE
from xraylab.settings import load_settings

IMPORTED = 600_000  # milliseconds; seconds on a free core
PATHS = {"" if screen.key == "overview" else screen.key: screen.label for screen in (*SCREENS, *LIBRARY)}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of our own; whatever still trains in it at the end is cancelled, and its worker leaves."""
    folder = tmp_path_factory.mktemp("home")
    yield folder
    settings = load_settings(home=folder)
    for run in table.list_runs(settings, states=ACTIVE):
        table.cancel(settings, run.id)


@pytest.fixture(scope="module")
def app(serve, home):
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(home)})


def _shown(page, cell):
    return page.locator(f"[data-cell='{cell}'], [data-m='{cell}']").first.inner_text()


@pytest.mark.sampled  # each on a server of its own
@pytest.mark.parametrize("path", cases(list(PATHS), brief=2))
def test_every_screen_opens_first_on_a_fresh_home_and_says_what_there_is(page, serve, tmp_path, path):
    url = serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(tmp_path)})
    page.goto(f"{url}/{path}")
    page.get_by_role("heading", name=PATHS[path], exact=True).wait_for()
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_role("link", name=LIBRARY[-1].label, exact=True).wait_for()
    assert sidebar.get_by_role("link").all_inner_texts() == [screen.label for screen in (*SCREENS, *LIBRARY)]
    page.locator("footer").get_by_text("Research and teaching. Not a medical device.").wait_for()
    missing = page.get_by_role("button", name=re.compile("teaching phantoms|Train one"))
    missing.or_(page.get_by_text("· shipped")).first.wait_for()


@pytest.mark.acceptance
@pytest.mark.slow
def test_a_newcomer_does_the_whole_job_on_phantoms(page, app, home, tmp_path):
    settings = load_settings(home=home)
    page.goto(app)
    page.get_by_role("button", name="Try it on teaching phantoms").click()
    page.wait_for_url("**/train", timeout=IMPORTED)
    page.get_by_role("progressbar").first.wait_for()

    # a refresh changes nothing: the training is not the page's
    shown(page.get_by_text(re.compile("whole network, epoch")).first, home)
    page.reload()
    shown(page.get_by_role("button", name="Move the threshold"), home)
    assert [run.state for run in table.list_runs(settings)] == ["done"]

    # a model reads films because somebody chose it, not because it is the newest
    page.get_by_text("ensemble · shipped").first.wait_for()
    page.get_by_role("button", name="Use for reading").click()
    page.get_by_text("phantoms-demo reads films from now on.").wait_for()

    # the numbers move while the mouse does
    page.get_by_role("button", name="Move the threshold").click()
    handle = page.get_by_role("slider").first
    handle.wait_for()
    box = handle.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    seen = set()
    for step in range(10):
        page.mouse.move(box["x"] + box["width"] * (0.2 + 0.06 * step), y)
        seen.add(handle.get_attribute("aria-valuetext"))
    page.mouse.up()
    assert len(seen) > 5

    # lock where it was let go; only then the test films can be opened
    page.get_by_role("button", name=re.compile("^Lock ")).click()
    page.get_by_text(re.compile("^Locked at")).first.wait_for()
    lock = json.loads((home / "models" / "phantoms-demo" / "lock.json").read_bytes())
    assert lock["actor"] == "app"
    assert lock["opened_at"] == []
    page.get_by_role("button", name="Reveal test results (recorded) …").click()
    page.get_by_role("dialog").get_by_role("button", name="Reveal test results").click()
    page.get_by_text("Test films, at the lock").wait_for()
    lock = json.loads((home / "models" / "phantoms-demo" / "lock.json").read_bytes())
    assert len(lock["opened_at"]) == 1
    assert not lock["after_opening"]
    page.get_by_text(re.compile("were revealed once, for 1 model")).first.wait_for()

    # read a phantom that no training saw, and a file that is none
    film = next(p for p in phantoms.generate(40, seed=99) if p.pattern == "focal")
    file, text = tmp_path / "film.png", tmp_path / "text.png"
    file.write_bytes(phantoms.png(film))
    text.write_text("not a film")
    page.get_by_role("link", name="Read", exact=True).click()
    page.locator("input[type=file]").set_input_files([file, text])
    shown(page.get_by_text(re.compile("Pneumonia score (above|below) the threshold")))
    overlay = page.get_by_role("button", name=re.compile("overlay", re.IGNORECASE)).first
    shown(overlay)
    overlay.click()
    page.get_by_text("SYNTHETIC").first.wait_for(state="attached")
    page.get_by_role("radiogroup").get_by_text(re.compile("unreadable")).click()
    page.get_by_text("This is not a DICOM, PNG, JPEG").first.wait_for()


@pytest.mark.acceptance
def test_the_phantoms_are_neither_too_easy_nor_too_hard(home):
    """Runs after the journey, on its model: the demo has to teach something."""
    from xraylab import actions

    result = actions.test_result(load_settings(home=home), "phantoms-demo")
    validation = actions.evaluate_validation(load_settings(home=home), "phantoms-demo")
    assert 0.8 < (result.auc * result.n + validation.auc * validation.n) / (result.n + validation.n) < 0.97


@pytest.mark.acceptance
def test_uploads_leave_nothing_in_the_home(home):
    names = {path.name for path in Path(home).rglob("*") if path.is_file()}
    assert "film.png" not in names
    logs = "".join(path.read_text(errors="replace") for path in home.rglob("*.log"))
    assert "film.png" not in logs
