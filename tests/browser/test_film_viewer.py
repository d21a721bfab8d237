"""The film viewer in a real Chromium: what is seen follows the hand, and the server is not asked."""

import io
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from tests.support.serving import ROOT

expect = pytest.importorskip("playwright.sync_api").expect

# Films of flat greys, so that a shown pixel can be told from the settings alone; 400 wide, 200 high.
PAGE = """
import io
import time
import numpy as np
import streamlit as st
from PIL import Image
from xraylab.app.components.film_list import Row, film_list
from xraylab.app.components.film_viewer import Overlay, film_viewer

def pick(count, key):
    rows = [Row(str(at), f"film {at}", f"film {at}") for at in range(count)]
    took = film_list(rows, key=key, label="Films", chosen="0", marks={})
    if took.key is not None:
        st.session_state.at = int(took.key)
        st.rerun()
    return st.session_state.get("at", 0)

def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()

st.session_state.runs = st.session_state.get("runs", 0) + 1
if "late" in st.query_params:
    film = png(np.full((200, 400), 60, dtype=np.uint8))
    film_viewer(film, None, key="late", caption="late", films=True)
    time.sleep(0.5)
    pick(2 if st.toggle("Fewer") else 3, "late films")
    st.stop()
if "one" in st.query_params:  # films of noise, wide and tall, with a heatmap of one place of 7 by 7
    sizes = [(800, 1600), (1600, 800)]
    films = [np.random.default_rng(0).integers(0, 256, size, np.uint8) for size in sizes]
    place = np.zeros((7, 7, 4), dtype=np.uint8)
    place[1, 5] = (255, 0, 0, 255)
    large = place.repeat(32, axis=0).repeat(32, axis=1)
    row = st.container()
    at = pick(3, "the films")
    if at == 2:
        row.error("not a film")
    else:
        with row:
            noise = png(films[at])
            film_viewer(noise, png(large), key="one", caption="noise", grid=(7, 7), films=True)
    st.text_area("Note")
    st.write(f"runs {st.session_state.runs}")
    st.stop()
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
def url(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("viewer")
    (folder / "streamlit_app.py").write_text(PAGE, "utf-8")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    return serve(folder / "streamlit_app.py")


@pytest.fixture(scope="module")
def page(browser, url):
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="dark")
    opened = context.new_page()
    opened.goto(url)
    opened.get_by_text("runs 1", exact=True).wait_for()
    yield opened
    context.close()


@pytest.fixture
def viewer(page):
    """The viewer with a heatmap, as at first."""
    found = page.get_by_label("Film viewer").first
    found.locator("canvas").scroll_into_view_if_needed()
    found.get_by_role("button", name="Reset").click()
    until_grey(page, found, 60)
    return found


def pixel(page, viewer, x_share=0.02, y=5):
    """The red, green and blue in sight on the film, by default near its upper left."""
    left, top, width, _ = box(viewer, "canvas")
    clip = {"x": round(left + x_share * width), "y": round(top + y), "width": 1, "height": 1}
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB").getpixel((0, 0))


def until_grey(page, viewer, grey, **where):
    """Wait for a grey, give or take the one step of 255 by which browsers round differently."""
    deadline = time.monotonic() + 10
    while max(abs(value - grey) for value in pixel(page, viewer, **where)) > 1:
        assert time.monotonic() < deadline, f"{pixel(page, viewer, **where)} instead of {grey}"


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
    expect(heatmap).to_be_hidden()
    expect(viewer.locator(".legend")).to_be_hidden()
    button.click()
    expect(heatmap).to_be_visible()
    expect(viewer.locator(".legend")).to_be_visible()
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
    expect(viewer.locator(".settings")).to_have_text("inverted")


@pytest.mark.parametrize(
    ("window", "level", "grey"),
    [(100, 50, 60), (50, 50, 0), (100, 25, 124), (50, 25, 120), (200, 50, 94), (20, 0, 255)],
)
def test_window_and_level_are_the_linear_ones_of_a_workstation(page, viewer, window, level, grey):
    set_slider(viewer, "window", window)
    set_slider(viewer, "level", level)
    until_grey(page, viewer, grey)


def test_the_next_film_comes_as_it_is_and_its_heatmap_as_it_was_when_it_is_asked_for(page, viewer):
    viewer.get_by_role("button", name="Overlay").click()
    viewer.get_by_role("button", name="Swipe").click()
    viewer.get_by_role("button", name="Zoom in").click()
    viewer.get_by_role("button", name="Invert").click()
    set_slider(viewer, "opacity", 80)
    page.get_by_text("Next film").click()
    until_grey(page, viewer, 100, x_share=0.98)
    expect(viewer.locator(".overlay")).to_be_hidden()
    expect(viewer.get_by_role("slider", name="Divider")).to_be_hidden()
    viewer.get_by_role("button", name="Overlay").click()
    expect(viewer.locator(".overlay")).to_be_visible()
    expect(viewer.get_by_role("slider", name="Divider")).to_be_visible()
    assert viewer.locator(".overlay").evaluate("image => image.style.opacity") == "0.8"
    assert viewer.locator(".stage.zoomed-in").count() == 0
    page.get_by_text("Next film").click()
    until_grey(page, viewer, 60, x_share=0.98)


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


def test_a_double_click_shows_the_whole_film_again(page, viewer):
    whole = box(viewer, "canvas")
    viewer.get_by_role("button", name="Zoom in").click()
    assert box(viewer, "canvas")[2] > whole[2]
    viewer.locator(".stage").dblclick()
    assert box(viewer, "canvas") == pytest.approx(whole, abs=0.5)


def test_the_right_button_drags_window_and_level(page, viewer):
    left, top, width, height = box(viewer, ".stage")
    x, y = left + width / 2, top + height / 2
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x - width / 4, y - width / 10)  # narrower and brighter
    page.mouse.up(button="right")
    expect(viewer.get_by_label("Window")).to_have_value("50")
    expect(viewer.get_by_label("Level")).to_have_value("40")
    until_grey(page, viewer, 43)  # 255 * ((60 / 255 - 0.4) / 0.5 + 0.5) = 43.5
    expect(viewer.locator(".settings")).to_have_text("window 50 %, level 40 %")
    page.mouse.move(x, y)
    expect(viewer.get_by_label("Window")).to_have_value("50")


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
    whole = box(viewer, "canvas")[2]
    viewer.locator(".stage").focus()
    page.keyboard.press("i")
    until_grey(page, viewer, 195)
    for key in ("+", "+", "-"):
        page.keyboard.press(key)
    assert box(viewer, "canvas")[2] == pytest.approx(1.25 * whole, rel=1e-3)
    page.keyboard.press("o")
    expect(viewer.locator(".overlay")).to_be_visible()
    page.keyboard.press("o")
    expect(viewer.locator(".overlay")).to_be_hidden()
    page.keyboard.press("0")
    assert box(viewer, "canvas")[2] == pytest.approx(whole, abs=0.5)
    until_grey(page, viewer, 195)


def test_a_synthetic_film_says_so_in_its_pixels_and_at_every_zoom(viewer):
    brightest = viewer.locator("canvas").evaluate(
        "canvas => Math.max(...canvas.getContext('2d').getImageData(0, 150, 400, 50).data"
        ".filter((_, at) => at % 4 === 0))"
    )
    assert brightest == 255  # the film itself is a flat 60
    for _ in range(12):
        viewer.get_by_role("button", name="Zoom in").click()
    expect(viewer.locator(".mark")).to_be_visible()
    expect(viewer.locator(".mark")).to_have_text("SYNTHETIC")


def test_a_real_film_carries_no_mark_and_without_a_heatmap_nothing_is_offered(page):
    other = page.get_by_label("Film viewer").nth(1)
    other.locator("canvas").scroll_into_view_if_needed()
    until_grey(page, other, 60)
    assert other.locator("canvas").evaluate(
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 400, 200).data).size"
    ) == len({60, 255})  # grey and the alpha channel
    expect(other.get_by_role("button", name="Overlay")).to_be_disabled()
    other.locator(".stage").focus()
    page.keyboard.press("o")
    expect(other.locator(".overlay")).to_be_hidden()


def test_the_caption_is_text_and_names_the_film_to_a_screen_reader(viewer):
    expect(viewer.locator(".caption")).to_have_text("film <b>one</b>")
    assert viewer.get_by_role("img", name="film <b>one</b> (synthetic)").count() == 1


def test_nothing_the_reader_does_to_the_view_runs_the_page_again(page, viewer):
    before = page.get_by_text("runs ").inner_text()
    viewer.get_by_role("button", name="Overlay").click()
    viewer.get_by_role("button", name="Invert").click()
    viewer.get_by_role("button", name="Swipe").click()
    viewer.get_by_role("slider", name="Divider").press("ArrowLeft")
    viewer.get_by_role("button", name="Zoom in").click()
    set_slider(viewer, "window", 60)
    page.wait_for_timeout(500)  # a rerun would have come back by now
    expect(page.get_by_text("runs ")).to_have_text(before)


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
    return pixel(page, viewer, x_share, 30)


def test_methods_are_switched_between_without_a_rerun_and_the_legend_follows(page, several):
    before = page.get_by_text("runs ").inner_text()
    several.get_by_role("button", name="Grad-CAM").click()
    assert shown(page, several, 0.5) == (255, 0, 0)
    expect(several.locator(".most")).to_have_text("as strong as the <i>strongest</i>")
    several.get_by_role("button", name="HiResCAM").click()
    page.wait_for_timeout(200)
    assert shown(page, several, 0.5) == (0, 0, 255)
    expect(several.locator(".most")).to_have_text("its most")
    pressed = several.locator(".methods button").evaluate_all("all => all.map(one => one.ariaPressed)")
    assert pressed == ["false", "true"]
    several.locator(".stage").focus()
    page.keyboard.press("m")
    expect(several.locator(".most")).to_have_text("as strong as the <i>strongest</i>")
    expect(page.get_by_text("runs ")).to_have_text(before)


def test_one_heatmap_offers_no_methods(viewer):
    expect(viewer.locator(".methods")).to_be_hidden()


def test_the_divider_is_dragged_on_the_film_zoomed_too_and_by_keys(page, several):
    several.get_by_role("button", name="Swipe").click()  # which asks for the heatmap, too
    divider = several.get_by_role("slider", name="Divider")
    assert divider.get_attribute("aria-valuenow") == "50"
    assert shown(page, several, 0.25) == (255, 0, 0)
    assert shown(page, several, 0.75) == (60, 60, 60)
    divider.press("Shift+ArrowLeft")
    divider.press("ArrowLeft")
    assert divider.get_attribute("aria-valuenow") == "39"
    several.locator(".stage").focus()
    for _ in range(3):
        page.keyboard.press("+")
    left, top, width, height = box(several, ".stage")
    grip = box(several, ".divider")
    page.mouse.move(grip[0] + grip[2] / 2, top + height / 2)
    page.mouse.down()
    page.mouse.move(left + width * 0.8, top + height / 2, steps=4)
    page.mouse.up()
    film = box(several, "canvas")
    assert film[2] > width  # it did zoom, and dragging the divider didn't move the film
    assert film[0] + film[2] / 2 == pytest.approx(left + width / 2, abs=1)
    at = (left + width * 0.8 - film[0]) / film[2]
    middle = film[3] / 2 - 40  # above the grip
    assert pixel(page, several, at - 0.03, middle) == (255, 0, 0)
    assert pixel(page, several, at + 0.03, middle) == (60, 60, 60)
    several.get_by_role("button", name="Reset").click()
    expect(divider).to_be_hidden()


def test_the_networks_square_and_its_true_grid_are_drawn_when_asked_for(page, several):
    grid = several.locator(".grid")
    expect(grid).to_be_hidden()
    several.locator(".stage").focus()
    page.keyboard.press("g")
    expect(grid).to_be_visible()
    assert box(several, ".grid") == pytest.approx(box(several, "canvas"), abs=0.5)
    assert several.locator(".grid path").get_attribute("d").count("M") == 4 + 6
    assert several.get_by_role("button", name="Grid").get_attribute("aria-pressed") == "true"


def test_without_a_grid_none_is_offered(viewer):
    expect(viewer.get_by_role("button", name="Grid")).to_be_disabled()


@pytest.fixture(params=[1, 2])
def alone(request, browser, url):
    """A page with one viewer on a screen of so many pixels a CSS pixel, its films of noise and a note."""
    context = browser.new_context(
        viewport={"width": 1200, "height": 900}, device_scale_factor=request.param, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(f"{url}?one")
    page.get_by_text("runs 1", exact=True).wait_for()
    page.get_by_text("1600 × 800 pixels").wait_for()
    yield page, page.get_by_label("Film viewer"), request.param
    context.close()


def test_one_to_one_is_the_film_pixel_for_pixel_and_a_heatmap_lies_where_it_belongs(alone):
    page, viewer, ratio = alone
    viewer.get_by_role("button", name="One to one").click()
    expect(viewer.locator(".zoomed")).to_have_text("100 %")
    film = np.random.default_rng(0).integers(0, 256, (800, 1600), np.uint8)
    stage, canvas = box(viewer, ".stage"), box(viewer, "canvas")
    page.mouse.move(0, 0)
    clip = {"x": round(stage[0] + 100), "y": round(stage[1] + 100), "width": 200, "height": 100}
    seen = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("L"))
    x, y = round((clip["x"] - canvas[0]) * ratio), round((clip["y"] - canvas[1]) * ratio)
    assert (seen == film[y : y + 100 * ratio, x : x + 200 * ratio]).all()

    viewer.get_by_role("button", name="Fit").click()
    page.keyboard.press("o")
    set_slider(viewer, "opacity", 100)
    _assert_lit(page, viewer)
    page.keyboard.press("j")
    page.get_by_text("800 × 1600 pixels").wait_for()
    page.keyboard.press("o")
    _assert_lit(page, viewer)


def _assert_lit(page, viewer):
    """Row 1 and column 5 of 7 by 7, counted from 0, are red on the whole film, whatever its proportions."""
    _, _, _, height = box(viewer, "canvas")
    lit = {
        (row, column)
        for row in range(3)
        for column in range(3, 7)
        if pixel(page, viewer, (column + 0.5) / 7, (row + 0.5) / 7 * height) == (255, 0, 0)
    }
    assert lit == {(1, 5)}
    edge = 1.5 / 7 * height
    assert pixel(page, viewer, 5.05 / 7, edge) == pixel(page, viewer, 5.95 / 7, edge) == (255, 0, 0)
    assert (255, 0, 0) not in {pixel(page, viewer, 4.95 / 7, edge), pixel(page, viewer, 6.05 / 7, edge)}


def test_a_list_of_films_drawn_after_the_viewer_or_changed_without_it_is_counted(context, url):
    page = context.new_page()
    page.goto(f"{url}?late")
    place = page.get_by_label("Film viewer").locator(".place")
    expect(place).to_have_text("1 of 3")
    page.get_by_text("Fewer").click()
    expect(place).to_have_text("1 of 2")
    page.close()


@pytest.mark.parametrize("alone", [1], indirect=True)
def test_keys_work_wherever_the_focus_is_but_not_while_somebody_types(alone):
    page, viewer, _ = alone
    place = viewer.locator(".place")
    expect(place).to_have_text("1 of 3")
    page.keyboard.press("j")
    page.get_by_text("800 × 1600 pixels").wait_for()
    expect(place).to_have_text("2 of 3")
    page.keyboard.press("j")
    page.get_by_text("not a film").wait_for()
    page.keyboard.press("k")  # one that can't be read is no dead end
    page.get_by_text("800 × 1600 pixels").wait_for()
    page.keyboard.press("k")
    page.get_by_text("1600 × 800 pixels").wait_for()
    expect(viewer.get_by_role("button", name="Previous film")).to_be_disabled()

    note = page.get_by_label("Note")
    note.click()
    page.keyboard.type("jokig+10")
    expect(note).to_have_value("jokig+10")
    expect(viewer.locator(".overlay")).to_be_hidden()
    expect(viewer.locator(".settings")).to_have_text("")
    expect(place).to_have_text("1 of 3")

    viewer.get_by_text("Keys", exact=True).click()
    viewer.get_by_label("Keys work anywhere").uncheck()  # who speaks to the browser may want that
    page.get_by_role("radio").first.focus()
    page.keyboard.press("o")
    expect(viewer.locator(".overlay")).to_be_hidden()
    viewer.locator(".stage").focus()
    page.keyboard.press("o")
    expect(viewer.locator(".overlay")).to_be_visible()
