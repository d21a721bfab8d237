"""Trainings: train a network in this process and lock it on validation."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike, fsdecode
from typing import Any

from xraylab import actions, formats
from xraylab.errors import RecipeError, TrainingError
from xraylab.front.evaluations import Evaluation, evaluation
from xraylab.front.results import Result, labelled
from xraylab.runs import ranks
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import Recipe, parse_recipe


@dataclass(frozen=True, repr=False)
class FinishedTraining(Result):
    """A training that ended with a model.

    Attributes
    ----------
    run : str
        Id of the run.
    model : str
        Name of the new model.
    seconds : float
    validation : Evaluation
        The model on its validation films, at the threshold that the recipe's rule chose on them.
    notes : tuple of str
        Sentences about the training that a person should know.
    """

    run: str
    model: str
    seconds: float
    validation: Evaluation
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return model, duration, AUC on validation, lock and notes."""
        return [
            f"{self.model}, trained in {formats.duration(self.seconds)}",
            labelled("AUC", f"{self.validation.auc!r} on validation"),
            labelled("lock", formats.score(self.validation.threshold)),
            *(labelled("note", sentence) for sentence in self.notes),
        ]


def train(
    dataset: str,
    *,
    arch: str | None = None,
    recipe: str | PathLike[str] | Mapping[str, Any] | Recipe | None = None,
    weights: str | PathLike[str] | None = None,
    name: str | None = None,
    replace: bool = False,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    settings: Settings | None = None,
) -> FinishedTraining:
    """Train a network on a dataset, and lock it on validation by the recipe's rule.

    It waits if another training uses the device. Ctrl-C cancels the run, which can be resumed.

    Parameters
    ----------
    dataset : str
        Name of an imported dataset.
    arch : str, optional
        Name of a network, such as ``mobilenet_v2``, ``resnet18`` or ``small_cnn``. By default a network that
        starts without a download.
    recipe : str, path-like, mapping or Recipe, optional
        Name of a preset, a JSON file, or the recipe itself. By default a preset that suits the network and
        its weights.
    weights : str or path-like, optional
        ``imagenet``, ``none``, the name of a model or a file. By default ImageNet weights if the network has
        them.
    name : str, optional
        Name of the model; by default it is made of network, recipe and time.
    replace : bool
        Whether to replace a model of that name.
    on_progress : callable, optional
        Called with each progress of the run: a dict with ``doing`` and ``fraction`` in [0, 1].
    settings : Settings, optional
        By default ``load_settings()``.

    Returns
    -------
    FinishedTraining

    Raises
    ------
    XRayLabError
        If the dataset, network, recipe, weights or name can't be used, or the training fails.
    """
    if not ranks.leads():
        # Each of several processes would queue the same run once more.
        raise TrainingError("Train on several GPUs by the command “train”, not from Python.")
    used = settings or load_settings()
    # All that can be checked is checked before the first epoch.
    request = actions.request_training(
        used,
        dataset=dataset,
        arch=arch,
        recipe=None if recipe is None else _recipe(recipe),
        weights=None if weights is None else fsdecode(weights),
        name=name,
        replace=replace,
    )
    document = actions.train(used, request, on_progress=on_progress)
    return FinishedTraining(
        document.run, document.model, document.seconds, evaluation(document.val), tuple(document.notes)
    )


def _recipe(recipe: str | PathLike[str] | Mapping[str, Any] | Recipe) -> str | Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Mapping):
        # By way of JSON, so that a dict is checked as strictly as a file, with the same sentences.
        try:
            raw = json.dumps(dict(recipe)).encode()
        except TypeError as error:
            raise RecipeError(f"The recipe holds a value that JSON doesn't have: {error}.") from error
        return parse_recipe(raw, "The recipe")
    return fsdecode(recipe)
