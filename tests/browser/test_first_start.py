"""The first minute on a machine without films, network or GPU: the models that come with the package."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.support.serving import ROOT
from tests.support.waiting import shown
from xraylab.data import phantoms
from xraylab.models import ENSEMBLE, load_shipped
from xraylab.settings import load_settings

pytestmark = pytest.mark.slow

READING = 120_000  # milliseconds


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def app(serve, home):
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(home)})


@pytest.fixture
def asked(page, app):
    """What the page asked of anybody but the app."""
    outside = []
    page.on("request", lambda request: outside.append(request.url))
    yield
    assert [url for url in outside if not url.startswith((app, "data:", "blob:"))] == []


@pytest.mark.usefixtures("asked")
def test_a_threshold_moves_over_real_predictions_at_once(page, app, home, monkeypatch, package_models):
    page.goto(app)
    page.get_by_role("button", name="Explore the threshold").click()
    handle = page.get_by_role("slider").first
    handle.wait_for()
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    ensemble = load_shipped(load_settings(home=home), ENSEMBLE)
    page.get_by_text(f"{len(ensemble.films('validation').scored.labels)} films").first.wait_for()
    before = handle.get_attribute("aria-valuetext")
    handle.press("ArrowLeft")
    assert handle.get_attribute("aria-valuetext") != before
    assert not (home / "models").exists()


@pytest.mark.usefixtures("asked")
def test_the_shipped_ensemble_reads_a_film_and_shows_where_its_score_comes_from(page, app, tmp_path):
    film = next(made for made in phantoms.generate(40, seed=99) if made.pattern == "focal")
    file = tmp_path / "film.png"
    Image.fromarray(film.pixels).save(file)  # without the mark it is a film like any other
    page.goto(f"{app}/read")
    page.locator("input[type=file]").set_input_files(file)
    shown(page.get_by_text(re.compile("Pneumonia score (above|below) both thresholds|^Needs a reader")).first)
    page.get_by_text("What the score means").click()
    page.get_by_text("Disagreement between its").wait_for()
    overlay = page.get_by_role("button", name=re.compile("overlay", re.IGNORECASE)).first
    shown(overlay)
    overlay.click()


@pytest.mark.usefixtures("asked")
def test_an_evaluation_is_made_and_downloaded_when_its_button_is_pressed(page, app):
    page.goto(f"{app}/threshold")
    page.get_by_text("Export", exact=True).click()
    for label, name, start in (
        ("Thresholds as CSV", "ensemble-validation-thresholds.csv", b"threshold,tp,fp"),
        ("Evaluation as PDF", "ensemble-evaluation.pdf", b"%PDF-"),
    ):
        with page.expect_download(timeout=READING) as made:
            page.get_by_role("button", name=label).click()
        assert made.value.suggested_filename == name
        assert Path(made.value.path()).read_bytes().startswith(start)
