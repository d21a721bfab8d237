"""
Ratios of two rates with their intervals: likelihood ratios, and the ratios that Bayes' rule needs.

- the two rates are assumed to be independent: one comes from films with disease, the other from films without
- bounds are 0 or more and may be infinite; they are NaN where unknown
"""

import math
from dataclasses import dataclass

from xraylab.evaluation.thresholds import ThresholdTable

Interval = tuple[float, float]


@dataclass(frozen=True)
class LikelihoodRatios:
    """Factors by which a call changes the odds of disease, each with its interval."""

    positive: float  # above 1 if a positive call is evidence for disease; infinite without any false alarm
    positive_interval: Interval
    negative: float
    negative_interval: Interval


def likelihood_ratios(table: ThresholdTable, threshold: float, *, level: float = 0.95) -> LikelihoodRatios:
    """Compute both likelihood ratios at a threshold, with intervals clustered by patient.

    Parameters
    ----------
    table : ThresholdTable
    threshold : float
        Any threshold.
    level : float
        Confidence level in (0, 1).

    References
    ----------
    Donner A, Zou GY (2012), Statistical Methods in Medical Research 21:347-359.
    """
    point = table.at(threshold)
    sensitivity, specificity = (
        table.interval(name, threshold, level=level) for name in ("sensitivity", "specificity")
    )
    miss_rate, alarm_rate = ((1 - high, 1 - low) for low, high in (sensitivity, specificity))
    return LikelihoodRatios(
        point.lr_positive,
        _interval(point.sensitivity, sensitivity, 1 - point.specificity, alarm_rate),
        point.lr_negative,
        _interval(1 - point.sensitivity, miss_rate, point.specificity, specificity),
    )


def _interval(one: float, one_in: Interval, other: float, other_in: Interval) -> Interval:
    """Return the interval of a ratio; NaN if a rate is unknown, or both are 0."""
    if math.isnan(one) or math.isnan(other) or one == other == 0:
        return math.nan, math.nan
    return ratio_interval(one, one_in, other, other_in)


def ratio_interval(one: float, one_in: Interval, other: float, other_in: Interval) -> Interval:
    """Return the bounds of one / other from the intervals of both (MOVER); the upper bound may be infinite.

    Parameters
    ----------
    one, other : float
        0 or more, not both 0.
    one_in, other_in : (low, high)
        Intervals of the two, which must be independent estimates.

    References
    ----------
    Donner A, Zou GY (2012), Statistical Methods in Medical Research 21:347-359.
    """
    (low, high), (other_low, other_high) = one_in, other_in
    product = one * other
    a, c = other_high * (2 * other - other_high), low * (2 * one - low)
    below = product + math.sqrt(max(0.0, product**2 - a * c))
    a_above, c_above = other_low * (2 * other - other_low), high * (2 * one - high)
    above = product + math.sqrt(max(0.0, product**2 - a_above * c_above))
    return (c / below if below > 0 else 0.0), (above / a_above if a_above > 0 else math.inf)
