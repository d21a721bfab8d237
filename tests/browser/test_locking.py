"""Locking on the Threshold screen, in a real Chromium: the page stays where it is."""

import pytest

from tests.support.serving import ROOT

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def app(serve, tmp_path_factory):
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(tmp_path_factory.mktemp("home"))})


def stands(page, selector="[data-testid=stMain]"):
    return page.locator(selector).evaluate("main => main.scrollTop")


def test_a_lock_in_place_of_the_shipped_one_asks_first_and_the_page_stays_where_it_is(page, app):
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto(f"{app}/threshold?model=ensemble&films=validation&at=0.7")
    row = page.locator(".st-key-xl-lock")
    row.get_by_role("button", name="Lock 0.700").wait_for()
    row.scroll_into_view_if_needed()
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")
    before = stands(page)
    assert before > 0

    row.get_by_role("button", name="Lock 0.700").click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("came with the threshold")
    assert row.get_by_role("button", name="Restore").count() == 0, "nothing is locked yet"
    asked.get_by_role("button", name="Lock 0.700").click()
    restore = row.get_by_role("button", name="Restore the shipped threshold")
    restore.wait_for()
    expect(asked).to_have_count(0)
    expect(row).to_be_in_viewport()
    assert stands(page) > 0, "the page jumped to its top"

    restore.click()
    expect(restore).to_have_count(0)
    expect(row).to_be_in_viewport()
    assert stands(page) > 0, "the page jumped to its top"
