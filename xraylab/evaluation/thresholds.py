"""
The exact threshold table: every cut that the scores allow, and what it does.

- row i calls positive every film with score >= threshold[i]; the first row, at +inf, calls nobody
- films of equal score are never split, so the counts are right at any threshold, not only at a row's
- each rate comes with an effective sample size that knows which films share a patient
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

_FEWEST_DECIMALS, _MOST_DECIMALS = 3, 17
_FEW_FILMS, _MOST_STEPS = 25_000, 4_096
_OWN_STEPS = 64  # of those, for the ends and for thresholds that must be there


@dataclass(frozen=True, eq=False)
class ThresholdTable:
    """What happens at every distinct threshold, highest first."""

    threshold: NDArray[np.float64]  # (rows,): +inf, then the distinct scores, falling
    tp: NDArray[np.int64]  # (rows,): diseased films with score >= threshold
    fp: NDArray[np.int64]  # (rows,)
    labels: NDArray[np.int64]  # (n,): of the films in order of falling score
    patients: NDArray[np.int64]  # (n,): 0 ... K-1, of the same films

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
        """Index of the row that classifies as this threshold does.

        Raises
        ------
        ValueError
            If the threshold is NaN.
        """
        if math.isnan(threshold):
            raise ValueError("a threshold cannot be NaN")
        return int(np.searchsorted(-self.threshold, -threshold, side="right")) - 1

    def at(self, threshold: float) -> OperatingPoint:
        """Exact counts at any threshold, between the rows too."""
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
        """Give the threshold to state for a row: finite, in [0, 1], and short.

        It stands halfway between the row's score and the next lower one, so that a new film which
        scores almost the same as a known one falls on the same side, and is rounded to the fewest
        decimals, at least three, that classify alike: what is shown is what is locked. The lowest row
        gives 0 and the first gives 1.

        Raises
        ------
        ValueError
            If scores lie outside [0, 1], or the row would need a threshold above 1.
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
        """Rows enough for a scale on a screen: all of them, or of more than 25,000 films 4,096 at most.

        Rows are left out, never made up: the counts at those kept are exact. Three times, by the rows, the
        false alarms and the diseased films found, they follow each other in even steps of
        arcsin(sqrt(share)), which are even in standard errors: dense at both ends, where sensitivity or
        specificity is near 1.

        Parameters
        ----------
        thresholds : iterable of float
            Presets, a lock: their rows are always kept.

        Returns
        -------
        ndarray of int64, (steps,)
            Rising, from the first row to the last; apart from ``thresholds`` the same each time.

        Raises
        ------
        ValueError
            If a threshold is NaN, or rows are left out and the thresholds need more than 61 of their own.

        References
        ----------
        Anscombe FJ (1948), Biometrika 35:246-254, for the arcsine.
        """
        last = len(self) - 1
        own = {0, self.highest_row, last, *(self.row(threshold) for threshold in thresholds)}
        if self.n <= _FEW_FILMS or last < _MOST_STEPS:
            return np.arange(last + 1)
        if len(own) > _OWN_STEPS:
            raise ValueError(f"{len(own)} rows must be kept, more than {_OWN_STEPS}")
        shares = np.sin(np.linspace(0, np.pi / 2, (_MOST_STEPS - _OWN_STEPS) // 3)) ** 2
        by_row = np.rint(shares * last).astype(np.int64)
        # The best corner each: the lowest cut with so few false alarms, the highest that finds so many.
        by_alarm = np.searchsorted(self.fp, shares * self.negatives, side="right") - 1
        by_found = np.searchsorted(self.tp, shares * self.positives, side="left")
        return np.unique(np.concatenate([list(own), by_row, by_alarm, by_found]))

    @cached_property
    def auc(self) -> float:
        """Area under the ROC curve, ties counted half; NaN unless both classes are there."""
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
        """What the intervals need; most of the work, so not before one is asked for."""
        return patient_sums(self.labels, self.patients, self.tp[1:] + self.fp[1:] - 1)

    @cached_property
    def effective(self) -> Mapping[str, NDArray[np.float64]]:
        """(rows,) for each metric: how many independent films it is worth; see ``clustering``."""
        return effective_sizes(self.sums)

    def interval(self, metric: str, threshold: float, *, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of a rate at a threshold, films clustered by patient.

        Wilson's, on the effective sample size. F1 rises with j = tp / (tp + fp + fn) as 2j / (1 + j),
        so its interval is that of j, carried over.

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
            In [0, 1]; (nan, nan) where the rate is NaN.

        Raises
        ------
        KeyError
            If the metric is none of the six.
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
    labels: ArrayLike, scores: ArrayLike, groups: Sequence[Any] | NDArray[Any] | None = None
) -> ThresholdTable:
    """Tabulate every distinct threshold of a set of scores.

    Parameters
    ----------
    labels : array_like, (n,)
        0 (no disease) or 1.
    scores : array_like, (n,)
        Finite; higher means more likely diseased.
    groups : array_like, (n,), optional
        The patient of each film; by default every film is its own.

    Returns
    -------
    ThresholdTable
        With one row a distinct score, and one above them all. No film, or one class, is allowed.

    Raises
    ------
    ValueError
        If lengths differ, a score is NaN or infinite, or a label is neither 0 nor 1.
    """
    truth, values, patients = checked(labels, scores, groups)
    order = np.argsort(-values)  # in whatever order within a tie, since it is counted at its end only
    truth, values, patients = truth[order], values[order], patients[order]
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], values.size > 0))
    tp = np.append(0, np.cumsum(truth)[ends])
    fp = np.append(0, ends + 1) - tp
    return ThresholdTable(np.append(np.inf, values[ends]), tp, fp, truth, patients)


def _cut_between(lower: float, upper: float) -> float:
    """Shortest decimal near the middle that is above ``lower`` and not above ``upper``."""
    middle = lower + (upper - lower) / 2
    for decimals in range(_FEWEST_DECIMALS, _MOST_DECIMALS + 1):
        # Half up, as JavaScript's toFixed does: the browser must arrive at the same number.
        short = float(Decimal(middle).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
        if lower < short <= upper:
            return short
    return middle if lower < middle else upper
