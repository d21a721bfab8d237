"""
Confidence intervals: Wilson's for a proportion, clustered DeLong's for the area under the ROC curve.

- films of one patient are not independent: give the patients, and the interval widens as it must
- bounds lie in [0, 1]; where nothing can be said they are NaN
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri

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
    z = float(ndtri((1 + level) / 2))
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
    truth, values, patients = checked(labels, scores, groups)
    diseased = truth == 1
    if diseased.all() or not diseased.any():
        return math.nan, math.nan
    area, variance, fewest = _obuchowski(diseased, values, patients)
    if not variance > 0 or not 0 < area < 1:
        return wilson_interval(area * fewest, fewest, level=level)
    half = float(ndtri((1 + level) / 2)) * math.sqrt(variance) / (area * (1 - area))
    return float(expit(logit(area) - half)), float(expit(logit(area) + half))


def _obuchowski(
    diseased: NDArray[np.bool_], scores: NDArray[np.float64], patients: NDArray[np.int64]
) -> tuple[float, float, int]:
    """Area, its clustered variance (NaN if a class has one patient), patients of the rarer class."""
    placements = np.empty_like(scores)
    placements[diseased] = _share_below(scores[diseased], scores[~diseased])
    placements[~diseased] = 1 - _share_below(scores[~diseased], scores[diseased])
    area = float(placements[diseased].mean())

    def by_patient(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], int]:
        """(patients,) sum of placements less what the area expects, and the patients that have any."""
        codes = patients[chosen]
        films = np.bincount(codes, minlength=n_patients)
        off: NDArray[np.float64] = np.bincount(codes, placements[chosen] - area, n_patients).astype(
            np.float64
        )
        return off, int(np.count_nonzero(films))

    n_patients = int(patients.max()) + 1
    off_pos, with_pos = by_patient(diseased)
    off_neg, with_neg = by_patient(~diseased)
    n_pos, n_neg = np.count_nonzero(diseased), np.count_nonzero(~diseased)
    fewest = min(with_pos, with_neg)
    if fewest == 1:
        return area, math.nan, fewest
    variance = (
        with_pos / (with_pos - 1) * float(off_pos @ off_pos) / n_pos**2
        + with_neg / (with_neg - 1) * float(off_neg @ off_neg) / n_neg**2
        + 2 * n_patients / (n_patients - 1) * float(off_pos @ off_neg) / (n_pos * n_neg)
    )
    return area, variance, fewest


def _share_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of ``others`` below each value, those equal counted half."""
    ranked = np.sort(others)
    below, up_to = np.searchsorted(ranked, values, "left"), np.searchsorted(ranked, values, "right")
    share: NDArray[np.float64] = (below + up_to) / (2 * ranked.size)
    return share
