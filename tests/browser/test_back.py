"""The browser's Back, Forward and Reload round the Threshold screen."""

import re

import pytest

from tests.support.serving import ROOT


@pytest.fixture(scope="module")
def app(serve, tmp_path_factory):
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(tmp_path_factory.mktemp("home"))})


def stands_at(page, threshold, address):
    """Wait until the cockpit and the address show a threshold."""
    page.locator(".cockpit .value", has_text=re.compile(rf"^{re.escape(threshold)}$")).wait_for()
    page.wait_for_url(re.compile(rf"/threshold\?.*[?&]at={re.escape(address)}(&|$)"))


def titled(page, title):
    page.get_by_role("heading", level=1, name=title, exact=True).wait_for()


@pytest.fixture
def moved(page, app):
    """Open Threshold from the first screen, and move the cut in three ways."""
    page.goto(app)
    titled(page, "Overview")
    page.get_by_role("link", name="Threshold", exact=True).first.click()
    page.locator(".cockpit .value").wait_for()
    page.wait_for_url(re.compile("at="))
    plot = page.locator(".cockpit .plot").bounding_box()
    knob = page.locator(".cockpit .cut.main .knob").bounding_box()
    before = page.url
    page.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.4 * plot["width"], knob["y"], steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: url != before)
    page.locator(".cockpit .presets button").first.click()
    page.wait_for_url(re.compile("rule="))
    number = page.locator(".cockpit .number.main")
    number.fill("0.6")
    number.press("Enter")
    stands_at(page, "0.600", "0.6")


@pytest.mark.usefixtures("moved")
def test_back_leads_to_the_screen_before_and_forward_to_the_last_view(page, app):
    last = page.url
    page.go_back()
    titled(page, "Overview")
    assert page.url == f"{app}/"

    page.go_forward()
    titled(page, "Threshold")
    stands_at(page, "0.600", "0.6")
    assert page.url == last


@pytest.mark.usefixtures("moved")
def test_a_reload_restores_the_view_and_a_click_on_the_own_screen_keeps_it(page):
    last = page.url
    page.get_by_role("link", name="Threshold", exact=True).first.click()
    stands_at(page, "0.600", "0.6")

    page.reload()
    stands_at(page, "0.600", "0.6")
    assert page.url == last


def test_a_link_opens_its_view_on_a_fresh_server_and_follows_the_next_move(page, app):
    page.goto(f"{app}/threshold?model=ensemble&films=validation&at=0.7&other=kept")
    stands_at(page, "0.700", "0.7")
    number = page.locator(".cockpit .number.main")
    number.fill("0.5")
    number.press("Enter")
    stands_at(page, "0.500", "0.5")
    assert "other=kept" in page.url
