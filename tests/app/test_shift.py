"""The shift panel of the Threshold screen: closed it does nothing, open it compares what it is asked to."""

import re

import pytest

from tests.support.screens import written
from xraylab import actions, formats
from xraylab.app import wording
from xraylab.models import load_model, openings_of

pytest_plugins = ["tests.support.averaged"]


@pytest.fixture
def panel(show, members):
    """Show the Threshold screen with the panel open or closed."""

    def panel(*, opened=True, **state):
        app = show("threshold")
        app.selectbox(key="threshold model").set_value("one")
        app.session_state["shift panel"] = opened
        for key, value in state.items():
            app.session_state[key.replace("_", " ")] = value
        return app.run()

    return panel


def compare(app):
    [button] = [button for button in app.button if button.label == "Compare with validation"]
    return button.click().run()


def buttons(app):
    return [button.label for button in app.button]


def test_closed_it_asks_for_nothing_and_compares_nothing(panel, monkeypatch):
    monkeypatch.setattr(actions, "shift", lambda *_, **__: pytest.fail("nobody asked"))
    app = panel(opened=False)
    assert not app.error
    assert "Compare with validation" not in buttons(app)
    app = panel()
    assert "Compare with validation" in buttons(app)
    assert not app.error


def test_sealed_test_films_are_not_offered_and_stay_sealed(panel, members):
    app = panel()
    assert "Test films are sealed until they are revealed at this lock" in written(app)
    assert "shift films" not in {control.key for control in app.get("button_group")}
    assert openings_of(members, load_model(members, "one")) == []


def test_opened_test_films_are_compared_with_the_numbers_of_the_action(panel, members):
    actions.open_test(members, "one", actor="app")
    told = actions.shift(members, "one").document
    app = compare(panel())
    said = re.sub(" +", " ", written(app))
    assert not app.error
    assert told.verdict in said
    for side in (told.validation, told.other):
        assert f"{formats.percent(side.sensitivity)} {formats.interval(*side.sensitivity_ci)}" in said
        assert f"{formats.auc(side.auc)} {formats.auc_interval(*side.auc_ci)}" in said
        assert f"{side.brier:.3f}" in said
    apart = told.differences["specificity"]
    assert " ".join(wording.points(apart.value, apart.low, apart.high)) in said
    assert len(app.get("plotly_chart")) >= 3


def test_a_new_lock_puts_the_result_of_the_test_films_out_of_sight(panel, members):
    actions.open_test(members, "one", actor="app")
    app = compare(panel())
    assert "Share of pneumonia" in written(app)
    actions.lock(members, "one", "value:0.4", actor="app")
    app = app.run()
    assert not app.error
    assert "Share of pneumonia" not in written(app)


def test_a_folder_is_scored_and_what_could_not_be_read_is_told(panel, members, other_phantoms):
    app = panel()
    app.text_input(key="shift path").set_value(str(other_phantoms))
    app = compare(app)
    assert not app.error
    assert "60 films of" in written(app)
    assert "Other films" in written(app)


@pytest.mark.parametrize(
    ("path", "told"),
    [("", "Type the path of a labelled zip"), ("/no/<b>where</b>", "isn't a path on this machine")],
)
def test_a_path_that_is_none_is_a_sentence_in_the_panel(panel, path, told):
    app = panel()
    app.text_input(key="shift path").set_value(path)
    app = compare(app)
    [error] = app.error
    assert told in written(app)
    assert "<b>" not in error.value
    assert not app.exception


def test_without_a_lock_it_asks_for_one(panel, members):
    (load_model(members, "one").folder / "lock.json").unlink()
    app = panel()
    assert "Lock a threshold first" in written(app)
    assert "Compare with validation" not in buttons(app)
