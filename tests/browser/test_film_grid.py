"""The film grid in a real browser: proportions, choice by mouse and keys, and names that stay text."""

import pytest
from playwright.sync_api import expect

APP = """
import numpy as np
import streamlit as st
from xraylab.app.components.film_grid import Thumbnail, film_grid

films = [
    Thumbnail(
        key=f"film {n}",
        pixels=np.full((64, 64), 20 * n, np.uint8),
        title="PNEUMONIA" if n % 2 else "NORMAL",
        name="<img src=x onerror=alert(1)>" if n == 1 else f"film {n}.png",
        ratio={0: 2.0, 2: 40.0}.get(n, 0.8),
        label=n % 2,
    )
    for n in range(12)
]
chosen = film_grid(films, key="grid", label="Films of a test")
st.session_state.setdefault("all", [])
if chosen:
    st.session_state["all"].append(chosen)
st.text("chosen: " + ", ".join(st.session_state["all"]))
"""


@pytest.fixture(scope="module")
def address(serve):
    return serve(APP)


@pytest.fixture
def grid(page, address):
    page.goto(address)
    grid = page.get_by_role("list", name="Films of a test")
    expect(grid.get_by_role("button")).to_have_count(12)
    return grid


def test_films_keep_their_proportions_and_the_odd_ones_stay_in_bounds(grid):
    def ratio(n):
        box = grid.locator("img").nth(n).bounding_box()
        return box["width"] / box["height"]

    assert [round(ratio(n), 2) for n in (0, 2, 3)] == [2.0, 2.0, 0.8]


def test_a_click_chooses_a_film_and_the_same_one_again(page, grid):
    grid.get_by_role("button").nth(4).click()
    expect(page.get_by_text("chosen: film 4", exact=True)).to_be_visible()
    grid.get_by_role("button").nth(4).click()
    expect(page.get_by_text("chosen: film 4, film 4", exact=True)).to_be_visible()


def test_arrow_keys_go_from_film_to_film_and_enter_chooses(page, grid):
    buttons = grid.get_by_role("button")
    tops = [button.bounding_box()["y"] + button.bounding_box()["height"] for button in buttons.all()]
    row = tops.index(next(top for top in tops if top > tops[0] + 1))
    buttons.first.focus()
    page.keyboard.press("ArrowRight")
    expect(buttons.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(buttons.nth(1 + row)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # there is none before the first
    expect(buttons.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("chosen: film 0", exact=True)).to_be_visible()
    expect(buttons.first).to_be_focused()  # the list was built anew


def test_a_name_from_outside_is_text(grid):
    expect(grid.get_by_text("<img src=x onerror=alert(1)>", exact=True)).to_be_visible()
    assert grid.locator("img").count() == 12


def test_three_films_fit_beside_each_other_on_a_phone(page, grid):
    page.set_viewport_size({"width": 390, "height": 800})
    tops = [button.bounding_box()["y"] for button in grid.get_by_role("button").all()[3:6]]
    assert len(set(tops)) == 1
    page.set_viewport_size({"width": 1360, "height": 1000})
