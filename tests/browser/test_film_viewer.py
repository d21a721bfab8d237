"""The film viewer in a real Chromium: what is seen follows the hand, and the server is not asked."""

import io
import shutil

import pytest
from PIL import Image

from tests.browser.serving import ROOT

# Films of flat greys, so that a shown pixel can be told from the settings alone; 400 wide, 200 high.
PAGE = """
import io
import numpy as np
import streamlit as st
from PIL import Image
from xraylab.app.components.film_viewer import Overlay, film_viewer

def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()

st.session_state.runs = st.session_state.get("runs", 0) + 1
grey = 100 if st.toggle("Next film") else 60
film = png(np.full((200, 400), grey, dtype=np.uint8))
heat = png(np.full((64, 64, 4), (255, 0, 0, 255), dtype=np.uint8))
film_viewer(film, heat, key="with", caption="film <b>one</b>", synthetic=True, scale=("#000", "#f00"))
film_viewer(film, None, key="without", caption="film two", height=300)
cold = png(np.full((64, 64, 4), (0, 0, 255, 255), dtype=np.uint8))
both = [Overlay("Grad-CAM", heat, "as strong as the <i>strongest</i>"), Overlay("HiResCAM", cold, "its most")]
film_viewer(film, both, key="several", caption="film three", height=300, grid=(7, 5))
st.write(f"runs {st.session_state.runs}")
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory, browser, serve):
    folder = tmp_path_factory.mktemp("viewer")
    (folder / "streamlit_app.py").write_text(PAGE, "utf-8")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="dark")
    opened = context.new_page()
    opened.goto(serve(folder / "streamlit_app.py"))
    opened.get_by_text("runs 1", exact=True).wait_for()
    yield opened
    context.close()


@pytest.fixture
def viewer(page):
    """The viewer with a heatmap, as at first."""
    found = page.get_by_label("Film viewer").first
    found.get_by_role("button", name="Reset").click()
    until_grey(page, found, 60)
    return found


def pixel(viewer):
    """The red, green and blue drawn at the film's upper left, before any overlay."""
    return viewer.locator("canvas").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(5, 5, 1, 1).data].slice(0, 3)"
    )


def until_grey(page, viewer, grey):
    page.wait_for_function(
        "([canvas, grey]) => canvas.getContext('2d').getImageData(5, 5, 1, 1).data[0] === grey",
        arg=[viewer.locator("canvas").element_handle(), grey],
    )


def set_slider(viewer, name, value):
    viewer.locator(f"[data-set={name}]").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
    )


def box(viewer, selector):
    return viewer.locator(selector).evaluate(
        "element => { const box = element.getBoundingClientRect();"
        " return [box.left, box.top, box.width, box.height]; }"
    )


def test_the_film_comes_first_and_its_heatmap_only_when_asked_for(viewer):
    heatmap, button = viewer.locator(".overlay"), viewer.get_by_role("button", name="Overlay")
    assert not heatmap.is_visible()
    assert not viewer.locator(".legend").is_visible()
    button.click()
    assert heatmap.is_visible()
    assert viewer.locator(".legend").is_visible()
    assert button.get_attribute("aria-pressed") == "true"


def test_the_square_heatmap_is_stretched_over_the_whole_film(page, viewer):
    viewer.get_by_role("button", name="Overlay").click()
    set_slider(viewer, "opacity", 100)
    viewer.scroll_into_view_if_needed()
    left, top, width, height = box(viewer, "canvas")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for x in (left + 4, left + width - 5):
        for y in (top + 4, top + height - 5):
            assert shot.getpixel((round(x), round(y))) == (255, 0, 0)
    viewer.get_by_role("button", name="Zoom in").click()
    assert box(viewer, ".overlay") == pytest.approx(box(viewer, "canvas"), abs=0.01)


def test_the_film_keeps_its_resolution_and_proportions(viewer):
    assert viewer.locator("canvas").evaluate("canvas => [canvas.width, canvas.height]") == [400, 200]
    _, _, width, height = box(viewer, "canvas")
    assert width / height == pytest.approx(2.0, abs=0.01)


def test_inverting_exchanges_black_and_white(page, viewer):
    viewer.get_by_role("button", name="Invert").click()
    until_grey(page, viewer, 195)
    assert pixel(viewer) == [195, 195, 195]


@pytest.mark.parametrize(
    ("window", "level", "grey"),
    [(100, 50, 60), (50, 50, 0), (100, 25, 124), (50, 25, 120), (200, 50, 94), (20, 0, 255)],
)
def test_window_and_level_are_the_linear_ones_of_a_workstation(page, viewer, window, level, grey):
    set_slider(viewer, "window", window)
    set_slider(viewer, "level", level)
    until_grey(page, viewer, grey)


def test_the_opacity_is_remembered_for_the_next_film_and_the_overlay_is_not(page, viewer):
    viewer.get_by_role("button", name="Overlay").click()
    set_slider(viewer, "opacity", 80)
    assert viewer.locator(".overlay").evaluate("image => image.style.opacity") == "0.8"
    page.get_by_text("Next film").click()
    until_grey(page, viewer, 100)
    assert not viewer.locator(".overlay").is_visible()
    viewer.get_by_role("button", name="Overlay").click()
    assert viewer.locator(".overlay").evaluate("image => image.style.opacity") == "0.8"
    page.get_by_text("Next film").click()
    until_grey(page, viewer, 60)


def test_the_wheel_zooms_about_the_pointer_and_a_drag_moves_the_film(page, viewer):
    left, top, width, height = box(viewer, "canvas")
    x, y = left + width / 4, top + height / 4
    page.mouse.move(x, y)
    page.mouse.wheel(0, -100)
    page.wait_for_function("stage => stage.classList.contains('zoomed-in')", arg=handle(viewer))
    zoomed = box(viewer, "canvas")
    assert zoomed[2] == pytest.approx(width * 1.25, rel=1e-3)
    assert (x - zoomed[0]) / zoomed[2] == pytest.approx(0.25, abs=0.01)
    page.mouse.down()
    page.mouse.move(x + 20, y + 10)
    page.mouse.up()
    moved = box(viewer, "canvas")
    assert moved[0] - zoomed[0] == pytest.approx(20, abs=0.5)
    assert moved[1] - zoomed[1] == pytest.approx(10, abs=0.5)


def handle(viewer):
    return viewer.locator(".stage").element_handle()


def test_two_fingers_pinch_the_film(page, viewer):
    left, top, width, height = box(viewer, ".stage")
    x, y = left + width / 2, top + height / 2
    session = page.context.new_cdp_session(page)

    def touch(kind, apart):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 50)
    for apart in range(60, 151, 10):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    session.detach()
    assert box(viewer, "canvas")[2] == pytest.approx(3 * width, rel=0.02)


def test_a_zoomed_film_cannot_be_dragged_out_of_sight(page, viewer):
    viewer.get_by_role("button", name="Zoom in").click()
    left, top, width, height = box(viewer, ".stage")
    page.mouse.move(left + width / 2, top + height / 2)
    page.mouse.down()
    page.mouse.move(left + width * 3, top + height / 2)
    page.mouse.up()
    assert box(viewer, "canvas")[0] == pytest.approx(left, abs=0.5)


def test_the_keys_do_what_the_buttons_do(page, viewer):
    viewer.locator(".stage").focus()
    for key in ("o", "i", "+", "+", "-"):
        page.keyboard.press(key)
    assert viewer.locator(".overlay").is_visible()
    until_grey(page, viewer, 195)
    assert viewer.locator(".zoomed").inner_text() == "1.3\u00d7"
    page.keyboard.press("0")
    until_grey(page, viewer, 60)
    assert not viewer.locator(".overlay").is_visible()
    assert viewer.locator(".zoomed").inner_text() == ""


def test_a_synthetic_film_says_so_in_its_pixels_and_at_every_zoom(viewer):
    brightest = viewer.locator("canvas").evaluate(
        "canvas => Math.max(...canvas.getContext('2d').getImageData(0, 150, 400, 50).data"
        ".filter((_, at) => at % 4 === 0))"
    )
    assert brightest == 255  # the film itself is a flat 60
    for _ in range(12):
        viewer.get_by_role("button", name="Zoom in").click()
    assert viewer.locator(".mark").is_visible()
    assert viewer.locator(".mark").inner_text() == "SYNTHETIC"


def test_a_real_film_carries_no_mark_and_without_a_heatmap_nothing_is_offered(page):
    other = page.get_by_label("Film viewer").nth(1)
    other.locator("canvas").scroll_into_view_if_needed()
    until_grey(page, other, 60)
    assert other.locator("canvas").evaluate(
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 400, 200).data).size"
    ) == len({60, 255})  # grey and the alpha channel
    assert other.get_by_role("button", name="Overlay").is_disabled()
    other.locator(".stage").focus()
    page.keyboard.press("o")
    assert not other.locator(".overlay").is_visible()


def test_the_caption_is_text_and_names_the_film_to_a_screen_reader(viewer):
    assert viewer.locator(".caption").inner_text() == "film <b>one</b>"
    assert viewer.get_by_role("img", name="film <b>one</b> (synthetic)").count() == 1


def test_nothing_the_reader_does_to_the_view_runs_the_page_again(page, viewer):
    before = page.get_by_text("runs ").inner_text()
    viewer.get_by_role("button", name="Overlay").click()
    viewer.get_by_role("button", name="Invert").click()
    viewer.get_by_role("button", name="Zoom in").click()
    set_slider(viewer, "window", 60)
    page.wait_for_timeout(500)  # a rerun would have come back by now
    assert page.get_by_text("runs ").inner_text() == before


@pytest.fixture
def several(page):
    """The viewer of two methods, as at first."""
    found = page.get_by_label("Film viewer").nth(2)
    found.locator("canvas").scroll_into_view_if_needed()
    until_grey(page, found, 60)
    found.get_by_role("button", name="Reset").click()
    set_slider(found, "opacity", 100)
    yield found
    found.get_by_role("button", name="Reset").click()


def shown(page, viewer, x_share):
    """The colour in sight at a share of the film's width, near its top."""
    left, top, width, _ = box(viewer, "canvas")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return shot.getpixel((round(left + x_share * width), round(top + 30)))


def test_methods_are_switched_between_without_a_rerun_and_the_legend_follows(page, several):
    before = page.get_by_text("runs ").inner_text()
    several.get_by_role("button", name="Grad-CAM").click()
    assert shown(page, several, 0.5) == (255, 0, 0)
    assert several.locator(".most").inner_text() == "as strong as the <i>strongest</i>"
    several.get_by_role("button", name="HiResCAM").click()
    page.wait_for_timeout(200)
    assert shown(page, several, 0.5) == (0, 0, 255)
    assert several.locator(".most").inner_text() == "its most"
    pressed = several.locator(".methods button").evaluate_all("all => all.map(one => one.ariaPressed)")
    assert pressed == ["false", "true"]
    several.locator(".stage").focus()
    page.keyboard.press("m")
    assert several.locator(".most").inner_text() == "as strong as the <i>strongest</i>"
    assert page.get_by_text("runs ").inner_text() == before


def test_one_heatmap_offers_no_methods(viewer):
    assert not viewer.locator(".methods").is_visible()


def test_swiping_lays_the_heatmap_over_one_side_and_the_arrow_keys_move_it(page, several):
    several.get_by_role("button", name="Grad-CAM").click()
    set_slider(several, "swipe", 50)
    assert shown(page, several, 0.25) == (255, 0, 0)
    assert shown(page, several, 0.75) == (60, 60, 60)
    assert several.locator(".edge").is_visible()
    slider = several.get_by_label("Swipe")
    slider.focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "20"
    assert shown(page, several, 0.25) == (60, 60, 60)
    several.get_by_role("button", name="Reset").click()
    assert slider.input_value() == "100"


def test_the_networks_square_and_its_true_grid_are_drawn_when_asked_for(page, several):
    grid = several.locator(".grid")
    assert not grid.is_visible()
    several.locator(".stage").focus()
    page.keyboard.press("g")
    assert grid.is_visible()
    assert box(several, ".grid") == pytest.approx(box(several, "canvas"), abs=0.5)
    assert several.locator(".grid path").get_attribute("d").count("M") == 4 + 6
    assert several.get_by_role("button", name="Grid").get_attribute("aria-pressed") == "true"


def test_without_a_grid_none_is_offered(viewer):
    assert viewer.get_by_role("button", name="Grid").is_disabled()
