"""The Compare screen in a real Chromium, with the shipped models: what is saved from it, and its choice."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.serving import ROOT
from tests.support.waiting import shown

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app(serve, tmp_path_factory):
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(tmp_path_factory.mktemp("home"))})


@pytest.fixture
def compare(page, app):
    page.goto(f"{app}/compare")
    shown(page.get_by_text("On the test films"))
    page.locator(".js-plotly-plot").nth(1).wait_for()
    return page


def saved(page, chart):
    """What a chart's camera gives: its name and its bytes."""
    plot = page.locator(".js-plotly-plot").nth(chart)
    plot.hover()
    buttons = plot.locator(".modebar-btn")
    assert buttons.count() == 1
    with page.expect_download() as download:
        buttons.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_a_chart_is_saved_as_a_picture_that_can_be_read_on_paper_too(compare):
    name, raw = saved(compare, 0)
    assert name == "xraylab-roc.png"
    picture = np.asarray(Image.open(io.BytesIO(raw)).convert("RGBA"))
    assert (picture[..., 3] == 255).all()  # on nothing, the dark theme's words would be light on white
    assert picture.reshape(-1, 4).std(axis=0)[:3].min() > 5  # and something is drawn

    compare.get_by_text("SVG", exact=True).click()
    compare.wait_for_timeout(1500)  # the charts are drawn anew
    name, raw = saved(compare, 1)
    assert name == "xraylab-precision-and-recall.svg"
    assert raw.startswith(b"<svg")
    assert b"ensemble" in raw  # the legend


def test_a_third_model_is_chosen_by_keyboard_and_the_table_is_saved(compare):
    box = compare.get_by_role("combobox", name="Models")
    box.fill("seed2")
    compare.get_by_role("option").first.wait_for()
    box.press("ArrowDown")
    box.press("Enter")
    shown(compare.get_by_text("Against the first"))
    box.press("Escape")  # an open list hides the rest from a screen reader
    compare.get_by_role("cell", name="adjusted by Holm").first.wait_for()
    with compare.expect_download() as download:
        compare.get_by_role("button", name="Save the table").click()
    text = Path(download.value.path()).read_text("utf-8")
    assert download.value.suggested_filename == "xraylab-comparison.csv"
    assert text.startswith("model,less,quantity")
    assert "mobilenet_v2-seed2" in text


def test_the_first_column_stays_when_a_wide_table_is_moved_on_a_phone(compare):
    compare.set_viewport_size({"width": 390, "height": 844})
    head = compare.locator(".xl-stub").first.get_by_role("cell", name="Sensitivity", exact=True)
    before = head.bounding_box()["x"]
    compare.locator(".xl-scroll").first.evaluate("box => { box.scrollLeft = 200 }")
    assert compare.locator(".xl-scroll").first.evaluate("box => box.scrollLeft") > 0
    assert head.bounding_box()["x"] == pytest.approx(before, abs=1)


def test_groups_are_drawn_as_strips_that_stand_where_their_numbers_say(compare):
    box = compare.get_by_role("combobox", name="Split by")
    box.click()
    box.fill("kind")
    compare.get_by_role("option", name="kind").wait_for()
    box.press("Enter")
    table = compare.locator(".xl-groups")
    table.wait_for()
    low = float(table.locator("caption").text_content().split(" to ")[0].split()[-1])
    cells = table.locator("tbody td.xl-short:has(.xl-strip)")
    assert cells.count() == 2 * 2  # kinds and models
    for cell in cells.all():
        rate, bounds = (
            cell.text_content().split("\u202f%")[0],
            cell.locator(".xl-interval").first.text_content(),
        )
        start, end = map(float, bounds.split("\u2013"))
        strip = cell.locator(".xl-strip").bounding_box()
        bar, dot = (cell.locator(f".xl-strip {part}").bounding_box() for part in ("s", "b"))
        scale = strip["width"] / (100 - low)
        assert dot["x"] + dot["width"] / 2 - strip["x"] == pytest.approx(scale * (float(rate) - low), abs=1)
        assert bar["x"] - strip["x"] == pytest.approx(scale * (start - low), abs=1)
        assert bar["width"] == pytest.approx(scale * (end - start), abs=1.5)
    compare.set_viewport_size({"width": 390, "height": 844})
    assert compare.evaluate("document.documentElement.scrollWidth") <= 390
