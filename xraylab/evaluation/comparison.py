"""
Comparison: how far two models differ on the same films, and whether chance can explain it.

- differences are the first model's number minus the second's; intervals are at 95 %, clustered by patient
- AUC needs no threshold; rates and calls are taken at each model's own threshold
- a winner is named only if the interval of the AUC difference excludes zero
- among several pairs, p must also stay below 0.05 after ``holm`` has adjusted it for their number
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.errors import ComparisonError
from xraylab.evaluation.intervals import Difference, auc_difference
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.mcnemar import McNemar, mcnemar
from xraylab.evaluation.paired import RateDifference, rate_difference
from xraylab.formats import counted, listed, p_value

_UNKNOWN = Difference(math.nan, math.nan, math.nan, math.nan)
_FEWEST_DECIMALS, _MOST_DECIMALS = 3, 17
_LEVEL = 0.05  # with an adjusted p below it, a winner is named


@dataclass(frozen=True, eq=False)
class Scored:
    """A model's scores of some films, and its threshold."""

    name: str
    images: Sequence[str]  # (n,) the films' ids
    scores: ArrayLike  # (n,)
    threshold: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences between two models on the same films, first minus second."""

    names: tuple[str, str]
    n: int  # films
    patients: int
    auc: Difference  # NaN unless both classes are there
    sensitivity: RateDifference
    specificity: RateDifference
    calls: McNemar
    first_only: NDArray[np.int64]  # rows of films that only the first model called correctly
    second_only: NDArray[np.int64]


def compare(
    labels: ArrayLike, groups: Sequence[Any] | NDArray[Any] | None, first: Scored, second: Scored
) -> Comparison:
    """Compare two models on the same films, each at its own threshold.

    Parameters
    ----------
    labels, groups
        As in ``threshold_table``, (n,) each, in the order of the films' ids.
    first, second : Scored
        The same films in the same order.

    Raises
    ------
    ComparisonError
        If the models weren't scored on the same films, or there are no films.
    ValueError
        If the films are in another order or a threshold is NaN, and as ``threshold_table`` does.
    """
    _check_films(first, second)
    truth, scores, patients = checked(labels, first.scores, groups)
    others = checked(labels, second.scores, groups)[1]
    calls, other_calls = _called(scores, first.threshold), _called(others, second.threshold)
    right, other_right = calls == truth, other_calls == truth
    ill = truth == 1
    return Comparison(
        names=(first.name, second.name),
        n=truth.size,
        patients=int(patients.max()) + 1,
        auc=auc_difference(truth, scores, others, patients) if ill.any() and not ill.all() else _UNKNOWN,
        sensitivity=rate_difference(right[ill], other_right[ill], patients[ill]),
        specificity=rate_difference(right[~ill], other_right[~ill], patients[~ill]),
        calls=mcnemar(truth, calls, other_calls, patients),
        first_only=np.flatnonzero(right & ~other_right),
        second_only=np.flatnonzero(other_right & ~right),
    )


def verdict(comparison: Comparison, *, adjusted: float | None = None, pairs: int = 1) -> str:
    """Return a sentence: which of two models ranks films better, or why that can't be decided.

    Parameters
    ----------
    comparison : Comparison
    adjusted : float, optional
        P of the AUC difference as adjusted by ``holm``, if the pair is one of several; by default the pair
        is the only one.
    pairs : int
        Number of pairs that p was adjusted for.
    """
    films = _films(comparison)
    doubt = _doubt(comparison, adjusted, pairs)
    if doubt:
        return f"These {films} can't tell the two apart: {doubt}."
    auc = comparison.auc
    better, worse = comparison.names if auc.value > 0 else comparison.names[::-1]
    fewest, most = sorted((abs(auc.low), abs(auc.high)))
    several = "" if adjusted is None else f"; p is {p_value(adjusted)}, adjusted for {_pairs(pairs)}"
    return (
        f"On these {films}, {better} ranks better than {worse}: its AUC is {_signed(abs(auc.value))} higher, "
        f"with a 95 % interval of {_signed(fewest)} to {_signed(most)}{several}."
    )


def verdict_of_all(comparisons: Sequence[Comparison]) -> str:
    """Return a sentence: which models rank better than a reference, which worse, which can't be told apart.

    Parameters
    ----------
    comparisons : sequence of Comparison
        One or more, each of the same reference minus another model.

    Raises
    ------
    ValueError
        If there are no comparisons, they have different first models, or a pair comes twice.
    """
    references = {comparison.names[0] for comparison in comparisons}
    if len(references) != 1:
        raise ValueError(f"one reference is needed, not {sorted(references)}")
    if len(comparisons) == 1:
        return verdict(comparisons[0])
    [reference], adjusted, pairs = references, adjusted_p(comparisons), len(comparisons)
    better: list[str] = []
    worse: list[str] = []
    unknown: list[str] = []
    for comparison in comparisons:
        other, difference = comparison.names[1], comparison.auc.value
        if _doubt(comparison, adjusted[comparison.names], pairs):
            unknown.append(other)
        else:
            (worse if difference > 0 else better).append(f"{other} (by {_signed(abs(difference))})")
    ranks = [f"{listed(better)} better than {reference}"] if better else []
    ranks += [f"{listed(worse)} worse than {reference}"] if worse else []
    apart = f"these films can't tell {listed(unknown)} from {reference}" if unknown else ""
    if not ranks:
        return f"By AUC {apart}, on {_films(comparisons[0])} and adjusted for {_pairs(pairs)}."
    ranked = (
        f"On these {_films(comparisons[0])}, adjusted for {_pairs(pairs)}, AUC ranks {' and '.join(ranks)}"
    )
    return f"{ranked}; {apart}." if apart else f"{ranked}."


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values for their number, by Holm's method.

    If every adjusted p below 0.05 is called a difference, the chance of even one wrong claim is at most 5 %,
    however the tests depend on each other.

    Parameters
    ----------
    p_values : array_like, (k,)
        In [0, 1]; NaN stands for a test that couldn't be made, stays NaN and isn't counted.

    Returns
    -------
    float64 array of shape (k,)
        In [0, 1], never below the p given.

    Raises
    ------
    ValueError
        If a p is outside [0, 1], or the array isn't one-dimensional.

    References
    ----------
    Holm S (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    given = np.asarray(p_values, np.float64)
    if given.ndim != 1 or (given < 0).any() or (given > 1).any():
        raise ValueError(f"{given} is no list of p values")
    order = np.argsort(given)[: np.count_nonzero(~np.isnan(given))]  # NaN are sorted to the end
    adjusted = np.full(given.size, np.nan)
    raised = given[order] * np.arange(order.size, 0, -1)  # the smallest p times k, the next times k - 1, ...
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted


def adjusted_p(comparisons: Sequence[Comparison]) -> dict[tuple[str, str], float]:
    """Return the p values of several pairs' AUC differences, adjusted by Holm's method, by names.

    Raises
    ------
    ValueError
        If a pair comes twice.
    """
    adjusted = holm([comparison.auc.p for comparison in comparisons])
    by_pair = {pair.names: float(p) for pair, p in zip(comparisons, adjusted, strict=True)}
    if len(by_pair) < len(comparisons):
        raise ValueError(f"a pair comes twice: {[pair.names for pair in comparisons]}")
    return by_pair


def _doubt(comparison: Comparison, adjusted: float | None, pairs: int) -> str:
    """Return the reason why no winner can be named; an empty text if one can."""
    (first, second), auc = comparison.names, comparison.auc
    if math.isnan(auc.low):
        return "that takes both classes, and each in two patients or more"
    apart = f"the AUC of {first} less that of {second} is {_signed(auc.value)}"
    if math.isnan(auc.p):
        # The interval has no width then: it would make a winner of a model that is right on four films.
        return f"{apart}, and nothing varies from patient to patient that would tell how certain that is"
    if auc.low <= 0 <= auc.high:
        return f"{apart}, and its 95 % interval, {_signed(auc.low)} to {_signed(auc.high)}, includes zero"
    if adjusted is not None and not adjusted < _LEVEL:
        return (
            f"{apart} with a 95 % interval of {_signed(auc.low)} to {_signed(auc.high)}, but adjusted for "
            f"{_pairs(pairs)} p is {p_value(adjusted)}"
        )
    return ""


def _check_films(first: Scored, second: Scored) -> None:
    mine, others = list(first.images), list(second.images)
    alone, others_alone = Counter(mine) - Counter(others), Counter(others) - Counter(mine)
    if alone or others_alone:
        raise ComparisonError(
            f"{first.name} and {second.name} can't be compared: {counted(alone.total(), 'film')} only "
            f"{first.name} has scored, and {counted(others_alone.total(), 'film')} only {second.name}. "
            "Score the same films with both, then compare again."
        )
    if not mine:
        raise ComparisonError(
            f"{first.name} and {second.name} can't be compared: no film was scored with both. "
            "Score some films that have a label with both, then compare again."
        )
    if mine != others:
        raise ValueError(f"films of {first.name} and {second.name} are in another order")


def _called(scores: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    if math.isnan(threshold):
        raise ValueError("a threshold cannot be NaN")
    return (scores >= threshold).astype(np.int64)


def _films(comparison: Comparison) -> str:
    return f"{counted(comparison.n, 'film')} of {counted(comparison.patients, 'patient')}"


def _pairs(number: int) -> str:
    return f"{counted(number, 'pair')} by Holm's method"


def _signed(value: float) -> str:
    """Write a number with a true minus and three decimals, more if it would otherwise look like zero."""
    decimals = _FEWEST_DECIMALS
    while value and decimals < _MOST_DECIMALS and not float(f"{value:.{decimals}f}"):
        decimals += 1
    return f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
