"""Train for the documents: one model after another, and none of them twice."""

from xraylab import actions
from xraylab.settings import Settings
from xraylab.training.recipe import Recipe


def train(settings: Settings, name: str, *, dataset: str, arch: str, recipe: Recipe, weights: str) -> None:
    """Train a model in the present home unless it is there, and say what came of it."""
    if (settings.models / name).exists():
        print(f"{name}: there already", flush=True)
        return
    request = actions.request_training(
        settings, dataset=dataset, arch=arch, recipe=recipe, weights=weights, name=name
    )
    done = actions.train(settings, request)
    low, high = done.val.auc_ci
    print(
        f"{name}: validation AUC {done.val.auc:.4f} ({low:.4f} to {high:.4f}), {done.seconds} s", flush=True
    )
