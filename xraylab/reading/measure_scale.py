"""
Measure once per model what full colour means in its heatmaps, and whether they depend on its weights.

- measured on validation films with the finding, spread evenly over them, never on test films
- each method has its own scale; Score-CAM has none, since it would take hours, nor has EigenCAM, whose maps
  don't depend on the score

References
----------
Adebayo et al. (2018), Sanity checks for saliency maps, NeurIPS: maps that stay the same when the weights are
randomised say nothing about the network.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab.errors import HeatmapError
from xraylab.models.heatmap_scale import MOST_FILMS, QUANTILE, RANDOM_FILMS, RANDOM_NETWORKS, MapScale
from xraylab.networks.registry import Network, build
from xraylab.reading.heatmap import DEFAULT, SCALED, raw_maps

Floats = NDArray[np.float32]


def positives(
    labels: NDArray[np.integer], rows: NDArray[np.intp], most: int = MOST_FILMS
) -> NDArray[np.intp]:
    """Return the rows of up to ``most`` films with the finding among ``rows``, spread evenly."""
    ill = rows[labels[rows] > 0]
    return ill[np.linspace(0, len(ill) - 1, min(most, len(ill))).round().astype(np.intp)]


def measure_scale(
    net: nn.Module,
    entry: Network,
    films: NDArray[np.uint8],
    *,
    classes: int,
    model_sha256: str,
    on_pass: Callable[[int], None] = lambda _: None,
) -> MapScale | None:
    """Measure the scale of a network's heatmaps.

    Parameters
    ----------
    films : uint8 array of shape (n, 256, 256)
        Validation films with the finding.
    classes : int
        Number of the network's outputs.
    model_sha256 : str
        Hash of the network's weights, which the scale belongs to.
    on_pass : callable, optional
        Called with the number of films that have passed so far, ``PASSES`` at most; may raise to stop.

    Returns
    -------
    MapScale or None
        None if there are no films, or if a map holds values that are not numbers.
    """
    if not len(films):
        return None
    net.eval()
    try:
        maps = []  # by film and method
        for film in films:
            maps.append(raw_maps(net, entry, _tensor(film), SCALED))
            on_pass(len(maps))
        some = range(0, len(films), max(1, len(films) // RANDOM_FILMS))[:RANDOM_FILMS]
        default = [maps[place][SCALED.index(DEFAULT)].ravel() for place in some]
        likeness = _likeness(
            entry, films[some], default, classes, on_pass=lambda done: on_pass(len(films) + done)
        )
    except HeatmapError:
        return None
    cells = [
        np.maximum(np.concatenate([film_maps[place].ravel() for film_maps in maps]), 0)
        for place in range(len(SCALED))
    ]
    return MapScale(
        model_sha256=model_sha256,
        films=len(films),
        quantile=QUANTILE,
        strongest={
            name: float(np.quantile(np.maximum(values, 0), QUANTILE))
            for name, values in zip(SCALED, cells, strict=True)
        },
        randomised=None if math.isnan(likeness) else round(likeness, 4),
        randomised_films=min(len(films), RANDOM_FILMS),
    )


def _likeness(
    entry: Network,
    films: NDArray[np.uint8],
    trained_maps: list[Floats],
    classes: int,
    *,
    on_pass: Callable[[int], None],
) -> float:
    """Return the mean rank correlation of Grad-CAM's cells with those of random networks, or NaN."""
    from scipy.stats import spearmanr

    correlations, passes = [], 0
    # Forked, so that the training's own random numbers stay as they were.
    with torch.random.fork_rng(devices=[]):
        for seed in range(RANDOM_NETWORKS):
            torch.manual_seed(seed)
            random = build(entry, classes=classes).eval().requires_grad_(requires_grad=False)
            for film, cells in zip(films, trained_maps, strict=True):
                random_cells = raw_maps(random, entry, _tensor(film), (DEFAULT,))[0].ravel()
                passes += 1
                on_pass(passes)
                # A constant map has no ranks, so no correlation.
                if np.ptp(cells) > 0 and np.ptp(random_cells) > 0:
                    correlations.append(float(spearmanr(cells, random_cells).statistic))
    return float(np.mean(correlations)) if correlations else math.nan


def _tensor(film: NDArray[np.uint8]) -> torch.Tensor:
    return torch.tensor(film)[None]
