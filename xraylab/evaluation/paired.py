"""
Paired rates: the difference of two models' rates on the same films, with its interval.

- intervals are clustered by patient; the rates' correlation from patient to patient is taken into account
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.intervals import mover_difference
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.thresholds import threshold_table

_HALF = 0.5  # between a wrong call, 0, and a right one, 1


@dataclass(frozen=True)
class RateDifference:
    """Difference of two models' rates on the same films, first minus second; NaN without films."""

    value: float  # in [-1, 1]
    low: float
    high: float


def rate_difference(
    right: ArrayLike,
    others: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> RateDifference:
    """Compare the shares of the same films that two models call correctly, clustered by patient.

    Given films with disease, it compares sensitivities; given films without, specificities; given all films,
    accuracies.

    The distances from each rate to the ends of its own interval are added like standard errors, minus what
    the correlation between the rates explains (MOVER). The rates' intervals are those of
    ``ThresholdTable.interval``, so that the result is valid near 0 and 1 too. With one film per patient it is
    Newcombe's method 8.

    Parameters
    ----------
    right, others : array_like, (n,)
        1 where the first or the second model called a film correctly, otherwise 0.
    groups : array_like, (n,), optional
        The patient of each film; by default every film is its own.
    level : float
        Confidence level in (0, 1).

    Raises
    ------
    ValueError
        If lengths differ, or a value is neither 0 nor 1.

    References
    ----------
    Newcombe RG (1998), Statistics in Medicine 17:2635-2650.
    Zou GY (2007), Psychological Methods 12:399-413.
    """
    first_right, _, patients = checked(right, np.zeros(np.shape(right)), groups)
    second_right = checked(others, np.zeros(np.shape(right)), groups)[0]
    if not first_right.size:
        return RateDifference(math.nan, math.nan, math.nan)
    first, second = float(first_right.mean()), float(second_right.mean())
    first_in, second_in = (
        threshold_table(np.ones_like(calls), calls, patients).interval("sensitivity", _HALF, level=level)
        for calls in (first_right, second_right)
    )
    correlation = _correlation(
        _residuals(first_right, first, patients), _residuals(second_right, second, patients)
    )
    low, high = mover_difference(first, second, first_in, second_in, correlation)
    return RateDifference(first - second, max(-1.0, low), min(1.0, high))


def _residuals(right: NDArray[np.int64], rate: float, patients: NDArray[np.int64]) -> NDArray[np.float64]:
    """Count each patient's correct calls, minus the number expected from the rate, (patients,)."""
    return np.bincount(patients, right - rate).astype(np.float64)


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the correlation of two rates over patients; 0 if one doesn't vary."""
    both = float(first @ first) * float(second @ second)
    return max(-1.0, min(1.0, float(first @ second) / math.sqrt(both))) if both > 0 else 0.0
