"""
Run every preset on a dataset, with the network it names.

``python -m scripts.presets --dataset NAME [--seeds K] [--only PRESET ...]`` trains in the present home, one
after another; ``python -m scripts.results`` then writes the page. If the ImageNet weights of a preset's
network aren't on this machine, the preset runs with MobileNetV2 instead. Its own network runs for one epoch
per stage from random weights. That only shows that the preset works, not how well.
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
    """Return the name of a preset's model."""
    return f"{preset}.{arch}" + (f"-seed{seed}" if seed else "")


def needs_weights(recipe: Recipe, entry: Network) -> bool:
    """Return whether a preset would lose a stage without pretrained weights."""
    try:
        return plan(recipe, entry, pretrained=False) != recipe
    except XRayLabError:
        return True


def run(settings: Settings, dataset: str, recipe: Recipe) -> None:
    """Train a preset with its network; without weights, try that out and train with ``INSTEAD``."""
    entry, weights = network(NAMED[recipe.name]), "none"
    if needs_weights(recipe, entry):
        weights = "imagenet"
        if imagenet_path(settings, entry) is None:
            _try_out(settings, dataset, recipe, entry)
            entry = network(INSTEAD)
    name = model_name(recipe.name, entry.name, recipe.seed)
    train(settings, name, dataset=dataset, arch=entry.name, recipe=recipe, weights=weights)


def _try_out(settings: Settings, dataset: str, recipe: Recipe, entry: Network) -> None:
    """Train one epoch of each stage from random weights, with seed 0."""
    stages = tuple(stage.model_copy(update={"epochs": 1}) for stage in recipe.stages)
    brief = recipe.model_copy(update={"stages": stages, "seed": 0})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{entry.name}-random.safetensors"
        torch.manual_seed(0)
        safetensors.torch.save_file(build(entry).state_dict(), file)
        name = SMOKE + model_name(recipe.name, entry.name)
        train(settings, name, dataset=dataset, arch=entry.name, recipe=brief, weights=str(file))


def main() -> None:
    """Run the presets that have no model yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--only", nargs="*", choices=sorted(NAMED), default=sorted(NAMED))
    parser.add_argument("--seeds", type=int, default=1, help="Number of seeds, from 0 on.")
    options = parser.parse_args()
    settings = load_settings()
    for seed in range(options.seeds):
        for preset in PRESETS:
            if preset.name in options.only:
                run(settings, options.dataset, preset.model_copy(update={"seed": seed}))


if __name__ == "__main__":
    main()
