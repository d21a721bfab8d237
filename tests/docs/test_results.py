import json
import shutil

import pytest
from sklearn.metrics import roc_auc_score

from docs import presets, results
from tests.brief import DATASET, MODEL
from xraylab.models import load_model
from xraylab.networks.registry import network
from xraylab.training.recipe import PRESETS, load_recipe

pytest_plugins = ["tests.trained"]


def named(settings, name, **changes):
    """A copy of the trained model under another name."""
    folder = settings.models / name
    shutil.copytree(settings.models / MODEL, folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"name": name} | changes))
    return load_model(settings, name)


def cells(page, preset):
    lines = [line.split(" | ") for line in page.splitlines() if line.startswith(f"| {preset} |")]
    return [[cell.strip("| ") for cell in line] for line in lines]


def test_a_preset_s_line_tells_what_its_model_came_to_on_the_test_films(trained):
    recipe = load_recipe("scratch").model_dump(mode="json")
    model = named(trained, presets.model_name("scratch", "small_cnn"), recipe=recipe)
    [line] = cells(results.page(trained, DATASET), "scratch")
    test = load_model(trained, model.name).test
    assert line[1:3] == ["Small CNN", "random weights"]
    assert line[6].startswith(f"{roc_auc_score(test.labels, test.scores):.4f} (")
    called = test.scores >= model.lock.threshold
    assert line[7].startswith(f"{100 * (called == test.labels).mean():.1f} % (")


def test_a_preset_without_a_model_was_not_run_yet(trained):
    page = results.page(trained, DATASET)
    for preset in PRESETS:
        [line] = cells(page, preset.name)
        assert line[2] == "not run yet"


def test_a_trial_is_no_result(trained):
    named(trained, presets.SMOKE + presets.model_name("resnet50-transfer", "resnet50"))
    [line] = cells(results.page(trained, DATASET), "resnet50-transfer")
    assert line[1:4] == ["ResNet50", "not run: weights unavailable here", "2 of a trial, random weights"]
    assert not any(line[4:])


def test_every_preset_names_a_network():
    assert set(presets.NAMED) == {preset.name for preset in PRESETS}


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("cnn-scratch", [("cnn", "none", 15)]),
        ("densenet121-finetune", [("densenet121", "a file", 2), ("mobilenet_v2", "imagenet", 20)]),
        ("quick", [("mobilenet_v2", "a file", 1), ("mobilenet_v2", "imagenet", 40)]),
    ],
)
def test_what_lacks_its_weights_is_tried_out_and_runs_with_another_network(
    imported, monkeypatch, preset, expected
):
    asked = []

    def train(_settings, _dataset, recipe, entry, weights, _name):
        kind = weights if weights in ("none", "imagenet") else "a file"
        asked.append((entry.name, kind, recipe.epochs))

    monkeypatch.setattr(presets, "_train", train)
    presets.run(imported, DATASET, load_recipe(preset))
    assert asked == expected


def test_with_its_weights_a_preset_runs_as_it_is(imported, monkeypatch):
    imported.weights.mkdir()
    (imported.weights / network("mobilenet_v2").weights_file).touch()
    asked = []
    monkeypatch.setattr(presets, "_train", lambda *given: asked.append(given[3].name))
    presets.run(imported, DATASET, load_recipe("quick"))
    assert asked == ["mobilenet_v2"]
