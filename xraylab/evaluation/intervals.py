"""
Confidence intervals: Wilson's for a proportion, DeLong's for areas under the ROC curve.

- films of one patient are not independent: if patients are given, the intervals account for that
- a variance that rests on few patients is uncertain itself: quantiles are Student's, with Satterthwaite's
  degrees of freedom; ``docs/coverage.md`` shows how often the intervals hold the true value
- bounds lie in [0, 1]; they are NaN where no interval can be computed
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.labelled import checked
from xraylab.evaluation.student import quantile, satterthwaite, two_sided

Labelled = tuple[ArrayLike, ArrayLike, Sequence[Any] | NDArray[Any] | None]  # labels, scores, patients

_SMALLEST_P = 1e-15  # smaller ones are not searched for: nobody can tell them apart
_HALVINGS = 40


def wilson_interval(successes: float, trials: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's confidence interval of a proportion, which stays valid near 0 and 1.

    Parameters
    ----------
    successes, trials : float
        0 <= successes <= trials; fractions are allowed, since effective sample sizes are fractions.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    low, high : float
        Bounds in [0, 1]; (nan, nan) when trials is 0.

    Raises
    ------
    ValueError
        If successes is outside [0, trials].

    References
    ----------
    Wilson EB (1927), J Am Stat Assoc 22:209-212.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return math.nan, math.nan
    z = _deviations(level)
    rate, spread = successes / trials, z * z / trials
    centre = (rate + spread / 2) / (1 + spread)
    half = z * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials)) / (1 + spread)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def auc_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the confidence interval of the area under the ROC curve, films clustered by patient.

    It uses DeLong's variance as Obuchowski extended it to clusters, on the logit scale, which keeps the
    bounds inside [0, 1]. With one film per patient the variance is DeLong's. Near an area of 1 few patients
    make up that variance, so the quantile is Student's: with Satterthwaite's degrees of freedom, and at most
    one fewer than the patients of the rarer class.

    Where that variance is zero or undefined (an area of exactly 0 or 1, or a class seen in one
    patient only) the interval is Wilson's, with the number of patients of the rarer class as trials. No
    Mann-Whitney statistic varies more than that (Birnbaum and Klose), so this interval is rather too wide.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    low, high : float
        Bounds in [0, 1]; (nan, nan) unless there are films of both classes.

    Raises
    ------
    ValueError
        As ``threshold_table`` does.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL (1988), Biometrics 44:837-845.
    Obuchowski NA (1997), Biometrics 53:567-578.
    Satterthwaite FE (1946), Biometrics Bulletin 2:110-114.
    Birnbaum ZW, Klose OM (1957), Ann Math Stat 28:933-945.
    """
    estimate = auc_estimate(labels, scores, groups, level=level)
    return estimate.low, estimate.high


@dataclass(frozen=True)
class AreaEstimate:
    """An area under the ROC curve, with interval and p; all NaN unless there are films of both classes."""

    value: float  # in [0, 1]
    low: float
    high: float
    p: float  # two-sided, of an area of 0.5; NaN if a class was seen in one patient only


def auc_estimate(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> AreaEstimate:
    """Estimate the area under the ROC curve, and test whether it is one half, films clustered by patient.

    The area is the probability that a film with label 1 scores higher than one with label 0, ties counted
    half: the Mann-Whitney statistic over the number of pairs. The interval is that of ``auc_interval``, and
    p agrees with it: p is below 0.05 exactly if the 95 % interval excludes 0.5.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    level : float
        Confidence level in (0, 1).

    Raises
    ------
    ValueError
        As ``threshold_table`` does.

    References
    ----------
    The same as for ``auc_interval``.
    """
    truth, values, patients = checked(labels, scores, groups)
    diseased = truth == 1
    if diseased.all() or not diseased.any():
        return AreaEstimate(math.nan, math.nan, math.nan, math.nan)
    clustered = _obuchowski(diseased, values, patients)
    low, high = clustered.interval(level)
    return AreaEstimate(clustered.area, low, high, clustered.p)


@dataclass(frozen=True)
class Difference:
    """Difference of two areas on the same films, first minus second."""

    value: float  # in [-1, 1]
    low: float
    high: float
    p: float  # two-sided, of no difference; NaN if the difference doesn't vary


def auc_difference(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> Difference:
    """Estimate how much larger one model's area under the ROC curve is than another's, on the same films.

    The distances from each area to the ends of its own interval are added like standard errors, minus what
    the correlation between the areas explains (MOVER). The areas' intervals are those of ``auc_interval``, so
    the result is valid near 1 and with few patients, where the plain difference plus or minus 1.96 standard
    errors is far too short. Variances and correlation are DeLong's, with Obuchowski's extension to films
    clustered by patient. p agrees with the interval: p is below 0.05 exactly if the 95 % interval excludes 0.

    For two models that rank all films in the same order, difference and bounds are 0, unless both are
    perfect: then the patients are the only limit to how far they may differ. Bounds and p are NaN if
    a class was seen in one patient only.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    others : array of shape (n,)
        Scores of the model to be subtracted, film by film.
    level : float
        Confidence level in (0, 1).

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and unless there are films of both classes.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL (1988), Biometrics 44:837-845.
    Obuchowski NA (1997), Biometrics 53:567-578.
    Zou GY (2007), Psychological Methods 12:399-413.
    """
    truth, values, patients = checked(labels, scores, groups)
    diseased = truth == 1
    if diseased.all() or not diseased.any():
        raise ValueError("both classes are needed to compare two areas")
    first = _obuchowski(diseased, values, patients)
    second = _obuchowski(diseased, checked(labels, others, groups)[1], patients)
    value, correlation = first.area - second.area, _correlation(first, second)
    if math.isnan(first.variance):
        return Difference(value, math.nan, math.nan, math.nan)
    if not value and first.variance > 0 and not _apart(first, second).variance > 0:
        return Difference(0.0, 0.0, 0.0, math.nan)

    def bounds(level: float) -> tuple[float, float]:
        return mover_difference(
            first.area, second.area, first.interval(level), second.interval(level), correlation
        )

    low, high = bounds(level)
    return Difference(value, low, high, _p_of(value, bounds))


def auc_difference_apart(first: Labelled, second: Labelled, *, level: float = 0.95) -> Difference:
    """Estimate how much larger an area under the ROC curve is on some films than on others.

    As ``auc_difference``, but the areas count as independent. If films of one patient are in both sets, their
    areas rise and fall together, and the interval is rather too wide.

    Parameters
    ----------
    first, second : (labels, scores, groups)
        Each as in ``threshold_table``; the second is subtracted.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Difference
        NaN unless each set has films of both classes, each of two patients or more.

    Raises
    ------
    ValueError
        As ``threshold_table`` does.
    """
    areas = []
    for truth, values, patients in (checked(*first), checked(*second)):
        if not 0 < truth.sum() < truth.size:
            return Difference(math.nan, math.nan, math.nan, math.nan)
        areas.append(_obuchowski(truth == 1, values, patients))
    one, other = areas
    value = one.area - other.area
    if min(one.fewest, other.fewest) == 1:
        return Difference(value, math.nan, math.nan, math.nan)

    def bounds(level: float) -> tuple[float, float]:
        return mover_difference(one.area, other.area, one.interval(level), other.interval(level))

    low, high = bounds(level)
    return Difference(value, low, high, _p_of(value, bounds))


def _apart(first: "_Area", second: "_Area") -> "_Area":
    """Return the difference of two areas, with each patient's contribution to its variance."""
    return replace(
        first, area=first.area - second.area, ill=first.ill - second.ill, well=first.well - second.well
    )


def _correlation(first: "_Area", second: "_Area") -> float:
    """Return the correlation of two areas on the same films; 0 if one doesn't vary."""
    both = math.sqrt(max(0.0, first.variance) * max(0.0, second.variance))
    if not both > 0:
        return 0.0
    shared = (first.variance + second.variance - _apart(first, second).variance) / 2
    return max(-1.0, min(1.0, shared / both))


def mover_difference(
    first: float,
    second: float,
    first_in: tuple[float, float],
    second_in: tuple[float, float],
    correlation: float = 0.0,
) -> tuple[float, float]:
    """Return the interval of a difference of two estimates from their own intervals (MOVER).

    The distances from each estimate to the ends of its interval are added like standard errors, minus what
    the correlation explains. So the result is valid where the intervals are, near 0 and 1 too.

    Parameters
    ----------
    first, second : float
        The estimates, in [-1, 1]; the second is subtracted.
    first_in, second_in : (low, high)
        Their intervals.
    correlation : float
        Of the two estimates, in [-1, 1]; 0 if they come from different patients.

    Returns
    -------
    low, high : float
        In [-2, 2]; NaN if a bound is unknown.

    References
    ----------
    Zou GY (2007), Psychological Methods 12:399-413.
    """
    down = _reach(first - first_in[0], second_in[1] - second, correlation)
    up = _reach(first_in[1] - first, second - second_in[0], correlation)
    return first - second - down, first - second + up


def _reach(first: float, second: float, correlation: float) -> float:
    """Return the distance to one end of a difference's interval, from those of both parts."""
    if math.isnan(first + second):
        return math.nan
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))


def _p_of(value: float, bounds: Callable[[float], tuple[float, float]]) -> float:
    """Return the p at which the interval of level 1 - p just reaches 0, by halving its logarithm."""
    if not value:
        return 1.0

    def excludes_zero(p: float) -> bool:
        low, high = bounds(1 - p)
        return low > 0 or high < 0

    smallest, largest = math.log(_SMALLEST_P), 0.0
    for _ in range(_HALVINGS):
        middle = (smallest + largest) / 2
        if excludes_zero(math.exp(middle)):
            largest = middle
        else:
            smallest = middle
    return math.exp(largest)


@dataclass(frozen=True, eq=False)
class _Area:
    """An area under the ROC curve, and each patient's contribution to its variance."""

    area: float
    # (patients,) each: sum of the placements of a patient's films, minus the area for each film;
    # a film's placement is the share of films of the other class that it is ranked correctly against
    ill: NDArray[np.float64]
    well: NDArray[np.float64]
    with_ill: int  # patients with at least one such film
    with_well: int
    n_ill: int  # films
    n_well: int

    def interval(self, level: float) -> tuple[float, float]:
        """Return the confidence interval of the area, as ``auc_interval`` describes it."""
        area, fewest = self.area, self.fewest
        if self.extreme:
            return wilson_interval(area * fewest, fewest, level=level)
        half = quantile(self.freedom, level) * self.error
        centre = math.log(area / (1 - area))
        low, high = ((1 + math.tanh(bound / 2)) / 2 for bound in (centre - half, centre + half))
        return low, high

    @property
    def p(self) -> float:
        """Two-sided p of an area of 1/2; NaN if a class was seen in one patient only."""
        if self.extreme:
            # In standard errors under an area of 1/2: Wilson's interval is the inverse of this test.
            deviations = (self.area - 1 / 2) * 2 * math.sqrt(self.fewest)
            return two_sided(deviations, math.inf) if self.fewest > 1 else math.nan
        return two_sided(math.log(self.area / (1 - self.area)) / self.error, self.freedom)

    @property
    def extreme(self) -> bool:
        """Whether the variance says nothing: it is 0 or unknown, or the area is 0 or 1."""
        return not self.variance > 0 or not 0 < self.area < 1

    @property
    def error(self) -> float:
        """Standard error on the logit scale, by the delta method."""
        return math.sqrt(self.variance) / (self.area * (1 - self.area))

    @property
    def fewest(self) -> int:
        """Number of patients of the rarer class."""
        return min(self.with_ill, self.with_well)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the variance, at least 1."""
        return min(satterthwaite(self.ill / self.n_ill + self.well / self.n_well), self.fewest - 1)

    @property
    def variance(self) -> float:
        """Variance of the area, clustered by patient; NaN if a class was seen in one patient only."""
        if min(self.with_ill, self.with_well) == 1:
            return math.nan
        patients = self.ill.size
        return (
            self.with_ill / (self.with_ill - 1) * float(self.ill @ self.ill) / self.n_ill**2
            + self.with_well / (self.with_well - 1) * float(self.well @ self.well) / self.n_well**2
            + 2 * patients / (patients - 1) * float(self.ill @ self.well) / (self.n_ill * self.n_well)
        )


def _deviations(level: float) -> float:
    """Return z such that a share ``level`` of a normal distribution lies within z standard deviations."""
    return NormalDist().inv_cdf((1 + level) / 2)


def _obuchowski(
    diseased: NDArray[np.bool_], scores: NDArray[np.float64], patients: NDArray[np.int64]
) -> _Area:
    placements = np.empty_like(scores)
    placements[diseased] = _share_below(scores[diseased], scores[~diseased])
    placements[~diseased] = 1 - _share_below(scores[~diseased], scores[diseased])
    area = float(placements[diseased].mean())
    n_patients = int(patients.max()) + 1

    def by_patient(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], int]:
        codes = patients[chosen]
        films = np.bincount(codes, minlength=n_patients)
        residuals: NDArray[np.float64] = np.bincount(codes, placements[chosen] - area, n_patients).astype(
            np.float64
        )
        return residuals, int(np.count_nonzero(films))

    ill, with_ill = by_patient(diseased)
    well, with_well = by_patient(~diseased)
    n_ill = int(np.count_nonzero(diseased))
    return _Area(area, ill, well, with_ill, with_well, n_ill, diseased.size - n_ill)


def _share_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of ``others`` below each value, equal ones counted half."""
    ranked = np.sort(others)
    below, up_to = np.searchsorted(ranked, values, "left"), np.searchsorted(ranked, values, "right")
    share: NDArray[np.float64] = (below + up_to) / (2 * ranked.size)
    return share
