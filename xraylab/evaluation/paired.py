"""How much larger a share of the same films one model calls rightly than another, clustered by patient."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.labelled import checked
from xraylab.evaluation.thresholds import threshold_table

_HALF = 0.5  # between a wrong call, 0, and a right one, 1


@dataclass(frozen=True)
class RateDifference:
    """One model's rate less another's on the same films; NaN without films."""

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
    """Compare two shares of the same films, clustered by patient.

    Of films with disease it compares sensitivities, of those without specificities, of all accuracies.

    The distances of the ends of both rates' own intervals from the rates are added as standard errors are,
    less what the rates have in common from patient to patient (MOVER). The intervals are those of
    ``ThresholdTable.interval``, so that it behaves at 0 and 1 as they do. With one film a patient it is
    Newcombe's method 8.

    Parameters
    ----------
    right, others : array_like, (n,)
        1 where the first and the second model called a film rightly, else 0.
    groups : array_like, (n,), optional
        The patient of each film; by default every film is its own.
    level : float
        Confidence level in (0, 1).

    Raises
    ------
    ValueError
        If lengths differ, or something is neither 0 nor 1.

    References
    ----------
    Newcombe RG (1998), Statistics in Medicine 17:2635-2650.
    Zou GY (2007), Psychological Methods 12:399-413.
    """
    one, _, patients = checked(right, np.zeros(np.shape(right)), groups)
    other = checked(others, np.zeros(np.shape(right)), groups)[0]
    if not one.size:
        return RateDifference(math.nan, math.nan, math.nan)
    first, second = float(one.mean()), float(other.mean())
    (first_low, first_high), (second_low, second_high) = (
        threshold_table(np.ones_like(calls), calls, patients).interval("sensitivity", _HALF, level=level)
        for calls in (one, other)
    )
    together = _correlation(_beyond(one, first, patients), _beyond(other, second, patients))
    down = _apart(first - first_low, second_high - second, together)
    up = _apart(first_high - first, second - second_low, together)
    value = first - second
    return RateDifference(value, max(-1.0, value - down), min(1.0, value + up))


def _beyond(right: NDArray[np.int64], rate: float, patients: NDArray[np.int64]) -> NDArray[np.float64]:
    """(patients,) how many more of their films were called rightly than the rate expects."""
    return np.bincount(patients, right - rate).astype(np.float64)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How two rates vary together from patient to patient; 0 where one doesn't vary."""
    both = float(one @ one) * float(other @ other)
    return max(-1.0, min(1.0, float(one @ other) / math.sqrt(both))) if both > 0 else 0.0


def _apart(one: float, other: float, together: float) -> float:
    """How far a difference reaches, from how far both rates do."""
    return math.sqrt(max(0.0, one**2 + other**2 - 2 * together * one * other))
