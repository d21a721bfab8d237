import json
import shutil

import pytest
from sklearn.metrics import roc_auc_score

from scripts import presets, results
from tests.support.brief import DATASET, MODEL
from xraylab import actions
from xraylab.models import load_model
from xraylab.networks.registry import network
from xraylab.training.recipe import PRESETS, load_recipe

pytest_plugins = ["tests.support.trained"]


def named(settings, name, **changes):
    """A copy of the trained model under another name."""
    folder = settings.models / name
    shutil.copytree(settings.models / MODEL, folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"name": name} | changes))
    return load_model(settings, name)


def cells(page, preset, section="The recipes"):
    told = page.split(f"## {section}\n")[1].split("\n## ")[0]
    lines = [line.split(" | ") for line in told.splitlines() if line.startswith(f"| {preset}")]
    return [[cell.strip("| ") for cell in line] for line in lines]


def test_a_preset_s_line_tells_what_its_model_came_to_on_the_test_films(trained):
    recipe = load_recipe("scratch").model_dump(mode="json")
    model = named(trained, presets.model_name("scratch", "small_cnn"), recipe=recipe)
    [line] = cells(results.page(trained, DATASET), "scratch")
    test = load_model(trained, model.name).films("test")
    assert line[1:3] == ["Small CNN", "random weights"]
    assert line[7].startswith(f"{roc_auc_score(test.labels, test.scores):.4f} (")
    called = test.scores >= model.lock.threshold
    assert line[8].startswith(f"{100 * (called == test.labels).mean():.1f} % (")


OPENED = presets.model_name("scratch", "small_cnn")


@pytest.fixture
def two_presets(trained):
    """Two seeds of one preset and one of another, all of them the same network."""
    for preset, arch, seed in (
        ("scratch", "small_cnn", 0),
        ("scratch", "small_cnn", 1),
        ("standard", "mobilenet_v2", 0),
    ):
        recipe = load_recipe(preset).model_dump(mode="json")
        named(trained, presets.model_name(preset, arch, seed), recipe=recipe)
    return trained


def test_seeds_are_told_with_mean_and_spread_and_a_single_one_without(two_presets):
    page = results.page(two_presets, DATASET)
    test = load_model(two_presets, OPENED).films("test")
    auc = f"{roc_auc_score(test.labels, test.scores):.4f}"
    [both], [one] = (cells(page, name, "Other seeds") for name in ("scratch", "standard"))
    assert both[1:3] == ["2", f"{auc} ± 0.0000"]
    assert one[1:3] == ["1", auc]


def test_a_question_sets_the_seeds_that_both_have_side_by_side(two_presets):
    page = results.page(two_presets, DATASET)
    [line] = cells(page, "The same", "The reports' questions")
    assert line[1:3] == ["standard (Small CNN)", "scratch (Small CNN)"]
    assert line[3].count("→") == 1
    assert line[4] == "+0.0000 (+0.0000 to +0.0000)"  # one network twice
    assert not cells(page, "Transfer learning", "The reports' questions")


def test_each_class_has_its_recall_with_an_interval(two_presets):
    [line] = cells(results.page(two_presets, DATASET), "scratch", "Recall of each class")
    model = load_model(two_presets, OPENED)
    normals = model.films("test").scores[model.films("test").labels == 0]
    assert line[1].startswith(f"{100 * (normals < model.lock.threshold).mean():.1f} % (")
    assert line[3:] == ["–", "–"]  # phantoms have no kinds of pneumonia


def test_a_sweep_counts_what_is_missed_at_each_threshold_and_marks_the_lock(two_presets):
    actions.evaluate(two_presets, OPENED, DATASET, actor="test")
    model = load_model(two_presets, OPENED)
    lines = results.sweep(model)
    ill = model.films("test").scores[model.films("test").labels == 1]
    steps = sorted({*results.STEPS, model.lock.threshold})
    assert [line[7] for line in lines] == [str((ill < step).sum()) for step in steps]
    [locked] = [line[0] for line in lines if "locked" in line[0]]
    assert f"{model.lock.threshold:.3f}" in locked


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

    def train(_settings, _name, *, dataset, arch, recipe, weights):
        kind = weights if weights in ("none", "imagenet") else "a file"
        asked.append((arch, kind, recipe.epochs))

    monkeypatch.setattr(presets, "train", train)
    presets.run(imported, DATASET, load_recipe(preset))
    assert asked == expected


def test_with_its_weights_a_preset_runs_as_it_is(imported, monkeypatch):
    imported.weights.mkdir()
    (imported.weights / network("mobilenet_v2").weights_file).touch()
    asked = []
    monkeypatch.setattr(presets, "train", lambda *_, arch, **_rest: asked.append(arch))
    presets.run(imported, DATASET, load_recipe("quick"))
    assert asked == ["mobilenet_v2"]
