"""Recipes of a frozen network: the films pass it once, and everything else follows from that."""

import numpy as np
import pytest

from tests.support.brief import BRIEF, DATASET, MODEL
from xraylab import actions
from xraylab.data.datasets import load_dataset
from xraylab.models import load_model
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels
from xraylab.runs import execute
from xraylab.training.recipe import Stage

pytest_plugins = ["tests.support.trained"]
HEAD = BRIEF.model_copy(
    update={"name": "head", "stages": (Stage(trains="head", epochs=3, learning_rate=1e-2),)}
)


def trained_by(settings, recipe, name, told, **more):
    request = actions.request_training(
        settings, dataset=DATASET, arch="small_cnn", recipe="scratch", weights=MODEL, name=name
    ).model_copy(update={"recipe": recipe} | more)
    actions.train(settings, request, on_progress=told.append)
    return load_model(settings, name)


def phases(told):
    """Return the words of each phase that counts films, in order."""
    counted = (progress["doing"].partition(": ") for progress in told)
    return list(dict.fromkeys(words for words, of, _ in counted if of))


def test_a_head_is_trained_and_every_score_published_after_one_pass(trained, monkeypatch):
    passed, told = [], []
    see = execute.see

    def counted(*args, **kwargs):
        seen = see(*args, **kwargs)
        passed.append(seen.computed)
        return seen

    monkeypatch.setattr(execute, "see", counted)
    monkeypatch.setattr(execute, "score_network", lambda *_, **__: pytest.fail("the films passed again"))
    model = trained_by(trained, HEAD, "mine", told)
    dataset = load_dataset(trained, DATASET)
    rows = np.concatenate([dataset.rows("validation"), dataset.rows("test")])
    stored = model.unsealed.frame.set_index("image_id").loc[dataset.catalog["image_id"].iloc[rows], "score"]
    np.testing.assert_allclose(stored, score_pixels(load(model), dataset.pixels, rows).score, atol=1e-6)
    assert phases(told) == ["Passing the films through the network", "Measuring the heatmaps"]
    fractions = [progress["fraction"] for progress in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    trained_by(trained, HEAD.model_copy(update={"seed": 5}), "other", told)
    assert passed == [True, False], "another seed takes what is kept"


def test_a_network_that_is_trained_passes_the_held_out_films_at_its_end(trained):
    told = []
    trained_by(trained, BRIEF.model_copy(update={"suite": True}), "mine", told)
    assert phases(told) == [
        "Scoring held-out films",
        "Scoring held-out films, changed",
        "Measuring the heatmaps",
    ]
    fractions = [progress["fraction"] for progress in told]
    assert fractions == sorted(fractions)
