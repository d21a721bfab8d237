"""
Prevalence: predictive values, probabilities and counts if another share of the films has the finding.

- sensitivity and specificity are assumed to stay as measured, which may not be true elsewhere
- a prevalence lies in (0, 1): if everybody or nobody is ill there is nothing to predict
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.ratios import Interval, ratio_interval
from xraylab.evaluation.thresholds import ThresholdTable

THOUSAND = 1000
USUAL = 0.1  # share of films with the finding that is shown until a reader sets another


@dataclass(frozen=True)
class PredictiveValues:
    """PPV and NPV at a prevalence, each with its interval; NaN where unknown."""

    prevalence: float
    ppv: float
    ppv_interval: Interval
    npv: float
    npv_interval: Interval


def predictive_values(
    table: ThresholdTable, threshold: float, prevalence: float, *, level: float = 0.95
) -> PredictiveValues:
    """Compute PPV and NPV by Bayes' rule, with intervals clustered by patient.

    PPV depends on the ratio of false positive rate to sensitivity, NPV on that of false negative rate to
    specificity. The interval of such a ratio is made from those of its two parts (MOVER), so it is valid near
    0 and 1 too. The two parts are assumed to be independent, since they come from different films.

    Parameters
    ----------
    table : ThresholdTable
    threshold : float
        Any threshold.
    prevalence : float
        Share of films with disease, in (0, 1).
    level : float
        Confidence level in (0, 1).

    Raises
    ------
    ValueError
        If the prevalence is outside (0, 1).

    References
    ----------
    Donner A, Zou GY (2012), Statistical Methods in Medical Research 21:347-359.
    """
    odds = _odds(prevalence)
    point = table.at(threshold)
    sensitivity, specificity = (
        table.interval(name, threshold, level=level) for name in ("sensitivity", "specificity")
    )
    ppv, ppv_interval = _predicted(1 / odds, point.specificity, specificity, point.sensitivity, sensitivity)
    npv, npv_interval = _predicted(odds, point.sensitivity, sensitivity, point.specificity, specificity)
    return PredictiveValues(prevalence, ppv, ppv_interval, npv, npv_interval)


def _predicted(
    odds: float, rate: float, rate_interval: Interval, other: float, other_interval: Interval
) -> tuple[float, Interval]:
    """Return 1 / (1 + odds (1 - rate) / other), which rises with both rates, and its interval."""
    wrong, wrong_interval = 1 - rate, (1 - rate_interval[1], 1 - rate_interval[0])
    value = other / (other + odds * wrong) if other + odds * wrong > 0 else math.nan
    if math.isnan(value) or math.isnan(rate_interval[0]) or math.isnan(other_interval[0]):
        return value, (math.nan, math.nan)
    low, high = ratio_interval(wrong, wrong_interval, other, other_interval)
    return value, (1 / (1 + odds * high), 1 / (1 + odds * low))


def moved(scores: ArrayLike, *, measured_at: float, to: float) -> NDArray[np.float64]:
    """Convert probabilities that hold at one prevalence to another prevalence, by the prior odds.

    Parameters
    ----------
    scores : array_like of any shape
        In [0, 1], calibrated at the prevalence ``measured_at``; NaN stays NaN.
    measured_at, to : float
        Prevalences in (0, 1).

    Raises
    ------
    ValueError
        If a prevalence is outside (0, 1), or a score outside [0, 1].

    References
    ----------
    Saerens M, Latinne P, Decaestecker C (2002), Neural Computation 14:21-41.
    """
    values = np.asarray(scores, np.float64)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(f"a probability lies in [0, 1], not at {values}")
    ratio = _odds(to) / _odds(measured_at)
    converted: NDArray[np.float64] = np.asarray(ratio * values / (ratio * values + 1 - values))
    return converted


def of_a_thousand(point: OperatingPoint, prevalence: float) -> OperatingPoint | None:
    """Return the counts expected among 1,000 films if both rates stay as measured; None if one is unknown.

    Counts are rounded by largest remainder, so that they add up to 1,000.

    Raises
    ------
    ValueError
        If the prevalence is outside (0, 1).
    """
    ill = THOUSAND * checked_prevalence(prevalence)
    well = THOUSAND - ill
    positives, negatives = point.tp + point.fn, point.tn + point.fp
    if not positives or not negatives:
        return None
    tp, fn, fp, tn = whole_thousand(
        (
            ill * point.tp / positives,
            ill * point.fn / positives,
            well * point.fp / negatives,
            well * point.tn / negatives,
        )
    )
    return OperatingPoint(point.threshold, tp, fp, tn, fn)


def whole_thousand(shares: Sequence[float]) -> list[int]:
    """Round shares of a thousand films, which add up to 1,000, by largest remainder."""
    whole = [math.floor(share) for share in shares]
    order = sorted(range(len(shares)), key=lambda i: whole[i] - shares[i])
    for i in order[: THOUSAND - sum(whole)]:  # sorted is stable: among equal remainders the first wins
        whole[i] += 1
    return whole


def checked_prevalence(prevalence: float) -> float:
    """Return the prevalence unchanged if it is valid.

    Raises
    ------
    ValueError
        If it is outside (0, 1).
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence lies between 0 and 1, not at {prevalence}")
    return prevalence


def _odds(prevalence: float) -> float:
    return checked_prevalence(prevalence) / (1 - prevalence)
