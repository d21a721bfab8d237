"""Which models may be locked by a sensitivity floor, and what they are told otherwise."""

import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from tests.support.brief import BRIEF
from xraylab import actions, predictions
from xraylab.errors import RecipeError
from xraylab.models import ENSEMBLE, SHIPPED_NAMES, Card, TrainedOn, load_model, load_shipped, why_no_floor
from xraylab.predictions import Predictions
from xraylab.settings import load_settings

ROOT = Path(__file__).parents[2]
KEPT_LAST = BRIEF.model_copy(update={"keep": "last"})


def a_card(**changes):
    usual = {
        "arch": "small_cnn",
        "classes": ("NORMAL", "PNEUMONIA"),
        "created_at": datetime(2026, 5, 12, tzinfo=UTC),
        "run": "",
        "dataset": TrainedOn(
            name="films", kind="radiographs", pixel_hash="", patient_key="number", splits={}
        ),
        "weights": "imagenet",
        "weights_sha256": "",
        "best_epoch": 2,
        "epochs": 2,
        "parameters": 1,
        "seconds": 1.0,
        "device": "cpu",
        "preprocess_version": 1,
        "model_sha256": "0a" * 32,
        "versions": {},
    }
    return Card(**(usual | changes))


@pytest.fixture
def add_model(tmp_path, monkeypatch):
    """Add a model whose validation films are those of so many patients, three films each."""
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    settings = load_settings()

    def add(name="first", *, patients=300, recipe=KEPT_LAST, **changes):
        rng = np.random.default_rng(0)
        people = np.repeat(np.arange(patients), 3)
        labels = people % 2
        logits = 3 * labels - 1 + rng.normal(0, 1, patients)[people] + rng.normal(0, 0.3, people.size)
        frame = pd.DataFrame(
            {
                "image_id": [f"film-{i}" for i in range(people.size)],
                "patient": [f"p{i}" for i in people],
                "group": [f"g{i}" for i in people],
                "split": "validation",
                "label": labels,
                "logit": logits,
                "score": expit(logits),
            }
        )
        folder = settings.models / name
        folder.mkdir(parents=True)
        card = a_card(name=name, recipe=recipe.model_dump(mode="json"), **changes)
        (folder / "card.json").write_text(card.model_dump_json())
        predictions.write(folder / "predictions.parquet", Predictions(frame, card.model_sha256))
        return settings

    return add


def test_a_model_whose_epoch_nobody_chose_is_locked_by_a_floor_on_one_film_a_patient(add_model):
    settings = add_model()
    locked = actions.lock(settings, "first", " Floor:0.90 ", actor="app")
    model = load_model(settings, "first")
    assert (locked.rule, model.lock.rule) == ("floor:0.9", "floor:0.9")
    assert why_no_floor(model, 0.9) is None

    frame = model.films("validation").frame
    ill = frame[frame["label"] == 1]
    hashes = ill["image_id"].map(lambda name: sha256(name.encode()).hexdigest())
    chosen = ill.assign(hash=hashes).sort_values("hash").drop_duplicates("group")
    found = int((chosen["score"] >= locked.threshold).sum())
    assert len(chosen) == 150
    assert binomtest(found, 150, 0.9, alternative="greater").pvalue <= 0.05
    assert binomtest(found - 1, 150, 0.9, alternative="greater").pvalue > 0.05
    higher = actions.lock(settings, "first", "floor:0.8", actor="app")
    assert higher.threshold > locked.threshold


@pytest.mark.parametrize(
    ("recipe", "changes", "told"),
    [
        (
            {"keep": "best"},
            {},
            "the validation films chose its epoch. Train by a recipe with “keep”: “last”.",
        ),
        ({"patience": 3}, {}, "the validation films ended its training."),
        ({}, {"epochs": 1}, "its training was ended early"),
        ({}, {"weights": "other.safetensors"}, "these films may have chosen the weights it started from."),
        ({}, {"validation_chose": ("recipe",)}, "the validation films chose its recipe."),
        (
            {},
            {"arch": ENSEMBLE, "members": ("one", "two")},
            "an ensemble is calibrated on its validation films.",
        ),
    ],
)
def test_validation_films_that_chose_something_vouch_for_no_floor(add_model, recipe, changes, told):
    settings = add_model(recipe=KEPT_LAST.model_copy(update=recipe), **changes)
    model = load_model(settings, "first")
    with pytest.raises(RecipeError) as caught:
        actions.lock(settings, "first", "floor:0.95", actor="app")
    assert str(caught.value) == why_no_floor(model, 0.95)
    assert str(caught.value).startswith(f"“first” can't be locked by a sensitivity floor: {told}")
    assert model.lock is None


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_no_shipped_model_is_offered_a_floor(name, tmp_path, package_models, monkeypatch):
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    model = load_shipped(load_settings(home=tmp_path), name)
    first = {"phantom": "epoch"}.get(name, "recipe")

    assert model.card.chosen_by_validation[0] == first
    assert why_no_floor(model, 0.95).startswith(f"“{name}” can't be locked by a sensitivity floor: ")
    with pytest.raises(RecipeError, match="can't be locked by a sensitivity floor"):
        actions.lock(load_settings(home=tmp_path), name, "floor:0.95", actor="app")


@pytest.mark.parametrize(
    ("recipe", "changes", "chosen"),
    [
        ({}, {}, ()),
        ({"keep": "best"}, {}, ("epoch",)),
        ({"patience": 3}, {}, ("early stop",)),
        ({}, {"epochs": 1}, ("early stop",)),
        ({}, {"weights": "other.safetensors"}, ("weights",)),
        ({}, {"arch": ENSEMBLE, "members": ("one", "two")}, ("calibration",)),
        ({"keep": "best"}, {"validation_chose": ("recipe",)}, ("recipe",)),
    ],
)
def test_a_card_says_what_validation_chose_and_an_old_one_lets_it_be_derived(recipe, changes, chosen):
    made = a_card(name="first", recipe=KEPT_LAST.model_copy(update=recipe).model_dump(mode="json"), **changes)
    assert made.chosen_by_validation == chosen


def test_too_few_patients_are_told_with_how_many_it_takes(add_model):
    settings = add_model(patients=117)
    with pytest.raises(RecipeError, match=r"needs 59 patients with pneumonia, and there are 58\."):
        actions.lock(settings, "first", "floor:0.95", actor="app")


def test_no_answer_but_a_threshold_loads_what_is_slow(add_model):
    settings = add_model()
    script = (
        "import sys; from xraylab.models import choose_threshold, load_model, why_no_floor;"
        "from xraylab.settings import load_settings; from xraylab.evaluation.rules import parse_rule;"
        "model = load_model(load_settings(), 'first');"
        "assert why_no_floor(model, 0.9) is None; assert why_no_floor(model, 0.99);"
        "assert not {'mapie', 'scipy', 'sklearn', 'torch'} & set(sys.modules);"
        "assert choose_threshold(model, parse_rule('floor:0.9')); assert 'mapie' in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert settings.models.is_dir()
