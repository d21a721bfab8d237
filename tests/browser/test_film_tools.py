"""Measuring, magnifying and comparing in the film viewer, in a real Chromium."""

import io
import math
import re
import shutil

import pytest
from PIL import Image

from tests.browser.test_film_viewer import box, set_slider, until_grey
from tests.support.serving import ROOT

expect = pytest.importorskip("playwright.sync_api").expect

PAGE = """
import io
import numpy as np
import streamlit as st
from PIL import Image
from tests.support.dicoms import dicom
from xraylab.app.components.film_list import Row, film_list
from xraylab.app.components.film_viewer import Overlay, Viewed, film_viewer
from xraylab.imaging import Film

def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()

st.set_page_config(layout="wide")
st.html("<style>.stApp {--stage: 600px}</style>")
st.selectbox("Model", ["apple", "orange", "plum"])
asked = st.query_params
flat = np.full((400, 800), 60, np.uint8)
flat[190:210, 390:410] = 200  # a light square in the middle
if st.toggle("Next film"):
    flat[0, 0] = 61
heat = Overlay("Grad-CAM", png(np.full((64, 64, 4), (255, 0, 0, 255), np.uint8)), "the strongest place")
spacing = {"oblong": [0.2, 0.1], "square": [0.1, 0.1]}.get(asked.get("spacing", "none"))
first = Viewed(png(flat), "first film", [heat], synthetic=True)
if spacing:
    film = Film("first film", dicom(flat, ImagerPixelSpacing=spacing, PatientOrientation=["L", "F"]))
    first = Viewed.of(film, png(film.picture), [heat])
second = Viewed(png(np.full((600, 600), 100, np.uint8)), "second film") if "beside" in asked else None
film_viewer(first, key="one", films=True, fill=True, beside=second)
rows = [Row(str(at), f"film {at}", f"film {at}") for at in range(3)]
film_list(rows, key="the films", label="Films", chosen="0", marks={})
st.write("drawn")
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("tools")
    (folder / "streamlit_app.py").write_text(PAGE, "utf-8")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    return serve(folder / "streamlit_app.py")


@pytest.fixture
def opened(page, url):
    def open_(query=""):
        page.goto(f"{url}?{query}")
        page.get_by_text("drawn", exact=True).wait_for()
        viewer = page.get_by_label("Film viewer")
        expect(viewer.locator(".place")).to_have_text("1 of 3")
        expect(viewer.locator(".stage.waiting")).to_have_count(0)
        return viewer

    return open_


def drag(page, viewer, start, end, *, canvas=".plane canvas"):
    """Drag from one place of the film to another, given as shares of its width and height."""
    left, top, width, height = box(viewer, canvas)
    page.mouse.move(left + start[0] * width, top + start[1] * height)
    page.mouse.down()
    page.mouse.move(left + end[0] * width, top + end[1] * height, steps=3)
    page.mouse.up()


def labels(viewer):
    return viewer.locator(".lines text").all_text_contents()


def number(label):
    return float(label.split()[0])


@pytest.mark.parametrize(("spacing", "size"), [("oblong", (80, 80)), ("square", (40, 80))])
@pytest.mark.parametrize(
    ("start", "end"),
    [((0.1, 0.5), (0.9, 0.5)), ((0.5, 0.1), (0.5, 0.9)), ((0.2, 0.3), (0.7, 0.8)), ((0.9, 0.2), (0.3, 0.6))],
)
def test_a_line_has_the_length_that_a_dicom_file_gives_it(page, opened, spacing, size, start, end):
    viewer = opened(f"spacing={spacing}")  # 400 rows of 0.2 or 0.1 mm, 800 columns of 0.1 mm
    height, width = size
    page.keyboard.press("d")
    drag(page, viewer, start, end)
    exact = math.hypot(width * (end[0] - start[0]), height * (end[1] - start[1]))
    a_pixel = 80 / box(viewer, ".plane canvas")[2]  # of the screen
    [label] = labels(viewer)
    assert number(label) == pytest.approx(exact, abs=2 * a_pixel)
    assert label.endswith(" mm")
    expect(viewer.locator(".measured")).to_have_text("Lengths in mm at the detector")
    expect(viewer.get_by_role("status")).to_have_text(f"{label} at the detector")


def test_without_a_spacing_a_line_is_measured_in_pixels_of_the_film(page, opened):
    viewer = opened()
    viewer.get_by_role("button", name="Measure").click()
    expect(viewer.locator(".measured")).to_have_text("Drag a line on the film")
    drag(page, viewer, (0.25, 0.5), (0.75, 0.5))
    [label] = labels(viewer)
    assert label == "400 pixels"
    expect(viewer.get_by_role("status")).to_have_text("400 pixels of the film")


def test_two_lines_have_a_ratio_and_the_last_is_taken_back_first(page, opened):
    viewer = opened("spacing=square")
    page.keyboard.press("d")
    drag(page, viewer, (0.1, 0.6), (0.9, 0.6))
    drag(page, viewer, (0.3, 0.4), (0.7, 0.4))
    first, second = labels(viewer)
    assert "of the other" not in first
    assert second.endswith("mm, 0.50 of the other")
    drag(page, viewer, (0.2, 0.2), (0.3, 0.2))
    assert not any("of the other" in label for label in labels(viewer))
    page.keyboard.press("Escape")
    assert labels(viewer) == [first, second]
    page.keyboard.press("Backspace")
    assert labels(viewer) == [first]
    drag(page, viewer, (0.3, 0.4), (0.7, 0.4))
    viewer.get_by_role("button", name="View").click()
    viewer.get_by_role("button", name="Clear lines").click()
    assert labels(viewer) == []
    expect(viewer.get_by_role("button", name="Clear lines")).to_be_disabled()
    page.keyboard.press("Escape")  # closes the menu, and only the next one ends measuring
    expect(viewer.get_by_role("button", name="Measure")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(viewer.get_by_role("button", name="Measure")).to_have_attribute("aria-pressed", "false")


def ends(viewer):
    """The ends of the only line, as shares of the film."""
    path = viewer.locator(".lines path").last.get_attribute("d")
    points = [tuple(map(float, part.split())) for part in path[1:].replace("M", "L").split("L")[:2]]
    left, top, width, height = box(viewer, ".plane canvas")
    stage = box(viewer, ".stage")
    return [((x + stage[0] - left) / width, (y + stage[1] - top) / height) for x, y in points]


def test_a_line_stays_with_the_film_its_ends_can_be_moved_and_another_film_has_none(page, opened):
    viewer = opened("spacing=oblong")
    page.keyboard.press("d")
    drag(page, viewer, (0.3, 0.4), (0.7, 0.6))
    [label], before = labels(viewer), ends(viewer)
    page.keyboard.press("+")
    page.keyboard.press("+")
    viewer.locator(".stage").focus()
    page.keyboard.press("ArrowLeft")
    assert labels(viewer) == [label]
    for was, now in zip(before, ends(viewer), strict=True):
        assert now == pytest.approx(was, abs=0.002)
    page.keyboard.press("0")
    drag(page, viewer, (0.7, 0.6), (0.5, 0.4))
    [label] = labels(viewer)
    assert number(label) == pytest.approx(80 * 0.2, abs=0.4)
    page.mouse.click(*box(viewer, ".stage")[:2])
    left, top, width, height = box(viewer, ".plane canvas")
    page.mouse.click(left + width / 2, top + height / 4)  # a click draws nothing
    assert len(labels(viewer)) == 1
    page.get_by_text("Next film").click()
    expect(viewer.locator(".lines text")).to_have_count(0)


def test_a_finger_measures_too_and_two_fingers_still_pinch(page, opened):
    viewer = opened("spacing=square")
    viewer.get_by_role("button", name="Measure").click()
    left, top, width, height = box(viewer, ".plane canvas")
    session = page.context.new_cdp_session(page)

    def touch(kind, *shares):
        points = [
            {"x": left + x * width, "y": top + y * height, "id": number}
            for number, (x, y) in enumerate(shares)
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.25, 0.5))
    touch("touchMove", (0.5, 0.5))
    touch("touchMove", (0.75, 0.5))
    touch("touchEnd")
    [label] = labels(viewer)
    assert number(label) == pytest.approx(40, abs=0.3)
    touch("touchStart", (0.45, 0.3))
    touch("touchStart", (0.45, 0.3), (0.55, 0.3))
    touch("touchMove", (0.4, 0.3), (0.6, 0.3))
    touch("touchMove", (0.35, 0.3), (0.65, 0.3))
    touch("touchEnd")
    session.detach()
    assert labels(viewer) == [label]
    assert box(viewer, ".plane canvas")[2] == pytest.approx(3 * width, rel=0.05)


def test_the_lens_shows_what_is_under_the_pointer_two_and_a_half_times_as_large(page, opened):
    viewer = opened()
    page.keyboard.press("z")
    left, top, width, height = box(viewer, ".plane canvas")
    x, y = left + width / 2, top + height / 2
    page.mouse.move(x, y)
    lens, stage = box(viewer, ".lens"), box(viewer, ".stage")
    assert stage[3] == 600
    assert lens[0] + lens[2] / 2 == pytest.approx(x, abs=1)
    assert math.pi * (lens[2] / 2) ** 2 <= stage[2] * stage[3] / 3
    side = 20 / 400 * height  # of the light square, as the film shows it

    def grey(dx):
        shot = page.screenshot(clip={"x": round(x + dx), "y": round(y), "width": 1, "height": 1})
        return Image.open(io.BytesIO(shot)).convert("RGB").getpixel((0, 0))

    assert grey(0.5 * 2.5 * side - 3) == (200, 200, 200)
    assert grey(0.5 * 2.5 * side + 4) == (60, 60, 60)
    page.keyboard.press("i")
    assert grey(0) == (55, 55, 55)
    page.keyboard.press("o")
    set_slider(viewer, "opacity", 100)
    page.wait_for_timeout(300)
    assert grey(0) == (255, 0, 0)
    page.mouse.move(5, 5)
    expect(viewer.locator(".lens")).to_be_hidden()
    page.keyboard.press("z")
    page.mouse.move(x, y)
    expect(viewer.locator(".lens")).to_be_hidden()


def test_a_finger_holds_the_lens_which_lies_above_it_and_moves_with_it(page, opened):
    viewer = opened()
    viewer.get_by_role("button", name="Magnify").click()
    page.mouse.move(5, 5)
    page.keyboard.press("+")
    film = box(viewer, ".plane canvas")
    left, top, width, height = box(viewer, ".stage")
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        session.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        )

    x, y = left + width / 2, top + 0.9 * height
    touch("touchStart", (x, y))
    expect(viewer.locator(".lens")).to_be_visible()
    touch("touchMove", (x + 50, y))
    lens = box(viewer, ".lens")
    assert lens[0] + lens[2] / 2 == pytest.approx(x + 50, abs=1)
    assert lens[1] + lens[3] < y
    assert box(viewer, ".plane canvas") == pytest.approx(film, abs=0.5)
    touch("touchEnd")
    expect(viewer.locator(".lens")).to_be_hidden()
    session.detach()


def test_letters_stand_at_the_edges_only_if_the_file_says_the_orientation(opened):
    viewer = opened("spacing=square")
    assert viewer.locator(".side").all_text_contents() == ["R", "L"]
    assert "the patient's right on the left" in viewer.get_by_role("img").get_attribute("aria-label")
    viewer = opened()
    assert viewer.locator(".side").all_text_contents() == ["", ""]


def test_two_films_move_together_until_they_are_unlinked(page, opened):
    viewer = opened("beside")
    first, second = viewer.locator(".pane").all()
    assert viewer.locator(".title").all_text_contents() == ["first film", "second film"]
    expect(second.locator(".mark")).to_be_hidden()
    left, right = box(first, ".stage"), box(second, ".stage")
    assert left[0] + left[2] <= right[0]
    assert left[1:] == pytest.approx(right[1:], abs=1)
    page.keyboard.press("i")
    page.keyboard.press("o")
    until_grey(page, second, 155)
    expect(first.locator(".overlay")).to_be_visible()
    expect(second.locator(".overlay")).to_be_hidden()
    page.keyboard.press("+")
    assert box(first, ".plane canvas")[2] == pytest.approx(1.25 * left[2], rel=0.01)
    assert box(second, ".plane canvas")[3] > 1.2 * min(right[2:])

    page.keyboard.press("l")
    second.locator(".stage").click(position={"x": 20, "y": 20})
    page.keyboard.press("0")
    page.keyboard.press("i")
    until_grey(page, second, 100)
    assert box(first, ".plane canvas")[2] == pytest.approx(1.25 * left[2], rel=0.01)
    assert box(second, ".plane canvas")[3] == pytest.approx(min(right[2:]), abs=1)
    expect(first.locator(".settings")).to_have_text("inverted")
    page.keyboard.press("l")  # linked again: as the film that was used last
    assert box(first, ".plane canvas")[2] == pytest.approx(left[2], abs=1)
    expect(first.locator(".settings")).to_have_text("")


def test_two_films_lie_one_above_the_other_in_a_narrow_place(page, opened):
    page.set_viewport_size({"width": 390, "height": 844})
    viewer = opened("beside")
    first, second = (box(viewer, f".pane:nth-child({number}) .stage") for number in (1, 2))
    assert first[1] + first[3] <= second[1]
    assert first[2] == pytest.approx(second[2], abs=1)
    page.set_viewport_size({"width": 1360, "height": 1000})


def test_a_key_after_a_choice_with_the_pointer_is_the_viewers_and_in_the_open_box_it_is_typed(page, opened):
    viewer = opened()
    model = page.get_by_role("combobox", name="Model")
    model.click()
    page.get_by_test_id("stSelectboxVirtualDropdown").get_by_role("option", name="orange").click()
    expect(page.locator("[role=option]")).to_have_count(0)
    expect(model).not_to_be_focused()
    page.keyboard.press("o")
    expect(viewer.locator(".overlay")).to_be_visible()
    expect(model).to_have_value("orange")

    model.click()
    page.keyboard.press("p")
    page.keyboard.press("o")
    expect(model).to_have_value(re.compile("po$"))
    expect(viewer.locator(".overlay")).to_be_visible()
    page.keyboard.press("Escape")
