"""
Alignment: lay one film over another, and tell how alike they are then.

- shift, turn, stretch and shear are estimated together, from coarse to fine, by least squares
- only edges and texture are compared: brightness, and the shape that all chests share, play no part
- a border is left out, since a turn or a cut brings other things there

References
----------
Baker S, Matthews I (2004), Int J Comput Vis 56:221-255: the inverse compositional algorithm.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.imaging import SIDE

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

_BORDER = 0.08  # of the side; a turn by 3 degrees moves a border by 0.03, and a cut by 0.025
_FARTHEST = 0.15  # of the side; an estimate beyond this has lost its way
_WEAKEST = 0.1  # grey levels of standard deviation; a film with less texture can't be recognised by it
_UNMOVED = np.eye(3)  # maps (1, y, x), from the centre and in sides of the film


@dataclass(frozen=True)
class _Level:
    """A resolution at which films are aligned."""

    side: int
    fine: float  # details below and shapes above these standard deviations, in pixels, are left out
    coarse: float
    steps: int
    least: float  # correlation below which two films are given up


_LEVELS = (
    _Level(side=32, fine=0.7, coarse=4, steps=4, least=0.5),
    _Level(side=64, fine=1, coarse=4, steps=4, least=0.75),
    _Level(side=128, fine=1, coarse=2, steps=2, least=-1),
)


@dataclass(frozen=True, eq=False)
class _Template:
    """A film to lay others over, at one resolution."""

    values: Floats  # (inner pixels,) with mean 0 and variance 1
    solve: Floats  # (6, inner pixels): from a difference to the move that explains it


class Texture:
    """Edges and texture of a film; each resolution is computed when it is first asked for."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._edges: dict[int, Floats] = {}
        self._templates: dict[int, _Template] = {}

    def likeness(self, other: "Texture") -> float:
        """Return the correlation with another film that is laid over this one, at most 1.

        It is computed at the coarsest resolution that shows that two films differ, and is 0 if one of them
        has no texture or if no move brings them together.
        """
        move, correlation = _UNMOVED, 0.0
        for level in _LEVELS:
            move, correlation = self._align(other, level, move)
            if correlation < level.least:
                break
        return correlation

    def _align(self, other: "Texture", level: _Level, move: Floats) -> tuple[Floats, float]:
        """Refine a move; return it with the correlation that it reaches."""
        template, edges = self._template(level), other._at(level)
        if not template.values.any():
            return move, 0.0
        for _ in range(level.steps):
            change = np.eye(3)
            change[1:] += (template.solve @ (_inner(_moved(edges, move)) - template.values)).reshape(2, 3)
            if _is_lost(change):  # it may have no inverse
                return move, 0.0
            move = move @ np.linalg.inv(change)
            if _is_lost(move):
                return move, 0.0
        return move, float((_inner(_moved(edges, move)) * template.values).mean())

    def _at(self, level: _Level) -> Floats:
        """Return the film's edges and texture at a resolution, (side, side)."""
        from scipy.ndimage import gaussian_filter  # imported here: slow to load

        if level.side not in self._edges:
            film = _averaged(self._pixels, level.side)
            smooth = gaussian_filter(film, level.fine, mode="nearest")
            self._edges[level.side] = smooth - gaussian_filter(film, level.coarse, mode="nearest")
        return self._edges[level.side]

    def _template(self, level: _Level) -> _Template:
        if level.side not in self._templates:
            self._templates[level.side] = _template_of(self._at(level))
        return self._templates[level.side]


def _is_lost(move: Floats) -> bool:
    return bool(np.abs(move - _UNMOVED).max() > _FARTHEST)


def _averaged(pixels: Pixels, side: int) -> Floats:
    block = SIDE // side
    # Rows first: sums over the last axis are several times slower.
    rows = pixels.reshape(side, block, SIDE).sum(axis=1, dtype=np.uint16)
    averaged: Floats = rows.reshape(side, side, block).sum(axis=2, dtype=np.uint16) / float(block**2)
    return averaged


def _template_of(edges: Floats) -> _Template:
    down, right = np.gradient(edges, 1 / len(edges))
    x = (np.arange(len(edges)) - (len(edges) - 1) / 2) / len(edges)
    y = x.reshape(-1, 1)
    inside = _inside(len(edges))
    spread = max(float(edges[inside].std()), _WEAKEST)
    slopes = np.stack([down, down * y, down * x, right, right * y, right * x])
    moves = slopes[:, *inside].reshape(len(slopes), -1) / spread
    square = moves @ moves.T
    square[np.diag_indices_from(square)] += 1e-5 * np.trace(square) + 1e-9
    return _Template(_inner(edges), np.linalg.inv(square) @ moves)


def _moved(edges: Floats, move: Floats) -> Floats:
    """Draw a film as it looks where the move comes from."""
    from scipy.ndimage import affine_transform  # imported here: slow to load

    side, centre = len(edges), (len(edges) - 1) / 2
    linear = move[1:, 1:]
    offset = move[1:, 0] * side + centre - linear @ (centre, centre)
    drawn: Floats = affine_transform(edges, linear, offset, order=1, mode="nearest")
    return drawn


def _inside(side: int) -> tuple[slice, slice]:
    border = round(_BORDER * side)
    return slice(border, side - border), slice(border, side - border)


def _inner(edges: Floats) -> Floats:
    """Return the pixels inside the border with mean 0 and variance 1; all 0 without texture."""
    values = edges[_inside(len(edges))].ravel()
    spread = float(values.std())
    if spread < _WEAKEST:
        return np.zeros_like(values)
    inner: Floats = (values - values.mean()) / spread
    return inner
