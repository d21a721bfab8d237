"""
The classification report: precision, recall and F1 of each class, and their averages over the classes.

- rows of a confusion matrix are the true classes, columns the classes called, in the same order
- counts are stored, rates derived; a rate with nothing to divide by is NaN
- an average leaves out classes whose rate is NaN, and names them
- given probabilities, each class has its own threshold table against all other classes
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.thresholds import ThresholdTable, threshold_table

_RATES = ("precision", "recall", "f1")
_FEWEST_CLASSES = 2


@dataclass(frozen=True)
class ClassCounts:
    """One class against all the others."""

    name: str
    right: int  # films of the class that were called this class
    called: int  # films called this class
    support: int  # films of the class

    @property
    def precision(self) -> float:
        """Share of the calls of this class that are right; NaN if there are none."""
        return _ratio(self.right, self.called)

    @property
    def recall(self) -> float:
        """Share of the films of this class that were called so; NaN if there are none."""
        return _ratio(self.right, self.support)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN if there is neither a film nor a call."""
        return _ratio(2 * self.right, self.called + self.support)


@dataclass(frozen=True)
class Average:
    """Average rates of several classes."""

    precision: float
    recall: float
    f1: float
    support: int  # films
    left_out: Mapping[str, tuple[str, ...]]  # by rate: the classes where it is NaN, which don't count


@dataclass(frozen=True)
class ClassificationReport:
    """Every class, in the order of the confusion matrix, with averages over them."""

    classes: tuple[ClassCounts, ...]

    @property
    def support(self) -> int:
        """Number of films."""
        return sum(each.support for each in self.classes)

    @property
    def accuracy(self) -> float:
        """Share of films called correctly."""
        return _ratio(sum(each.right for each in self.classes), self.support)

    @property
    def micro(self) -> Average:
        """Rates over all calls together. Each film gets one call, so all three equal the accuracy."""
        return Average(self.accuracy, self.accuracy, self.accuracy, self.support, dict.fromkeys(_RATES, ()))

    @property
    def macro(self) -> Average:
        """Mean over classes with equal weights; a class whose rate is NaN is left out."""
        return self._average([1] * len(self.classes))

    @property
    def weighted(self) -> Average:
        """Mean over classes, weighted by their films; a class whose rate is NaN is left out, with its films.

        A class that has films but was never called has no precision, so the average may look too good: check
        ``left_out``.
        """
        return self._average([each.support for each in self.classes])

    def _average(self, weights: Sequence[int]) -> Average:
        means, left_out = {}, {}
        for rate in _RATES:
            values = [float(getattr(each, rate)) for each in self.classes]
            known = [(value, w) for value, w in zip(values, weights, strict=True) if not math.isnan(value)]
            means[rate] = _ratio(sum(value * w for value, w in known), sum(w for _, w in known))
            left_out[rate] = tuple(
                each.name for each, value in zip(self.classes, values, strict=True) if math.isnan(value)
            )
        return Average(**means, support=self.support, left_out=left_out)


@dataclass(frozen=True, eq=False)
class OneVsRest:
    """How well the probability of a class separates it from all other classes."""

    name: str
    table: ThresholdTable  # a film is called this class when its probability >= threshold
    auc_ci: tuple[float, float]

    @property
    def auc(self) -> float:
        """Area under the ROC curve; NaN unless there are films of this class and of others."""
        return self.table.auc


def classification_report(confusion: ArrayLike, names: Sequence[str]) -> ClassificationReport:
    """Tabulate the counts and rates of each class from a confusion matrix.

    Parameters
    ----------
    confusion : array_like of int, (classes, classes)
        Films by true class (rows) and called class (columns), as in scikit-learn.
    names : sequence of str, (classes,)
        Names of the classes, two or more.

    Raises
    ------
    ValueError
        If the matrix doesn't hold counts with one row and one column per name, or there are fewer than two
        names, or a name comes twice.
    """
    counts = np.asarray(confusion)
    _check_names(names)
    if counts.shape != (len(names), len(names)):
        raise ValueError(f"a confusion matrix {counts.shape} for {len(names)} classes")
    if not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise ValueError(f"{counts.tolist()} are not counts")
    right, called, support = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    return ClassificationReport(
        tuple(
            ClassCounts(name, *map(int, of_class))
            for name, *of_class in zip(names, right, called, support, strict=True)
        )
    )


def one_vs_rest(
    labels: ArrayLike,
    probabilities: ArrayLike,
    names: Sequence[str],
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> tuple[OneVsRest, ...]:
    """Tabulate each class against the rest, by its probability.

    Parameters
    ----------
    labels : array_like of int, (n,)
        The true class of each film, as its column in ``probabilities``.
    probabilities : array_like, (n, classes)
        In [0, 1].
    names : sequence of str, (classes,)
        Names of the classes, two or more.
    groups : array_like, (n,), optional
        The patient of each film; by default every film is its own.
    level : float
        Confidence level of the intervals, clustered by patient, in (0, 1).

    Returns
    -------
    tuple of OneVsRest, (classes,)
        In the order of the columns.

    Raises
    ------
    ValueError
        If lengths differ, a label isn't a column, a probability is outside [0, 1], there are fewer than two
        names, or a name comes twice.
    """
    truth, given = np.asarray(labels), np.asarray(probabilities, np.float64)
    _check_names(names)
    if truth.ndim != 1 or given.shape != (truth.size, len(names)):
        raise ValueError(f"probabilities {given.shape} for labels {truth.shape} of {len(names)} classes")
    if not np.isin(truth, np.arange(len(names))).all():
        raise ValueError(f"labels must be 0 to {len(names) - 1}")
    if not ((given >= 0) & (given <= 1)).all():
        raise ValueError("probabilities must lie in [0, 1]")
    return tuple(
        OneVsRest(
            name,
            threshold_table(truth == column, scores, groups),
            auc_interval(truth == column, scores, groups, level=level),
        )
        for column, (name, scores) in enumerate(zip(names, given.T, strict=True))
    )


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) != len(names) or len(names) < _FEWEST_CLASSES:
        raise ValueError(f"{list(names)} are not the names of two or more classes")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
