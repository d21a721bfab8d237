"""The film viewer where it fills its place: the film first, one slim bar, and a menu, in a real Chromium."""

import shutil

import pytest

from tests.browser.test_film_viewer import box
from tests.support.serving import ROOT
from tests.support.sizes import cases

expect = pytest.importorskip("playwright.sync_api").expect

PAGE = """
import io
import numpy as np
import streamlit as st
from PIL import Image
from xraylab.app.components.film_list import Row, film_list
from xraylab.app.components.film_viewer import Overlay, Viewed, film_viewer

def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()

st.set_page_config(layout="wide")
st.html("<style>header {display: none !important}</style>")
st.html("<style>.stMainBlockContainer {padding: 10px 10px 0 !important}</style>")
asked = st.query_params
height, width = {"square": (900, 900), "wide": (1221, 1522)}[asked.get("film", "square")]
heat = png(np.full((64, 64, 4), (255, 0, 0, 255), dtype=np.uint8))
maps = [Overlay("Grad-CAM", heat, "the strongest place"), Overlay("HiResCAM", heat)]
flat = png(np.full((height, width), 60, np.uint8))
film = Viewed(flat, "a film with quite a long name.jpeg", maps, grid=(7, 7))
style = "<style>.st-key-left {inline-size: min(930px, 100%)}</style>"
st.html(style)
with st.container(key="left"):
    film_viewer(film, key="one", scale=("#000", "#f00"), films=True, fill=True)
rows = [Row(str(at), f"film {at}", f"film {at}") for at in range(12)]
film_list(rows, key="the films", label="Films", chosen="0", marks={})
st.write("drawn")
"""
BUTTONS = (
    "all => all.filter(one => one.checkVisibility()).map(one => JSON.stringify(one.getBoundingClientRect()))"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("filled")
    (folder / "streamlit_app.py").write_text(PAGE, "utf-8")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    return serve(folder / "streamlit_app.py")


@pytest.fixture
def opened(page, url):
    """Open a film in a window of a size."""

    def open_(film="square", *, width=1400, height=900):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{url}?film={film}")
        page.get_by_text("drawn", exact=True).wait_for()
        viewer = page.get_by_label("Film viewer")
        expect(viewer.locator(".stage.waiting")).to_have_count(0)
        expect(viewer.locator(".place")).to_have_text("1 of 12")
        return viewer

    return open_


@pytest.mark.parametrize("film", ["square", "wide"])
def test_the_film_takes_more_than_half_of_the_window_and_one_slim_bar_holds_the_rest(opened, film):
    viewer = opened(film)
    _, _, width, height = box(viewer, ".plane canvas")
    assert width * height >= 0.55 * 1400 * 900
    assert box(viewer, ".below")[3] <= 40
    names = ["Overlay", "Invert", "Zoom out", "Zoom in", "Fit", "One to one", "Measure", "Magnify", "View"]
    for name in [*names, "Full screen", "Previous film", "Next film"]:
        expect(viewer.get_by_role("button", name=name)).to_be_visible()
    expect(viewer.get_by_role("slider", name="Window")).to_be_hidden()


@pytest.mark.sampled
@pytest.mark.parametrize("width", cases([640, 1000, 800], brief=2))
def test_the_bar_is_one_row_in_any_place_that_is_not_narrow(opened, width):
    viewer = opened(width=width)
    left, _, wide, tall = box(viewer, ".below")
    assert tall <= 40
    for button in viewer.locator(".controls > button, .menu > button, .films > button").all():
        at = button.bounding_box()
        assert left <= at["x"]
        assert at["x"] + at["width"] <= left + wide + 1


def test_no_button_moves_when_another_is_pressed(opened):
    viewer = opened()
    buttons = viewer.locator(".below button")
    before = buttons.evaluate_all(BUTTONS)
    for name in ("Overlay", "Invert", "Measure", "Magnify", "Zoom in"):
        viewer.get_by_role("button", name=name).click()
        assert buttons.evaluate_all(BUTTONS) == before
    expect(viewer.locator(".legend")).to_be_visible()
    stage, legend = box(viewer, ".stage"), box(viewer, ".legend")
    assert stage[1] + stage[3] / 2 < legend[1]
    assert legend[1] + legend[3] <= stage[1] + stage[3]


def test_the_menu_holds_the_less_used_controls_and_escape_closes_it(page, opened):
    viewer = opened()
    button = viewer.get_by_role("button", name="View")
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    for name in ("Opacity", "Window", "Level"):
        expect(viewer.get_by_role("slider", name=name)).to_be_visible()
    for name in ("Swipe", "Grid", "HiResCAM", "Clear lines", "Reset"):
        expect(viewer.get_by_role("button", name=name)).to_be_visible()
    left, top, width, _ = box(viewer, ".more")
    assert left >= 0
    assert top >= 0
    assert left + width <= 1400
    viewer.get_by_role("slider", name="Window").focus()
    page.keyboard.press("Escape")
    expect(viewer.locator(".more")).to_be_hidden()
    assert page.evaluate("document.activeElement.shadowRoot?.activeElement?.dataset.do") == "more"
    page.keyboard.press("?")
    expect(viewer.get_by_text("measure: drag a line")).to_be_visible()
    page.mouse.click(200, 200)  # outside of it
    expect(viewer.locator(".more")).to_be_hidden()
    page.keyboard.press("v")
    expect(viewer.locator(".more")).to_be_visible()


def test_a_phone_has_two_rows_of_large_buttons_below_a_film_as_wide_as_the_screen(browser, url):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{url}?film=wide")
    viewer = page.get_by_label("Film viewer")
    expect(viewer.locator(".place")).to_have_text("1 of 12")
    stage = box(viewer, ".stage")
    assert box(viewer, ".plane canvas") == pytest.approx(stage, abs=1)
    shown = viewer.locator(".controls > button, .menu > button, .films > button")
    boxes = [button.bounding_box() for button in shown.all()]
    assert len({round(at["y"]) for at in boxes}) == 2
    assert min(at["height"] for at in boxes) >= 40
    assert min(at["width"] for at in boxes) >= 40
    assert max(at["x"] + at["width"] for at in boxes) <= 390
    viewer.get_by_role("button", name="View").tap()
    left, _, width, _ = box(viewer, ".more")
    assert (left >= 0, left + width <= 390) == (True, True)
    context.close()
