"""How one holds and reads the cockpit: the scale, the pointer, a finger, the steppers; nothing moves away."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.browser.test_threshold_cockpit import APP, Cockpit, _address, _counts, _films, _python_says
from tests.support.sizes import cases
from xraylab import formats
from xraylab.evaluation.thresholds import threshold_table

# Of the first view: the folds stand below it.
BUTTONS = ".cockpit button:visible, .cockpit .rules summary"
FOLDS = ".cockpit .fold > summary"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def app(serve):
    return serve(f"import streamlit as st\nst.set_page_config(layout='wide')\n{_flush(APP)}")


def _flush(script):
    return re.sub(r"(?m)^    ", "", script)


@pytest.fixture
def cockpit(app, page, tmp_path):
    """Open the cockpit on some films; gives it and the Python table of the same films."""

    def start(tab=page, **films):
        tab.goto(_address(app, tmp_path, films))
        tab.locator(".cockpit .value").wait_for()
        _python_says(tab, 0.5)
        return Cockpit(tab), threshold_table(films["labels"], films["scores"], films["groups"])

    return start


@pytest.fixture
def finger(context, app, tmp_path):
    """Open the cockpit where a finger points; gives it, its table, and a function that swipes."""
    contexts = []

    def start(**films):
        touched = context.browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
        contexts.append(touched)
        tab = touched.new_page()
        tab.goto(_address(app, tmp_path, films))
        tab.locator(".cockpit .value").wait_for()
        _python_says(tab, 0.5)
        devtools = touched.new_cdp_session(tab)

        def swipe(start, way, *, steps=8):
            places = [
                tuple(at + far * i / steps for at, far in zip(start, way, strict=True))
                for i in range(steps + 1)
            ]
            for i, (x, y) in enumerate(places):
                kind = "touchMove" if i else "touchStart"
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        return Cockpit(tab), threshold_table(films["labels"], films["scores"], films["groups"]), swipe

    yield start
    for touched in contexts:
        touched.close()


# ---- the sentence ----


def test_the_sentence_says_what_the_cut_does_while_it_is_dragged(cockpit, page):
    view, table = cockpit(**_films())
    view.press_at(0.3)
    for share in (0.4, 0.7):
        view.drag_to(share)
        point = table.at(view.threshold)
        alarms = formats.counted(point.fp, "false alarm")
        assert _said(page) == (
            _plain(
                f"Misses {point.fn} of {table.positives} pneumonias, {alarms} in {table.negatives} normals."
            )
        )
    page.mouse.up()
    low, high = table.interval("sensitivity", view.threshold)
    assert view.texts()["missed-below"] == formats.percent(1 - table.at(view.threshold).sensitivity)
    assert view.texts()["missed-below-interval"] == formats.interval(1 - high, 1 - low)


def test_with_a_band_the_sentence_counts_the_films_left_to_a_reader(cockpit, page):
    cockpit(**_films())
    page.get_by_role("button", name="Review band").click()
    page.locator(".cockpit[data-band]").wait_for()
    texts = Cockpit(page).texts()
    reader = int(texts["rp"]) + int(texts["rn"])
    assert _said(page).endswith(f"normals, {reader} films left to a reader.")


def _said(page):
    return _plain(page.locator(".cockpit .said:not(.longest)").inner_text())


def _plain(words):
    return " ".join(words.split()).replace(" ,", ",").replace(" .", ".")


# ---- the scale ----


@pytest.mark.parametrize("order", ["score", "rank"])
def test_the_pointer_takes_the_nearest_score_on_either_scale(cockpit, page, order):
    view, table = cockpit(**_films(n=200, digits=9))
    view.order(order)
    view.press_at(0.2)
    for share in np.linspace(0.05, 0.95, 9):
        view.drag_to(share)
        threshold, away = view.threshold, abs(view.place() - share)
        assert view.counts() == _counts(table.at(threshold))
        row = table.row(threshold)
        assert threshold == table.cut(row)
        assert away < 0.2
    page.mouse.up()
    _python_says(page, view.threshold)
    at = view.place()
    for key in ("ArrowLeft", "ArrowRight", "ArrowRight"):  # no neighbour stands nearer to where it was let go
        view.range.press(key)
        assert abs(view.place() - 0.95) >= abs(at - 0.95) - 1e-6


def test_the_handle_stands_on_the_line_of_its_score(cockpit, page):
    view, _ = cockpit(**_films())
    view.type("0.5")
    ticks = {tick.text_content(): tick.bounding_box() for tick in page.locator(".cockpit .ticks span").all()}
    knob = page.locator(".cockpit .cut.main .knob").bounding_box()
    half = ticks["0.5"]["x"] + ticks["0.5"]["width"] / 2
    assert knob["x"] + knob["width"] / 2 == pytest.approx(half, abs=1)


def test_scores_between_0_3_and_0_8_are_not_squeezed(cockpit, page):
    films = _films(digits=9)
    films["scores"] = 0.3 + 0.5 * films["scores"]
    view, _ = cockpit(**films)
    view.type("0.35")
    low = view.place()
    view.type("0.75")
    assert view.place() - low > 0.6


def test_scores_of_exactly_0_and_1_stand_at_the_ends_of_the_plot(cockpit, page):
    films = _films(digits=9)
    films["scores"][:20], films["scores"][-20:] = 0.0, 1.0
    view, _ = cockpit(**films)
    view.range.press("Home")
    assert view.place() == 0
    view.range.press("End")
    assert 0.9 < view.place() <= 1
    ends = [tick.text_content() for tick in page.locator(".cockpit .ticks span").all()]
    assert {"0", "1"} <= set(ends)
    assert page.locator(".cockpit").evaluate("el => el.scrollWidth - el.clientWidth") <= 0


def test_of_few_films_each_is_a_dot(cockpit, page):
    films = _films(n=90)
    cockpit(**films)
    for name, label in (("present", 1), ("absent", 0)):
        path = page.locator(f".cockpit .bars [data-bars={name}]").first
        assert path.get_attribute("d").count("M") == (films["labels"] == label).sum()
        places = re.findall(r"M([\d.]+) ([\d.]+)h0", path.get_attribute("d"))
        assert len(set(places)) == len(places), "no dot hides another one"


def test_bars_are_drawn_as_square_roots_of_shares(cockpit, page):
    films = _films(n=4000, digits=9)
    cockpit(**films)
    for name, label in (("present", 1), ("absent", 0)):
        path = page.locator(f".cockpit .bars [data-bars={name}]").first.get_attribute("d")
        heights = np.abs(np.array([float(y) for y in re.findall(r"V([\d.]+)H", path)]) - 100)
        films_of = heights**2 / (heights**2).sum() * (films["labels"] == label).sum()
        assert films_of == pytest.approx(films_of.round(), abs=0.3)


def test_the_order_of_the_films_is_remembered_in_the_browser(cockpit, page):
    view, _ = cockpit(**_films())
    view.order("rank")
    page.reload()
    page.locator(".cockpit .value").wait_for()
    pressed = page.locator(".cockpit .axis [aria-pressed=true]")
    assert pressed.text_content() == "By rank"
    view.order("score")
    assert pressed.text_content() == "By score"


@pytest.mark.sampled
@pytest.mark.parametrize("width", cases([390, 1400, 1000], brief=1))
@pytest.mark.parametrize("order", ["score", "rank"])
def test_ticks_do_not_overlap(cockpit, page, width, order):
    page.set_viewport_size({"width": width, "height": 900})
    view, _ = cockpit(**_films(n=3000, digits=6))
    view.order(order)
    boxes = [tick.bounding_box() for tick in page.locator(".cockpit .ticks span").all()]
    boxes.sort(key=lambda box: box["x"])
    assert len(boxes) >= 4
    assert all(one["x"] + one["width"] + 3 < other["x"] for one, other in pairwise(boxes))


# ---- nothing moves away ----


@pytest.mark.sampled
@pytest.mark.parametrize("width", cases([390, 1400, 1000, 1200, 1600], brief=1))
def test_no_button_moves_whatever_is_pressed(cockpit, page, width):
    page.set_viewport_size({"width": width, "height": 1600})
    view, _ = cockpit(**_films(n=3000, digits=3))
    before = _boxes(page)
    assert len(before) > 12

    def check(done, *, sent=True):
        if sent:
            _python_says(page, view.threshold)
        after = _boxes(page)
        moved = {name for name in before if before[name] != after.get(name)}
        assert not moved, f"{done} moves {moved}"

    page.get_by_role("button", name="Review band").click()
    page.locator(".cockpit[data-band]").wait_for()
    check("Review band")
    page.get_by_role("button", name="Balanced").click()
    check("a preset")
    view.type("0.031")
    check("a typed threshold")
    page.get_by_role("button", name="Raise the threshold").click()
    check("a step")
    view.press_at(0.9)
    check("a press", sent=False)
    page.mouse.up()
    page.get_by_role("button", name="Undo").click()
    check("Undo")
    page.get_by_role("button", name="Review band").click()
    page.locator(".cockpit:not([data-band])").wait_for()
    check("Review band again")


def _boxes(page):
    """Return the place of every button of the first view, by its words; folds too if wide."""
    wide = page.viewport_size["width"] > 1000  # on a phone folds stand far below what is pressed
    return {
        button.get_attribute("data-cell") or button.get_attribute("aria-label") or button.text_content(): (
            button.bounding_box()
        )
        for button in page.locator(f"{BUTTONS}, {FOLDS}" if wide else BUTTONS).all()
        if button.get_attribute("data-cell") not in ("rp", "rn")
    }


@pytest.mark.sampled
@pytest.mark.parametrize("width", cases([1400, 390, 1000, 1100, 1280, 1600], brief=2))
def test_the_heads_of_the_matrix_lie_beside_each_other_with_a_band(cockpit, page, width):
    page.set_viewport_size({"width": width, "height": 900})
    cockpit(**_films())
    page.get_by_role("button", name="Review band").click()
    page.locator(".cockpit[data-band]").wait_for()
    ranges = page.locator(".cockpit .matrix").evaluate(
        """table => [...table.querySelectorAll('thead th, tbody em, tbody th')].map(part => {
            const words = document.createRange(), cell = part.closest('th, td').getBoundingClientRect();
            words.selectNodeContents(part);
            const box = words.getBoundingClientRect();
            return [part.textContent, box.left - cell.left, cell.right - box.right];
        })"""
    )
    assert all(left >= 0 and right >= 0 for _, left, right in ranges), ranges


def test_with_a_band_no_curve_stands_alone_and_their_words_can_be_read(cockpit, page):
    cockpit(**_films())
    page.locator(".cockpit .more summary").click()
    page.get_by_role("button", name="Review band").click()
    page.locator(".cockpit[data-band]").wait_for()
    for width in (800, 1000, 1280, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        tops = [round(one.bounding_box()["y"]) for one in page.locator(".cockpit .curve:visible").all()]
        assert len(tops) == 4
        assert all(tops.count(top) > 1 for top in tops)
        letters = page.locator(".cockpit .curve:visible svg").evaluate_all(
            "all => all.map(svg => 12 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)"
        )
        assert min(letters) >= 10.95


def test_what_is_right_of_the_matrix_is_one_element(cockpit, page):
    page.set_viewport_size({"width": 1400, "height": 900})
    cockpit(**_films())
    matrix, aside = (page.locator(f".cockpit .{name}").bounding_box() for name in ("matrix", "aside"))
    assert aside["x"] > matrix["x"] + matrix["width"]
    assert aside["height"] > 380
    assert page.locator(".cockpit .aside :text('Sensitivity')").first.is_visible()


def test_statistics_are_folded_and_stay_open_once_opened(cockpit, page):
    view, _ = cockpit(**_films())
    curve = page.locator(".cockpit [data-curve=roc]")
    assert not curve.is_visible()
    page.get_by_text("Curves and statistics", exact=True).click()
    view.type("0.42")
    _python_says(page, 0.42)
    page.get_by_text("shown").click()
    page.locator(".cockpit").wait_for(state="detached")
    page.get_by_text("shown").click()
    page.locator(".cockpit .value").wait_for()
    assert curve.is_visible()


# ---- rules ----


def test_named_presets_stand_first_and_the_others_are_folded(cockpit, page):
    cockpit(**_films())
    preset = page.locator(".cockpit .presets button")
    assert preset.count() == 1
    assert preset.inner_text().split() == ["Balanced", "Youden’s", "index"]
    assert not page.locator(".cockpit .panel").is_visible()
    page.locator(".cockpit .rules summary").click()
    rules = page.locator(".cockpit .panel button")
    assert rules.count() == 3
    page.keyboard.press("Escape")
    assert not page.locator(".cockpit .panel").is_visible()


def test_a_rule_that_is_computed_when_asked_asks_python_and_one_that_cannot_be_used_says_why(cockpit, page):
    view, _ = cockpit(**_films())
    view.rule("sensitivity floor 95")
    _python_says(page, 0.125)
    page.get_by_text("rules floor:0.95, None", exact=True).wait_for()
    page.locator(".cockpit .rules summary").click()
    unusable = page.get_by_role("button", name="best F1")
    assert unusable.is_disabled()
    assert "These films can't have it." in unusable.text_content()


def test_every_marked_term_is_explained_on_hover(cockpit, page):
    cockpit(**_films())
    titles = page.locator(".cockpit").evaluate(
        "el => [...el.querySelectorAll('[data-term]')].map(part => [part.dataset.term, part.title])"
    )
    assert len(titles) > 15
    assert [term for term, words in titles if not words] == []


# ---- steppers ----


def test_a_stepper_moves_by_one_score_and_says_what_changes(cockpit, page):
    view, table = cockpit(**_films(digits=9))
    up, down = (page.locator(f".cockpit .step.{way}") for way in ("up", "down"))
    row = table.row(0.5)
    down.hover()
    assert down.get_attribute("title") == "One film more above the threshold"
    up.click()
    _python_says(page, table.cut(row - 1))
    down.click()
    _python_says(page, table.cut(row))
    down.focus()
    page.keyboard.press("Enter")
    _python_says(page, table.cut(row + 1))
    assert view.counts() == _counts(table.at(table.cut(row + 1)))


def test_a_held_stepper_repeats_and_is_one_move(cockpit, page):
    view, table = cockpit(**_films(digits=9))
    page.locator(".cockpit .step.up").hover()
    page.mouse.down()
    page.wait_for_timeout(900)
    page.mouse.up()
    steps = table.row(0.5) - table.row(view.threshold)
    assert steps > 3
    _python_says(page, view.threshold)
    page.get_by_role("button", name="Undo").click()
    _python_says(page, 0.5)


def test_at_the_end_of_the_scale_a_stepper_stays(cockpit, page):
    view, _ = cockpit(**_films())
    view.type("1")
    up = page.locator(".cockpit .step.up")
    up.hover()
    assert up.get_attribute("title") == "No further score on this side"
    up.click(force=True)
    assert view.threshold == 1
    assert up.get_attribute("aria-disabled") == "true"


# ---- a finger ----


def test_a_vertical_swipe_over_the_films_scrolls_and_moves_no_cut(finger):
    view, _, swipe = finger(**_films())
    x, y = view.x(0.8)
    swipe((x, y), (4, -160))
    view.page.wait_for_timeout(400)
    assert view.threshold == 0.5
    assert view.texts()["value"] == "0.500"


def test_a_horizontal_drag_of_a_finger_moves_the_cut(finger):
    view, table, swipe = finger(**_films(digits=9))
    (x, y), (to, _) = view.x(0.2), view.x(0.6)
    swipe((x, y), (to - x, 3))
    _python_says(view.page, view.threshold)
    assert view.threshold != 0.5
    assert view.place() == pytest.approx(0.6, abs=0.05)
    assert view.counts() == _counts(table.at(view.threshold))


def test_a_finger_moves_the_cut_by_its_knob(finger):
    view, _, swipe = finger(**_films(digits=9))
    knob = view.page.locator(".cockpit .cut.main .knob").bounding_box()
    middle, (to, _) = (knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2), view.x(0.7)
    swipe(middle, (to - middle[0], 0))
    assert view.place() == pytest.approx(0.7, abs=0.05)


def test_what_a_finger_presses_is_large_enough(finger):
    view, _, _ = finger(**_films())
    for name in ("down", "up"):
        box = view.page.locator(f".cockpit .step.{name}").bounding_box()
        assert min(box["width"], box["height"]) >= 40


# ---- a saved picture ----


@pytest.mark.parametrize("order", ["score", "rank"])
def test_the_saved_scores_name_their_classes_and_their_axis(cockpit, page, order):
    view, _ = cockpit(**_films())
    view.order(order)
    with page.expect_download() as saving:
        page.locator(".cockpit [data-save='scores svg']").click()
    drawing = ElementTree.parse(saving.value.path()).getroot()  # noqa: S314 - our own figure
    words = {part.text for part in drawing.iter(f"{SVG}text")}
    titles = {"score": "Score", "rank": "Score; the films stand in the order of their scores"}
    assert {"NORMAL", "PNEUMONIA", titles[order], "0", "0.5", "1"} <= words
