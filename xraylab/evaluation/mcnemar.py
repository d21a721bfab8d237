"""
McNemar's test: whether two models that read the same films are right equally often.

- only films on which one is right and the other wrong say anything
- exact by film where every film is another patient; otherwise clustered by patient
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.labelled import checked


@dataclass(frozen=True)
class McNemar:
    """Films that only one of two models called rightly, and how far that is from chance."""

    first_only: int  # films that only the first called rightly
    second_only: int
    chi_square: float  # one degree of freedom, clustered by patient; NaN where no patient tips the scale
    p: float  # two-sided, of both being right equally often


def mcnemar(
    labels: ArrayLike,
    calls: ArrayLike,
    others: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
) -> McNemar:
    """Test two models' calls on the same films, clustered by patient.

    Obuchowski's statistic: with d the films of a patient that only the first model called rightly less
    those that only the second did, (sum of d)^2 / (sum of d^2). Her factor (K - 1) / K for K patients is
    left out, so that with one film a patient it is McNemar's chi-square without continuity correction.

    One class is enough. Where no film, or no patient on balance, is right with one model only, nothing
    speaks against the models being right equally often, and p is 1 as in the exact test. With fewer than
    two patients nobody knows how much patients differ, and p is NaN. A single patient that tips the scale
    among others gives p = 0.32, however many films it has.

    Parameters
    ----------
    labels : array_like, (n,)
        0 or 1.
    calls, others : array_like, (n,)
        What the first and the second model call each film, 0 or 1.
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
    """
    truth, called, patients = checked(labels, calls, groups)
    balance = _right(truth, called) - _right(truth, checked(labels, others, groups)[1])  # 1, 0 or -1
    chi_square, p = _clustered(np.bincount(patients, balance).astype(np.float64))
    return McNemar(int((balance == 1).sum()), int((balance == -1).sum()), chi_square, p)


def _right(truth: NDArray[np.int64], called: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 where a call is right, 0 where it is wrong."""
    if not np.isin(called, (0, 1)).all():
        raise ValueError("calls must be 0 or 1")
    right: NDArray[np.int64] = (called == truth).astype(np.int64)
    return right


def _clustered(balance: NDArray[np.float64]) -> tuple[float, float]:
    """Chi-square and p, from each patient's films for the first model less those for the second."""
    if balance.size < 2:  # noqa: PLR2004 - one patient doesn't tell how patients vary
        return math.nan, math.nan
    squares = float(balance @ balance)
    if not squares:
        return math.nan, 1.0
    chi_square = float(balance.sum()) ** 2 / squares
    return chi_square, math.erfc(math.sqrt(chi_square / 2))
