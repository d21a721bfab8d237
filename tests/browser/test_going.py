"""Going to another screen, and clicking, while a part of the present screen is drawn again and again."""

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

TWO_SCREENS = """
import time
import streamlit as st
from xraylab.app.components.ask_again import ask_again

def here():
    st.title("Here")

    @st.fragment(run_every=0.1)
    def by_timer():
        st.write(time.time())

    @st.fragment
    def by_component():
        if st.button("Go"):
            st.switch_page(there_page)
        ask_again(key="again", seconds=0.05)

    by_timer()
    by_component()

def there():
    st.title("There")
    st.write("a line")
    time.sleep(1)  # in which the parts of the other screen are asked for

    @st.fragment(run_every=0.3)
    def part():
        count = st.session_state["count"] = st.session_state.get("count", 0) + 1
        st.write("drawn again" if count > 2 else "drawn")

    part()

there_page = st.Page(there, title="There", url_path="there")
st.navigation([st.Page(here, title="Here", default=True), there_page]).run()
"""


@pytest.fixture(scope="module")
def app(serve):
    return serve(TWO_SCREENS)


@pytest.mark.parametrize("way", ["button", "link"])
def test_a_part_that_is_drawn_again_takes_the_next_screen_not_down(page, app, way):
    page.goto(app)
    page.get_by_role("heading", name="Here").wait_for()
    going = page.get_by_role(way, name="Go" if way == "button" else "There")
    going.dispatch_event("click")  # what is drawn all the time never stands still for a mouse
    page.get_by_role("heading", name="There").wait_for()
    page.get_by_text("drawn again").wait_for()
    assert page.get_by_role("heading", name="There").is_visible()


ONE_SCREEN = """
import time
import streamlit as st

@st.fragment(run_every=0.05)
def by_timer():
    st.write(time.time())

@st.fragment
def part():
    clicks = st.session_state["clicks"] = st.session_state.get("clicks", 0) + st.button("Click")
    st.write(f"{clicks} clicks")
    if clicks % 2:
        st.button("Only now and then")

by_timer()
part()
"""


def test_a_button_that_its_part_leaves_out_is_gone_whatever_is_drawn_right_after(page, serve):
    page.goto(serve(ONE_SCREEN))
    for clicks in range(1, 11):
        page.get_by_role("button", name="Click").dispatch_event("click")
        # Looks at every frame: Playwright's own waits look twice a second.
        page.wait_for_function("(words) => document.body.innerText.includes(words)", arg=f"\n{clicks} clicks")
        expect(page.get_by_role("button", name="Only now and then")).to_have_count(clicks % 2)


FORMER_PART = """
import time
import streamlit as st

clicks = st.session_state.setdefault("clicks", 0)
words = st.empty()
if clicks:
    words.write("it is drawn anew")
    time.sleep(2)  # in which the browser still has the button as that of a part

def part():
    # The button's key must be the same for both: it is one widget.
    if st.button("Click", key="click"):
        st.session_state["clicks"] += 1
        if st.session_state["is part"]:
            st.rerun()
    st.write(f"{st.session_state['clicks']} clicks")

st.session_state["is part"] = not clicks
if clicks:
    with st.container():
        part()
else:
    st.fragment(part)()
"""


def test_a_click_into_what_was_a_part_a_moment_ago_is_heard(page, serve):
    page.goto(serve(FORMER_PART))
    page.get_by_text("0 clicks", exact=True).wait_for()
    button = page.get_by_role("button", name="Click")
    button.dispatch_event("click")
    page.get_by_text("it is drawn anew").wait_for()
    button.dispatch_event("click")
    page.get_by_text("2 clicks", exact=True).wait_for()
