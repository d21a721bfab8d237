"""
Estimates: all numbers of a model that a comparison shows, each with its interval.

- intervals are at 95 % and clustered by patient, by formula or by a bootstrap of patients where there is none
- an interval that a bootstrap leaves without any width is none: on a rate of 1 every draw says 1
- the expected calibration error has no interval; see ``bootstrap.brier_interval``
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation import bootstrap
from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.intervals import auc_interval
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
BY_BOOTSTRAP = ("average_precision", "f1", "kappa")  # the differences that have no formula
_RATES = ("kappa", "mcc")  # without a formula for their interval
_NO_INTERVAL = (math.nan, math.nan)
_Groups = Sequence[Any] | NDArray[Any] | None


@dataclass(frozen=True)
class Estimate:
    """A number and its interval; NaN where nothing can be said."""

    value: float
    low: float
    high: float


def measures(labels: ArrayLike, scores: ArrayLike, threshold: float) -> dict[str, float]:
    """Every measure of a model at a threshold, without intervals.

    Parameters
    ----------
    labels, scores : array_like, (n,)
        0 or 1; in [0, 1].
    threshold : float
        A film is called positive when score >= threshold.

    Returns
    -------
    dict of str to float
        By the names in ``MEASURES``, in their order; NaN where nothing can be said.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN.
    """
    truth, values, _ = checked(labels, scores, None)
    table = threshold_table(truth, values)
    point = table.at(threshold)
    found = {
        "auc": table.auc,
        "average_precision": table.average_precision,
        "brier": brier_score(truth, values),
        "ece": expected_calibration_error(truth, values),
    }
    return {name: found[name] if name in found else float(getattr(point, name)) for name in MEASURES}


def estimates(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: _Groups,
    threshold: float,
    *,
    resamples: int = bootstrap.RESAMPLES,
) -> dict[str, Estimate]:
    """Estimate every measure of a model at a threshold.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each; scores in [0, 1].
    threshold : float
        A film is called positive when score >= threshold.
    resamples : int
        Of the bootstrap.

    Returns
    -------
    dict of str to Estimate
        By the names in ``MEASURES``, in their order. AUC: DeLong's, clustered; rates: Wilson's, clustered;
        balanced accuracy: MOVER; average precision, kappa, Matthews correlation and Brier score: bootstrap.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN.
    """
    truth, values, patients = checked(labels, scores, groups)
    table = threshold_table(truth, values, patients)
    intervals = {
        "auc": auc_interval(truth, values, patients),
        "balanced_accuracy": balanced_accuracy_interval(table, threshold),
        **{name: table.interval(name, threshold) for name in PROPORTIONS},
        **_drawn(truth, values, patients, threshold, resamples),
    }
    return {
        name: Estimate(value, *intervals.get(name, _NO_INTERVAL))
        for name, value in measures(truth, values, threshold).items()
    }


def differences(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    groups: _Groups,
    thresholds: tuple[float, float],
    *,
    resamples: int = bootstrap.RESAMPLES,
) -> dict[str, Estimate]:
    """Estimate how much larger one model's average precision, F1 and kappa are than another's.

    Parameters
    ----------
    labels, scores, groups, resamples
        As in ``estimates``.
    others : array_like, (n,)
        Scores of the model to be subtracted, film by film.
    thresholds : (float, float)
        Each model's own.

    Returns
    -------
    dict of str to Estimate
        By the names in ``BY_BOOTSTRAP``, each in [-2, 2]; the patients are drawn for both models at once.

    Raises
    ------
    ValueError
        As ``estimates`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    second = checked(labels, others, groups)[1]
    one, other = (
        measures(truth, each, threshold) for each, threshold in zip((values, second), thresholds, strict=True)
    )
    intervals = bootstrap.area_difference_intervals(truth, values, second, patients, resamples=resamples)
    intervals |= bootstrap.rate_difference_intervals(
        truth, values, second, patients, thresholds, rates=("f1", "kappa"), resamples=resamples
    )
    return {name: Estimate(one[name] - other[name], *_with_width(intervals[name])) for name in BY_BOOTSTRAP}


def _drawn(
    truth: NDArray[np.int64],
    scores: NDArray[np.float64],
    patients: NDArray[np.int64],
    threshold: float,
    resamples: int,
) -> dict[str, tuple[float, float]]:
    """Intervals by a bootstrap of patients, of what has no formula."""
    areas = bootstrap.area_intervals(truth, scores, patients, resamples=resamples)
    rates = bootstrap.rate_intervals(truth, scores, patients, threshold, rates=_RATES, resamples=resamples)
    found = {
        "average_precision": areas["average_precision"],
        "brier": bootstrap.brier_interval(truth, scores, patients, resamples=resamples),
        **rates,
    }
    return {name: _with_width(bounds) for name, bounds in found.items()}


def _with_width(bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = bounds
    return bounds if low < high else _NO_INTERVAL
