"""
McNemar's test: whether two models that read the same films are right equally often.

- only films on which one model is right and the other wrong count
- the test is clustered by patient, and exact if few patients favour a model
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.labelled import checked

# With fewer patients who favour a model, p is exact: the chi-square is then too coarse. If all of 5 patients
# favour one model it gives 0.025, though that happens in 0.0625 of cases.
_FEW = 50


@dataclass(frozen=True)
class McNemar:
    """Films that only one of two models called correctly, with a test against chance."""

    first_only: int  # films that only the first called correctly
    second_only: int
    chi_square: float  # one degree of freedom, clustered by patient; NaN if no patient favours a model
    p: float  # two-sided, of both being right equally often; exact if few patients favour a model


def mcnemar(
    labels: ArrayLike,
    calls: ArrayLike,
    others: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
) -> McNemar:
    """Test two models' calls on the same films, clustered by patient.

    Obuchowski's statistic is (sum of d)^2 / (sum of d^2). For each patient, d is the number of films that
    only the first model called correctly minus the number that only the second did. Her factor (K - 1) / K
    for K patients is left out, so that with one film per patient the statistic is McNemar's chi-square
    without continuity correction.

    If d differs from 0 for fewer than 50 patients, p is exact: if both models are right equally often, each
    d may as well have the other sign, and p is the share of all choices of signs whose sum is at least as far
    from 0. With one film per patient that is McNemar's exact test.

    One class is enough. If d is 0 for every patient, p is 1. With fewer than two patients their variation is
    unknown, and p is NaN. If d differs from 0 for one patient only, p is 1, however many films that patient
    has.

    Parameters
    ----------
    labels : array_like, (n,)
        0 or 1.
    calls, others : array_like, (n,)
        Calls of the first and the second model for each film, 0 or 1.
    groups : array_like, (n,), optional
        The patient of each film; by default every film is its own.

    Raises
    ------
    ValueError
        If lengths differ, or a label or call is neither 0 nor 1.

    References
    ----------
    McNemar Q (1947), Psychometrika 12:153-157.
    Obuchowski NA (1998), Statistics in Medicine 17:1495-1507.
    Fisher RA (1935), The Design of Experiments, Oliver & Boyd, section 21, for the signs.
    """
    truth, called, patients = checked(labels, calls, groups)
    balance = _right(truth, called) - _right(truth, checked(labels, others, groups)[1])  # 1, 0 or -1
    chi_square, p = _clustered(np.bincount(patients, balance).astype(np.float64))
    return McNemar(int((balance == 1).sum()), int((balance == -1).sum()), chi_square, p)


def _right(truth: NDArray[np.int64], called: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return 1 where a call is right and 0 where it is wrong."""
    if not np.isin(called, (0, 1)).all():
        raise ValueError("calls must be 0 or 1")
    right: NDArray[np.int64] = (called == truth).astype(np.int64)
    return right


def _clustered(balance: NDArray[np.float64]) -> tuple[float, float]:
    """Return chi-square and p from each patient's balance: films for the first minus for the second model."""
    if balance.size < 2:  # noqa: PLR2004 - one patient doesn't show how patients vary
        return math.nan, math.nan
    squares = float(balance @ balance)
    if not squares:
        return math.nan, 1.0
    chi_square = float(balance.sum()) ** 2 / squares
    if np.count_nonzero(balance) < _FEW:
        return chi_square, exact_p(balance[balance != 0].astype(np.int64).tolist())
    return chi_square, math.erfc(math.sqrt(chi_square / 2))


def exact_p(balance: Sequence[int]) -> float:
    """Return the share of all choices of signs whose sum is at least as far from 0 as this one.

    Parameters
    ----------
    balance : sequence of int
        Of each patient; NumPy integers are allowed.
    """
    sizes = [abs(int(each)) for each in balance]  # Python's integers, which don't overflow
    ways = {0: 1}  # how many choices of signs give each sum
    for size in sizes:
        longer: dict[int, int] = {}
        for total, number in ways.items():
            for moved in (total + size, total - size):
                longer[moved] = longer.get(moved, 0) + number
        ways = longer
    observed = abs(sum(int(each) for each in balance))
    as_far: int = sum(number for total, number in ways.items() if abs(total) >= observed)
    choices: int = 2 ** len(sizes)
    return as_far / choices
