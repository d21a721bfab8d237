"""Screens that only show numbers open without libraries that take seconds to load."""

import shutil

import pytest

from tests.support.brief import SHIPPED
from tests.support.light_screens import Scene, open_all

pytest_plugins = ["tests.support.averaged", "tests.support.shipped"]

SCREENS = ["streamlit_app", "pages/data", "pages/train", "pages/threshold", "pages/compare", "pages/models"]
DETAILS, PANEL = "details of the shipped ensemble", "the shift panel"


def of_shipped(screen):
    return f"{screen} with shipped models"


@pytest.fixture(scope="module")
def opened(tmp_path_factory, trained_home, members_home, packed):
    """Everything that was opened, by name: first what may load least, since what is loaded adds up."""
    folder = tmp_path_factory.mktemp("light")
    homes = {name: str(folder / name) for name in ("newcomer", "members", "trained")}
    shutil.copytree(members_home, homes["members"])
    shutil.copytree(trained_home, homes["trained"])
    starter = str(shutil.copytree(packed, folder / "starter"))
    return open_all(
        [
            *(Scene(of_shipped(name), f"{name}.py", homes["newcomer"], starter) for name in SCREENS),
            Scene(
                DETAILS,
                "pages/threshold.py",
                homes["newcomer"],
                starter,
                {f"threshold details {SHIPPED[0]} validation": True},
            ),
            Scene(PANEL, "pages/threshold.py", homes["members"], state={"shift panel": True}),
            *(Scene(name, f"{name}.py", homes["trained"]) for name in SCREENS),
        ]
    )


@pytest.mark.parametrize("name", SCREENS)
def test_screens_of_numbers_open_without_what_is_slow_to_load_for_a_shipped_model(opened, name):
    screen = opened[of_shipped(name)]
    assert screen.title
    assert not screen.errors
    assert not screen.exceptions
    assert not {"torch", "scipy", "sklearn"} & set(screen.loaded)
    assert "ensemble · shipped" in screen.html


def test_details_load_neither_torch_nor_scipy_nor_scikit_learn(opened):
    screen = opened[DETAILS]
    assert not screen.errors
    assert not screen.exceptions
    assert "Matthews" in screen.html
    assert not {"torch", "scipy", "sklearn", "reportlab"} & set(screen.loaded)


def test_the_open_shift_panel_loads_nothing_that_is_slow_until_it_is_asked(opened):
    screen = opened[PANEL]
    assert "Compare with validation" in screen.buttons
    assert not screen.exceptions
    assert not {"torch", "scipy", "sklearn", "mapie"} & set(screen.loaded)


@pytest.mark.parametrize("name", SCREENS)
def test_screens_of_numbers_open_without_torch(opened, name):
    screen = opened[name]
    assert screen.title
    assert not screen.errors
    assert not screen.exceptions
    assert "torch" not in screen.loaded


def test_a_scene_that_loads_something_slow_would_be_noticed(tmp_path_factory, trained_home):
    home = str(shutil.copytree(trained_home, tmp_path_factory.mktemp("light") / "home"))
    [screen] = open_all([Scene("read", "pages/read.py", home, state={"sample films": True})]).values()
    assert "scipy" in screen.loaded
