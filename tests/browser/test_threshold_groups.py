"""Groups under the handle in a real Chromium: counted as Python counts, at every move of the mouse."""

import math

import numpy as np
import pytest

from tests.browser.test_threshold_cockpit import Cockpit, _films
from tests.support.sizes import cases
from xraylab import formats
from xraylab.evaluation.prevalence import predictive_values
from xraylab.evaluation.subgroups import differences, subgroups
from xraylab.evaluation.thresholds import threshold_table

LOCK = 0.5
HOSTILE = "<img src=x onerror=alert(1)> " + "a long name " * 12
APP = """
    import numpy as np
    import streamlit as st
    from xraylab.app.components.threshold_cockpit import Chosen, threshold_cockpit
    from xraylab.app.components.threshold_cockpit.groups import SplitBy
    from xraylab.evaluation.subgroups import subgroups
    from xraylab.evaluation.thresholds import threshold_table

    films = np.load(st.query_params["films"])
    labels, scores, people = films["labels"], films["scores"], films["groups"]
    st.set_page_config(layout="wide")
    columns = {"site": films["site"], films["hostile"].item(): films["kind"], "": films["site"]}
    chosen = st.session_state.get("column")
    divided = subgroups(labels, scores, people, {chosen: columns[chosen]}) if chosen in columns else None
    value = threshold_cockpit(
        threshold_table(labels, scores, people),
        key="cockpit",
        store="chosen",
        initial=Chosen(0.5),
        locked=Chosen(0.5) if st.toggle("locked", True) else None,
        split_by=SplitBy(list(columns), chosen, divided, "Something is not here."),
        column="column",
    )
    st.text(f"python {value.threshold!r}")
    st.text(f"column {chosen!r}")
"""


def divisible(n=3000, *, digits=3, seed=4):
    """Films of four sites, one of them small and one worse than the others; some state no site."""
    films = _films(n=n, digits=digits, seed=seed)
    rng = np.random.default_rng(seed)
    sites = np.array(["A", HOSTILE, "C", "small", ""])
    site = sites[rng.choice(5, n // 2, p=[0.32, 0.3, 0.3, 0.04, 0.04])[films["groups"]]]
    worse = (site == "A") & (films["labels"] == 1)
    scores = np.where(worse, films["scores"] ** 4, films["scores"]).round(digits)
    kind = np.where(films["labels"] == 1, np.array(["x", "y"])[films["groups"] % 2], "")
    return {**films, "scores": scores, "site": site, "kind": kind, "hostile": np.array(HOSTILE)}


class Groups(Cockpit):
    """What a person reads in the table of groups."""

    def split_by(self, place):
        self.page.locator(".cockpit select.column").select_option(index=place)

    def rows(self):
        """Return the words of each row, by the name of its group."""
        read = """body => [...body.rows].map(row => [...row.cells].map(cell =>
            cell.matches('.rate')
                ? ['b', '.interval', 'small'].map(part => cell.querySelector(part).lastChild.data)
                : cell.textContent))"""
        return {row[0]: row for row in self.page.locator(".by-group tbody").evaluate(read)}

    def marks(self, column):
        """Return the places of each group's dot, in percent."""
        strips = self.page.locator(f".by-group tbody .{column} + .forest")
        return strips.evaluate_all(
            "all => all.map(one => one.querySelector('.dot')).map(dot =>"
            " dot.getAttribute('visibility') === 'hidden' ? null : parseFloat(dot.getAttribute('cx')))"
        )


@pytest.fixture(scope="module")
def app(serve):
    return serve(APP)


@pytest.fixture
def view(app, page, tmp_path):
    """Open the cockpit on some films, divided by one of its columns."""

    def start(films, *, column=1):
        np.savez(tmp_path / "films.npz", **films)
        page.goto(f"{app}/?films={tmp_path / 'films.npz'}")
        page.locator(".cockpit .value").wait_for()
        view = Groups(page)
        page.locator(".cockpit .groups summary").click()
        if column:
            view.split_by(column)
            page.locator(".cockpit[data-groups]").wait_for()
        return view

    return start


def python_of(films, column="site"):
    return subgroups(films["labels"], films["scores"], films["groups"], {"site": films[column]})


def _bounds(low, high):
    return "" if math.isnan(low) else formats.interval(low, high)


def check(view, films, divided, threshold):
    """Compare every cell with Python."""
    rows = view.rows()
    results = {result.name: result for result in divided.at(threshold)}
    assert list(rows) == ["all films", *results]
    for group in divided.groups:
        result, row = results[group.name], rows[group.name]
        point = result.point
        assert row[1:3] == [_spaced(point.n), _spaced(result.patients)]
        sensitivity, specificity, ppv, auc = row[3], row[5], row[7], row[8]
        for words, figure, right, wrong in (
            (sensitivity, result.sensitivity, point.tp, point.fn),
            (specificity, result.specificity, point.tn, point.fp),
        ):
            assert words[0] == formats.percent(figure.value)
            assert words[1] == _bounds(figure.low, figure.high)
            assert words[2] == f"{_spaced(right)} of {_spaced(right + wrong)}"
        known = len(group.rates) == 2
        there = predictive_values(group.table, threshold, 0.1)
        assert ppv[0] == (formats.percent(there.ppv) if known else formats.DASH)
        assert ppv[1] == (_bounds(*there.ppv_interval) if known else "")
        assert auc[0] == formats.auc(result.auc.value)
        assert auc[1] == (
            "" if math.isnan(result.auc.low) else formats.auc_interval(result.auc.low, result.auc.high)
        )
    whole = threshold_table(films["labels"], films["scores"], films["groups"])
    assert rows["all films"][3][0] == formats.percent(whole.at(threshold).sensitivity)
    assert rows["all films"][5][2].endswith(f" of {_spaced(whole.negatives)}")


def _spaced(number):
    return formats.count(int(number))


def test_every_figure_of_every_group_is_pythons_at_any_threshold(view):
    films = divisible()
    seen, divided = view(films), python_of(films)
    assert [len(group.rates) for group in divided.groups].count(0) == 1  # the small site
    for threshold in (0.0, 0.02, 0.31, 0.5, 0.77, 0.99, 1.0):
        seen.number.fill(str(threshold))
        check(seen, films, divided, threshold)


def test_groups_follow_while_the_mouse_is_still_down(view, page):
    films = divisible()
    seen, divided = view(films), python_of(films)
    seen.press_at(0.2)
    states = []
    for share in np.linspace(0.2, 0.9, 8):
        seen.drag_to(share)
        check(seen, films, divided, seen.threshold)
        states.append(str(seen.rows()))
    assert len(set(states)) == 8
    page.get_by_text("python 0.5", exact=True).wait_for()  # nothing was sent yet
    page.mouse.up()
    page.get_by_text(f"python {seen.threshold!r}", exact=True).wait_for()


def test_of_many_films_groups_are_exact_where_the_handle_stops(view):
    films = divisible(n=40_000, digits=12)
    seen, divided = view(films), python_of(films)
    for threshold in (0.123456, 0.5, 0.987654):
        seen.type(str(threshold))
        check(seen, films, divided, seen.threshold)


def test_the_strips_show_the_rates_between_their_ends(view, page):
    films = divisible()
    seen, divided = view(films), python_of(films)
    for threshold in (0.05, 0.5, 0.9):
        seen.number.fill(str(threshold))
        low = float(page.locator("[data-scale=sensitivity] i").first.text_content()) / 100
        expected = [
            None if math.isnan(result.sensitivity.value) else (result.sensitivity.value - low) / (1 - low)
            for result in divided.at(threshold)
        ]
        for place, share in zip(seen.marks("sensitivity")[1:], expected, strict=True):
            assert place == (None if share is None else pytest.approx(100 * share, abs=0.01))
        ends = [result.sensitivity.low for result in divided.at(threshold) if result.sensitivity.low > -1]
        assert low <= min(ends)


def test_differences_are_stated_at_the_lock_and_nowhere_else(view, page):
    films = divisible()
    seen, divided = view(films), python_of(films)
    stated = page.locator(".cockpit .stated .here p").all_text_contents()
    assert stated[:-1] == differences(divided, LOCK)
    assert any("Site A: sensitivity is lower" in sentence for sentence in stated)
    here = page.locator(".cockpit .stated .here")
    flag = (
        page.locator(".by-group tr")
        .filter(has_text="A")
        .locator(".sensitivity .apart")
        .filter(has_text="lower")
    )
    away = page.locator(".cockpit .stated .away")
    assert here.is_visible()
    assert flag.first.is_visible()
    assert not away.is_visible()

    before = page.locator(".cockpit .thousand").bounding_box()
    seen.press_at(0.3)
    seen.drag_to(0.35)
    assert not here.is_visible()
    assert not flag.first.is_visible()
    assert "tested at the lock only, 0.500" in away.text_content()
    assert page.locator(".cockpit .thousand").bounding_box() == before, "nothing else moves"
    page.mouse.up()
    page.get_by_role("button", name="Move to the lock").click()
    page.get_by_text("python 0.5", exact=True).wait_for()
    assert here.is_visible()
    assert not away.is_visible()


def test_without_a_lock_no_difference_is_stated(view, page):
    view(divisible())
    page.get_by_text("locked", exact=True).click()
    page.get_by_text("this model has no lock yet").wait_for()
    assert page.locator(".cockpit .stated .here").text_content() == ""
    assert page.locator(".cockpit .apart").count() == 0
    assert not page.get_by_role("button", name="Move to the lock").is_visible()


def test_no_group_has_a_handle_or_a_threshold_of_its_own(view, page):
    view(divisible())
    assert page.locator(".cockpit .groups input").count() == 0
    assert page.locator(".cockpit .groups button").count() == 1  # Move to the lock


def test_films_in_no_group_and_dashes_are_explained_once(view, page):
    films = divisible()
    view(films)
    missing = int((films["site"] == "").sum())
    key = page.locator(".cockpit .groups .key").text_content()
    assert f"{missing} of 3\u2009000\u00a0films are in no group" in key
    assert key.count("fewer than 100 patients") == 1


def test_a_stranger_s_names_are_text_that_is_cut_with_the_whole_on_hover(view, page):
    view(divisible())
    name = page.locator(".by-group tbody th").filter(has_text="<img")
    assert name.text_content() == name.get_attribute("title") == HOSTILE.strip()
    assert name.evaluate("cell => cell.scrollWidth > cell.clientWidth")
    option = page.locator(".cockpit select.column option").nth(2)
    assert len(option.text_content()) < 70
    assert option.get_attribute("title") == HOSTILE
    assert page.locator(".cockpit img").count() == 0
    assert page.locator(".cockpit").evaluate("all => all.scrollWidth - all.clientWidth") <= 0


def test_any_column_is_chosen_by_its_place_and_none_puts_the_table_away(view, page):
    seen = view(divisible())
    seen.split_by(2)
    page.get_by_text(f"column {HOSTILE!r}", exact=True).wait_for()
    assert list(seen.rows()) == ["all films", "x", "y"]
    assert not page.locator(".by-group thead .specificity").is_visible()  # every film with a kind is ill
    seen.split_by(3)
    page.get_by_text("column ''", exact=True).wait_for()
    seen.split_by(0)
    page.get_by_text("column None", exact=True).wait_for()
    page.locator(".by-group").wait_for(state="hidden")
    seen.split_by(3)  # the same again, which a state of the component would not report
    page.get_by_text("column ''", exact=True).wait_for()


def test_the_handle_and_its_undo_stay_when_another_column_is_chosen(view, page):
    seen = view(divisible())
    seen.type("0.25")
    page.get_by_text("python 0.25", exact=True).wait_for()
    seen.split_by(2)
    page.get_by_text(f"column {HOSTILE!r}", exact=True).wait_for()
    assert seen.threshold == 0.25
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("python 0.5", exact=True).wait_for()


@pytest.mark.sampled
@pytest.mark.parametrize("width", cases([390, 1360, 700, 1000], brief=1))
@pytest.mark.parametrize("column", [1, 2])
def test_the_table_fits_every_width(view, page, width, column):
    page.set_viewport_size({"width": width, "height": 1200})
    view(divisible(), column=column)
    assert page.locator(".cockpit").evaluate("all => all.scrollWidth - all.clientWidth") <= 0
    assert page.locator(".by-group").evaluate("all => all.scrollWidth - all.clientWidth") <= 0
    strips = page.locator(".by-group tbody tr:first-child .forest svg")
    assert all(box["width"] > 60 for box in (strip.bounding_box() for strip in strips.all()) if box)


def test_a_reason_stands_beside_the_choice_and_without_columns_nothing_can_be_chosen(view, page):
    view(divisible(), column=0)
    assert page.locator(".cockpit .why").text_content() == "Something is not here."
    assert not page.locator(".by-group").is_visible()
    assert page.get_by_label("Split by").is_enabled()
