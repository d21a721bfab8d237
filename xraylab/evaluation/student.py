"""
Student's t distribution: how much wider an interval must be if its variance rests on few patients.

- scipy is imported only when a quantile is asked for, because it loads slowly
"""

import math

import numpy as np
from numpy.typing import NDArray

NORMAL_95 = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations
_FEWEST = 1.0  # degrees of freedom; below, the distribution says nothing useful
_UPPER = 0.975


def quantile_95(freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many standard errors hold 95 % of Student's distribution, two-sided.

    Parameters
    ----------
    freedom : ndarray of float64, any shape
        Degrees of freedom; infinity gives the normal distribution's 1.96. Values below 1 count as 1.
    """
    from scipy.special import stdtrit

    finite = np.isfinite(freedom)
    quantiles = np.full(freedom.shape, NORMAL_95)
    quantiles[finite] = stdtrit(np.maximum(freedom[finite], _FEWEST), _UPPER)
    return quantiles


def quantile(freedom: float, level: float) -> float:
    """Return how many standard errors hold a share ``level`` of Student's distribution, two-sided."""
    from scipy.special import ndtri, stdtrit

    upper = (1 + level) / 2
    return float(ndtri(upper) if math.isinf(freedom) else stdtrit(max(freedom, _FEWEST), upper))


def two_sided(deviations: float, freedom: float) -> float:
    """Return the share of Student's distribution that lies further out, on both sides."""
    from scipy.special import stdtr

    if math.isinf(freedom):
        return math.erfc(abs(deviations) / math.sqrt(2))
    return float(2 * stdtr(max(freedom, _FEWEST), -abs(deviations)))


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
