"""Groups of films on Threshold and Compare: which columns, what is stated, and what stays sealed."""

import html
import json
import re

import pytest

from tests.support.brief import DATASET, MODEL
from tests.support.grouped_films import HOSTILE, SECOND, write_catalog
from tests.support.screens import written
from xraylab import actions, formats
from xraylab.app import link
from xraylab.app.components.threshold_cockpit import Chosen
from xraylab.app.components.threshold_cockpit.groups import SplitBy, groups_data
from xraylab.app.grouping import COLUMN
from xraylab.data.datasets import load_dataset
from xraylab.evaluation.subgroups import differences_by_model, subgroups
from xraylab.models import Model, load_model

pytest_plugins = ["tests.support.grouped"]


@pytest.fixture
def sent(monkeypatch):
    """What the cockpit sends to the browser, newest last."""
    messages = []
    mount = "xraylab.app.components.threshold_cockpit._mount"
    monkeypatch.setattr(mount, lambda data, **rest: messages.append(data | rest))
    return messages


def threshold(show, column=None, model=MODEL):
    app = show("threshold")
    if app.selectbox(key="threshold model").value != model:
        app = app.selectbox(key="threshold model").set_value(model).run()
    if column:
        app.session_state[COLUMN] = column
        app = app.run()
    assert not app.exception
    assert not app.error
    return app


def compare(show, column=None):
    app = show("compare")
    app = app.multiselect(key="compare models").set_value([MODEL, SECOND]).run()
    if column:
        app = app.selectbox(key="compare split by").set_value(column).run()
    assert not app.exception
    assert not app.error
    return app


def tables(app):
    """The rows of each table of groups, as lists of words."""
    bodies = [part.proto.body for part in app.get("html") if "<table" in part.proto.body]
    return [
        [[_words(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in re.findall(_ROW, body)]
        for body in bodies
        if "xl-groups" in body
    ]


_ROW = re.compile(r"<tr>(.*?)</tr>")


def captions(app):
    return " ".join(caption.value for caption in app.caption).replace("\\", "")


def _words(cell):
    return html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()


def test_threshold_offers_the_columns_and_divides_nothing_before_one_is_chosen(
    show, grouped, sent, monkeypatch
):
    monkeypatch.setattr("xraylab.app.grouping.divide", lambda *_: pytest.fail("divided"))
    threshold(show)
    assert sent[-1]["columns"] == ["age", "sex", "kind", "Site", "sex (table)", "Scanner"]
    assert (sent[-1]["column"], sent[-1]["groups"], sent[-1]["stated"]) == (None, None, [])


def test_differences_are_those_at_the_lock_wherever_the_handle_stands(show, grouped, sent):
    app = threshold(show, "Site")
    stated = sent[-1]["stated"]
    assert stated == actions.subgroups(grouped, MODEL, "Site").verdict
    worst = next(row for row in sent[-1]["group_rows"] if row["name"] == "St. Mary’s")
    assert worst["apart"]["sensitivity"] == "lower"

    app.session_state[link.store_of(load_model(grouped, MODEL))] = Chosen(0.02)
    app.run()
    assert sent[-1]["stated"] == stated
    assert sent[-1]["group_rows"] == sent[-2]["group_rows"]
    assert sent[-1]["groups"].equals(sent[-2]["groups"]), "the same bytes are not sent again"


def test_a_column_stays_chosen_for_another_model_and_on_compare(show, grouped, sent):
    app = threshold(show, "Site")
    app.selectbox(key="threshold model").set_value(SECOND).run()
    assert sent[-1]["column"] == "Site"
    app = app.switch_page("pages/compare.py").run()
    assert app.selectbox(key="compare split by").value == "Site"
    app = app.selectbox(key="compare split by").set_value("sex").run()
    app = app.switch_page("pages/threshold.py").run()
    assert sent[-1]["column"] == "sex"


def test_test_films_are_divided_only_once_they_are_revealed(show, grouped, sent, monkeypatch):
    look = Model.films
    monkeypatch.setattr(
        Model,
        "films",
        lambda model, split: look(model, split) if split == "validation" else pytest.fail("test films"),
    )
    threshold(show, "Site")
    monkeypatch.undo()


def test_the_revealed_test_films_have_groups_of_their_own(show, grouped, sent):
    actions.open_test(grouped, MODEL, actor="app")
    app = threshold(show, "Site")
    app.selectbox(key=f"threshold split {MODEL}").set_value("test").run()
    told = actions.subgroups(grouped, MODEL, "Site", split="test")
    assert [row["name"] for row in sent[-1]["group_rows"]] == [group.name for group in told.groups]
    assert [row["patients"] for row in sent[-1]["group_rows"]] == [group.patients for group in told.groups]


def test_a_dataset_that_is_gone_is_told_on_both_screens(show, grouped, sent):
    (grouped.datasets / DATASET).rename(grouped.home / "elsewhere")
    threshold(show)
    assert sent[-1]["columns"] == ["kind"]
    assert "aren’t in this home" in sent[-1]["columns_why"]
    assert "aren’t in this home" in captions(compare(show))


def test_a_table_that_was_imported_anew_is_read_anew(show, grouped, sent):
    app = threshold(show, "Site")
    before = [row["name"] for row in sent[-1]["group_rows"]]
    catalog = load_dataset(grouped, DATASET).catalog
    write_catalog(grouped, catalog.assign(**{"kept.Site": catalog["kept.Site"].str[:1]}))
    app.run()
    after = [row["name"] for row in sent[-1]["group_rows"]]
    assert before != after == sorted({name[:1] for name in before})


def test_compare_shows_each_model_at_its_own_lock_in_every_group(show, grouped):
    actions.lock(grouped, SECOND, "value:0.3", actor="app")
    app = compare(show, "Site")
    told = {name: actions.subgroups(grouped, name, "Site") for name in (MODEL, SECOND)}
    sensitivity, specificity = tables(app)
    for table, rate in ((sensitivity, "sensitivity"), (specificity, "specificity")):
        assert [" ".join(cell) for cell in table[0]] == [
            rate.capitalize(),
            "Films",
            "Patients",
            MODEL,
            SECOND,
        ]
        for row, *groups in zip(table[1:], *(document.groups for document in told.values()), strict=True):
            assert row[0] == groups[0].name.split()
            assert row[1] == formats.count(groups[0].films).split()
            for cell, group in zip(row[3:], groups, strict=True):
                figure = getattr(group, rate)
                right = group.tp if rate == "sensitivity" else group.tn
                wrong = group.fn if rate == "sensitivity" else group.fp
                words = (
                    f"{formats.percent(figure.value)} {formats.interval(*figure.interval)} "
                    f"{formats.count(right)} of {formats.count(right + wrong)}"
                )
                assert cell == words.split()


def test_compare_adjusts_differences_for_the_tests_of_all_models(show, grouped):
    app = compare(show, "Site")
    said = written(app)
    assert f"{MODEL}: Site St. Mary’s: sensitivity is lower than in the other groups" in said
    assert "adjusted for 18 comparisons" in said
    assert "not between models" in captions(app)


def test_no_difference_is_said_once_for_all_models():
    labels, scores, people = [0, 1] * 200, [0.2, 0.8] * 200, range(400)
    divided = subgroups(labels, scores, people, {"x": ["a", "a", "b", "b"] * 100}, fewest=10)
    assert differences_by_model({"one": (divided, 0.5), "two": (divided, 0.4)}) == [
        "No difference between the groups was shown by 6 comparisons; a small one may need more patients."
    ]
    alone = subgroups(labels, scores, people, {"x": ["a"] * 400}, fewest=10)
    assert differences_by_model({"one": (alone, 0.5)}) == []


def test_a_stranger_s_words_are_escaped_on_compare(show, grouped):
    app = compare(show, "Site")
    bodies = [part.proto.body for part in app.get("html")]
    assert any(html.escape(HOSTILE[:28]) in body for body in bodies)
    assert not any("<img" in body for body in bodies)


def test_compare_leaves_the_rate_out_that_no_group_has(show, grouped):
    app = compare(show, "kind")
    assert [table[0][0] for table in tables(app)] == [["Sensitivity"]]


def test_nothing_is_offered_without_a_choice_of_columns():
    assert groups_data(None, [], None)["columns"] == []
    data = groups_data(SplitBy([], why="gone"), [], 0.5)
    assert (data["column"], data["columns_why"]) == (None, "gone")
    assert json.dumps(data)


@pytest.mark.parametrize("said", [None, "weight", ["sex"], {"name": "sex"}, 7, float("nan")])
def test_only_a_column_that_is_offered_is_taken_from_the_browser(said):
    assert SplitBy(["age", "sex"]).known(said) is None
    assert SplitBy(["age", "sex"]).known("sex") == "sex"
