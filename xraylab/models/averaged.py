"""
Predictions of an ensemble, averaged from those of its members.

- nothing is scored here: the members' trainings stored their scores
- the sealed test scores are averaged too; they leave only for the ensemble's folder, under the same seal
- the members must have held out the same films: what one was tested on, another may have trained on
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.errors import EnsembleError
from xraylab.evaluation.averaging import Averaging
from xraylab.finite import NO_SCORE
from xraylab.models.folder import Model
from xraylab.predictions import PERTURBATION, Predictions, class_columns, class_probabilities


def check_held_out(first: Model, second: Model) -> None:
    """Check that two models of one dataset held out the same films, for the same use.

    Raises
    ------
    EnsembleError
        If they didn't: the films that tested one may have trained the other.
    NotFoundError, WeightsError
        If the predictions of one are missing, damaged, or those of other weights.
    """
    for one, other in ((first, second), (second, first)):
        _check_contained(one, other)
    mine = first.unsealed.frame.set_index("image_id")
    theirs = second.unsealed.frame.set_index("image_id").loc[mine.index]
    moved = int((mine["split"] != theirs["split"]).sum())
    if moved:
        raise EnsembleError(
            f"“{first.name}” and “{second.name}” use {moved} of the films they held out differently: one for "
            "validation, the other for the test. Average models that were trained on one split."
        )
    if not mine[["label", "group"]].equals(theirs[["label", "group"]]):
        raise EnsembleError(
            f"“{first.name}” and “{second.name}” have different labels or patients for the same films. "
            "Average models that were trained on one split."
        )


def _check_contained(one: Model, other: Model) -> None:
    """Check that a model held out no film that the other may have trained on."""
    films, known = one.unsealed.frame, other.unsealed.frame["image_id"]
    unknown = films[~films["image_id"].isin(known)]
    if len(unknown):
        # Patients, because a dataset is split by patient: one film too many means a patient too many.
        n = unknown["patient"].nunique()
        raise EnsembleError(
            f"“{one.name}” held out {n} {'patient' if n == 1 else 'patients'} that “{other.name}” didn't "
            "hold out, and may have been trained on. Average models that were trained on one split."
        )


def average_predictions(models: Sequence[Model], averaging: Averaging) -> Predictions:
    """Average the members' predictions on the films that their trainings held out, test films included.

    Parameters
    ----------
    models : sequence of Model
        The members; all have predictions on the same films.
    averaging : Averaging
        The calibration of each member and of their mean.

    Returns
    -------
    Predictions
        In the order of the first member's films. The test scores in it are sealed: write them into the
        ensemble's folder and show them nowhere.

    Raises
    ------
    NotFoundError, WeightsError
        If the predictions of a member are missing, damaged, or those of other weights.
    """
    return _average([model.unsealed for model in models], models[0].card.classes, averaging)


def average_suites(models: Sequence[Model], averaging: Averaging) -> Predictions | None:
    """Average the members' predictions under the suite of perturbations.

    Returns
    -------
    Predictions or None
        As ``average_predictions``; None unless every member was scored under the suite.

    Raises
    ------
    EnsembleError
        If the members were scored under different suites.
    NotFoundError, WeightsError
        As ``average_predictions``.
    """
    suites = [model.unsealed_suite for model in models]
    known = [suite for suite in suites if suite is not None]
    if len(known) < len(suites):
        return None
    first = set(known[0].perturbations)
    for model, suite in zip(models, known, strict=True):
        # A version may change the suite, and a mean over different changes of a film has no meaning.
        if set(suite.perturbations) != first:
            raise EnsembleError(
                f"“{models[0].name}” and “{model.name}” were scored under different suites of perturbations. "
                "Train one again with this version of XRayLab."
            )
    return _average(known, models[0].card.classes, averaging)


def _average(members: Sequence[Predictions], classes: Sequence[str], averaging: Averaging) -> Predictions:
    """Average several models' predictions on the same films, in the order of the first model's."""
    order = _by_film(members[0].frame).index
    # Each file has its own order of films, so rows are matched by name and not by place.
    frames = [_by_film(member.frame).loc[order] for member in members]
    averaged = averaging.of(np.stack([frame["logit"].to_numpy(np.float64) for frame in frames]))
    frame = members[0].frame.assign(logit=averaged.logit, score=averaged.score, spread=averaged.spread)
    # A film that any member has no score for has none here, and its row says why.
    reasons = frame["refused"].where(frame["refused"].notna(), NO_SCORE)
    frame["refused"] = reasons.where(frame["score"].isna(), None)
    columns = class_columns(classes)
    if columns:
        kinds = averaged.given_finding(np.stack([_kinds(one[columns[1:]]) for one in frames]))
        frame[columns] = class_probabilities(averaged.score, kinds)
    return replace(members[0], frame=frame)


def _by_film(frame: pd.DataFrame) -> pd.DataFrame:
    """Index a frame by the film's name, and by its perturbation if there is one."""
    return frame.set_index([name for name in ("image_id", PERTURBATION) if name in frame])


def _kinds(probabilities: pd.DataFrame) -> NDArray[np.float64]:
    """Return the probability of each kind given the finding, (n, kinds)."""
    values = probabilities.to_numpy(np.float64)
    total = values.sum(axis=1, keepdims=True)
    # A model that is certain of no finding says nothing about its kind: then each is equally likely.
    return np.where(total > 0, values / np.where(total > 0, total, 1), 1 / values.shape[1])
