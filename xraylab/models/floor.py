"""
Where a sensitivity floor may be had: of a model that its validation films had no part in making.

- a floor holds for films that chose nothing before: no epoch, no end of the training, no calibration
- everything here is quick but the search for the threshold itself
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xraylab.errors import RecipeError
from xraylab.evaluation import floor

if TYPE_CHECKING:
    from xraylab.models.folder import Model

_FRESH = ("none", "imagenet")  # what a training may start from, so that no film here has chosen it


def why_no_floor(model: "Model", level: float) -> str | None:
    """Say why a model can't be locked by so high a sensitivity floor, and what to do; None where it can.

    Raises
    ------
    NotFoundError
        If its predictions are missing or damaged.
    """
    if why := _why_not_free(model):
        return f"“{model.name}” can't be locked by a sensitivity floor: {why}"
    films = model.validation.scored
    return floor.why_no_floor(films.labels, films.groups, level)


def why_no_floor_by(recipe: Mapping[str, Any]) -> str | None:
    """Say why what a recipe trains will have no sensitivity floor, and what to do; None where it may."""
    if recipe.get("keep") != "last":
        return "the validation films chose its epoch. Train by a recipe with “keep”: “last”."
    if recipe.get("patience") is not None:
        return "the validation films ended its training. Train by a recipe without “patience”."
    return None


def floor_threshold(model: "Model", level: float) -> float:
    """The highest threshold whose sensitivity is at least ``level`` with 95 % confidence.

    Raises
    ------
    NotFoundError
        If the predictions are missing or damaged.
    RecipeError
        If the model's validation films aren't free of choices, or are of too few patients.
    """
    if why := why_no_floor(model, level):
        raise RecipeError(why)
    films = model.validation.scored
    images = films.frame["image_id"].tolist()
    return floor.floor_threshold(films.labels, films.scores, films.groups, images, level)


def _why_not_free(model: "Model") -> str | None:
    card = model.card
    if card.members:
        return (
            "an ensemble is calibrated on its validation films. Lock one of its members, or another model "
            "trained by a recipe with “keep”: “last”."
        )
    if why := why_no_floor_by(card.recipe):
        return why
    if card.epochs < sum(stage["epochs"] for stage in card.recipe.get("stages", ())):
        return (
            "its training was ended early, perhaps for what the validation films showed. Train it to the end."
        )
    if card.weights not in _FRESH:
        return "these films may have chosen the weights it started from. Train from ImageNet weights or none."
    return None
