"""
Near duplicates: films that are one picture, encoded, cut, turned, brightened or resized in another way.

- candidates are near in descriptors that are learned from the films; each is then laid over the other
- the same film after a turn by up to 3 degrees, a cut of 2 % of each side or a change of brightness by 10 %
  is found; two films of one patient are two films
- no picture is compared with all others, so the time grows with n to the power 1.5
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.audit.alignment import Texture
from xraylab.audit.descriptors import DIMENSIONS, Descriptor, is_flat
from xraylab.audit.neighbours import pairs_of_neighbours

Pixels = NDArray[np.uint8]
Rows = NDArray[np.intp]

SAME = 0.96  # correlation after alignment
_NEIGHBOURS = 8  # candidates per film
# Distance that small moves may leave between two films to be compared further. A change that was learned
# leaves about half of the root of DIMENSIONS, two at once up to twice it; other films mostly more than this.
_REACH = 2.25 * DIMENSIONS**0.5
_AT_ONCE = 256  # films; 16 MB of pixels


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of films that are one picture."""

    first: Rows  # (pairs,) row of a film; first < second
    second: Rows
    likeness: NDArray[np.float64]  # (pairs,) correlation after alignment, from SAME to 1

    def __len__(self) -> int:
        return len(self.first)


def near_duplicates(
    pixels: Pixels, rows: Rows | None = None, *, on_progress: Callable[[int, int], None] | None = None
) -> NearPairs:
    """Find films that are one picture.

    Parameters
    ----------
    pixels : uint8 array of shape (n, 256, 256)
        Standard pixels; may be a memory map.
    rows : intp array, optional
        The films to compare, in ascending order; all if it is missing. Leave out exact copies: many of them
        hide other neighbours of a film.
    on_progress : callable, optional
        Called with (pairs done, pairs in total) while candidates are laid over each other.

    Returns
    -------
    NearPairs
        A film of a picture with more than nine versions is compared with the eight nearest ones; these links
        connect all versions as a rule. Films without structure aren't compared.
    """
    rows = np.arange(len(pixels)) if rows is None else rows
    rows = rows[~np.concatenate([is_flat(pixels[part]) for part in _parts(rows)])]
    if len(rows) < 2:  # noqa: PLR2004 (a pair)
        return NearPairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
    descriptor = Descriptor.learn(pixels, rows)
    points = np.concatenate([descriptor.of(pixels[part]) for part in _parts(rows)])
    first, second = pairs_of_neighbours(points, _NEIGHBOURS)
    near = _are_near(pixels, rows, descriptor, points, first, second)
    first, second = rows[first[near]], rows[second[near]]
    likeness = _likeness(pixels, first, second, on_progress)
    same = likeness >= SAME
    return NearPairs(first[same], second[same], likeness[same])


def _parts(rows: Rows) -> list[Rows]:
    """Cut rows into parts whose pixels fit into memory; at least one, which may be empty."""
    return [rows[start : start + _AT_ONCE] for start in range(0, max(1, len(rows)), _AT_ONCE)]


def _are_near(
    pixels: Pixels,
    rows: Rows,
    descriptor: Descriptor,
    points: NDArray[np.float32],
    first: Rows,
    second: Rows,
) -> NDArray[np.bool_]:
    """Return whether some small move of the first film brings it near the second, (pairs,)."""
    near = np.empty(len(first), bool)
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(*np.searchsorted(first, [start, start + _AT_ONCE]))
        films, place = np.unique(first[part], return_inverse=True)
        moves = descriptor.moves(pixels[rows[films]])[place]
        apart = points[second[part]] - points[first[part]]
        near[part] = _left_over(moves, apart) <= _REACH
    return near


def _left_over(moves: NDArray[np.float32], apart: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of differences, (pairs, 96), after the moves, (pairs, 6, 96), that explain most."""
    square = moves @ moves.transpose(0, 2, 1)
    square += 1e-3 * np.eye(square.shape[1], dtype=np.float32)
    amounts = np.linalg.solve(square, moves @ apart[:, :, None])
    left: NDArray[np.float32] = np.linalg.norm(apart - (amounts * moves).sum(axis=1), axis=1)
    return left


def _likeness(
    pixels: Pixels, first: Rows, second: Rows, on_progress: Callable[[int, int], None] | None
) -> NDArray[np.float64]:
    """Lay the second film of each pair over the first, and return their correlations."""
    likeness = np.empty(len(first))
    film, texture = -1, None
    for pair in range(len(first)):
        if texture is None or film != first[pair]:  # the pairs of a film lie together
            film, texture = int(first[pair]), Texture(pixels[first[pair]])
        likeness[pair] = texture.likeness(Texture(pixels[second[pair]]))
        if on_progress is not None:
            on_progress(pair + 1, len(first))
    return likeness
