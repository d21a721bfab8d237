"""The address of the Threshold screen restores what was seen, and opens nothing."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.brief import MODEL
from tests.support.screens import address, listed, written
from tests.support.serving import ROOT
from xraylab import actions
from xraylab.app.components.threshold_cockpit import PREVALENCE, Chosen
from xraylab.app.link import store_of
from xraylab.evaluation.rules import choose, parse_rule
from xraylab.models import load_model

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def follow(monkeypatch):
    """Open the Threshold screen at an address, in a session of its own."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)

    def open_(**address):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        app.switch_page("pages/threshold.py")
        app.query_params.update(address)
        return app.run()

    return open_


def stands_at(app, settings):
    return app.session_state[store_of(load_model(settings, MODEL))]


def test_a_link_restores_the_threshold_the_band_and_the_prevalence(follow, trained):
    app = follow(model=MODEL, films="validation", at="0.61", review="0.2", prevalence="0.35")
    assert not app.exception
    assert stands_at(app, trained) == Chosen(0.61, 0.2)
    assert app.session_state[PREVALENCE] == 0.35
    assert address(app)["at"] == "0.61"


def test_an_old_link_follows_a_rename(follow, trained):
    actions.rename_object(trained, "model", MODEL, "later", actor="app")
    app = follow(model=MODEL, films="validation", at="0.61")
    assert not app.exception
    assert stands_at(app, trained) == Chosen(0.61)
    assert "isn’t here" not in written(app)
    assert address(app)["model"] == "later"


def test_the_address_follows_what_is_seen(follow, trained):
    app = follow(model=MODEL, at="0.61")
    app.session_state[store_of(load_model(trained, MODEL))] = Chosen(0.4, 0.3)
    app.run()
    assert {name: address(app)[name] for name in ("model", "films", "at", "review")} == {
        "model": MODEL,
        "films": "validation",
        "at": "0.4",
        "review": "0.3",
    }
    assert stands_at(app, trained) == Chosen(0.4, 0.3), "the address is followed once"


@pytest.mark.parametrize(
    "said",
    [
        {"at": "1.5"},
        {"at": "nan"},
        {"at": "<script>"},
        {"at": "0.5", "review": "0.9"},
        {"at": "0.5", "prevalence": "7"},
        {"at": "0.5", "films": "train"},
    ],
)
def test_what_is_wrong_in_an_address_is_passed_over(follow, trained, said):
    lock = load_model(trained, MODEL).lock
    app = follow(model=MODEL, **said)
    assert not app.exception
    assert not app.error
    expected = Chosen(0.5) if said["at"] == "0.5" else Chosen(lock.threshold, lock.review_from)
    assert stands_at(app, trained) == expected
    assert PREVALENCE not in app.session_state


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("youden", "youden"),
        ("specificity:0.5", None),
        ("value:0.5", None),
        ("<script>", None),
        ("f1@suite", None),
    ],
)
def test_a_rule_in_an_address_counts_only_if_it_chooses_the_threshold(follow, trained, rule, kept):
    model = load_model(trained, MODEL)
    youden = choose(model.table("validation"), parse_rule("youden"))
    at = youden if kept else 0.987
    app = follow(model=MODEL, at=repr(at), rule=rule)
    assert not app.exception
    chosen = stands_at(app, trained)
    assert (chosen.threshold, chosen.rule) == (at, kept and parse_rule(kept))
    assert address(app).get("rule") == kept


def test_a_link_to_a_model_that_is_not_here_says_so(follow, trained):
    app = follow(model="<b>gone</b>", at="0.5")
    assert not app.exception
    assert "isn’t here" in app.info[0].value
    assert "\\<b" in app.info[0].value


def test_a_link_to_sealed_test_films_shows_validation(follow, trained):
    app = follow(model=MODEL, films="test", at="0.5")
    assert app.selectbox(key=f"threshold split {MODEL}").options == ["validation"]
    assert address(app)["films"] == "validation"
    assert "Test films, at the lock" not in written(app)

    actions.open_test(trained, MODEL, actor="test")
    app = follow(model=MODEL, films="test", at="0.5")
    assert app.selectbox(key=f"threshold split {MODEL}").value == "test"


def test_a_band_is_locked_told_by_its_rules_and_can_be_taken_back(follow, trained):
    found = actions.lock(trained, MODEL, "youden", actor="test").threshold
    app = follow(model=MODEL, at=repr(found), review="0.01", rule="youden")
    lock = next(button for button in app.button if button.label.startswith("Lock "))
    assert not lock.disabled, "the same threshold, but with a band"
    lock.click().run()
    made = load_model(trained, MODEL).lock
    assert (made.rule, made.review_from, made.review_rule) == ("youden", 0.01, "value:0.01")
    assert next(button for button in app.button if button.label.startswith("Lock ")).disabled

    app.session_state[store_of(load_model(trained, MODEL))] = Chosen(found)
    app.run()
    next(button for button in app.button if button.label.startswith("Lock ")).click().run()
    assert load_model(trained, MODEL).lock.review_from is None


def test_films_of_the_review_band_are_shown(follow, trained):
    app = follow(model=MODEL, at="0.9", review="0.1")
    app.session_state[f"threshold cell {MODEL} validation"] = "rp"
    app.run()
    assert not app.exception
    said = load_model(trained, MODEL).films("validation").scored
    between = ((said.labels == 1) & (said.scores >= 0.1) & (said.scores < 0.9)).sum()
    assert len(listed(app)) == between

    app.session_state[store_of(load_model(trained, MODEL))] = Chosen(0.9)
    app.run()
    assert not app.exception
    assert not listed(app)


def test_another_model_or_other_films_stand_under_the_same_handle(follow, trained):
    actions.open_test(trained, MODEL, actor="test")
    app = follow(model=MODEL)
    assert "test films" in app.selectbox(key=f"threshold beside {MODEL} validation").options
    app.selectbox(key=f"threshold beside {MODEL} validation").select("test films").run()
    assert not app.exception


def test_the_floor_says_why_there_is_none(follow, trained, monkeypatch):
    sent = {}
    monkeypatch.setattr(
        "xraylab.app.components.threshold_cockpit._mount", lambda data, **_: sent.update(data)
    )
    follow(model=MODEL)
    named = [preset["name"] for preset in sent["presets"]]
    assert named == ["Miss few", "Balanced", "Few false alarms", None, None, None]
    floor = sent["presets"][-1]
    assert (floor["rule"], floor["usable"]) == ("floor:0.95", False)
    assert "sensitivity" in floor["more"]
