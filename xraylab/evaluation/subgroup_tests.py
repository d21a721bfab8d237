"""
Test two rates of different films: Fisher's exact test, on films that count as independent.

- plain numbers in, one p out; written in NumPy, because a threshold that is dragged needs p at every step
- an exact test, because a group may have three wrong calls, and p must hold far below 0.05 for Holm's method
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_A_HAIR = 1e-9  # what rounding may add to a whole number of films
_SMALLEST = 1e-300  # instead of 0, where a float can't hold the chance
_TIE = 1e-7  # relative; outcomes as likely as the one observed count too, as in scipy.stats.fisher_exact


def fisher_p(rate: float, size: float, other_rate: float, other_size: float) -> float:
    """Test whether two shares of correct calls differ, two-sided.

    Sizes are effective numbers of films, as ``clustering.effective_sizes`` gives them: a fraction if films of
    one patient are called alike. The exact test needs whole numbers. Both sizes are rounded down, and the
    wrong calls such that the rates come closer, so p is rather too large. With one film per patient nothing
    is rounded, and p is that of Fisher's exact test.

    Parameters
    ----------
    rate, other_rate : float
        Shares of correct calls, in [0, 1].
    size, other_size : float
        Effective numbers of films, 0 or more.

    Returns
    -------
    float
        In (0, 1].

    References
    ----------
    Fisher RA (1935), Journal of the Royal Statistical Society 98:39-82.
    Rao JNK, Scott AJ (1992), Biometrics 48:577-585, for effective numbers.
    """
    if rate > other_rate:
        rate, size, other_rate, other_size = other_rate, other_size, rate, size
    n, other_n = math.floor(size + _A_HAIR), math.floor(other_size + _A_HAIR)
    wrong = math.floor((1 - rate) * size + _A_HAIR)
    other_wrong = math.ceil((1 - other_rate) * other_size - _A_HAIR)
    wrong, other_wrong = min(wrong, n), min(other_wrong, other_n)
    if wrong * other_n <= other_wrong * n:  # rounding brought the rates together
        return 1.0
    return _two_sided(wrong, n, other_wrong, other_n)


def _two_sided(wrong: int, n: int, other_wrong: int, other_n: int) -> float:
    """Sum the probabilities of all outcomes that are no more likely than the one observed."""
    total = wrong + other_wrong
    logs = _log_factorials(n + other_n)
    x = np.arange(max(0, total - other_n), min(total, n) + 1)
    log_chance = -(logs[x] + logs[n - x] + logs[total - x] + logs[other_n - total + x])
    chance = np.exp(log_chance - log_chance.max())
    observed = chance[wrong - x[0]]
    share = float(chance[chance <= observed * (1 + _TIE)].sum() / chance.sum())
    return min(1.0, max(_SMALLEST, share))


def _log_factorials(most: int) -> NDArray[np.float64]:
    """Return the logarithms of 0!, 1!, ... at least up to ``most``!."""
    return _log_factorials_up_to(1 << most.bit_length())


@lru_cache(maxsize=32)  # one for each power of two: a million films take 8 MB
def _log_factorials_up_to(most: int) -> NDArray[np.float64]:
    return np.append(0.0, np.cumsum(np.log(np.arange(1.0, most + 1))))
