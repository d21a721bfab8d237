import json
import subprocess
import sys

import pytest

from xraylab.errors import NotFoundError, RecipeError
from xraylab.evaluation.rules import parse_rule
from xraylab.training.recipe import PRESETS, Recipe, Stage, load_recipe, plan

HEAD = Stage(trains="head", epochs=2, learning_rate=1e-3)
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
        ({"batch_size": 1}, "batch_size: Input should be greater than or equal to 2"),
        ({"stages": []}, "stages: Tuple should have at least 1 item"),
        ({"stages": [{"trains": "tail", "epochs": 1, "learning_rate": 1}]}, "stages.0.trains"),
        ({"stages": [{"trains": "all", "epochs": 0, "learning_rate": 1}]}, "stages.0.epochs"),
        ({"stages": [{"trains": "all", "epochs": 1, "learning_rate": float("nan")}]}, "0.learning_rate"),
        ({"stages": [{"trains": "all", "epochs": 1, "learning_rate": 0}]}, "greater than 0"),
        ({"augmentation": float("nan")}, "augmentation"),
        ({"seed": 10**30}, "seed"),
        ({"learning_rate": 0.1}, "learning_rate: Extra inputs are not permitted"),
        ({"schema": "xraylab.recipe/2"}, "schema"),
    ],
)
def test_a_mistake_in_a_recipe_is_named(tmp_path, changes, sentence):
    with pytest.raises(RecipeError, match=r"mine\.json is not a valid recipe") as caught:
        load_recipe(written(tmp_path, **changes))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00"])
def test_a_file_that_is_no_json_object_is_a_sentence(tmp_path, content):
    file = tmp_path / "recipe.json"
    file.write_bytes(content)
    with pytest.raises(RecipeError, match="not a valid recipe"):
        load_recipe(str(file))


def test_a_recipe_that_is_nowhere_is_answered_with_the_presets():
    with pytest.raises(NotFoundError, match=r"no recipe “fast”\. Choose quick, standard, scratch"):
        load_recipe("fast")


def test_with_pretrained_weights_a_recipe_runs_as_it_is():
    recipe = Recipe(name="two", stages=(HEAD, ALL))
    assert plan(recipe, pretrained=True) is recipe


def test_without_pretrained_weights_a_frozen_stage_is_left_out():
    assert plan(Recipe(name="two", stages=(HEAD, ALL)), pretrained=False).stages == (ALL,)


def test_a_recipe_of_frozen_stages_alone_needs_pretrained_weights():
    with pytest.raises(RecipeError, match=r"“quick” trains only the head .* Choose the recipe scratch"):
        plan(load_recipe("quick"), pretrained=False)


def test_recipes_open_without_torch():
    code = "import sys, xraylab.training.recipe; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
