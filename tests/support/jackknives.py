"""The jackknife of patients as a plain loop, and Student's interval from it."""

import math

import numpy as np
from scipy.stats import t


def values_without(patients, measure):
    """Return a measure of the films that are left when each patient is left out once."""
    patients = np.asarray(patients)
    return np.array([measure(np.flatnonzero(patients != patient)) for patient in np.unique(patients)])


def satterthwaite(contributions):
    """Degrees of freedom of a sum of squares, from its fourth powers."""
    squares = np.asarray(contributions, float) ** 2
    return 2 * squares.sum() ** 2 / (squares.size * squares.var())


def interval_of(value, left, *, signed=False, level=0.95):
    """Return the interval on the logit scale, or on Fisher's for what lies in [-1, 1]."""
    influence, n = left - left.mean(), left.size
    error = math.sqrt((n - 1) / n * (influence @ influence))
    half = t.ppf((1 + level) / 2, min(satterthwaite(influence), n - 1))
    if signed:
        centre, half = math.atanh(value), half * error / (1 - value**2)
        return math.tanh(centre - half), math.tanh(centre + half)
    centre, half = math.log(value / (1 - value)), half * error / (value * (1 - value))
    return tuple(1 / (1 + math.exp(-end)) for end in (centre - half, centre + half))
