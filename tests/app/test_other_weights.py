"""Screens of a model whose stored predictions belong to other weights: the sentence, and no number."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.brief import BOTH
from tests.support.screens import uploader, written
from tests.support.serving import ROOT
from tests.support.stale import stale
from xraylab.app.samples import samples
from xraylab.models import load_model

pytest_plugins = ["tests.support.averaged"]


def opened(screen, *, model="one", **session):
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    for key, value in ({"model in use": model} | session).items():
        app.session_state[key] = value
    return app.switch_page(f"pages/{screen}.py").run() if screen else app.run()


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)


@pytest.mark.parametrize("screen", ["threshold", "models", "compare", ""])
def test_a_screen_of_numbers_shows_the_sentence_instead(averaged, screen):
    sentence = stale(load_model(averaged, "one"))
    app = opened(screen, **{"compare models": ["one", "two"]})
    assert not app.exception
    assert sentence in written(app)


def test_a_read_film_shows_its_score_and_the_sentence(averaged):
    sentence = stale(load_model(averaged, "one"))
    app = opened("read")
    app = uploader(app).upload("film.png", samples()[0].film.data, "image/png").run()
    assert not app.exception
    assert "Pneumonia score" in written(app)
    assert sentence in written(app)


def test_predictions_that_change_while_a_comparison_is_kept_are_noticed(averaged):
    app = opened("compare", **{"compare models": ["one", "two"]})
    assert not app.error
    sentence = stale(load_model(averaged, "one"))
    assert sentence in written(app.run())


def test_the_other_models_are_still_offered_and_compared(averaged):
    sentence = stale(load_model(averaged, "one"))
    app = opened("compare", model=BOTH, **{"compare models": [BOTH, "two"]})
    assert not app.exception
    assert not app.error
    assert sentence not in written(app)
    assert "one" in app.multiselect(key="compare models").options
