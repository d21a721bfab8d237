"""What a session sees of the queue of readers, and what sessions share."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.screens import readings, uploader
from tests.support.serving import ROOT
from xraylab.app import loaded as shared
from xraylab.app import waiting
from xraylab.app.samples import samples
from xraylab.models import load_model
from xraylab.reading.turns import Turns

pytest_plugins = ["tests.support.averaged"]
SECONDS = 30


@pytest.mark.parametrize(
    ("before", "words"),
    [(0, ""), (1, "1 reader is before you."), (2, "2 readers are before you.")],
)
def test_a_place_is_written_as_a_sentence(before, words):
    assert waiting.place_words(before) == words


def test_a_model_that_is_loaded_ahead_gives_way_to_readers_once_torch_is_there(monkeypatch):
    turns, order = Turns(), []
    monkeypatch.setattr(turns, "give_way", lambda seconds: order.append(f"{seconds:g} s without a reader"))
    monkeypatch.setattr(shared, "_TURNS", turns)
    monkeypatch.setattr(shared, "prepare", lambda: order.append("torch"))
    monkeypatch.setattr(shared, "model_that_reads", lambda _: "ensemble")
    monkeypatch.setattr(shared, "loaded_for", lambda _, model: order.append(model))
    shared.load_ahead(None)
    assert order == ["torch", "3 s without a reader", "ensemble"]


def test_a_waiting_session_sees_its_place_and_then_its_reading(averaged, monkeypatch):
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)
    gate, begun, places = threading.Event(), threading.Event(), []

    def hold():
        begun.set()
        gate.wait(SECONDS)

    def see(before):
        places.append(before)
        if before:
            gate.set()
        return f"place {before}"

    monkeypatch.setattr(waiting, "place_words", see)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.session_state["model in use"] = "one"
    app = app.switch_page("pages/read.py").run()
    shared.loaded(load_model(averaged, "one"))  # kept, so that nothing but the reading waits
    other = threading.Thread(target=shared._TURNS.run, args=("another reader", hold), daemon=True)
    other.start()
    assert begun.wait(SECONDS)
    uploader(app).upload("film.png", samples()[0].film.data, "image/png").run()
    assert not app.exception
    assert max(places) == 1
    assert len(readings(app)) == 1
    other.join(SECONDS)


def test_sessions_that_need_a_model_at_once_load_it_once(averaged, monkeypatch):
    loads, inside, go_on = [], threading.Event(), threading.Event()
    load = shared.actions.load_for_reading

    def slowly(settings, name):
        loads.append(name)
        inside.set()
        go_on.wait(SECONDS)
        return load(settings, name)

    monkeypatch.setattr(shared.actions, "load_for_reading", slowly)
    model, ready = load_model(averaged, "two"), []
    shared._shelf.clear()
    sessions = [
        threading.Thread(target=lambda: ready.append(shared.loaded(model)), daemon=True) for _ in range(4)
    ]
    for session in sessions:
        session.start()
    assert inside.wait(SECONDS)
    go_on.set()
    for session in sessions:
        session.join(SECONDS)
    assert loads == ["two"]
    assert len({id(each.parts[0].net) for each in ready}) == 1
    assert len(ready) == 4


def test_a_session_keeps_the_newest_results_and_makes_none_twice(monkeypatch):
    session, made = {}, []
    monkeypatch.setattr(waiting.st, "session_state", session)

    def result(key):
        return waiting.kept("results", key, lambda: made.append(key) or key, most=3)

    assert [result(key) for key in (1, 2, 3, 1, 4, 2)] == [1, 2, 3, 1, 4, 2]
    assert made == [1, 2, 3, 4, 2]  # the one that was used least was dropped
    assert session["results"].keys() == [1, 4, 2]
