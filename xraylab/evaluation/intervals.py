"""
Confidence intervals: Wilson's for a proportion, DeLong's for areas under the ROC curve.

- films of one patient are not independent: if patients are given, the intervals account for that
- bounds lie in [0, 1]; they are NaN where no interval can be computed
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.labelled import checked


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
    bounds inside [0, 1]. With one film per patient it equals DeLong's.

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
    area, variance, fewest = clustered.area, clustered.variance, min(clustered.with_ill, clustered.with_well)
    if not variance > 0 or not 0 < area < 1:
        low, high = wilson_interval(area * fewest, fewest, level=level)
        # In standard errors under an area of 1/2: Wilson's interval is the inverse of this test.
        deviations = (area - 1 / 2) * 2 * math.sqrt(fewest)
        return AreaEstimate(area, low, high, _two_sided(deviations) if fewest > 1 else math.nan)
    error = math.sqrt(variance) / (area * (1 - area))  # on the logit scale, by the delta method
    centre, half = math.log(area / (1 - area)), _deviations(level) * error
    low, high = ((1 + math.tanh(bound / 2)) / 2 for bound in (centre - half, centre + half))  # the logistic
    return AreaEstimate(area, low, high, _two_sided(centre / error))


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

    DeLong's paired test with Obuchowski's variance for films clustered by patient. For two models that rank
    all films in the same order, difference and bounds are 0. Bounds and p are NaN if a class was seen in one
    patient only.

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
    """
    truth, values, patients = checked(labels, scores, groups)
    diseased = truth == 1
    if diseased.all() or not diseased.any():
        raise ValueError("both classes are needed to compare two areas")
    first = _obuchowski(diseased, values, patients)
    second = _obuchowski(diseased, checked(labels, others, groups)[1], patients)
    difference = replace(
        first, area=first.area - second.area, ill=first.ill - second.ill, well=first.well - second.well
    )
    if math.isnan(difference.variance):
        return Difference(difference.area, math.nan, math.nan, math.nan)
    deviation = math.sqrt(max(difference.variance, 0.0))
    half = _deviations(level) * deviation
    p = _two_sided(difference.area / deviation) if deviation else math.nan
    return Difference(difference.area, max(-1.0, difference.area - half), min(1.0, difference.area + half), p)


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


def _two_sided(deviations: float) -> float:
    """Return the share of a normal distribution that lies further out, on both sides."""
    return math.erfc(abs(deviations) / math.sqrt(2))


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
