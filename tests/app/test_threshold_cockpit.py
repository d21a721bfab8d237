import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from xraylab.app.components.threshold_cockpit import Chosen, _read, move_to
from xraylab.evaluation.rules import Rule
from xraylab.evaluation.thresholds import threshold_table


def _page(initial, locked, push):
    import streamlit as st

    from xraylab.app.components.threshold_cockpit import Chosen, move_to, threshold_cockpit
    from xraylab.evaluation.thresholds import threshold_table

    if push is not None:
        move_to(Chosen(*push), "chosen")
    table = threshold_table([0, 1, 1], [0.2, 0.4, 0.9])
    initial, locked = (None if one is None else Chosen(one) for one in (initial, locked))
    chosen = threshold_cockpit(table, key="cockpit", store="chosen", initial=initial, locked=locked)
    st.text(f"{chosen.threshold} {chosen.review_from}")


def _run(initial=None, locked=None, push=None):
    return AppTest.from_function(
        _page, kwargs={"initial": initial, "locked": locked, "push": push}, default_timeout=60
    ).run()


@pytest.mark.parametrize(
    ("initial", "locked", "start"), [(0.3, 0.7, 0.3), (0.0, 0.7, 0.0), (None, 0.7, 0.7), (None, None, 0.5)]
)
def test_it_begins_at_the_initial_value_or_the_lock_or_a_half(initial, locked, start):
    app = _run(initial, locked)

    assert app.text[0].value == f"{start} None"
    assert app.session_state["chosen"] == Chosen(start)


def test_what_the_session_holds_comes_before_the_initial_value():
    app = AppTest.from_function(
        _page, kwargs={"initial": 0.3, "locked": None, "push": None}, default_timeout=60
    )
    app.session_state["chosen"] = Chosen(0.8, 0.4)

    assert app.run().text[0].value == "0.8 0.4"


def test_python_moves_the_threshold():
    assert _run(initial=0.3, push=(0.25, 0.1)).text[0].value == "0.25 0.1"


def _many(n=30_000):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n)
    return labels, 1 / (1 + np.exp(-rng.normal(3 * labels - 1.5, 1.5))), rng.integers(0, n // 2, n)


def _page_of_many(films):
    from xraylab.app.components.threshold_cockpit import Beside, Chosen, Preset, threshold_cockpit
    from xraylab.evaluation.rules import Rule
    from xraylab.evaluation.thresholds import threshold_table

    labels, scores, groups = films
    threshold_cockpit(
        threshold_table(*films),
        key="cockpit",
        store="chosen",
        initial=Chosen(0.5),
        locked=Chosen(0.3, 0.0123),
        presets=[Preset(Rule("youden"), 0.123456), Preset(Rule("f1"), 0.654321)],
        review_start=Preset(Rule("sensitivity", 0.99), 0.0456),
        beside=Beside("other", threshold_table(labels, scores[::-1], groups)),
    )


def test_of_many_films_some_rows_reach_the_browser_and_say_what_all_films_say(monkeypatch):
    sent = {}
    monkeypatch.setattr(
        "xraylab.app.components.threshold_cockpit._mount", lambda data, **_: sent.update(data)
    )
    films = _many()
    app = AppTest.from_function(_page_of_many, kwargs={"films": films}, default_timeout=60).run()
    table = threshold_table(*films)
    columns = {name: sent["table"][name].to_numpy() for name in sent["table"].column_names}
    rows = [table.row(threshold) for threshold in columns["threshold"]]

    assert not app.exception
    assert len(rows) <= 4_096
    assert {table.row(t) for t in (0.5, 0.3, 0.0123, 0.0456, 0.123456, 0.654321)} <= set(rows)
    assert len(sent["beside"]) <= 4_096
    np.testing.assert_array_equal(columns["tp"], table.tp[rows])
    np.testing.assert_array_equal(columns["fp"], table.fp[rows])
    np.testing.assert_array_equal(columns["below"], np.append(table.threshold[1:], -np.inf)[rows])
    for metric, sizes in table.effective.items():
        np.testing.assert_array_equal(columns[f"effective_{metric}"], sizes[rows].astype(np.float32))
    assert (sent["auc"], sent["average_precision"]) == (table.auc, table.average_precision)
    assert (sent["scores"], sent["patients"]) == (len(table) - 1, table.n_groups)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(value):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        move_to(Chosen(value), "chosen")


def test_a_review_band_above_the_threshold_is_refused():
    with pytest.raises(ValueError, match="begins in"):
        move_to(Chosen(0.5, 0.6), "chosen")


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ({"threshold": 0.4, "review": None}, Chosen(0.4)),
        ({"threshold": 0.4, "review": 0.1}, Chosen(0.4, 0.1)),
        ({"threshold": 0.4, "review": 0.7}, Chosen(0.4)),
        ({"threshold": 1.4}, None),
        ({"threshold": "0.4"}, None),
        ({"threshold": float("nan")}, None),
        ("0.4", None),
        (None, None),
    ],
)
def test_only_what_is_a_threshold_is_taken_from_the_browser(said, chosen):
    assert _read(said) == chosen


@pytest.mark.parametrize(
    ("said", "rule", "review_rule"),
    [
        ({"rule": "youden", "review_rule": None}, Rule("youden"), None),
        ({"rule": None, "review_rule": "sensitivity:0.99"}, None, Rule("sensitivity", 0.99)),
        ({"rule": "value:0.4", "review_rule": "value:0.1"}, None, None),
        ({"rule": "<script>", "review_rule": 7}, None, None),
        ({}, None, None),
    ],
)
def test_the_browser_names_the_rule_that_chose_a_threshold(said, rule, review_rule):
    chosen = _read({"threshold": 0.4, "review": 0.1} | said)
    assert (chosen.rule, chosen.review_rule) == (rule, review_rule)
    bare = _read({"threshold": 0.4, "review": None} | said)
    assert (bare.rule, bare.review_rule) == (rule, None)


def test_a_threshold_is_locked_by_its_rule_or_by_hand():
    by_rule = Chosen(0.4, 0.1, Rule("youden"), Rule("sensitivity", 0.99))
    assert (by_rule.cut, by_rule.review_cut) == (Rule("youden"), Rule("sensitivity", 0.99))
    by_hand = Chosen(0.4, 0.1)
    assert (by_hand.cut, by_hand.review_cut) == (0.4, 0.1)
    assert Chosen(0.4).review_cut is None
    assert by_hand == by_rule, "the same cuts decide the same films"
