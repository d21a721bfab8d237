"""
Confidence intervals: Wilson's for a proportion, clustered DeLong's for areas under the ROC curve.

- films of one patient are not independent: give the patients, and the interval widens as it must
- bounds lie in [0, 1]; where nothing can be said they are NaN
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
    """Confidence interval of a proportion that behaves at 0 and 1.

    Parameters
    ----------
    successes, trials : float
        0 <= successes <= trials; fractions are allowed, for effective sample sizes.
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
    """Confidence interval of the area under the ROC curve, films clustered by patient.

    DeLong's variance as Obuchowski extended it to clusters, on the logit scale, which keeps the
    bounds inside [0, 1]. With one film a patient it is DeLong's own.

    Where that variance is zero or undefined (an area of exactly 0 or 1, or a class seen in one
    patient only) the interval is Wilson's with as many trials as the rarer class has patients: no
    Mann-Whitney statistic varies more than that (Birnbaum and Klose), so it errs on the wide side.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    low, high : float
        Bounds in [0, 1]; (nan, nan) unless both classes are there.

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
    found = auc_estimate(labels, scores, groups, level=level)
    return found.low, found.high


@dataclass(frozen=True)
class AreaEstimate:
    """An area under the ROC curve, with what the films say of it; all NaN unless both classes are there."""

    value: float  # in [0, 1]
    low: float
    high: float
    p: float  # two-sided, of 0.5; NaN where a class was seen in one patient only


def auc_estimate(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> AreaEstimate:
    """Estimate the area under the ROC curve, and test whether it is one half, films clustered by patient.

    The area is the chance that a film with label 1 scores higher than one with label 0, ties counted half:
    the Mann-Whitney statistic over the number of pairs. The interval is that of ``auc_interval``, and p
    belongs to it: below 0.05 just where the interval at 95 % excludes 0.5.

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
    As of ``auc_interval``.
    """
    truth, values, patients = checked(labels, scores, groups)
    diseased = truth == 1
    if diseased.all() or not diseased.any():
        return AreaEstimate(math.nan, math.nan, math.nan, math.nan)
    found = _obuchowski(diseased, values, patients)
    area, variance, fewest = found.area, found.variance, min(found.with_ill, found.with_well)
    if not variance > 0 or not 0 < area < 1:
        low, high = wilson_interval(area * fewest, fewest, level=level)
        off = (
            (area - 1 / 2) * 2 * math.sqrt(fewest)
        )  # in standard errors: Wilson's interval inverts this test
        return AreaEstimate(area, low, high, _two_sided(off) if fewest > 1 else math.nan)
    error = math.sqrt(variance) / (area * (1 - area))
    centre, half = math.log(area / (1 - area)), _deviations(level) * error
    low, high = ((1 + math.tanh(bound / 2)) / 2 for bound in (centre - half, centre + half))  # the logistic
    return AreaEstimate(area, low, high, _two_sided(centre / error))


@dataclass(frozen=True)
class Difference:
    """One area less another on the same films."""

    value: float  # in [-1, 1]
    low: float
    high: float
    p: float  # two-sided, of no difference; NaN where nothing varies


def auc_difference(
    labels: ArrayLike,
    scores: ArrayLike,
    others: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> Difference:
    """How much larger the area is under one model's ROC curve than under another's, on the same films.

    DeLong's paired test with Obuchowski's variance for films clustered by patient. Two models that rank all
    films alike differ by zero, certainly; bounds and p are NaN when a class was seen in one patient only.

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
        As ``threshold_table`` does, and unless both classes are there.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL (1988), Biometrics 44:837-845.
    Obuchowski NA (1997), Biometrics 53:567-578.
    """
    truth, values, patients = checked(labels, scores, groups)
    diseased = truth == 1
    if diseased.all() or not diseased.any():
        raise ValueError("both classes are needed to compare two areas")
    one = _obuchowski(diseased, values, patients)
    other = _obuchowski(diseased, checked(labels, others, groups)[1], patients)
    apart = replace(one, area=one.area - other.area, ill=one.ill - other.ill, well=one.well - other.well)
    if math.isnan(apart.variance):
        return Difference(apart.area, math.nan, math.nan, math.nan)
    deviation = math.sqrt(max(apart.variance, 0.0))
    half = _deviations(level) * deviation
    p = _two_sided(apart.area / deviation) if deviation else math.nan
    return Difference(apart.area, max(-1.0, apart.area - half), min(1.0, apart.area + half), p)


@dataclass(frozen=True, eq=False)
class _Area:
    """An area under the ROC curve, and what each patient has to do with it."""

    area: float
    # (patients,) each: sum of placements of their films with disease, and without, less what the area expects
    ill: NDArray[np.float64]
    well: NDArray[np.float64]
    with_ill: int  # patients that have any
    with_well: int
    n_ill: int  # films
    n_well: int

    @property
    def variance(self) -> float:
        """Clustered by patient; NaN if a class was seen in one patient only."""
        if min(self.with_ill, self.with_well) == 1:
            return math.nan
        patients = self.ill.size
        return (
            self.with_ill / (self.with_ill - 1) * float(self.ill @ self.ill) / self.n_ill**2
            + self.with_well / (self.with_well - 1) * float(self.well @ self.well) / self.n_well**2
            + 2 * patients / (patients - 1) * float(self.ill @ self.well) / (self.n_ill * self.n_well)
        )


def _deviations(level: float) -> float:
    """Standard deviations to either side that hold so much of a normal distribution."""
    return NormalDist().inv_cdf((1 + level) / 2)


def _two_sided(deviations: float) -> float:
    """How much of a normal distribution lies further out, on both sides."""
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
        off: NDArray[np.float64] = np.bincount(codes, placements[chosen] - area, n_patients).astype(
            np.float64
        )
        return off, int(np.count_nonzero(films))

    ill, with_ill = by_patient(diseased)
    well, with_well = by_patient(~diseased)
    n_ill = int(np.count_nonzero(diseased))
    return _Area(area, ill, well, with_ill, with_well, n_ill, diseased.size - n_ill)


def _share_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of ``others`` below each value, those equal counted half."""
    ranked = np.sort(others)
    below, up_to = np.searchsorted(ranked, values, "left"), np.searchsorted(ranked, values, "right")
    share: NDArray[np.float64] = (below + up_to) / (2 * ranked.size)
    return share
