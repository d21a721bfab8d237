"""
Ratios of two rates, with intervals that come from those of both: likelihood ratios and what Bayes needs.

- the two rates are taken as independent: films with disease and films without are different films
- bounds are 0 or more and may be infinite; NaN where nothing can be said
"""

import math
from dataclasses import dataclass

from xraylab.evaluation.thresholds import ThresholdTable

Interval = tuple[float, float]


@dataclass(frozen=True)
class LikelihoodRatios:
    """How far a call moves the odds of disease, each ratio with its interval."""

    positive: float  # above 1 if a positive call speaks for disease; infinite without any false alarm
    positive_interval: Interval
    negative: float
    negative_interval: Interval


def likelihood_ratios(table: ThresholdTable, threshold: float, *, level: float = 0.95) -> LikelihoodRatios:
    """Likelihood ratios at a threshold, with intervals clustered by patient.

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
    found, rightly_below = (
        table.interval(name, threshold, level=level) for name in ("sensitivity", "specificity")
    )
    missed, alarmed = ((1 - high, 1 - low) for low, high in (found, rightly_below))
    return LikelihoodRatios(
        point.lr_positive,
        _interval(point.sensitivity, found, 1 - point.specificity, alarmed),
        point.lr_negative,
        _interval(1 - point.sensitivity, missed, point.specificity, rightly_below),
    )


def _interval(one: float, one_in: Interval, other: float, other_in: Interval) -> Interval:
    """The ratio's interval; NaN where a rate isn't known, or both are 0."""
    if math.isnan(one) or math.isnan(other) or one == other == 0:
        return math.nan, math.nan
    return ratio_interval(one, one_in, other, other_in)


def ratio_interval(one: float, one_in: Interval, other: float, other_in: Interval) -> Interval:
    """Bounds of one / other from the intervals of both (MOVER); the upper one may be infinite.

    Parameters
    ----------
    one, other : float
        0 or more, not both 0.
    one_in, other_in : (low, high)
        Of independent estimates.

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
