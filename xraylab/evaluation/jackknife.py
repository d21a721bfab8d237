"""
The jackknife of patients: intervals of numbers that have no formula for clustered films.

- each patient is left out once, with all films; how much the number changes is the patient's influence
- the influences give a standard error, and Satterthwaite's degrees of freedom for Student's quantile
- the interval is made on a scale without ends (logit, or Fisher's z) and converted back, so it stays inside
- two models are compared by leaving out the same patients (MOVER)
- there is no interval where the influences say nothing: the number is at an end of its scale, such as a kappa
  of 1, or doesn't change, or only one patient has films of a class

A bootstrap of patients, used here before, was too short for few patients and near the ends: percentiles carry
the skewness to the wrong side. ``docs/coverage.md`` shows both.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.intervals import mover_difference
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.student import quantile, satterthwaite

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Groups = Sequence[Any] | NDArray[Any] | None
Interval = tuple[float, float]

_MOST_UNITS = 2000  # of more patients, several are left out together
_CELLS = 1_000_000  # films times units that are ranked at a time, 8 MB
_CORRELATIONS = ("kappa", "mcc")  # lie in [-1, 1]; other numbers lie in [0, 1]
_UNKNOWN = (math.nan, math.nan)


@dataclass(frozen=True, eq=False)
class Jackknifed:
    """A number, and the influence of each patient on it."""

    value: float
    influence: Floats  # (units,) with mean 0; NaN if the number isn't known without a patient
    signed: bool  # whether the number lies in [-1, 1] instead of [0, 1]

    def interval(self, level: float = 0.95) -> Interval:
        """Return the confidence interval; NaN where the influences say nothing."""
        share = (self.value + 1) / 2 if self.signed else self.value
        error = self.error / 2 if self.signed else self.error
        if not error > 0 or not 0 < share < 1:
            return _UNKNOWN
        # Fisher's z is half the logit of (1 + r) / 2, so one scale serves both.
        half = quantile(self.freedom, level) * error / (share * (1 - share))
        centre = math.log(share / (1 - share))
        low, high = (math.tanh(bound / 2) for bound in (centre - half, centre + half))
        return (low, high) if self.signed else ((1 + low) / 2, (1 + high) / 2)

    @property
    def error(self) -> float:
        """Standard error; NaN with a single patient."""
        units = self.influence.size
        if units < 2:  # noqa: PLR2004 - one patient doesn't show how patients vary
            return math.nan
        return math.sqrt((units - 1) / units * float(self.influence @ self.influence))

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the variance, at most one fewer than the patients."""
        return min(satterthwaite(self.influence), self.influence.size - 1)


def rate_intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Groups,
    threshold: float,
    *,
    rates: Sequence[str],
    level: float = 0.95,
) -> dict[str, Interval]:
    """Return intervals of rates at a threshold, by leaving out each patient once.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    threshold : float
        A film is called positive when score >= threshold.
    rates : sequence of str
        Names of properties of ``OperatingPoint``.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    dict of str to (low, high)
        (nan, nan) where there is no interval.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN.
    AttributeError
        If ``OperatingPoint`` has no such rate.

    References
    ----------
    Efron B, Tibshirani RJ (1993), An Introduction to the Bootstrap, Chapman & Hall, chapter 11.
    Satterthwaite FE (1946), Biometrics Bulletin 2:110-114.
    """
    truth, values, patients = checked(labels, scores, groups)
    found = _rates(truth, values, patients, threshold, rates)
    return {name: each.interval(level) for name, each in found.items()}


def rate_difference_intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    groups: Groups,
    thresholds: tuple[float, float],
    *,
    rates: Sequence[str],
    level: float = 0.95,
) -> dict[str, Interval]:
    """Return intervals of the differences of two models' rates, each at its own threshold.

    Parameters
    ----------
    labels, scores, groups, rates, level
        As in ``rate_intervals``.
    others : array_like, (n,)
        Scores of the model to be subtracted, film by film.
    thresholds : (float, float)
        Each model's own.

    Returns
    -------
    dict of str to (low, high)
        (nan, nan) where one of the two rates has no interval.

    Raises
    ------
    ValueError, AttributeError
        As ``rate_intervals`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    other_values = checked(labels, others, groups)[1]
    first = _rates(truth, values, patients, thresholds[0], rates)
    second = _rates(truth, other_values, patients, thresholds[1], rates)
    return {name: difference_interval(first[name], second[name], level) for name in rates}


def average_precision_interval(
    labels: ArrayLike, scores: ArrayLike, groups: Groups = None, *, level: float = 0.95
) -> Interval:
    """Return the interval of average precision, by leaving out each patient once.

    Parameters
    ----------
    labels, scores, groups, level
        As in ``rate_intervals``.

    Returns
    -------
    low, high : float
        In [0, 1]; (nan, nan) where there is no interval.

    Raises
    ------
    ValueError
        As ``threshold_table`` does.
    """
    return _average_precision(*checked(labels, scores, groups)).interval(level)


def average_precision_difference_interval(
    labels: ArrayLike, scores: ArrayLike, others: ArrayLike, groups: Groups = None, *, level: float = 0.95
) -> Interval:
    """Return the interval of the difference of two models' average precision.

    Parameters
    ----------
    labels, scores, groups, level
        As in ``rate_intervals``.
    others : array_like, (n,)
        Scores of the model to be subtracted, film by film.

    Returns
    -------
    low, high : float
        In [-1, 1]; (nan, nan) where one of the two has no interval.

    Raises
    ------
    ValueError
        As ``threshold_table`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    other = _average_precision(truth, checked(labels, others, groups)[1], patients)
    return difference_interval(_average_precision(truth, values, patients), other, level)


def brier_interval(
    labels: ArrayLike, scores: ArrayLike, groups: Groups = None, *, level: float = 0.95
) -> Interval:
    """Return the interval of the Brier score, by leaving out each patient once.

    There is no such function for the expected calibration error: chance in its bins makes the estimate too
    large, and for a calibrated model an interval around it would hardly ever contain the true error.

    Parameters
    ----------
    labels, scores, groups, level
        As in ``rate_intervals``; scores in [0, 1].

    Returns
    -------
    low, high : float
        In [0, 1]; (nan, nan) where there is no interval.

    Raises
    ------
    ValueError
        As ``threshold_table`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    return mean_of((values - truth) ** 2, patients).interval(level)


def mean_of(values: Floats, patients: Ints) -> Jackknifed:
    """Average a number of each film, such as its loss, and leave out each patient once.

    Parameters
    ----------
    values : float array of shape (n,)
        In [0, 1].
    patients : int array of shape (n,)
        From 0 on.
    """
    films, sums = np.bincount(patients), np.bincount(patients, values)
    if films.size < 2:  # noqa: PLR2004 - nothing is left without the only patient
        return Jackknifed(float(values.mean()) if values.size else math.nan, np.empty(0), signed=False)
    left = (sums.sum() - sums) / (films.sum() - films)
    return _jackknifed(float(sums.sum() / films.sum()), left, signed=False)


def difference_interval(first: Jackknifed, second: Jackknifed, level: float) -> Interval:
    """Return the interval of the difference of two numbers of the same patients; NaN if one has none."""
    if first.value == second.value and np.array_equal(first.influence, second.influence):
        return _UNKNOWN  # nothing varies: the two models make the same calls
    both = first.error * second.error
    correlation = 0.0
    if both > 0:
        units = first.influence.size
        shared = (units - 1) / units * float(first.influence @ second.influence)
        correlation = max(-1.0, min(1.0, shared / both))
    return mover_difference(
        first.value, second.value, first.interval(level), second.interval(level), correlation
    )


def _rates(
    truth: Ints, scores: Floats, patients: Ints, threshold: float, names: Sequence[str]
) -> dict[str, Jackknifed]:
    """Leave out each patient's four counts; the formulas are those of OperatingPoint."""
    if math.isnan(threshold):
        raise ValueError("a threshold cannot be NaN")
    called, diseased = scores >= threshold, truth == 1
    cells = (called & diseased, called & ~diseased, ~called & ~diseased, ~called & diseased)
    units = _units(patients)
    counts = np.stack([np.bincount(units, cell).astype(np.int64) for cell in cells], axis=1)  # (units, 4)
    total = counts.sum(axis=0)
    points = [OperatingPoint(threshold, *left) for left in (total - counts).tolist()]
    whole = OperatingPoint(threshold, *total.tolist())
    return {
        name: _jackknifed(
            float(getattr(whole, name)),
            np.array([getattr(point, name) for point in points], np.float64),
            signed=name in _CORRELATIONS,
        )
        for name in names
    }


def _average_precision(truth: Ints, scores: Floats, patients: Ints) -> Jackknifed:
    """Leave out each patient's films; they are ranked once."""
    units = _units(patients)
    order = np.argsort(-scores, kind="stable")
    falling, ill, units = scores[order], truth[order], units[order]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], falling.size > 0))
    n_units, rows = int(units.max(initial=-1)) + 1, max(1, _CELLS // max(1, truth.size))
    [everything] = _precisions(ill, units, ends, np.array([-1]))
    left = [
        _precisions(ill, units, ends, np.arange(first, min(first + rows, n_units)))
        for first in range(0, n_units, rows)
    ]
    return _jackknifed(float(everything), np.concatenate([*left, np.empty(0)]), signed=False)


def _precisions(ill: Ints, units: Ints, ends: Ints, without: Ints) -> Floats:
    """Return the average precision of films in order of falling score, without each unit, (without,)."""
    kept = units != without[:, None]  # (without, films)
    tp, called = (np.cumsum(each, axis=1)[:, ends] for each in (ill * kept, kept))
    if not ends.size:
        return np.full(without.size, np.nan)
    steps = np.diff(tp, axis=1, prepend=0)
    with np.errstate(divide="ignore", invalid="ignore"):  # without any film with disease it is NaN
        precision: Floats = (steps * tp / np.maximum(called, 1)).sum(axis=1) / tp[:, -1]
    return precision


def _jackknifed(value: float, left: Floats, *, signed: bool) -> Jackknifed:
    """Turn the values without each unit into influences."""
    return Jackknifed(value, (left.mean() - left) if left.size else left, signed)


def _units(patients: Ints) -> Ints:
    """Return what is left out together: a patient, or several at random if there are very many."""
    n_patients = int(patients.max(initial=-1)) + 1
    if n_patients <= _MOST_UNITS:
        return patients
    unit: Ints = np.random.default_rng(0).permutation(n_patients) % _MOST_UNITS
    return unit[patients]
