"""
Firth's penalised likelihood for a logistic regression on one variable, with intervals clustered by patient.

- z = slope * x + intercept, and the sigmoid of z is the probability that a label is 1
- the penalty is half the logarithm of the information's determinant; it removes the bias of maximum
  likelihood in small sets, and keeps the slope finite if x separates the labels
- an interval is where the profile of the penalised likelihood stays close to its maximum; the drop that
  counts as close is multiplied by the design effect of the patients, which is never taken below 1
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.repeated import repeated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Interval = tuple[float, float]

_CLOSE_ENOUGH = 1e-10  # of a Newton step, in standard deviations of x
_MOST_STEPS, _MOST_HALVINGS = 200, 30
_LONGEST = 5.0  # of a Newton step: longer ones end where all probabilities are 0 or 1
_MOST = 32  # regressions that are kept
_MOST_TRIES = 100  # of the search for the end of an interval


@dataclass(frozen=True)
class Firth:
    """Slope and intercept with their intervals."""

    slope: float
    slope_interval: Interval
    intercept: float
    intercept_interval: Interval


@repeated(_MOST)
def firth(labels: Ints, values: Floats, patients: Ints, *, level: float = 0.95) -> Firth:
    """Fit slope and intercept by Firth's penalised likelihood.

    The sandwich of patients alone gives intervals that are far too short if few films lie where the curve
    bends, and a percentile bootstrap shares the fault. The profile of the penalised likelihood, widened by
    the design effect, holds in simulation (``tests/evaluation/test_calibration_coverage.py``).

    Parameters
    ----------
    labels : ndarray of int64, (n,)
        0 or 1; both occur.
    values : ndarray of float64, (n,)
        The variable x, finite and not constant.
    patients : ndarray of int64, (n,)
        Codes 0 ... K-1.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Firth

    References
    ----------
    Firth D (1993), Biometrika 80:27-38.
    Heinze G, Schemper M (2002), Statistics in Medicine 21:2409-2419.
    Rao JNK, Scott AJ (1984), Annals of Statistics 12:46-60.
    """
    scale, centre = float(values.std()), float(values.mean())
    drop = NormalDist().inv_cdf(0.5 + level / 2)
    # The slope doesn't depend on where x is 0. Around the mean the two parameters are nearly independent,
    # so the search is short; the intercept itself belongs to x = 0.
    centred = _Regression((values - centre) / scale, labels, patients)
    slope, height = centred.fit()
    raw = _Regression(values / scale, labels, patients)
    best = np.array([slope, height - slope * centre / scale])
    low, high = centred.interval(0, np.array([slope, height]), drop)
    return Firth(
        slope=float(slope / scale),
        slope_interval=(low / scale, high / scale),
        intercept=float(best[1]),
        intercept_interval=raw.interval(1, best, drop),
    )


@dataclass(frozen=True, eq=False)
class _Regression:
    """Films, and the penalised likelihood of a slope and an intercept."""

    x: Floats  # (n,)
    y: Ints  # (n,)
    patients: Ints  # (n,)

    def likelihood(self, at: Floats) -> float:
        """Return the penalised log-likelihood of (slope, intercept)."""
        z = at[0] * self.x + at[1]
        total, _, spread = self._moments(_variance(z))
        # Where all probabilities are 0 or 1 the information is 0, and the penalty infinite.
        penalty = 0.5 * math.log(total * spread) if total * spread > 0 else -math.inf
        return float((self.y * z - np.logaddexp(0, z)).sum()) + penalty

    def fit(self) -> tuple[float, float]:
        """Return the slope and intercept of the highest penalised likelihood."""
        ill = int(self.y.sum())
        start = np.array([0.0, math.log((ill + 0.5) / (self.y.size - ill + 0.5))])
        slope, intercept = self._climb(start, (0, 1))
        return float(slope), float(intercept)

    def interval(self, which: int, best: Floats, drop: float) -> Interval:
        """Return the interval of one parameter, where the signed root of the profile reaches ``drop``."""
        highest = self.likelihood(best)
        naive, clustered = (matrix[which, which] for matrix in self._covariances(best))
        allowed = drop * math.sqrt(max(1.0, clustered / naive))
        point = best.copy()  # each search starts at the last one's end, which is close

        def beyond(value: float) -> float:
            point[which] = value
            point[:] = self._climb(point, (1 - which,))
            return math.sqrt(max(0.0, 2 * (highest - self.likelihood(point)))) - allowed

        step = allowed * math.sqrt(naive)
        low = _crossing(beyond, float(best[which]), -step)
        point[:] = best
        return low, _crossing(beyond, float(best[which]), step)

    def _climb(self, start: Floats, free: tuple[int, ...]) -> Floats:
        """Climb to the highest penalised likelihood, moving only the free parameters."""
        at, reached = start.copy(), self.likelihood(start)
        columns = self._columns()[list(free)]
        for _ in range(_MOST_STEPS):
            step = np.zeros(2)
            step[list(free)] = self._newton(at, columns)
            step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), _CLOSE_ENOUGH))
            for _ in range(_MOST_HALVINGS):
                likelihood = self.likelihood(at + step)
                if likelihood >= reached:
                    break
                step /= 2
            else:  # rounding alone keeps it from rising further
                return at
            at, reached = at + step, likelihood
            if np.abs(step).max() < _CLOSE_ENOUGH:
                break
        return at

    def _newton(self, at: Floats, columns: Floats) -> Floats:
        """Return the scoring step of the parameters whose columns are given, by Firth's modified score."""
        z = at[0] * self.x + at[1]
        weight, probability = _variance(z), _sigmoid(z)
        total, centre, spread = self._moments(weight)
        leverage = weight * (1 / total + (self.x - centre) ** 2 / spread)
        score = columns @ (self.y - probability + leverage * (0.5 - probability))
        return np.asarray(np.linalg.solve((columns * weight) @ columns.T, score), np.float64)

    def _columns(self) -> Floats:
        """Return the design, (2, n): x for the slope, and 1 for the intercept."""
        return np.stack([self.x, np.ones_like(self.x)])

    def _moments(self, weight: Floats) -> tuple[float, float, float]:
        """Return the sum of weights, the weighted mean of x, and the weighted squares around it."""
        total = float(weight.sum())
        centre = float((weight * self.x).sum()) / total if total else 0.0
        return total, centre, float((weight * (self.x - centre) ** 2).sum())

    def _covariances(self, at: Floats) -> tuple[Floats, Floats]:
        """Return the covariance of independent films, and the sandwich clustered by patient."""
        z = at[0] * self.x + at[1]
        columns = self._columns()
        naive = np.asarray(np.linalg.inv((columns * _variance(z)) @ columns.T), np.float64)
        residual = columns * (self.y - _sigmoid(z))
        sums = np.stack([np.bincount(self.patients, row) for row in residual])  # (2, K)
        k = sums.shape[1]
        clustered: Floats = k / max(k - 1, 1) * naive @ sums @ sums.T @ naive
        return naive, clustered


def _sigmoid(z: Floats) -> Floats:
    """Return 1 / (1 + exp(-z)) without overflow."""
    sigmoid: Floats = np.exp(-np.logaddexp(0, -z))
    return sigmoid


def _variance(z: Floats) -> Floats:
    """Return p (1 - p) for the logit z; 1 - p is computed apart, since near 1 it would be rounded to 0."""
    return _sigmoid(z) * _sigmoid(-z)


def _crossing(beyond: Callable[[float], float], inside: float, step: float) -> float:
    """Find where a function turns positive: step outwards, then close in by the Illinois method.

    The signed root of a profile is nearly a straight line, so a secant needs few steps.
    """
    at_inside, outside = beyond(inside), inside + step
    at_outside = beyond(outside)
    for _ in range(_MOST_TRIES):
        if at_outside > 0:
            break
        inside, at_inside, step = outside, at_outside, step * 1.5
        outside = inside + step
        at_outside = beyond(outside)
    precision = 1e-7 * max(abs(step), abs(outside))
    for _ in range(_MOST_TRIES):
        if abs(outside - inside) < precision or at_outside == at_inside:
            break
        middle = outside - at_outside * (outside - inside) / (at_outside - at_inside)
        at_middle = beyond(middle)
        if (at_middle > 0) == (at_outside > 0):
            outside, at_outside, at_inside = middle, at_middle, at_inside / 2
        else:
            inside, at_inside, outside, at_outside = outside, at_outside, middle, at_middle
        if abs(at_middle) < _CLOSE_ENOUGH:
            return middle
    return outside
