import pytest
from streamlit.testing.v1 import AppTest

from xraylab.app.components.threshold_cockpit import set_threshold


def _page(initial, locked, push):
    import streamlit as st

    from xraylab.app.components.threshold_cockpit import set_threshold, threshold_cockpit
    from xraylab.evaluation.thresholds import threshold_table

    if push is not None:
        set_threshold(push, "chosen")
    table = threshold_table([0, 1, 1], [0.2, 0.4, 0.9])
    st.text(threshold_cockpit(table, key="cockpit", store="chosen", initial=initial, locked=locked))


def _run(initial=None, locked=None, push=None):
    return AppTest.from_function(_page, kwargs={"initial": initial, "locked": locked, "push": push}).run()


@pytest.mark.parametrize(
    ("initial", "locked", "start"), [(0.3, 0.7, 0.3), (0.0, 0.7, 0.0), (None, 0.7, 0.7), (None, None, 0.5)]
)
def test_it_begins_at_the_initial_value_or_the_lock_or_a_half(initial, locked, start):
    app = _run(initial, locked)

    assert app.text[0].value == str(start)
    assert app.session_state["chosen"] == start


def test_what_the_session_holds_comes_before_the_initial_value():
    app = AppTest.from_function(_page, kwargs={"initial": 0.3, "locked": None, "push": None})
    app.session_state["chosen"] = 0.8

    assert app.run().text[0].value == "0.8"


def test_python_moves_the_threshold():
    assert _run(initial=0.3, push=0.25).text[0].value == "0.25"


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(value):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        set_threshold(value, "chosen")
