"""
Run every preset on a dataset, with the network it names.

``python -m scripts.presets --dataset NAME [--seeds K] [--only PRESET ...]`` trains in the present home, one
after another; ``python -m scripts.results`` then writes the page. A preset whose ImageNet weights aren't on
this machine runs with MobileNetV2 instead, and, for one epoch a stage from random weights, with its own
network: that shows that it works and says nothing about how well.
"""

import argparse
import tempfile
from pathlib import Path

import safetensors.torch
import torch

from scripts.training import train
from xraylab.errors import XRayLabError
from xraylab.networks.pretrained import imagenet_path
from xraylab.networks.registry import Network, build, network
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import PRESETS, Recipe, plan

NAMED = {
    "quick": "mobilenet_v2",
    "standard": "mobilenet_v2",
    "robust": "mobilenet_v2",
    "scratch": "small_cnn",
    "resnet50-transfer": "resnet50",
    "cnn-scratch": "cnn",
    "densenet121-frozen": "densenet121",
    "densenet121-finetune": "densenet121",
    "equal-epochs": "densenet121",
}
INSTEAD = "mobilenet_v2"
SMOKE = "smoke-"


def model_name(preset: str, arch: str, seed: int = 0) -> str:
    """What the model of a preset is called."""
    return f"{preset}.{arch}" + (f"-seed{seed}" if seed else "")


def needs_weights(recipe: Recipe, entry: Network) -> bool:
    """Whether a preset would lose a stage without pretrained weights."""
    try:
        return plan(recipe, entry, pretrained=False) != recipe
    except XRayLabError:
        return True


def run(settings: Settings, dataset: str, recipe: Recipe) -> None:
    """Train a preset with its network, or with the one instead of it beside a trial of its own."""
    entry, weights = network(NAMED[recipe.name]), "none"
    if needs_weights(recipe, entry):
        weights = "imagenet"
        if imagenet_path(settings, entry) is None:
            _try_out(settings, dataset, recipe, entry)
            entry = network(INSTEAD)
    name = model_name(recipe.name, entry.name, recipe.seed)
    train(settings, name, dataset=dataset, arch=entry.name, recipe=recipe, weights=weights)


def _try_out(settings: Settings, dataset: str, recipe: Recipe, entry: Network) -> None:
    """One epoch of each stage from random weights, whatever the seed."""
    stages = tuple(stage.model_copy(update={"epochs": 1}) for stage in recipe.stages)
    brief = recipe.model_copy(update={"stages": stages, "seed": 0})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{entry.name}-random.safetensors"
        torch.manual_seed(0)
        safetensors.torch.save_file(build(entry).state_dict(), file)
        name = SMOKE + model_name(recipe.name, entry.name)
        train(settings, name, dataset=dataset, arch=entry.name, recipe=brief, weights=str(file))


def main() -> None:
    """Run the presets that aren't there yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--only", nargs="*", choices=sorted(NAMED), default=sorted(NAMED))
    parser.add_argument("--seeds", type=int, default=1, help="From 0 on.")
    options = parser.parse_args()
    settings = load_settings()
    for seed in range(options.seeds):
        for preset in PRESETS:
            if preset.name in options.only:
                run(settings, options.dataset, preset.model_copy(update={"seed": seed}))


if __name__ == "__main__":
    main()
