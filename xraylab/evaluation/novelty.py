"""
Novelty: how far a film is from the films that a model was trained on.

- arrays of features in, a distance out; the caller chooses the features
- the distance is a sum of two parts: the distance along the axes in which training films vary most
  (Mahalanobis), and what these axes don't explain (the residual of the projection)
- it is given as a ratio to a limit chosen on validation films: at most a share ``WARNED`` of those is above 1
- a film with NaN or infinite features is infinitely far away

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
WARNED = 0.005  # share of validation films; half of what is promised, since other films vary more
FEWEST = 100  # training and validation films: fewer can't show where the outermost hundredth begins
MOST = 1000  # films per split to learn from; more take longer and hardly change the result
_FILMS_AN_AXIS = 4  # films needed per axis, or the variance along it is unreliable
_FLAT = 1e-3  # as a share of the mean spread: a constant feature may vary a little without an alarm

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Novelty:
    """Description of the features of training films, with the limit of the distance from them."""

    mean: Floats  # (d,)
    scale: Floats  # (d,) standard deviations
    axes: Floats  # (k, d) unit vectors along which scaled training films differ most
    variance: Floats  # (k,) of the training films along them
    rest: float  # mean squared residual of a training film, outside the axes
    limit: float  # of the distance; a film beyond it is called unusual

    def distance(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return how far films lie from the training films.

        Parameters
        ----------
        features : float array of shape (m, d)

        Returns
        -------
        float64 array of shape (m,)
            0 or more; on average 2 for training films, 1 for each part. Infinite if a feature is NaN or
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
        """Return the distance divided by the limit, (m,): above 1 a film is unlike the training films."""
        return self.distance(features) / self.limit


def learnt_from(training: int, validation: int) -> int:
    """Return from how many of these films one learns; 0 if they are too few."""
    return min(training, MOST) + min(validation, MOST) if min(training, validation) >= FEWEST else 0


def fit_novelty(training: NDArray[np.floating], validation: NDArray[np.floating]) -> Novelty | None:
    """Describe training films, and choose the limit on validation films.

    Parameters
    ----------
    training : float array of shape (n, d)
        Features of films that the model was trained on.
    validation : float array of shape (m, d)
        Features of films that the model wasn't trained on.

    Returns
    -------
    Novelty or None
        None if there are fewer than ``FEWEST`` films of either, or the features don't vary or aren't finite.
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
    novelty = Novelty(
        mean.astype(np.float32),
        scale.astype(np.float32),
        axes[:k].astype(np.float32),
        (singular[:k] ** 2 / len(films)).astype(np.float32),
        rest,
        limit=1.0,
    )
    return replace(novelty, limit=_limit(novelty.distance(validation)))


def _limit(distances: NDArray[np.float64]) -> float:
    """Return the limit that a share ``WARNED`` of the films exceeds."""
    ordered = np.sort(distances)
    above = int(WARNED * len(ordered))
    last = float(ordered[-1 - above])
    # Between two films, never on one, so that rounding can't decide on which side a film falls.
    return (last + float(ordered[-above])) / 2 if above else last * (1 + 1e-6)


def mean_ratio(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the members' ratios of an ensemble.

    Parameters
    ----------
    ratios : float64 array of shape (k, m)
        NaN for a member without a novelty check.

    Returns
    -------
    float64 array of shape (m,)
        NaN if no member has one.
    """
    known = ~np.isnan(ratios)
    members = known.sum(axis=0)
    total = np.where(known, ratios, 0.0).sum(axis=0)
    mean: NDArray[np.float64] = np.divide(total, members, out=np.full(total.shape, np.nan), where=members > 0)
    return mean
