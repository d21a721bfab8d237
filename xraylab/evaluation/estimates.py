"""
Estimates: each number of a set of films with two intervals, one by patient and one by film.

- the interval by patient is the one to report: films of one patient are not independent
- the interval by film treats each film as its own patient; it is too narrow if patients have several films,
  and serves only for comparison with published work that does the same
- intervals come from a formula if there is one, otherwise from a jackknife; where no patient changes the
  number, or it is at an end of its scale, the jackknife says nothing, and the interval is NaN
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.jackknife import average_precision_interval, rate_intervals
from xraylab.evaluation.ratios import likelihood_ratios
from xraylab.evaluation.thresholds import ThresholdTable, threshold_table

Interval = tuple[float, float]
Method = Literal["Wilson", "MOVER", "DeLong", "jackknife"]
Groups = Sequence[Any] | NDArray[Any] | None

_WITHOUT_FORMULA = ("kappa", "mcc")  # rates without a formula for films clustered by patient


@dataclass(frozen=True)
class FigureEstimate:
    """A number with its two intervals; NaN where it can't be computed."""

    value: float
    interval: Interval  # clustered by patient
    by_film: Interval  # each film treated as its own patient
    method: Method  # of both intervals


def area_estimates(
    labels: ArrayLike, scores: ArrayLike, groups: Groups, *, level: float = 0.95
) -> dict[str, FigureEstimate]:
    """Estimate AUC and average precision.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    dict of str to FigureEstimate
        ``auc``, by DeLong's formula as Obuchowski extended it; ``average_precision``, by jackknife.

    Raises
    ------
    ValueError
        As ``threshold_table`` does.
    """
    table = threshold_table(labels, scores, groups)
    by_patient, by_film = (area_bounds(labels, scores, units, level=level) for units in (groups, None))
    return {
        "auc": FigureEstimate(table.auc, by_patient["auc"], by_film["auc"], "DeLong"),
        "average_precision": FigureEstimate(
            table.average_precision,
            by_patient["average_precision"],
            by_film["average_precision"],
            "jackknife",
        ),
    }


def rate_estimates(
    labels: ArrayLike, scores: ArrayLike, groups: Groups, threshold: float, *, level: float = 0.95
) -> dict[str, FigureEstimate]:
    """Estimate every rate at a threshold.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    threshold : float
        A film is called positive when score >= threshold.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    dict of str to FigureEstimate
        ``sensitivity``, ``specificity``, ``ppv``, ``npv``, ``f1``, ``accuracy`` (Wilson's interval);
        ``balanced_accuracy``, ``lr_positive``, ``lr_negative`` (MOVER); ``kappa``, ``mcc`` (jackknife).
        A likelihood ratio and its upper bound may be infinite.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN.
    """
    point = threshold_table(labels, scores, groups).at(threshold)
    of_patients, of_films = (
        rate_bounds(labels, scores, units, threshold, level=level) for units in (groups, None)
    )
    return {
        name: FigureEstimate(float(getattr(point, name)), of_patients[name], of_films[name], _method(name))
        for name in of_patients
    }


def area_bounds(
    labels: ArrayLike, scores: ArrayLike, groups: Groups, *, level: float = 0.95
) -> dict[str, Interval]:
    """Return the intervals of ``area_estimates`` for one choice of groups."""
    return {
        "auc": auc_interval(labels, scores, groups, level=level),
        "average_precision": average_precision_interval(labels, scores, groups, level=level),
    }


def rate_bounds(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Groups,
    threshold: float,
    *,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Return the intervals of ``rate_estimates`` for one choice of groups."""
    table = threshold_table(labels, scores, groups)
    return {
        **_by_formula(table, threshold, level),
        **rate_intervals(labels, scores, groups, threshold, rates=_WITHOUT_FORMULA, level=level),
    }


def _by_formula(table: ThresholdTable, threshold: float, level: float) -> dict[str, Interval]:
    ratios = likelihood_ratios(table, threshold, level=level)
    return {
        **{name: table.interval(name, threshold, level=level) for name in PROPORTIONS},
        "balanced_accuracy": balanced_accuracy_interval(table, threshold, level=level),
        "lr_positive": ratios.positive_interval,
        "lr_negative": ratios.negative_interval,
    }


def _method(name: str) -> Method:
    if name in PROPORTIONS:
        return "Wilson"
    return "jackknife" if name in _WITHOUT_FORMULA else "MOVER"
