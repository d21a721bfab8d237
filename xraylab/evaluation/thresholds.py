"""
The exact threshold table: counts for every threshold that makes a difference.

- row i calls positive every film with score >= threshold[i]; the first row, at +inf, calls no film positive
- films of equal score are never split, so the counts are right at any threshold, also between rows
- the interval of each rate accounts for films that share a patient
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.clustering import PatientSums, effective_sizes, patient_sums
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.findings import PNEUMONIA, Finding

_FEWEST_DECIMALS, _MOST_DECIMALS = 3, 17
_FEW_FILMS, _MOST_STEPS = 25_000, 4_096
_OWN_STEPS = 64  # of these steps, reserved for the ends and for thresholds that must be kept


@dataclass(frozen=True, eq=False)
class ThresholdTable:
    """Counts at every distinct threshold, highest first."""

    threshold: NDArray[np.float64]  # (rows,): +inf, then the distinct scores, falling
    tp: NDArray[np.int64]  # (rows,): diseased films with score >= threshold
    fp: NDArray[np.int64]  # (rows,)
    labels: NDArray[np.int64]  # (n,): of all films, in order of falling score
    patients: NDArray[np.int64]  # (n,): 0 ... K-1, of the same films
    finding: Finding = PNEUMONIA  # what the labels are about, for sentences

    def __len__(self) -> int:
        return self.threshold.size

    @property
    def positives(self) -> int:
        """Number of diseased films."""
        return int(self.tp[-1])

    @property
    def negatives(self) -> int:
        """Number of films without disease."""
        return int(self.fp[-1])

    @property
    def n(self) -> int:
        """Number of films."""
        return self.positives + self.negatives

    @property
    def n_groups(self) -> int:
        """Number of patients."""
        return int(self.patients.max(initial=-1)) + 1

    def row(self, threshold: float) -> int:
        """Return the index of the row that classifies films the same way as this threshold.

        Raises
        ------
        ValueError
            If the threshold is NaN.
        """
        if math.isnan(threshold):
            raise ValueError("a threshold cannot be NaN")
        return int(np.searchsorted(self._rising, -threshold, side="right")) - 1

    @cached_property
    def _rising(self) -> NDArray[np.float64]:
        """Thresholds with their sign changed; kept, because a handle asks for a row many times a second."""
        return -self.threshold

    def at(self, threshold: float) -> OperatingPoint:
        """Return the exact counts at any threshold, also between rows."""
        row = self.row(threshold)
        tp, fp = int(self.tp[row]), int(self.fp[row])
        return OperatingPoint(threshold, tp, fp, self.negatives - fp, self.positives - tp)

    def histogram(self, bins: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count films by their score, in equal bins from 0 to 1; a score of 1 is in the last.

        Returns
        -------
        negatives, positives : ndarray of int64, (bins,) each

        Raises
        ------
        ValueError
            If a score lies outside [0, 1].
        """
        scores = self.threshold[1:]
        if scores.size and not 0 <= scores[-1] <= scores[0] <= 1:
            raise ValueError(f"scores lie in {scores[-1]} to {scores[0]}, not in [0, 1]")
        place = np.minimum((scores * bins).astype(np.int64), bins - 1)
        negatives, positives = np.zeros(bins, np.int64), np.zeros(bins, np.int64)
        np.add.at(negatives, place, np.diff(self.fp))
        np.add.at(positives, place, np.diff(self.tp))
        return negatives, positives

    def cut(self, row: int) -> float:
        """Return a threshold to show for a row: finite, in [0, 1], and short.

        It lies halfway between the row's score and the next lower one, so that a new film that scores
        almost the same as a known one falls on the same side. It is rounded to the fewest decimals, at
        least three, that still classify the films the same way, so that the number shown is exactly the
        number locked. The last row gives 0, the first row gives 1.

        Raises
        ------
        ValueError
            If scores lie outside [0, 1], or the row needs a threshold above 1.
        """
        if len(self) > 1 and not 0 <= self.threshold[-1] <= self.threshold[1] <= 1:
            raise ValueError(f"scores lie in {self.threshold[-1]} to {self.threshold[1]}, not in [0, 1]")
        if row < self.highest_row:
            raise ValueError("no threshold up to 1 leaves out a film that scores 1")
        if row == len(self) - 1:
            return 0.0
        if row == 0:
            return 1.0
        return _cut_between(float(self.threshold[row + 1]), float(self.threshold[row]))

    @property
    def highest_row(self) -> int:
        """First row that a threshold up to 1 can reach: 1 when a film scores 1, else 0."""
        return int(len(self) > 1 and self.threshold[1] >= 1)

    def steps(self, thresholds: Iterable[float] = ()) -> NDArray[np.int64]:
        """Return rows for a scale on a screen: all rows, or at most 4,096 for more than 25,000 films.

        Rows are left out, never interpolated, so the counts at those kept are exact. Three selections are
        joined: even steps of arcsin(sqrt(share)) of the rows, of the false alarms and of the diseased
        found. Such steps are even in standard errors, and so are dense at both ends, where sensitivity or
        specificity is near 1.

        Parameters
        ----------
        thresholds : iterable of float
            Thresholds whose rows are always kept, such as presets and the lock.

        Returns
        -------
        ndarray of int64, (steps,)
            Rising, from the first row to the last. Without ``thresholds`` the result is always the same.

        Raises
        ------
        ValueError
            If a threshold is NaN, or rows are left out and the thresholds need more than 61 of their own.

        References
        ----------
        Anscombe FJ (1948), Biometrika 35:246-254, for the arcsine.
        """
        last = len(self) - 1
        kept = {0, self.highest_row, last, *(self.row(threshold) for threshold in thresholds)}
        if self.n <= _FEW_FILMS or last < _MOST_STEPS:
            return np.arange(last + 1)
        if len(kept) > _OWN_STEPS:
            raise ValueError(f"{len(kept)} rows must be kept, more than {_OWN_STEPS}")
        shares = np.sin(np.linspace(0, np.pi / 2, (_MOST_STEPS - _OWN_STEPS) // 3)) ** 2
        by_row = np.rint(shares * last).astype(np.int64)
        # For each share: the lowest cut with no more false alarms, the highest that finds as many.
        by_alarm = np.searchsorted(self.fp, shares * self.negatives, side="right") - 1
        by_finding = np.searchsorted(self.tp, shares * self.positives, side="left")
        return np.unique(np.concatenate([list(kept), by_row, by_alarm, by_finding]))

    @cached_property
    def auc(self) -> float:
        """Area under the ROC curve, ties counted half; NaN unless there are films of both classes."""
        pairs = self.positives * self.negatives
        twice = int(np.dot(np.diff(self.fp), self.tp[1:] + self.tp[:-1]))
        return twice / (2 * pairs) if pairs else math.nan

    @cached_property
    def average_precision(self) -> float:
        """Mean precision over the recalls reached (a step function, as in scikit-learn)."""
        if not self.positives:
            return math.nan
        precision = self.tp[1:] / (self.tp[1:] + self.fp[1:])
        return float(np.dot(np.diff(self.tp), precision)) / self.positives

    @cached_property
    def sums(self) -> PatientSums:
        """Sums over patients that the intervals need; computed on first use because it takes longest."""
        return patient_sums(self.labels, self.patients, self.tp[1:] + self.fp[1:] - 1)

    @cached_property
    def effective(self) -> Mapping[str, NDArray[np.float64]]:
        """Effective sample size of each metric, (rows,) each; see ``clustering``."""
        return effective_sizes(self.sums)

    def interval(self, metric: str, threshold: float, *, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of a rate at a threshold, films clustered by patient.

        Wilson's interval with the effective sample size. F1 is 2j / (1 + j) with j = tp / (tp + fp + fn),
        so its interval is that of j, converted by the same formula.

        Parameters
        ----------
        metric : str
            sensitivity, specificity, ppv, npv, f1 or accuracy.
        threshold : float
            Any threshold.
        level : float
            Confidence level in (0, 1).

        Returns
        -------
        low, high : float
            In [0, 1]; (nan, nan) if the rate is NaN.

        Raises
        ------
        KeyError
            If the metric isn't one of the six.
        """
        size = float(self.effective[metric][self.row(threshold)])
        rate = float(getattr(self.at(threshold), metric))
        if math.isnan(rate) or math.isnan(size):
            return math.nan, math.nan
        if metric == "f1":
            low, high = wilson_interval(rate / (2 - rate) * size, size, level=level)
            return 2 * low / (1 + low), 2 * high / (1 + high)
        return wilson_interval(rate * size, size, level=level)


def threshold_table(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    finding: Finding = PNEUMONIA,
) -> ThresholdTable:
    """Tabulate every distinct threshold of a set of scores.

    Parameters
    ----------
    labels : array_like, (n,)
        0 (no disease) or 1.
    scores : array_like, (n,)
        Finite; higher means more likely diseased.
    groups : array_like, (n,), optional
        The patient of each film; by default each film is its own.
    finding : Finding
        What the labels are about, for the sentences that are made from the table.

    Returns
    -------
    ThresholdTable
        One row per distinct score, and one row above them all. No films, or one class only, are allowed.

    Raises
    ------
    ValueError
        If lengths differ, a score is NaN or infinite, or a label is neither 0 nor 1.
    """
    truth, values, patients = checked(labels, scores, groups)
    order = np.argsort(-values)  # order within a tie doesn't matter: it is counted at its end only
    truth, values, patients = truth[order], values[order], patients[order]
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], values.size > 0))
    tp = np.append(0, np.cumsum(truth)[ends])
    fp = np.append(0, ends + 1) - tp
    return ThresholdTable(np.append(np.inf, values[ends]), tp, fp, truth, patients, finding)


def _cut_between(lower: float, upper: float) -> float:
    """Return the shortest decimal near the middle that is above ``lower`` and not above ``upper``."""
    middle = lower + (upper - lower) / 2
    for decimals in range(_FEWEST_DECIMALS, _MOST_DECIMALS + 1):
        # Round half up like JavaScript's toFixed: the browser must get the same number.
        short = float(Decimal(middle).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
        if lower < short <= upper:
            return short
    return middle if lower < middle else upper
