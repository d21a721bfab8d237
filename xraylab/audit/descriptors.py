"""
Descriptors: a few numbers per film that change little when the same film is encoded or cut again.

- they are learned from the films at hand: some are turned, cut and brightened a little, and the directions
  are kept in which films differ most compared with what these changes do to one film
- in these directions the changes have a variance of 1, so distances need no scale of their own
- films are averaged to 32 × 32 first, which evens out compression, noise and a change of size
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xraylab.imaging import SIDE
from xraylab.imaging.fingerprint import BLOCK, CELLS, cell_sums

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

DIMENSIONS = 96
LARGEST_TURN = 3.0  # degrees; what the audit promises to find
LARGEST_CUT = 0.025  # of the width or height, from each side
LARGEST_GAIN, LARGEST_LIFT = 0.1, 25.0  # of the brightness; grey levels
FLAT = 1.0  # grey levels of standard deviation; a film with less has no structure to be recognised by

_MOST_FILMS, _FEWEST_COPIES = 1600, 800  # to learn from
_KINDS = 4  # of changes; each film is changed in all of them
# Shares of the mean variance that are added in each direction: a sample underestimates some of them, and the
# directions would follow those.
_RIDGE_OF_CHANGES, _RIDGE_OF_FILMS = 1.0, 0.01
_MOVES = 6  # of a film in its plane: shift, turn, stretch and shear
_POSITIONS = (np.arange(CELLS) + 0.5) / CELLS
# The border counts little: a turn or a cut brings other things there.
_WEIGHTS = np.sqrt(np.outer(np.sin(np.pi * _POSITIONS), np.sin(np.pi * _POSITIONS))).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Descriptor:
    """Directions in which films are told apart."""

    mean: Floats  # (1024,) of all films
    directions: Floats  # (1024, 96)

    @classmethod
    def learn(cls, pixels: Pixels, rows: NDArray[np.intp]) -> Self:
        """Learn from films.

        Parameters
        ----------
        pixels : uint8 array of shape (n, 256, 256)
            May be a memory map.
        rows : intp array of shape (m,)
            The films to learn from, at least two; a sample of them is read.
        """
        from scipy.linalg import eigh  # imported here: slow to load

        draw = np.random.default_rng(0)
        chosen = np.sort(draw.permutation(rows)[:_MOST_FILMS])
        repeats = max(1, -(-_FEWEST_COPIES // (_KINDS * len(chosen))))
        films: list[Floats] = []
        changes: list[Floats] = []
        for film in (np.asarray(pixels[row]) for row in chosen):
            copies = [_changed(film, kind, draw) for kind in range(_KINDS) for _ in range(repeats)]
            described = _weighted(np.stack([film, *copies]))
            films.append(described[0])
            changes.append(described[1:] - described[0])
        means: Floats = np.mean(films, axis=0)
        between = _with_ridge(np.stack(films) - means, _RIDGE_OF_FILMS)
        within = _with_ridge(np.concatenate(changes), _RIDGE_OF_CHANGES)
        size = len(within)
        _, directions = eigh(between, within, subset_by_index=(size - DIMENSIONS, size - 1))
        return cls(means, directions.astype(np.float32))

    def of(self, pixels: Pixels) -> Floats:
        """Describe films, uint8 of shape (n, 256, 256), by (n, 96) numbers."""
        described = (_weighted(pixels) - self.mean) @ self.directions
        return described.astype(np.float32, copy=False)

    def moves(self, pixels: Pixels) -> Floats:
        """Return how descriptors change with small moves of the films, (n, 6, 96)."""
        films = _normalised(pixels)
        down, right = np.gradient(films, axis=(1, 2))
        y, x = (_POSITIONS - 0.5).reshape(-1, 1), _POSITIONS - 0.5
        moved = np.stack([down, right, y * down, x * down, y * right, x * right], axis=1) * _WEIGHTS
        described: Floats = moved.reshape(len(films), _MOVES, CELLS**2).astype(np.float32) @ self.directions
        return described


def is_flat(pixels: Pixels) -> NDArray[np.bool_]:
    """Return whether films, uint8 of shape (n, 256, 256), have no structure, (n,)."""
    flat: NDArray[np.bool_] = _averaged(pixels).std(axis=(1, 2)) < FLAT
    return flat


def _averaged(pixels: Pixels) -> Floats:
    """Average films to 32 × 32."""
    averaged: Floats = cell_sums(pixels) / np.float32(BLOCK**2)
    return averaged


def _normalised(pixels: Pixels) -> Floats:
    """Average films to 32 × 32, and take away brightness and contrast."""
    films = _averaged(pixels)
    films -= films.mean(axis=(1, 2), keepdims=True)
    films /= np.maximum(films.std(axis=(1, 2), keepdims=True), FLAT)
    return films


def _weighted(pixels: Pixels) -> Floats:
    """Return films as (n, 1024) numbers in which the border counts little."""
    weighted: Floats = (_normalised(pixels) * _WEIGHTS).reshape(len(pixels), -1)
    return weighted


def _with_ridge(differences: Floats, ridge: float) -> Floats:
    """Return the mean square of differences, (1024, 1024), with some of its diagonal's mean added to it."""
    square: Floats = differences.T @ differences / np.float32(len(differences))
    square[np.diag_indices_from(square)] += ridge * np.trace(square) / len(square) + np.float32(1e-6)
    return square


def _changed(film: Pixels, kind: int, draw: np.random.Generator) -> Pixels:
    """Return a copy that is turned, cut, brightened, or all three."""
    changes = (_turned, _cut, _brightened)
    for change in changes if kind == len(changes) else (changes[kind],):
        film = change(film, draw)
    return film


def _turned(film: Pixels, draw: np.random.Generator) -> Pixels:
    angle = draw.uniform(-LARGEST_TURN, LARGEST_TURN)
    return np.asarray(Image.fromarray(film).rotate(angle, Image.Resampling.BILINEAR))


def _cut(film: Pixels, draw: np.random.Generator) -> Pixels:
    left, top, right, bottom = draw.uniform(0, LARGEST_CUT * SIDE, 4)
    box = (left, top, SIDE - right, SIDE - bottom)
    return np.asarray(Image.fromarray(film).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))


def _brightened(film: Pixels, draw: np.random.Generator) -> Pixels:
    gain = 1 + draw.uniform(-LARGEST_GAIN, LARGEST_GAIN)
    lift = draw.uniform(-LARGEST_LIFT, LARGEST_LIFT)
    return (film * gain + lift).clip(0, 255).astype(np.uint8)
