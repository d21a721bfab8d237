"""Predictions that nothing can be said of: dashes and a sentence, never a wrong number, never a crash."""

import numpy as np
import pytest

from tests.support.brief import MODEL
from tests.support.screens import written
from xraylab import predictions
from xraylab.models import load_model

pytest_plugins = ["tests.support.trained"]


def one_class(films):
    return films.assign(label=1)


def other_class(films):
    return films.assign(label=0)


def equal_scores(films):
    return films.assign(score=0.5, logit=0.0)


def no_scores(films):
    return films.assign(score=np.nan, logit=np.nan)


def some_nan(films):
    return films.assign(score=films["score"].where(np.arange(len(films)) % 2 == 0))


def infinite(films):
    return films.assign(score=films["score"].where(np.arange(len(films)) > 0, np.inf))


def beyond_one(films):
    return films.assign(score=films["score"].where(np.arange(len(films)) > 0, 1.5))


def empty(films):
    return films[films["split"] == "test"]


def one_patient(films):
    return films.assign(patient="p", group="p")


def doubled(films):
    return films.assign(image_id=films["image_id"].iloc[0])


BAD = [
    one_class,
    other_class,
    equal_scores,
    no_scores,
    some_nan,
    infinite,
    beyond_one,
    empty,
    one_patient,
    doubled,
]


@pytest.fixture
def spoil(trained):
    def change(how):
        file = load_model(trained, MODEL).folder / "predictions.parquet"
        kept = predictions.read(file)
        frame = how(kept.frame.copy()).reset_index(drop=True)
        predictions.write(
            file, predictions.Predictions(frame, kept.model_hash, kept.dataset_hash, kept.extra)
        )

    return change


@pytest.mark.parametrize("screen", ["threshold", "models", "compare", ""])
@pytest.mark.parametrize("how", BAD)
def test_a_screen_bears_it_and_shows_no_number_that_is_none(show, spoil, how, screen):
    spoil(how)
    app = show(screen)
    assert not app.exception
    words = written(app)
    if how in (infinite, beyond_one, doubled) and screen in ("threshold", "models"):
        assert "are missing or damaged" in words
    assert "nan" not in words.lower().replace("finance", "").split()
    assert "Traceback" not in words
    assert "Something went wrong" not in words
