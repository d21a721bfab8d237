"""The frame in a real Chromium: deep links, themes, and nothing fetched from elsewhere."""

import contextlib
import shutil
from pathlib import Path

import pytest

from tests.support.serving import ROOT, served
from xraylab.app.shell import FOOTER, LIBRARY, SCREENS

EVERY_SCREEN = [*SCREENS, *LIBRARY]

PAGE = """
import streamlit as st
from xraylab.app import shell, theme
from xraylab.errors import DatasetError

def status():
    left = st.session_state.get("left", 0)
    st.session_state.left = left - 1
    if left > 0:
        return shell.Status("mobilenet_v2", "locked 0.412", "densenet121 · epoch 4 of 15", 0.25)
    return shell.Status("mobilenet_v2", "locked 0.412")

with shell.page("{key}", title="The {label}", purpose="A placeholder.", status=status):
    if st.button("Act on it"):
        raise DatasetError("The archive holds no_images*. Choose another.")
    if st.button("Break it"):
        raise RuntimeError("Jane Doe, born 1950")
    if st.button("Stop early"):
        st.stop()
    if st.button("Rerun"):
        st.session_state.rerun = True
        st.rerun()
    if st.session_state.pop("rerun", False):
        st.write("rerun done")
    if st.button("Train"):
        st.session_state.left = 6
        st.rerun()
    if "{key}" == "compare":  # where charts need the theme's colours
        st.session_state.runs = st.session_state.get("runs", 0) + 1
        st.write(f"drawn for {theme.name()}", f"in run {st.session_state.runs}")
    shell.empty_state("There is no film yet.", "Bring films", key="bring", to="data")
    shell.next_step("Read films", "read")
"""


@contextlib.contextmanager
def placeholders(folder: Path, home: Path):
    """Serve placeholder pages the way a visitor's server does, from an unrelated working folder."""
    for screen in EVERY_SCREEN:
        path = folder / screen.script
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.replace("{key}", screen.key).replace("{label}", screen.label), "utf-8")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    elsewhere = home.with_name("elsewhere")
    elsewhere.mkdir()
    env = {"XRAYLAB_HOME": str(home), "HOME": str(elsewhere)}
    with served(folder / "streamlit_app.py", elsewhere, env=env) as address:
        yield address


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shell")
    with placeholders(folder / "site", folder / "home") as address:
        yield address, folder


@pytest.fixture
def visit(browser, site):
    """Open an address in a fresh profile, and hold every request to this machine."""
    address, _ = site
    contexts, outside = [], []

    def note(request):
        if not request.url.startswith((address, "data:", "blob:")):
            outside.append(request.url)

    def go(path="", **options):
        context = browser.new_context(color_scheme=options.pop("color_scheme", "dark"), **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", note)
        page.goto(f"{address}/{path}")
        page.get_by_text(FOOTER).wait_for()
        return page

    yield go
    for context in contexts:
        context.close()
    assert outside == []


def until_background(page, colour):
    page.wait_for_function(
        "(colour) => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        " === colour",
        arg=colour,
    )


DARK, LIGHT = "rgb(15, 18, 22)", "rgb(255, 255, 255)"


def test_every_link_of_the_sidebar_leads_to_its_screen(visit):
    page = visit()
    for screen in reversed(EVERY_SCREEN):
        page.get_by_test_id("stSidebar").get_by_role("link", name=screen.label, exact=True).click()
        page.get_by_role("heading", name=f"The {screen.label}").wait_for()
        assert page.title() == f"The {screen.label} · XRayLab"


def test_dark_is_the_default_even_on_a_light_desktop(visit):
    page = visit("read", color_scheme="light")
    until_background(page, DARK)
    page.wait_for_function("() => getComputedStyle(document.documentElement).colorScheme === 'dark'")


def test_a_chosen_theme_is_kept_at_every_address(visit, site):
    page = visit("read")
    page.get_by_test_id("stMainMenu").click()
    page.get_by_role("menuitemradio", name="Light").click()
    until_background(page, LIGHT)
    page.goto(f"{site[0]}/train")
    page.get_by_text(FOOTER).wait_for()
    until_background(page, LIGHT)
    # Dialogs and menus stand beside the app, and take their colours from the page.
    page.wait_for_function("() => getComputedStyle(document.documentElement).colorScheme === 'light'")


def test_what_is_drawn_in_colours_of_the_theme_follows_it(visit):
    page = visit("compare", color_scheme="light")
    page.get_by_text("drawn for dark in run 2").wait_for()
    page.get_by_test_id("stMainMenu").click()
    page.get_by_role("menuitemradio", name="Light").click()
    page.get_by_text("drawn for light in run 3").wait_for()
    page = visit("compare", color_scheme="dark")
    page.get_by_text("drawn for dark in run 1").wait_for()


def test_an_error_the_user_can_act_on_is_shown_as_it_is_worded(visit):
    page = visit("data")
    page.get_by_role("button", name="Act on it").click()
    page.get_by_text("The archive holds no_images*. Choose another.", exact=True).wait_for()
    page.get_by_text(FOOTER).wait_for()


def test_any_other_error_is_a_reference_that_the_log_has_without_what_it_said(visit, site):
    page = visit("data")
    page.get_by_role("button", name="Break it").click()
    message = page.get_by_text("Something went wrong")
    message.wait_for()
    reference = message.inner_text().split("reference ")[1][:6]
    log = (site[1] / "home" / "logs" / "app.log").read_text("utf-8")
    assert f"reference {reference}" in log
    assert "builtins.RuntimeError" in log
    assert "Jane Doe" not in log
    assert "Jane Doe" not in page.content()


def test_stopping_and_rerunning_pass_through_the_guard(visit):
    page = visit("data")
    page.get_by_role("button", name="Rerun").click()
    page.get_by_text("rerun done").wait_for()
    page.get_by_role("button", name="Stop early").click()
    page.get_by_text("There is no film yet.").wait_for(state="detached")
    page.get_by_text(FOOTER).wait_for()
    assert page.get_by_text("Something went wrong").count() == 0


def test_the_progress_line_shows_while_something_trains_and_leaves_by_itself(visit):
    page = visit("threshold")
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_text("locked 0.412").wait_for()
    assert sidebar.get_by_role("progressbar").count() == 0
    page.get_by_role("button", name="Train", exact=True).click()
    assert sidebar.get_by_role("progressbar").get_attribute("aria-valuenow") == "25"
    sidebar.get_by_role("progressbar").wait_for(state="detached")
    sidebar.get_by_text("locked 0.412").wait_for()


def test_the_empty_state_and_the_next_step_lead_on(visit):
    page = visit("threshold")
    page.get_by_role("link", name="Read films").click()
    page.get_by_role("heading", name="The Read").wait_for()
    page.get_by_role("button", name="Bring films").click()
    page.get_by_role("heading", name="The Data").wait_for()
