"""
The bootstrap of patients: intervals of numbers that have no formula for clustered films.

- patients are drawn with replacement, each with all of their films
- no film is copied: a draw is a count per patient, and films are weighted by it
- two models are compared on the same draws
- intervals are percentiles over the draws; a draw that lacks a class gives NaN for some rates, and is
  left out of the intervals of those rates
- at a rate of 0 or 1 every draw gives the same value, and the interval has no width: use Wilson's there

A draw costs O(patients) for rates at a threshold, and O(films) for areas, which are ranked once. On one core
2,000 draws of 395 patients with 782 films take 0.05 s for eight rates and 0.13 s for both areas; of 10,000
patients with 30,000 films, 0.2 s and 4 s.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.labelled import checked
from xraylab.evaluation.operating_point import OperatingPoint

RESAMPLES = 2000
RATES = ("sensitivity", "specificity", "ppv", "npv", "f1", "accuracy", "balanced_accuracy", "kappa", "mcc")
AREAS = ("auc", "average_precision")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Groups = Sequence[Any] | NDArray[Any] | None
Measure = Callable[[Ints], list[float]]  # how often each patient was drawn -> the numbers measured


def rate_intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Groups,
    threshold: float,
    *,
    rates: Sequence[str] = RATES,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return intervals of rates at a threshold, by a bootstrap of patients.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    threshold : float
        A film is called positive when score >= threshold.
    rates : sequence of str
        Names of properties of ``OperatingPoint``.
    resamples : int
        Number of draws, above 0.
    seed : int
        Seed of the draws: equal seeds give equal intervals.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    dict of str to (low, high)
        (nan, nan) where the rate itself is NaN.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN or there are no resamples.
    AttributeError
        If ``OperatingPoint`` has no such rate.

    References
    ----------
    Efron B, Tibshirani RJ (1993), An Introduction to the Bootstrap, Chapman & Hall, chapter 13.
    Field CA, Welsh AH (2007), Journal of the Royal Statistical Society B 69:369-390, for clusters.
    """
    truth, values, patients = checked(labels, scores, groups)
    measure = _rates(truth, values, patients, threshold, rates)
    return dict(zip(rates, _intervals(measure, patients, resamples, seed, level), strict=True))


def rate_difference_intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    groups: Groups,
    thresholds: tuple[float, float],
    *,
    rates: Sequence[str] = RATES,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return intervals of the differences of two models' rates, on the same draws of patients.

    Parameters
    ----------
    labels, scores, groups, rates, resamples, seed, level
        As in ``rate_intervals``.
    others : array_like, (n,)
        Scores of the model to be subtracted, film by film.
    thresholds : (float, float)
        Each model's own.

    Returns
    -------
    dict of str to (low, high)
        (nan, nan) where either model's rate is NaN.

    Raises
    ------
    ValueError, AttributeError
        As ``rate_intervals`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    first = _rates(truth, values, patients, thresholds[0], rates)
    second = _rates(truth, checked(labels, others, groups)[1], patients, thresholds[1], rates)
    measure = partial(_less, first, second)
    return dict(zip(rates, _intervals(measure, patients, resamples, seed, level), strict=True))


def area_intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Groups = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return intervals of AUC and average precision, by a bootstrap of patients.

    Parameters
    ----------
    labels, scores, groups, resamples, seed, level
        As in ``rate_intervals``.

    Returns
    -------
    dict of str to (low, high)
        ``auc`` and ``average_precision``; (nan, nan) where the area itself is NaN.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if there are no resamples.
    """
    truth, values, patients = checked(labels, scores, groups)
    measure = _ranked(truth, values, patients).areas
    return dict(zip(AREAS, _intervals(measure, patients, resamples, seed, level), strict=True))


def area_difference_intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    groups: Groups = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return intervals of the differences of two models' AUC and average precision, on the same draws.

    Parameters
    ----------
    labels, scores, groups, resamples, seed, level
        As in ``rate_intervals``.
    others : array_like, (n,)
        Scores of the model to be subtracted, film by film.

    Returns
    -------
    dict of str to (low, high)
        ``auc`` and ``average_precision``; (nan, nan) where the area itself is NaN.

    Raises
    ------
    ValueError
        As ``area_intervals`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    other = _ranked(truth, checked(labels, others, groups)[1], patients)
    measure = partial(_less, _ranked(truth, values, patients).areas, other.areas)
    return dict(zip(AREAS, _intervals(measure, patients, resamples, seed, level), strict=True))


def brier_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Groups = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the interval of the Brier score, by a bootstrap of patients.

    There is no such function for the expected calibration error: chance in its bins makes the estimate too
    large, each draw adds to that once more, and for a calibrated model the percentiles would hardly ever
    contain the true error.

    Parameters
    ----------
    labels, scores, groups, resamples, seed, level
        As in ``rate_intervals``; scores in [0, 1].

    Returns
    -------
    low, high : float
        In [0, 1]; (nan, nan) without films.

    Raises
    ------
    ValueError
        As ``area_intervals`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    films, lost = np.bincount(patients), np.bincount(patients, (values - truth) ** 2)

    def measure(drawn: Ints) -> list[float]:
        n = int(drawn @ films)
        return [float(drawn @ lost) / n if n else math.nan]

    return _intervals(measure, patients, resamples, seed, level)[0]


def _intervals(
    measure: Measure, patients: Ints, resamples: int, seed: int, level: float
) -> list[tuple[float, float]]:
    """Return the percentile interval of each number measured; (nan, nan) where the number itself is NaN."""
    if resamples < 1:
        raise ValueError(f"{resamples} resamples")
    n_patients = int(patients.max()) + 1 if patients.size else 0
    as_they_are = measure(np.ones(n_patients, np.int64))
    if not n_patients:
        return [(math.nan, math.nan)] * len(as_they_are)
    rng = np.random.default_rng(seed)
    drawn = np.array([measure(_draw(rng, n_patients)) for _ in range(resamples)])  # (resamples, numbers)
    return [
        (math.nan, math.nan) if math.isnan(value) else _percentiles(column, level)
        for value, column in zip(as_they_are, drawn.T, strict=True)
    ]


def _draw(rng: np.random.Generator, n_patients: int) -> Ints:
    """Draw as many patients as there are, with replacement; return how often each was drawn, (patients,)."""
    return np.bincount(rng.integers(n_patients, size=n_patients), minlength=n_patients)


def _percentiles(drawn: Floats, level: float) -> tuple[float, float]:
    known = drawn[~np.isnan(drawn)]  # a draw without one of the classes has no such rate
    if not known.size:
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _less(first: Measure, second: Measure, drawn: Ints) -> list[float]:
    return [a - b for a, b in zip(first(drawn), second(drawn), strict=True)]


def _rates(truth: Ints, scores: Floats, patients: Ints, threshold: float, names: Sequence[str]) -> Measure:
    """Return a measure of rates; it sums each patient's four counts and leaves formulas to OperatingPoint."""
    if math.isnan(threshold):
        raise ValueError("a threshold cannot be NaN")
    called, diseased = scores >= threshold, truth == 1
    cells = (called & diseased, called & ~diseased, ~called & ~diseased, ~called & diseased)
    counts = np.stack([np.bincount(patients, cell).astype(np.int64) for cell in cells], axis=1)  # (K, 4)

    def measure(drawn: Ints) -> list[float]:
        point = OperatingPoint(threshold, *(drawn @ counts).tolist())
        return [getattr(point, name) for name in names]

    return measure


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Films in order of falling score."""

    ill: NDArray[np.bool_]  # (n,)
    patients: Ints  # (n,)
    ends: Ints  # last film of each run of equal scores

    def areas(self, drawn: Ints) -> list[float]:
        """Return AUC and average precision, each film counted as often as its patient was drawn."""
        weights = drawn[self.patients]
        tp = np.cumsum(np.where(self.ill, weights, 0))[self.ends]
        fp = np.cumsum(weights)[self.ends] - tp
        positives, negatives = (int(counts[-1]) if counts.size else 0 for counts in (tp, fp))
        if not positives:
            return [math.nan, math.nan]
        steps = np.diff(tp, prepend=0)
        precision = tp / np.maximum(tp + fp, 1)  # without any film drawn yet, the step is 0 too
        average_precision = float(steps @ precision) / positives
        twice = int(np.diff(fp, prepend=0) @ (2 * tp - steps))
        return [twice / (2 * positives * negatives) if negatives else math.nan, average_precision]


def _ranked(truth: Ints, scores: Floats, patients: Ints) -> _Ranked:
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], falling.size > 0))
    return _Ranked(truth[order] == 1, patients[order], ends)
