"""A training as somebody watches it in a browser: begun, seen, stopped, and its best kept."""

import re
import shutil

import pytest

from tests.support.serving import ROOT
from tests.support.waiting import shown
from tests.support.workers import ONE_THREAD
from xraylab.runs import table
from xraylab.runs.run import ACTIVE
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.trained"]
pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path, imported_home):
    """A home with a few phantoms; whatever still trains in it at the end is cancelled."""
    folder = tmp_path / "home"
    shutil.copytree(imported_home, folder)
    yield folder
    settings = load_settings(home=folder)
    for run in table.list_runs(settings, states=ACTIVE):
        table.cancel(settings, run.id)


def test_a_training_is_begun_seen_stopped_resumed_and_its_best_kept(page, serve, home):
    settings = load_settings(home=home)
    url = serve(
        ROOT / "streamlit_app.py",
        env={"XRAYLAB_HOME": str(home), "XRAYLAB_THREADS": ONE_THREAD, "XRAYLAB_DEVICE": "cpu"},
    )
    page.goto(f"{url}/train")
    page.get_by_text(re.compile("first guess")).wait_for()
    page.get_by_role("combobox", name=re.compile("Network")).first.click()
    page.get_by_role("option", name="Small CNN").click()
    page.get_by_text("Starts from random weights.").wait_for()

    # a recipe of one's own, long enough to be stopped
    page.get_by_text("Advanced", exact=True).click()
    # Unfolding draws the page anew, and a click on a part that is about to be replaced is lost.
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.get_by_text("Edit the recipe", exact=True).click()
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("0")
    epochs.press("Enter")
    page.get_by_text(re.compile("stage 1 epochs: should be greater than or equal to 1")).wait_for()
    epochs.fill("900")
    epochs.press("Enter")
    page.get_by_role("button", name="Train", exact=True).click()

    shown(page.get_by_role("progressbar").first, home)
    shown(page.locator(".js-plotly-plot").first, home)
    shown(page.get_by_text(re.compile(r"CPU · \d+ films per second")), home)

    page.get_by_role("button", name="Cancel", exact=True).first.click()
    shown(page.get_by_text(re.compile("Cancelled after epoch")), home)
    page.get_by_role("button", name="Resume", exact=True).first.click()
    page.get_by_role("button", name="Cancel", exact=True).first.click()
    keep = page.get_by_role("button", name="Keep the best so far", exact=True).first
    shown(keep, home)
    keep.click()
    shown(page.get_by_role("button", name="Move the threshold"), home)

    [run] = table.list_runs(settings)
    assert run.state == "done"
    assert run.recipe == "scratch-edited"
    assert (home / "models" / run.name / "lock.json").exists()
