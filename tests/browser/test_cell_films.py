"""The films of a cell, laid over the cockpit, in a real Chromium."""

import re
import shutil

import pytest

from tests.support import sizes
from tests.support.brief import MODEL
from tests.support.serving import ROOT
from xraylab.evaluation.cells import cases
from xraylab.models import load_model
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.trained"]
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def home(tmp_path_factory, trained_home):
    folder = tmp_path_factory.mktemp("homes") / "home"
    shutil.copytree(trained_home, folder)
    return folder


@pytest.fixture(scope="module")
def app(serve, home):
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(home)})


@pytest.fixture(scope="module")
def cell(home):
    """Return a cell with several films, and its films, the largest error first."""
    model = load_model(load_settings(home=home), MODEL)
    scored = model.films("validation").scored
    for cell in ("tn", "tp", "fp", "fn"):
        films = scored.frame.iloc[cases(scored.labels, scored.scores, 0.5, cell)]
        if len(films) > 2:
            return cell, films
    raise AssertionError("no cell has three films")


@pytest.fixture
def cockpit(page, app):
    def open_(width=1400, height=900):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{app}/threshold?model={MODEL}&films=validation&at=0.5")
        page.locator(".cockpit .value").wait_for()
        page.wait_for_url(re.compile(r"at=0\.5"))
        return page

    return open_


def box(page, selector):
    return page.locator(selector).first.bounding_box()


def film_name(films, place):
    return films["image_id"].iloc[place].rpartition("/")[2]


def open_cell(page, cell):
    page.locator(f".cockpit [data-cell={cell}]").click()
    page.locator(".st-key-xl-cell .stage").wait_for()


def test_a_click_on_a_cell_lays_its_films_over_the_right_half_and_moves_nothing(cockpit, cell):
    page, (name, films) = cockpit(), cell
    parts = (".cockpit .matrix", ".cockpit .plot", ".cockpit .number.main", ".cockpit [data-cell=fn]")
    before, aside = [box(page, part) for part in parts], box(page, ".cockpit .aside")
    scrolled = page.locator("[data-testid=stMain]").evaluate("main => main.scrollTop")
    open_cell(page, name)
    expect(page.locator(".xl-cell-film")).to_contain_text(film_name(films, 0))

    assert [box(page, part) for part in parts] == before
    assert page.locator("[data-testid=stMain]").evaluate("main => main.scrollTop") == scrolled
    panel = box(page, ".st-key-xl-cell")
    assert panel["x"] == pytest.approx(aside["x"], abs=1)
    assert panel["y"] == pytest.approx(aside["y"], abs=1)
    assert panel["width"] == pytest.approx(aside["width"], abs=1)
    assert panel["y"] + panel["height"] <= 900, "all of it is in the window"
    assert box(page, ".st-key-xl-cell .stage")["height"] > 200
    assert page.locator(".cockpit .aside").evaluate("aside => aside.inert"), (
        "keys don't reach what is covered"
    )


@pytest.mark.sampled
@pytest.mark.parametrize("width", sizes.cases([1280, 1000, 1600], brief=2))
def test_one_bar_is_below_the_film_and_no_calls_are_filtered(cockpit, cell, width):
    page, (name, films) = cockpit(width), cell
    open_cell(page, name)
    panel, bar = box(page, ".st-key-xl-cell"), box(page, ".st-key-xl-cell .below")
    assert bar["height"] <= 40
    assert bar["y"] + bar["height"] <= panel["y"] + panel["height"]
    shown = page.locator(".st-key-xl-cell .filter option").all_inner_texts()
    assert shown[0] == f"all ({len(films)})"
    assert not any("call" in words for words in shown)


def test_keys_step_through_the_films_and_lay_the_heatmap_over(cockpit, cell):
    page, (name, films) = cockpit(), cell
    open_cell(page, name)
    shown = page.locator(".xl-cell-film")
    expect(shown).to_contain_text(film_name(films, 0))
    page.keyboard.press("j")
    expect(shown).to_contain_text(film_name(films, 1))
    page.keyboard.press("k")
    expect(shown).to_contain_text(film_name(films, 0))
    overlay = page.locator(".st-key-xl-cell [data-do=overlay]")
    expect(overlay).to_be_enabled()
    page.keyboard.press("o")
    expect(overlay).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("way", ["Escape", "Close"])
def test_the_films_close_and_the_focus_goes_back_to_the_cell(cockpit, cell, way):
    page, (name, _) = cockpit(), cell
    open_cell(page, name)
    if way == "Escape":
        page.keyboard.press("Escape")
    else:
        page.locator(".st-key-xl-cell").get_by_role("button", name="Close").click()
    page.locator(".st-key-xl-cell").wait_for(state="hidden")
    expect(page.locator(f".cockpit [data-cell={name}]")).to_be_focused()
    assert not page.locator(".cockpit .aside").evaluate("aside => aside.inert")
    assert page.locator(".cockpit .aside").is_visible()


def test_a_cell_that_is_opened_again_shows_the_film_that_its_list_marks(cockpit, cell):
    page, (name, films) = cockpit(), cell
    open_cell(page, name)
    shown, marked = page.locator(".xl-cell-film"), page.locator(".st-key-xl-cell .choose[aria-checked=true]")
    expect(shown).to_contain_text(film_name(films, 0))
    page.keyboard.press("j")
    expect(shown).to_contain_text(film_name(films, 1))
    page.keyboard.press("Escape")
    page.locator(".st-key-xl-cell").wait_for(state="hidden")
    open_cell(page, name)
    expect(shown).to_contain_text(film_name(films, 1))
    expect(marked).to_have_attribute("title", film_name(films, 1))


def test_another_cell_takes_the_place_of_the_first(cockpit, cell, home):
    page, (name, _) = cockpit(), cell
    model = load_model(load_settings(home=home), MODEL)
    scored = model.films("validation").scored
    open_cell(page, name)
    for other in {"tp", "tn", "fp", "fn"} - {name}:
        films = scored.frame.iloc[cases(scored.labels, scored.scores, 0.5, other)]
        page.locator(f".cockpit [data-cell={other}]").click()
        panel = page.locator(".st-key-xl-cell")
        expect(panel).to_contain_text(film_name(films, 0) if len(films) else "No film is in this cell")


@pytest.mark.sampled
@pytest.mark.parametrize("width", sizes.cases([390, 900], brief=1))
def test_in_a_narrow_window_the_films_stand_below_the_matrix(cockpit, cell, width):
    page, (name, films) = cockpit(width), cell
    open_cell(page, name)
    expect(page.locator(".xl-cell-film")).to_contain_text(film_name(films, 0))
    matrix, panel = box(page, ".cockpit .matrix"), box(page, ".st-key-xl-cell")
    assert panel["y"] >= matrix["y"] + matrix["height"]
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= width
    following = box(page, ".st-key-xl-lock")
    assert following["y"] >= panel["y"] + panel["height"], "nothing below is covered"


def test_read_shows_the_film_with_its_name_and_says_what_it_is(cockpit, cell):
    page, (name, films) = cockpit(), cell
    open_cell(page, name)
    page.locator(".st-key-xl-cell-facts").get_by_role("button", name="Read").click()
    page.wait_for_url(re.compile("/read"))
    page.get_by_text("its copy of 256 × 256 pixels, without its label").wait_for()
    page.locator(".viewer .stage").wait_for()
    expect(page.locator(".viewer .caption")).to_contain_text(film_name(films, 0))
    page.get_by_role("button", name="Remove film").click()
    page.get_by_text("Drop films anywhere").wait_for()
