"""
Novelty: how unlike the films that a model was trained on another film is.

- arrays of features in, a distance out; what the features are is the caller's matter
- the distance has two halves: how far a film lies out along the ways in which training films differ from one
  another (Mahalanobis), and how much of it those ways don't explain (the residual of the projection)
- it is told in units of a limit chosen on validation films: above 1 lie no more than ``WARNED`` of those
- features that are no numbers lie infinitely far away, never near

References
----------
Lee K et al. (2018), A simple unified framework for detecting out-of-distribution samples, NeurIPS 31.
Jackson JE, Mudholkar GS (1979), Control procedures for residuals associated with principal component
analysis, Technometrics 21:341-349.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

AXES = 32
WARNED = 0.005  # of the validation films; half of what is promised, since other films vary more
FEWEST = 100  # validation films: fewer can't tell where the last hundredth begins
_FILMS_AN_AXIS = 4
_FLAT = 1e-3  # of the mean spread: a feature that never moved may move a little without alarm

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Novelty:
    """What the features of training films are like, and how unlike them is too unlike."""

    mean: Floats  # (d,)
    scale: Floats  # (d,) standard deviations
    axes: Floats  # (k, d) unit vectors along which scaled training films differ most
    variance: Floats  # (k,) of the training films along them
    rest: float  # mean square of what the axes leave of a training film
    limit: float  # of the distance

    def distance(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far films lie from the training films.

        Parameters
        ----------
        features : float array of shape (m, d)

        Returns
        -------
        float64 array of shape (m,)
            0 and up; a training film has 2 on average, one for each half. Infinite where a feature is NaN or
            infinite.
        """
        axes = self.axes.astype(np.float64)
        sound = np.isfinite(features).all(axis=1)
        scaled = (np.where(sound[:, None], features, 0.0) - self.mean) / self.scale.astype(np.float64)
        along = scaled @ axes.T
        left = scaled - along @ axes
        distance: NDArray[np.float64] = (along**2 / self.variance).mean(axis=1)
        distance += (left**2).sum(axis=1) / self.rest
        return np.where(sound, distance, np.inf)

    def ratio(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """The distance in units of the limit, (m,): above 1 a film is unlike the training films."""
        return self.distance(features) / self.limit


def fit_novelty(training: NDArray[np.floating], validation: NDArray[np.floating]) -> Novelty | None:
    """Describe training films, and choose the limit on validation films.

    Parameters
    ----------
    training : float array of shape (n, d)
        Features of films that the model was trained on.
    validation : float array of shape (m, d)
        Of films that it wasn't trained on.

    Returns
    -------
    Novelty or None
        None where nothing can be said: fewer than ``FEWEST`` films of either, or features that don't vary or
        aren't finite.
    """
    if min(len(training), len(validation)) < FEWEST:
        return None
    if not (np.isfinite(training).all() and np.isfinite(validation).all()):
        return None
    films = training.astype(np.float64)
    spread = films.std(axis=0)
    if not spread.mean() > 0:
        return None
    mean, scale = films.mean(axis=0), spread + _FLAT * spread.mean()
    scaled = (films - mean) / scale
    _, singular, axes = np.linalg.svd(scaled, full_matrices=False)
    rank = int((singular > 1e-6 * singular[0]).sum())
    k = max(1, min(AXES, rank - 1, len(films) // _FILMS_AN_AXIS))
    along = scaled @ axes[:k].T
    rest = float((scaled**2).sum(axis=1).mean() - (along**2).sum(axis=1).mean())
    if not rest > 0:
        return None
    told = Novelty(
        mean.astype(np.float32),
        scale.astype(np.float32),
        axes[:k].astype(np.float32),
        (singular[:k] ** 2 / len(films)).astype(np.float32),
        rest,
        limit=1.0,
    )
    return replace(told, limit=_limit(told.distance(validation)))


def _limit(distances: NDArray[np.float64]) -> float:
    """Where the share ``WARNED`` of the films lies above; not on a film, so that rounding decides nothing."""
    ordered = np.sort(distances)
    above = int(WARNED * len(ordered))
    last = float(ordered[-1 - above])
    return (last + float(ordered[-above])) / 2 if above else last * (1 + 1e-6)


def mean_ratio(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """What an ensemble says: the mean of its members' ratios.

    Parameters
    ----------
    ratios : float64 array of shape (k, m)
        NaN for a member that can't tell.

    Returns
    -------
    float64 array of shape (m,)
        NaN where none can tell.
    """
    can = ~np.isnan(ratios)
    told = can.sum(axis=0)
    total = np.where(can, ratios, 0.0).sum(axis=0)
    mean: NDArray[np.float64] = np.divide(total, told, out=np.full(total.shape, np.nan), where=told > 0)
    return mean
