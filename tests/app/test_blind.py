"""Read blind: a call made before the score was shown is kept, marked and counted as such, and no other is."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.support.brief import DATASET, MEMBERS
from tests.support.screens import listed, read_all, uploader, written
from tests.support.serving import ROOT
from xraylab import actions, records
from xraylab.app import session_films
from xraylab.app.samples import samples
from xraylab.data.datasets import load_dataset
from xraylab.data.phantoms import marked
from xraylab.evaluation.intervals import wilson_interval
from xraylab.formats import interval
from xraylab.imaging import Film

pytest_plugins = ["tests.support.averaged"]
ONE, TWO = MEMBERS
SHOWN_BEFORE = "A score of this film was shown here before"


def opened():
    """Open the app, which shows the Overview."""
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()


@pytest.fixture
def read(monkeypatch, averaged):
    """Open Read with the case log open, upload a phantom, and read blind from before or after that."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)
    actions.lock(averaged, ONE, "value:0.0", actor="test")  # so that every film is positive

    def read(*, blind_first=True):
        app = opened()
        app.session_state["model in use"] = ONE
        app.session_state["cases kept"] = True
        app = app.switch_page("pages/read.py").run()
        if blind_first:
            app.toggle(key="read blind toggle").set_value(True).run()
        app = read_all(uploader(app).upload("film.png", samples()[0].film.data, "image/png").run())
        return app if blind_first else app.toggle(key="read blind toggle").set_value(True).run()

    return read


def call(app, said):
    [radio] = [one for one in app.radio if one.label == "Your call"]
    return radio.set_value(said).run()


def press(app, key):
    return app.button(key=key).click().run()


def change_call(app):
    [button] = [one for one in app.button if one.label == "Change my call"]
    return button.click().run()


def test_a_blind_call_is_kept_marked_and_counted_in_one_way(read, averaged):
    app = read()
    assert not app.exception
    assert "Score hidden" in written(app)
    assert SHOWN_BEFORE not in written(app)
    assert [row["detail"] for row in listed(app)] == ["not called yet"]
    app = press(call(app, "no pneumonia"), "save case")
    assert (
        "Your call, before you saw the score: **no pneumonia**. Your call and the model differ."
        in written(app)
    )
    [case] = records.all_cases(averaged)
    assert case.content.blind
    assert records.full_trail(averaged)[0].changed == "call no pneumonia, made before the score was shown"
    words = written(app)
    assert "no pneumonia, blind" in words
    assert "you and the model agree on 0 of 1 film" in words
    assert "Calls made before the score was shown: reader and model agree on 0 of 1 film" in words
    assert words.count(interval(*wilson_interval(0, 1))) == 2
    assert "no pneumonia, blind" in written(opened())


def test_calls_are_counted_by_call_once_there_are_two(read, averaged):
    for said in ("pneumonia", "no pneumonia"):
        app = press(call(read(), said), "save case")
    words = " ".join(written(app).split())
    assert "reader and model agree on 1 of 2 films" in words
    for group, agreed in (("Pneumonia", 1), ("No pneumonia", 0)):
        low, high = wilson_interval(agreed, 1)
        assert f"{group} {agreed} of 1 {100 * agreed:.1f} % {interval(low, high)}" in words.replace(
            "\u202f", " "
        )


def test_a_call_after_the_score_was_on_the_screen_is_no_blind_one(read, averaged):
    app = read(blind_first=False)
    assert "Score hidden" in written(app)
    assert SHOWN_BEFORE in written(app)
    app = press(call(app, "pneumonia"), "save case")
    assert "Your call: **pneumonia**. Your call and the model agree." in written(app)
    assert not records.find(averaged, 1).content.blind
    assert "Read blind here" not in written(app)


def test_a_call_after_another_models_score_is_no_blind_one(read, averaged):
    app = call(read(), "pneumonia")
    app.session_state["model in use"] = TWO
    app = read_all(app.run())
    assert SHOWN_BEFORE in written(app)


def test_a_call_on_a_film_that_threshold_showed_with_its_score_is_no_blind_one(read, averaged):
    app = read()
    dataset = load_dataset(averaged, DATASET)
    film = Film("brought.png", marked(np.asarray(dataset.pixels[0])))
    app.session_state["films of datasets"] = {"brought": (film, session_films.Copy(DATASET, 1.0))}
    app.session_state["film chosen"] = "brought"
    app = app.run()
    assert SHOWN_BEFORE in written(app)
    press(call(app, "pneumonia"), "save case")
    assert not records.find(averaged, 1).content.blind


def test_a_changed_call_is_no_blind_one_whether_it_was_kept_before_or_not(read, averaged):
    app = press(call(read(), "pneumonia"), "save case")
    app = call(change_call(app), "pneumonia")
    assert app.button(key="save changes").disabled  # the same call stays what it was
    assert records.find(averaged, 1).content.blind
    app = press(call(app, "unsure"), "save changes")
    assert not records.find(averaged, 1).content.blind
    assert "unsure, blind" not in written(app)
    press(call(change_call(call(read(), "pneumonia")), "no pneumonia"), "save case")
    assert not records.find(averaged, 2).content.blind


def test_the_report_says_of_a_blind_call_that_it_is_one(read, monkeypatch):
    reports = []
    monkeypatch.setattr("xraylab.app.screens.read.keep._report", lambda *given: reports.append(given))
    offers = {}
    monkeypatch.setattr(
        "xraylab.app.screens.read.keep._offer", lambda label, make, *_, **__: offers.update({label: make})
    )
    app = call(read(), "pneumonia")
    assert not app.exception
    report = offers["Report as PDF"].args[3]
    report()
    assert reports[-1][4:] == ("pneumonia", "", True)
    change_call(app)
    offers["Report as PDF"].args[3]()
    assert reports[-1][4:] == (None, "", False)
