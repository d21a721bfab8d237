import json
import math
import subprocess
import sys
from typing import get_args

import pytest

from xraylab.errors import NotFoundError, RecipeError
from xraylab.evaluation.rules import parse_rule
from xraylab.imaging.perturbations import FAMILIES
from xraylab.networks.registry import network
from xraylab.training.recipe import PRESETS, Family, Recipe, Stage, load_recipe, plan

HEAD = Stage(trains="head", epochs=2, learning_rate=1e-3)
NETWORK = network("small_cnn")
ALL = Stage(trains="all", epochs=3, learning_rate=1e-3)


def written(folder, **changes):
    recipe = {"name": "mine", "stages": [{"trains": "all", "epochs": 2, "learning_rate": 0.001}]}
    file = folder / "mine.json"
    file.write_text(json.dumps(recipe | changes))
    return str(file)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_is_found_by_name_and_its_rule_is_one(preset):
    assert load_recipe(preset.name) is preset
    assert parse_rule(preset.rule)
    assert preset.epochs == sum(stage.epochs for stage in preset.stages)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_written_to_a_file_comes_back_the_same(tmp_path, preset):
    file = tmp_path / "recipe.json"
    file.write_text(preset.model_dump_json())
    assert load_recipe(str(file)) == preset
    assert json.loads(file.read_text())["schema"] == "xraylab.recipe/1"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 1}, "batch_size: should be greater than or equal to 2"),
        ({"stages": []}, "must have at least one stage"),
        (
            {"stages": [{"trains": "tail", "epochs": 1, "learning_rate": 1}]},
            "stage 1 trains: must be head, tail:N",
        ),
        ({"stages": [{"trains": "all", "epochs": 0, "learning_rate": 1}]}, "stage 1 epochs: should be"),
        (
            {"stages": [{"trains": "all", "epochs": 1, "learning_rate": -1}]},
            "stage 1 learning_rate: should be",
        ),
        ({"stages": [{"trains": "all", "epochs": 1, "learning_rate": float("nan")}]}, "1 learning_rate"),
        ({"stages": [{"trains": "all", "epochs": 1}]}, "stage 1 learning_rate: is missing"),
        ({"stages": [{"trains": "all", "epochs": 1, "learning_rate": 0}]}, "greater than 0"),
        ({"augmentation": float("nan")}, "augmentation"),
        ({"seed": 10**30}, "seed"),
        ({"learning_rate": 0.1}, "learning_rate: is not part of a recipe"),
        ({"schema": "xraylab.recipe/2"}, "schema"),
    ],
)
def test_a_mistake_in_a_recipe_is_named(tmp_path, changes, sentence):
    with pytest.raises(RecipeError, match=r"mine\.json is not a valid recipe") as caught:
        load_recipe(written(tmp_path, **changes))
    assert sentence in str(caught.value)


def test_a_stage_with_a_fault_is_not_said_to_be_missing(tmp_path):
    with pytest.raises(RecipeError) as caught:
        load_recipe(written(tmp_path, stages=[{"trains": "all", "epochs": 0, "learning_rate": 0.1}]))
    assert str(caught.value).endswith("recipe. stage 1 epochs: should be greater than or equal to 1.")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00"])
def test_a_file_that_is_no_json_object_is_a_sentence(tmp_path, content):
    file = tmp_path / "recipe.json"
    file.write_bytes(content)
    with pytest.raises(RecipeError, match="not a valid recipe"):
        load_recipe(str(file))


def test_a_recipe_that_is_nowhere_is_answered_with_the_presets():
    with pytest.raises(NotFoundError, match=r"no recipe “fast”\. Choose quick, standard, robust, scratch"):
        load_recipe("fast")


def test_with_pretrained_weights_a_recipe_runs_as_it_is():
    recipe = Recipe(name="two", stages=(HEAD, ALL))
    assert plan(recipe, NETWORK, pretrained=True) is recipe


def test_without_pretrained_weights_a_frozen_stage_is_left_out():
    assert plan(Recipe(name="two", stages=(HEAD, ALL)), NETWORK, pretrained=False).stages == (ALL,)


def test_a_recipe_of_frozen_stages_alone_needs_pretrained_weights():
    with pytest.raises(RecipeError, match=r"“quick” trains only on top .* Choose the recipe scratch"):
        plan(load_recipe("quick"), NETWORK, pretrained=False)


def test_a_tail_of_more_stages_than_the_network_has_is_refused():
    deep = Stage(trains="tail:99", epochs=1, learning_rate=1e-3)
    with pytest.raises(
        RecipeError, match=r"asks for tail:99, but Small CNN has only 5 stages\. Choose tail:1"
    ):
        plan(Recipe(name="deep", stages=(deep,)), NETWORK, pretrained=True)


@pytest.mark.parametrize(("trains", "tail"), [("head", 0), ("tail:1", 1), ("tail:12", 12), ("all", None)])
def test_a_stage_says_how_much_of_the_network_it_trains(trains, tail):
    assert Stage(trains=trains, epochs=1, learning_rate=1e-3).tail == tail


def test_recipes_open_without_torch():
    code = "import sys, xraylab.training.recipe; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_what_a_recipe_may_leave_out_are_the_families_of_the_suite():
    assert get_args(Family) == FAMILIES


STAGE = {"trains": "all", "epochs": 100, "learning_rate": 0.001}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"stages": [STAGE] * 17}, "The file: must have at most 16 stages"),
        ({"stages": [STAGE] * 11}, "all stages together have 1100 epochs, and at most 1000 can be trained"),
        ({"rule": "x" * 101}, "rule: String should have at most 100 characters"),
        ({"dropout": math.nan}, "dropout: should be"),
    ],
)
def test_a_recipe_that_would_never_end_is_rejected_with_its_fault(tmp_path, changes, fault):
    with pytest.raises(RecipeError, match=r"mine\.json is not a valid recipe\. .*\.") as caught:
        load_recipe(written(tmp_path, **changes))
    assert fault in str(caught.value)


def test_a_recipe_that_is_too_large_a_file_is_rejected(tmp_path):
    file = tmp_path / "mine.json"
    file.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(RecipeError, match="at most 1 MB"):
        load_recipe(str(file))
