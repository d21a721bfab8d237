"""Train models for the documentation, one after another, and none twice."""

from xraylab import actions
from xraylab.settings import Settings
from xraylab.training.recipe import Recipe


def train(settings: Settings, name: str, *, dataset: str, arch: str, recipe: Recipe, weights: str) -> None:
    """Train a model in the present home and print its validation AUC; skip a model that exists."""
    if (settings.models / name).exists():
        print(f"{name}: exists already", flush=True)
        return
    request = actions.request_training(
        settings, dataset=dataset, arch=arch, recipe=recipe, weights=weights, name=name
    )
    done = actions.train(settings, request)
    low, high = done.val.auc_ci
    print(
        f"{name}: validation AUC {done.val.auc:.4f} ({low:.4f} to {high:.4f}), {done.seconds} s", flush=True
    )
