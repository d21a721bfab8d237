"""
Whether a film is like those that a model was trained on, as its network and a coarse look at it tell.

- a film's features are the network's mean activations two thirds of the way, and the film itself at 16 × 16,
  brought to one brightness and contrast: networks from ImageNet tell a cat by the first, and a network that
  has never seen anything but chests needs the second
- they come from the forward pass that scores the film; none is run for them
- what they should be like is learnt once, when the training ends, and kept in the model's folder
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab.evaluation.novelty import FEWEST, Novelty, fit_novelty
from xraylab.imaging import SIDE
from xraylab.networks.inference import all_outputs
from xraylab.networks.registry import Network

MOST = 1000  # films of each split to learn from; more cost time and hardly change anything
_COARSE = 16
_FAINT = 1.0  # grey levels; keeps the noise of a blank film from being blown up to a picture

Floats = NDArray[np.float64]


class FeatureReader:
    """Takes a network's features batch by batch, and keeps what is made of each film's.

    Parameters
    ----------
    pixels, rows
        The films that are scored, and which of them, as for ``all_outputs``.
    make : callable, optional
        From features (B, d) to what is kept of them, (B, ...); by default the features themselves.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        rows: NDArray[np.intp] | None = None,
        make: Callable[[Floats], Floats] = lambda features: features,
    ) -> None:
        self._pixels = pixels
        self._rows = np.arange(len(pixels)) if rows is None else rows
        self._make = make
        self._made: list[Floats] = []
        self._done = 0

    def __call__(self, activations: NDArray[np.float32]) -> None:
        """Take the mean activations (B, c) of the next films."""
        rows = self._rows[self._done : self._done + len(activations)]
        self._done += len(activations)
        self._made.append(self._make(np.hstack([activations, coarse(self._pixels[rows])])))

    @property
    def made(self) -> Floats:
        """What was kept, a row a film."""
        return np.concatenate(self._made) if self._made else np.empty(0)


def coarse(pixels: NDArray[np.uint8]) -> Floats:
    """Films at 16 × 16, each with its own mean taken away and divided by its own contrast.

    Parameters
    ----------
    pixels : uint8 array of shape (m, 256, 256)

    Returns
    -------
    float64 array of shape (m, 256)
    """
    step = SIDE // _COARSE
    small = pixels.reshape(-1, _COARSE, step, _COARSE, step).mean(axis=(2, 4)).reshape(len(pixels), -1)
    small -= small.mean(axis=1, keepdims=True)
    films: Floats = small / (small.std(axis=1, keepdims=True) + _FAINT)
    return films


def learn(
    net: nn.Module,
    entry: Network,
    pixels: NDArray[np.uint8],
    training: NDArray[np.intp],
    validation: NDArray[np.intp],
    *,
    device: torch.device,
    on_progress: Callable[[int], None] | None = None,
) -> Novelty | None:
    """Learn what a network's training films are like, with a limit chosen on its validation films.

    Parameters
    ----------
    pixels : uint8 array of shape (n, 256, 256), may be a memory map
    training, validation : int arrays
        Rows of the films; ``MOST`` of each are drawn where there are more, always the same.
    on_progress : callable, optional
        As for ``all_outputs``.

    Returns
    -------
    Novelty or None
        None where there are too few films to tell.
    """
    if min(len(training), len(validation)) < FEWEST:
        return None

    def features(rows: NDArray[np.intp]) -> Floats:
        some = _draw(rows)
        reader = FeatureReader(pixels, some)
        all_outputs(net, entry, pixels, some, device=device, on_progress=on_progress, on_features=reader)
        return reader.made

    return fit_novelty(features(training), features(validation))


def _draw(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    if len(rows) <= MOST:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
