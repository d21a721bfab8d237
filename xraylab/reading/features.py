"""
Features of a film, which measure its distance from the training films.

- the features are the network's mean activations two thirds of the way through, and the film at 16 × 16
  pixels with its brightness and contrast normalised; networks from ImageNet recognise a cat by the first,
  a network that was trained on chests alone needs the second
- they come from the forward pass that scores the film, so they cost no pass of their own
- their distribution is learnt once, when the training ends, and kept in the model's folder
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab.evaluation.novelty import MOST, Novelty, fit_novelty, learnt_from
from xraylab.imaging import SIDE
from xraylab.networks.passes import middle_means
from xraylab.networks.registry import Network

_COARSE = 16
_FAINT = 1.0  # grey levels; without it the noise of a blank film would be amplified to a picture

Floats = NDArray[np.float64]


class FeatureReader:
    """Collects a network's features batch by batch, or what is computed from them.

    Parameters
    ----------
    pixels, rows
        All films, and the ones that are scored, as for ``all_outputs``.
    make : callable, optional
        Maps features (B, d) to what is kept, (B, ...); by default the features themselves.
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
        # Batches come in the order of the rows, which the hook itself can't see.
        rows = self._rows[self._done : self._done + len(activations)]
        self._done += len(activations)
        self._made.append(self._make(np.hstack([activations, coarse(self._pixels[rows])])))

    @property
    def made(self) -> Floats:
        """What was kept, one row per film."""
        return np.concatenate(self._made) if self._made else np.empty(0)


def coarse(pixels: NDArray[np.uint8]) -> Floats:
    """Shrink films to 16 × 16 pixels, each with mean 0 and its contrast normalised.

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
    middle: NDArray[np.float32] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Novelty | None:
    """Learn the distribution of a network's training films, with a limit chosen on its validation films.

    Parameters
    ----------
    pixels : uint8 array of shape (n, 256, 256), may be a memory map
    training, validation : int arrays
        Rows of the films. If there are more than ``MOST``, that many are drawn, always the same ones.
    middle : float32 array of shape (n, c), optional
        Mean activations of the middle layer of all films, if the caller has them.
    on_progress : callable, optional
        Called with the number of films done so far; may raise to stop.

    Returns
    -------
    Novelty or None
        None if there are too few films.
    """
    if not learnt_from(len(training), len(validation)):
        return None
    parts = [_drawn(training), _drawn(validation)]
    rows = np.concatenate(parts)
    if middle is not None:
        means = middle[rows]
    else:
        means = middle_means(net, entry, pixels, rows, device=device, on_progress=on_progress)
    features = np.hstack([means, coarse(pixels[rows])])
    return fit_novelty(features[: len(parts[0])], features[len(parts[0]) :])


def _drawn(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    if len(rows) <= MOST:
        return rows
    # Sorted, since a memory map is read faster in order.
    return np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
