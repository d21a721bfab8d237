"""
Neighbours: the nearest points of each of many, without a comparison of every pair.

- points lie in as many cells as the square root of their number; a point is compared with those in the cells
  nearest to it, so the work grows with n to the power 1.5
- a neighbour in a cell that is farther away is missed; up to 4,096 points all pairs are compared
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

_ONE_CELL = 4096  # points up to which all pairs are compared
_PROBES = 16  # cells that a point is compared with
_AT_ONCE = 1024  # points


def pairs_of_neighbours(points: Floats, k: int) -> tuple[Rows, Rows]:
    """Return the pairs of points of which one is among the ``k`` nearest of the other.

    Parameters
    ----------
    points : float32 array of shape (n, dimensions)
    k : int
        Neighbours per point, at least 1.

    Returns
    -------
    first, second : intp arrays of shape (pairs,)
        Each pair once, first < second, in order.
    """
    n = len(points)
    k = min(k, n - 1)
    if k < 1:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    distances = np.full((n, k), np.inf, np.float32)
    rows = np.full((n, k), -1, np.intp)
    for asking, members in _cells(points):
        for start in range(0, len(asking), _AT_ONCE):
            _keep_nearest(points, asking[start : start + _AT_ONCE], members, distances, rows)
    point = np.repeat(np.arange(n), k)[rows.ravel() >= 0]
    other = rows.ravel()[rows.ravel() >= 0]
    both = np.unique(np.minimum(point, other) * n + np.maximum(point, other))
    return both // n, both % n


def _cells(points: Floats) -> Iterator[tuple[Rows, Rows]]:
    """Yield for each cell the points that are compared with its members, and the members."""
    n = len(points)
    if n <= _ONE_CELL:
        yield np.arange(n), np.arange(n)
        return
    # Points serve as centres as they are: to refine them changes little and takes longer.
    centres = points[np.random.default_rng(0).choice(n, math.isqrt(n), replace=False)]
    nearest = np.concatenate(
        [_nearest_centres(points[start : start + _AT_ONCE], centres) for start in range(0, n, _AT_ONCE)]
    )
    probes = nearest.shape[1]
    order = np.argsort(nearest, axis=None, kind="stable")
    ends = np.searchsorted(nearest.ravel()[order], np.arange(len(centres) + 1))
    by_home = np.argsort(nearest[:, 0], kind="stable")
    home_ends = np.searchsorted(nearest[by_home, 0], np.arange(len(centres) + 1))
    for cell in range(len(centres)):
        asking = order[ends[cell] : ends[cell + 1]] // probes
        yield asking, by_home[home_ends[cell] : home_ends[cell + 1]]


def _nearest_centres(points: Floats, centres: Floats) -> Rows:
    """Return the nearest centres of points, the nearest of all first, (n, probes)."""
    distances = _squared_distances(points, centres)
    nearest = np.argpartition(distances, _PROBES, axis=1)[:, :_PROBES]
    order = np.argsort(np.take_along_axis(distances, nearest, axis=1), axis=1)
    return np.take_along_axis(nearest, order, axis=1)


def _keep_nearest(points: Floats, asking: Rows, members: Rows, distances: Floats, rows: Rows) -> None:
    """Put the nearest members into the table of some points, if they are nearer than what it holds."""
    k = rows.shape[1]
    apart = _squared_distances(points[asking], points[members])
    apart[asking[:, None] == members] = np.inf
    if len(members) > k:
        best = np.argpartition(apart, k - 1, axis=1)[:, :k]
        apart, found = np.take_along_axis(apart, best, axis=1), members[best]
    else:
        found = np.broadcast_to(members, apart.shape)
    all_apart = np.concatenate([distances[asking], apart], axis=1)
    all_found = np.concatenate([rows[asking], np.where(np.isinf(apart), -1, found)], axis=1)
    best = np.argpartition(all_apart, k - 1, axis=1)[:, :k]
    distances[asking] = np.take_along_axis(all_apart, best, axis=1)
    rows[asking] = np.take_along_axis(all_found, best, axis=1)


def _squared_distances(points: Floats, others: Floats) -> Floats:
    """Return the squared distances of points to others, (n, m); rounding may leave some below 0."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    apart: Floats = squares - 2 * (points @ others.T)
    return apart
