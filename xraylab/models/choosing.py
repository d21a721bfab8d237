"""
Choose a model's threshold by a rule, on its validation films.

- every rule but a floor works on the model's threshold table, which is already there
- a sensitivity floor holds only for films that chose nothing before: no recipe, no epoch, no early end of the
  training, no calibration; whether a model has such films is answered quickly and without loading scipy
- a rule for the suite counts the films under every perturbation as well as the films as they are
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from xraylab.errors import RecipeError, XRayLabError
from xraylab.evaluation import floor
from xraylab.evaluation.figures import table_of
from xraylab.evaluation.one_decision import one_decision
from xraylab.evaluation.rules import FLOOR, Rule, choose
from xraylab.models.folder import Model
from xraylab.models.schema import FRESH_WEIGHTS
from xraylab.predictions import Predictions


def decides_alike(model: Model) -> str | None:
    """Say that a model's lock gives all validation films the same decision; see ``one_decision``.

    Returns
    -------
    str or None
        None too if there is no lock, or the predictions are missing or damaged.
    """
    lock = model.lock
    if lock is None:
        return None
    try:
        return one_decision(model.table("validation"), lock.threshold, lock.review_from)
    except XRayLabError:  # they must not keep a film from being read
        return None


def choose_threshold(model: Model, rule: Rule) -> float:
    """Choose the threshold of a model by a rule, on its validation films.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    NotFoundError
        If the predictions are missing or damaged, or the rule asks for a suite that the model wasn't scored
        under.
    WeightsError
        If the stored predictions are those of other weights.
    RecipeError
        If no threshold meets the rule. ``why_no_floor`` tells this beforehand for a sensitivity floor.
    """
    if rule.kind == FLOOR:
        return _floor_threshold(model, rule.share)
    if rule.suite:
        return choose(table_of(films_to_choose_by(model, rule)), rule)
    return choose(model.table("validation"), rule)


def films_to_choose_by(model: Model, rule: Rule) -> Predictions:
    """Return the scored films that a rule chooses by.

    Returns
    -------
    Predictions
        On the validation films; for a rule with ``@suite`` on the same films under each perturbation too.

    Raises
    ------
    NotFoundError, WeightsError
        As ``choose_threshold``.
    """
    validation = model.films("validation").scored
    if not rule.suite:
        return validation
    both = pd.concat([validation.frame, model.suite("validation").scored.frame], ignore_index=True)
    return replace(validation, frame=both)


def why_no_floor(model: Model, level: float) -> str | None:
    """Say why a model can't be locked by a sensitivity floor, and what to do; None if it can.

    Parameters
    ----------
    level : float
        The sensitivity that the floor asks for, in (0, 1).

    Raises
    ------
    NotFoundError, WeightsError
        If its predictions are missing, damaged, or those of other weights.
    """
    if why := _why_not_free(model):
        return f"“{model.name}” can't be locked by a sensitivity floor: {why}"
    films = model.films("validation").scored
    return floor.why_no_floor(films.labels, films.groups, level, finding=films.finding)


def why_no_floor_by(recipe: Mapping[str, Any]) -> str | None:
    """Say why a model trained by a recipe will have no sensitivity floor, and what to do; None if it may."""
    if recipe.get("keep") != "last":
        return "the validation films chose its epoch. Train by a recipe with “keep”: “last”."
    if recipe.get("patience") is not None:
        return "the validation films ended its training. Train by a recipe without “patience”."
    return None


def _floor_threshold(model: Model, level: float) -> float:
    """Return the highest threshold whose sensitivity is at least ``level`` with 95 % confidence."""
    if why := why_no_floor(model, level):
        raise RecipeError(why)
    films = model.films("validation").scored
    # The names decide which film stands for its patient, so that the choice is the same at every call.
    images = films.frame["image_id"].tolist()
    return floor.floor_threshold(
        films.labels, films.scores, films.groups, images, level, finding=films.finding
    )


def _why_not_free(model: Model) -> str | None:
    """Say which choice the validation films have already made for a model; None if they made none."""
    card = model.card
    if card.members:
        return (
            "an ensemble is calibrated on its validation films. Lock one of its members, or another model "
            "trained by a recipe with “keep”: “last”."
        )
    if "recipe" in card.chosen_by_validation:
        return (
            "the validation films chose its recipe. Train a model with a recipe that was fixed before, on "
            "other films."
        )
    if why := why_no_floor_by(card.recipe):
        return why
    # A person may have ended the training, and may have looked at the validation curve to do so.
    if card.epochs < sum(stage["epochs"] for stage in card.recipe.get("stages", ())):
        return (
            "its training was ended early, perhaps for what the validation films showed. Train it to the end."
        )
    if card.weights not in FRESH_WEIGHTS:
        return "these films may have chosen the weights it started from. Train from ImageNet weights or none."
    return None
