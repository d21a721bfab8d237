"""
Student's t distribution: how much wider an interval must be if its variance rests on few patients.

- written in NumPy: every screen needs these quantiles, and scipy loads slowly; tests compare with scipy
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NORMAL_95 = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations
_FEWEST = 1.0  # degrees of freedom; below, the distribution says nothing useful
_UPPER = 0.975
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_REACH = 60.0
_NEAR_ZERO = 1e-5
_STEPS, _PRECISION = 20, 1e-6  # a step this small is followed by one below 1e-12


def quantile_95(freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many standard errors hold 95 % of Student's distribution, two-sided.

    Parameters
    ----------
    freedom : ndarray of float64, any shape
        Degrees of freedom; infinity gives the normal distribution's 1.96. Values below 1 count as 1.
    """
    finite = np.isfinite(freedom)
    quantiles = np.full(freedom.shape, NORMAL_95)
    distinct, places = np.unique(freedom[finite], return_inverse=True)
    quantiles[finite] = _quantiles(distinct, _UPPER)[places]
    return quantiles


def quantile(freedom: float, level: float) -> float:
    """Return how many standard errors hold a share ``level`` of Student's distribution, two-sided."""
    upper = (1 + level) / 2
    if math.isinf(freedom):
        return NormalDist().inv_cdf(upper)
    return float(_quantiles(np.array([freedom]), upper)[0])


def two_sided(deviations: float, freedom: float) -> float:
    """Return the share of Student's distribution that lies further out, on both sides."""
    if math.isinf(freedom) or math.isnan(deviations):
        return math.erfc(abs(deviations) / math.sqrt(2))
    if deviations == 0:
        return 1.0
    v = np.array([max(freedom, _FEWEST)])
    return float(2 * np.exp(_log_tail(np.array([abs(deviations)]), v, _log_constant(v))[0]))


def _quantiles(freedom: Floats, upper: float) -> Floats:
    """Solve for the quantiles by Newton's method, on the logarithms of the tail and of the quantile."""
    v, tail = np.maximum(freedom, _FEWEST), math.log(1 - upper)
    constant = _log_constant(v)
    if upper - 1 / 2 < _NEAR_ZERO:  # the density is flat there, and rounding would spoil the search
        middle: Floats = (upper - 1 / 2) * np.sqrt(v) / np.exp(constant)
        return middle
    # The logarithm of the tail is a concave function of x, so that Newton's method converges from any start.
    x = np.full(v.shape, math.log(NormalDist().inv_cdf(upper)))
    for _ in range(_STEPS):
        t = np.exp(x)
        log_tail = _log_tail(t, v, constant)
        density = constant - 0.5 * np.log(v) - (v + 1) / 2 * np.log1p(t**2 / v)
        step = (log_tail - tail) * np.exp(log_tail - density - x)
        x = x + step
        if np.abs(step).max(initial=0) < _PRECISION:
            break
    quantiles: Floats = np.exp(x)
    return quantiles


def _log_tail(t: Floats, v: Floats, constant: Floats) -> Floats:
    """Return the logarithm of the share of Student's distribution above t, (n,)."""
    return np.where(t < 1, _log_less_middle(np.minimum(t, 1), v, constant), _log_far(t, v, constant))


def _log_less_middle(t: Floats, v: Floats, constant: Floats) -> Floats:
    """Return the logarithm of the tail above a small t, as one half less the part from 0 to t."""
    places = t[:, None] / 2 * (1 + _NODES)
    density = np.exp(
        (constant - 0.5 * np.log(v))[:, None] - (v[:, None] + 1) / 2 * np.log1p(places**2 / v[:, None])
    )
    logarithm: Floats = np.log(1 / 2 - (t / 2) * (density * _WEIGHTS).sum(axis=1))
    return logarithm


def _log_far(t: Floats, v: Floats, constant: Floats) -> Floats:
    """Return the logarithm of the tail above a t that isn't near 0."""
    # On the scale of log t the density times t is smooth and falls exponentially, which Gauss's rule
    # integrates well. It is cut off where it has fallen to e^-60 of its start, or to e^-30 for one degree
    # of freedom.
    start = np.log1p(t**2 / v)
    low, high = np.log(t), np.log(v * np.expm1(start + 2 * _REACH / (v + 1))) / 2
    half = (high - low)[:, None] / 2
    x = low[:, None] + half * (1 + _NODES)
    fall = (v[:, None] + 1) / 2 * (np.log1p(np.exp(2 * x) / v[:, None]) - start[:, None])
    # Relative to the lower end, because the density itself may be too small for a float.
    relative = (half * np.exp(x - fall) * _WEIGHTS).sum(axis=1)
    logarithm: Floats = constant - 0.5 * np.log(v) - (v + 1) / 2 * start + np.log(relative)
    return logarithm


def _log_constant(v: Floats) -> Floats:
    """Return the logarithm of gamma((v + 1) / 2) / (sqrt(pi) gamma(v / 2))."""
    return np.array([math.lgamma((x + 1) / 2) - math.lgamma(x / 2) for x in v]) - math.log(math.pi) / 2


def satterthwaite(contributions: NDArray[np.float64]) -> float:
    """Return the degrees of freedom of a variance estimated by a sum of squares over patients.

    Twice the squared estimate over the variance of the estimate, which the fourth powers tell. If one patient
    contributes nearly everything it is near 2; for normal contributions it is the number of patients.

    Parameters
    ----------
    contributions : ndarray of float64, (patients,)
        Each patient's contribution to the estimate, with mean 0.

    References
    ----------
    Satterthwaite FE (1946), Biometrics Bulletin 2:110-114.
    """
    squares = contributions**2
    total = float(squares.sum())
    varies = float(squares @ squares) - total**2 / contributions.size
    return 2 * total**2 / varies if varies > 0 else math.inf
