"""The page of journeys says what was measured, and its clock measures what a page shows."""

import pytest

from scripts.journeys import __main__ as journeys
from scripts.journeys.person import CLOCK, Person
from scripts.journeys.table import Journey, Machine, Row, page
from tests.support.waiting import eventually

QUIET = Machine(cores=2, processor="x86_64", browser="156", load=0.3)
SLOW = 400  # milliseconds until the page of the test answers
PAGE = f"""
<!doctype html>
<div data-testid="stApp" data-test-script-state="notRunning"><button>Go</button><div id=host></div></div>
<script>
  const root = document.querySelector("#host").attachShadow({{ mode: "open" }});
  root.innerHTML = "<p class=said></p><p class=more></p>";
  document.querySelector("button").onclick = () => {{
    setTimeout(() => {{ root.querySelector(".said").textContent = "answered"; }}, {SLOW});
    setTimeout(() => {{ root.querySelector(".more").textContent = "all"; }}, {SLOW + 150});
  }};
</script>
"""


def journey(*rows, name="one", machine=QUIET):
    return Journey(name=name, title="One film", about="It is read.", rows=rows, machine=machine)


def test_a_row_has_its_median_its_range_its_clicks_and_whether_it_reaches_its_bound():
    text = page([journey(Row(what="To a score", values=(1, 3, 2), clicks=1, bound=2.5, before="5\u202fs"))])
    figures = "2.00\u202fs (median of 3) | 1.00 to 3.00\u202fs | 5\u202fs | ≤ 2.50\u202fs | yes"
    assert f"| To a score | 1 | {figures} |" in text
    assert "1 of 1 bounds are reached." in text


def test_a_missed_bound_stands_above_the_tables():
    rows = [Row(what="Share", values=(40,), unit="%", bound=55, more_is_better=True)]
    rows += [Row(what="Late", values=tuple(range(1, 101)), statistic="95th percentile", bound=90)]
    text = page([journey(*rows)])
    assert "0 of 2 bounds are reached. Missed: Share (one film); Late (one film).\n" in text
    assert "| ≥ 55\u202f% | no |" in text


def test_the_page_says_when_other_work_kept_the_machine_busy():
    busy = QUIET.model_copy(update={"load": 3.2})
    assert "kept the machine busy" not in page([journey()])
    assert "load average 3.2 at the start. **Other work kept the machine busy.**" in page(
        [journey(machine=busy)]
    )


def test_one_journey_replaces_its_own_rows_and_keeps_the_others(tmp_path):
    out = tmp_path / "ux.md"
    for name, seconds in (("one", 1), ("many", 2), ("one", 3)):
        journeys.keep(out, journey(Row(what=name, values=(seconds,)), name=name))
    assert [(known.name, known.rows[0].value) for known in journeys.stored(out)] == [("many", 2), ("one", 3)]
    assert out.read_text("utf-8") == page(journeys.stored(out))


def test_the_page_in_the_documentation_is_made_from_the_stored_journeys():
    assert journeys.PAGE.read_text("utf-8") == page(journeys.stored(journeys.PAGE))
    names, known = [plan.name for plan in journeys.PLANS], journeys.stored(journeys.PAGE)
    assert [one.name for one in known] == [name for name in names if name in {one.name for one in known}]


@pytest.mark.browser
def test_the_clock_sees_an_answer_behind_a_shadow_root_and_the_last_change_after_it(browser):
    tab = browser.new_page()
    tab.add_init_script(path=CLOCK)
    tab.route("**", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    tab.goto("http://127.0.0.1")
    person = Person(tab, "http://127.0.0.1")
    wait = person.click_until(person.button("Go"), "clock.text('.said') === 'answered'", settle=True)
    assert person.clicks == 1
    assert SLOW / 1000 <= wait.shown < wait.settled
    assert wait.settled >= (SLOW + 150) / 1000
    eventually(lambda: tab.evaluate("clock.seen('.more')"))
    tab.close()
