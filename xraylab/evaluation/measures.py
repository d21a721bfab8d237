"""
Measures: the numbers that a comparison shows, for one model and as differences of two, with intervals.

- intervals are at 95 % and clustered by patient, by formula or, if there is none, by a jackknife of patients
- for a number at the end of its scale, such as a kappa of 1, a jackknife has no interval: nothing varies
- the expected calibration error has no interval; ``jackknife.brier_interval`` says why
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation import jackknife
from xraylab.evaluation.estimates import area_bounds, rate_bounds
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.summary import brier_score, expected_calibration_error
from xraylab.evaluation.thresholds import threshold_table

MEASURES = (
    "auc",
    "average_precision",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "f1",
    "accuracy",
    "balanced_accuracy",
    "kappa",
    "mcc",
    "brier",
    "ece",
)
BY_JACKKNIFE = ("average_precision", "f1", "kappa")  # differences without a formula for their interval
_NO_INTERVAL = (math.nan, math.nan)
_Groups = Sequence[Any] | NDArray[Any] | None


@dataclass(frozen=True)
class Measured:
    """A number and its interval; NaN where it can't be computed."""

    value: float
    low: float
    high: float


def measures(labels: ArrayLike, scores: ArrayLike, threshold: float) -> dict[str, float]:
    """Compute every measure of a model at a threshold, without intervals.

    Parameters
    ----------
    labels, scores : array_like, (n,)
        Labels are 0 or 1, scores lie in [0, 1].
    threshold : float
        A film is called positive when score >= threshold.

    Returns
    -------
    dict of str to float
        By the names in ``MEASURES``, in their order; NaN where a measure can't be computed.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN.
    """
    truth, values, _ = checked(labels, scores, None)
    table = threshold_table(truth, values)
    point = table.at(threshold)
    threshold_free = {
        "auc": table.auc,
        "average_precision": table.average_precision,
        "brier": brier_score(truth, values),
        "ece": expected_calibration_error(truth, values),
    }
    return {
        name: threshold_free[name] if name in threshold_free else float(getattr(point, name))
        for name in MEASURES
    }


def estimates(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: _Groups,
    threshold: float,
) -> dict[str, Measured]:
    """Estimate every measure of a model at a threshold.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each; scores in [0, 1].
    threshold : float
        A film is called positive when score >= threshold.

    Returns
    -------
    dict of str to Measured
        By the names in ``MEASURES``, in their order. AUC: DeLong's, clustered; rates: Wilson's, clustered;
        balanced accuracy: MOVER; average precision, kappa, Matthews correlation and Brier score: jackknife.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN.
    """
    truth, values, patients = checked(labels, scores, groups)
    intervals = {
        **area_bounds(truth, values, patients),
        **rate_bounds(truth, values, patients, threshold),
        "brier": jackknife.brier_interval(truth, values, patients),
    }
    return {
        name: Measured(value, *intervals.get(name, _NO_INTERVAL))
        for name, value in measures(truth, values, threshold).items()
    }


def differences(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    groups: _Groups,
    thresholds: tuple[float, float],
) -> dict[str, Measured]:
    """Estimate how much larger one model's average precision, F1 and kappa are than another's.

    Parameters
    ----------
    labels, scores, groups
        As in ``estimates``.
    others : array_like, (n,)
        Scores of the model to be subtracted, film by film.
    thresholds : (float, float)
        Each model's own.

    Returns
    -------
    dict of str to Measured
        By the names in ``BY_JACKKNIFE``, each in [-2, 2]; the same patients are left out for both models.

    Raises
    ------
    ValueError
        As ``estimates`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    second_scores = checked(labels, others, groups)[1]
    first, second = (
        measures(truth, each, threshold)
        for each, threshold in zip((values, second_scores), thresholds, strict=True)
    )
    intervals = {
        "average_precision": jackknife.average_precision_difference_interval(
            truth, values, second_scores, patients
        ),
        **jackknife.rate_difference_intervals(
            truth, values, second_scores, patients, thresholds, rates=("f1", "kappa")
        ),
    }
    return {name: Measured(first[name] - second[name], *intervals[name]) for name in BY_JACKKNIFE}
