"""The making of the shipped models, on phantoms."""

import dataclasses
import json

import pytest
import safetensors
from PIL import Image
from torch import float16

from scripts import starter
from scripts.experiments import Experiment
from tests.support.brief import BRIEF, FILMS
from tests.support.serving import ROOT
from tests.support.workers import ONE_THREAD
from xraylab import actions
from xraylab.data import phantoms
from xraylab.errors import XRayLabError
from xraylab.models import load_model, load_shipped, shipped_names
from xraylab.settings import load_settings
from xraylab.training.recipe import Stage

pytest_plugins = ["tests.support.trained"]

RECIPE = BRIEF.model_copy(
    update={
        "stages": (Stage(trains="all", epochs=2, learning_rate=1e-3),),
        "augmentation": 0.0,
        "suite": True,
        "rule": starter.RULE,
    }
)
# From a network that tells phantoms apart: two epochs are enough for a lock under the suite.
WEIGHTS = str(ROOT / "xraylab" / "starter" / "phantom" / "model.safetensors")
MEMBERS = {"mobilenet_v2": "first", "cnn": "second"}
EXPERIMENTS = {
    name: Experiment("", RECIPE.model_copy(update={"seed": seed}), arch="small_cnn", weights=WEIGHTS)
    for seed, name in enumerate(MEMBERS.values())
}


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    monkeypatch.setattr(starter, "AVERAGED", MEMBERS)
    monkeypatch.setattr(starter, "TRAINED", MEMBERS)
    monkeypatch.setattr(starter, "EXPERIMENTS", EXPERIMENTS)
    monkeypatch.setattr("xraylab.settings.STARTER", tmp_path / "starter")
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XRAYLAB_THREADS", ONE_THREAD)
    monkeypatch.setattr(starter, "PHANTOM_MODEL", dataclasses.replace(starter.PHANTOM_MODEL, recipe=BRIEF))
    monkeypatch.setattr(starter, "PHANTOM_FILMS", FILMS)
    # files as a hospital's: without the mark of phantoms they are taken for radiographs
    phantoms.write(tmp_path / "films", 2 * FILMS, seed=3)
    for file in (tmp_path / "films").rglob("*.png"):
        Image.open(file).save(file)
    return load_settings()


@pytest.mark.slow
def test_members_are_trained_once_halved_averaged_locked_under_the_suite_and_told_in_cards(
    workshop, tmp_path, capsys
):
    actions.import_dataset(workshop, tmp_path / "films", "films", patient_key="number")
    starter.train(workshop, "films", [*MEMBERS, "phantom"])
    starter.train(workshop, "films", [*MEMBERS, "phantom"])
    assert capsys.readouterr().out.count("exists already") == 3
    starter.pack(workshop, "films", tmp_path / "cards")
    assert shipped_names() == ["ensemble", *MEMBERS, "phantom"]
    elsewhere = load_settings(home=tmp_path / "another")
    for name in shipped_names():
        model = load_shipped(elsewhere, name)
        assert model.name == name
        phantom = name == "phantom"
        assert model.card.dataset.kind == ("phantoms" if phantom else "radiographs")
        assert model.lock.rule == ("youden" if phantom else starter.RULE)
        assert not model.lock.after_opening
        assert model.test_opened
        assert model.lock.review_rule in (None, starter.REVIEW)
        assert not phantom or model.lock.review_from is None
        about = starter.About() if phantom else starter.ABOUT
        assert model.card.about == about.model_copy(update={"command": model.card.about.command})
        told = (tmp_path / "cards" / f"{name}.md").read_text()
        assert repr(model.lock.threshold) in told
        assert model.card.about.command in told
        assert phantom or actions.robustness(elsewhere, name, split="test").worst
    trained = MEMBERS | {starter.PHANTOM: starter.PHANTOM_EXPERIMENT}
    for name, experiment in trained.items():
        with safetensors.safe_open(load_shipped(elsewhere, name).weights, "pt") as file:
            assert file.get_tensor("features.0.weight").dtype == float16
        assert load_shipped(elsewhere, name).card.model_sha256 != (
            load_model(workshop, experiment).card.model_sha256
        )
    scores = json.loads((tmp_path / "starter" / "golden.json").read_bytes())["scores"]
    assert list(scores) == shipped_names()
    assert next(one for one in actions.doctor(elsewhere).checks if one.name == "shipped models").ok


def test_films_split_by_another_key_are_refused(workshop, tmp_path):
    actions.import_dataset(workshop, tmp_path / "films", "films")
    with pytest.raises(XRayLabError, match="isn't split by the patient key number"):
        starter.pack(workshop, "films", tmp_path / "cards")
