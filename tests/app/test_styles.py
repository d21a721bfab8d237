"""The style sheets: what no picture of one screen would show to be lost."""

import re

import pytest

from tests.support.serving import ROOT

SHEETS = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in ROOT.glob("xraylab/app/**/*.css")
}
SHELL = SHEETS["xraylab/app/shell.css"]
STATION = SHEETS["xraylab/app/screens/read/station.css"]
ROOT_PIXELS = 15  # of a rem, as .streamlit/config.toml says
SMALLEST = 11  # pixels that can be read


def rule(sheet, selector):
    """Return what a sheet says first of a selector."""
    return sheet[sheet.index(f"{selector} {{") :].partition("{")[2].partition("}")[0]


@pytest.mark.parametrize("name", SHEETS)
def test_no_text_is_too_small_to_read(name):
    sizes = [float(size) for size in re.findall(r"font-size:\s*([0-9.]+)rem", SHEETS[name])]
    assert not [size for size in sizes if size * ROOT_PIXELS < SMALLEST]
    pixels = [float(size) for size in re.findall(r"font-size:\s*([0-9.]+)px", SHEETS[name])]
    assert not [size for size in pixels if size < SMALLEST]


def test_dialogs_have_the_colours_of_the_app_that_they_stand_beside():
    tokens = set(re.findall(r"var\((--xl-[a-z-]+)", "".join(SHEETS.values())))
    assert tokens == set(re.findall(r"(--xl-[a-z-]+):", rule(SHELL, ":root")))


@pytest.mark.parametrize("head", [".xl-table th", ".xl-run-head"])
def test_no_head_of_a_table_breaks_inside_a_word(head):
    assert re.search(r"white-space: nowrap|overflow-wrap: normal", rule(SHELL, head))


def test_on_a_screen_of_4k_words_grow_and_tables_keep_their_width():
    large = SHELL[SHELL.index("@media (min-width: 2300px)") :]
    assert "font-size: 18px" in large
    assert "max-width: 110rem" in large


def test_the_panels_of_read_scroll_and_the_page_does_not():
    station = rule(STATION, '[data-testid="stMain"] .st-key-xl-station')
    assert "height: 100dvh" in station
    assert "flex: none" in station
    assert "align-items: stretch" in station
