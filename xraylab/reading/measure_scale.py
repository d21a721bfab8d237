"""
What full colour means in a network's heatmaps, and whether they depend on what it learnt; once a model.

- measured on validation films with pneumonia, spread evenly over them, never on test films
- a method has its own scale; Score-CAM would take hours and has none, EigenCAM knows no score

References
----------
Adebayo et al. (2018), Sanity checks for saliency maps, NeurIPS: weights are randomised, and maps
that stay the same don't tell of the network.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab.errors import HeatmapError
from xraylab.models.heatmap_scale import QUANTILE, MapScale
from xraylab.networks.registry import Network, build
from xraylab.reading.heatmap import DEFAULT, SCALED, raw_maps

MOST_FILMS = 100
_RANDOM_NETWORKS = 3
_RANDOM_FILMS = 12
Floats = NDArray[np.float32]


def positives(
    labels: NDArray[np.integer], rows: NDArray[np.intp], most: int = MOST_FILMS
) -> NDArray[np.intp]:
    """At most so many of the films with pneumonia among ``rows``, spread evenly."""
    ill = rows[labels[rows] > 0]
    return ill[np.linspace(0, len(ill) - 1, min(most, len(ill))).round().astype(np.intp)]


def measure_scale(
    net: nn.Module, entry: Network, films: NDArray[np.uint8], *, classes: int, model_sha256: str
) -> MapScale | None:
    """Measure the scale of a network's heatmaps.

    Parameters
    ----------
    films : uint8 array of shape (n, 256, 256)
        Validation films with pneumonia.
    classes : int
        How many outputs the network has.
    model_sha256 : str
        Of the model that the network is.

    Returns
    -------
    MapScale or None
        None without films, or if its maps are no numbers.
    """
    if not len(films):
        return None
    net.eval()
    try:
        maps = [raw_maps(net, entry, _tensor(film), SCALED) for film in films]  # a film, a method
        likeness = _likeness(
            net, entry, films[:: max(1, len(films) // _RANDOM_FILMS)][:_RANDOM_FILMS], classes
        )
    except HeatmapError:
        return None
    cells = [
        np.maximum(np.concatenate([film[place].ravel() for film in maps]), 0) for place in range(len(SCALED))
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
        randomised_films=min(len(films), _RANDOM_FILMS),
    )


def _likeness(net: nn.Module, entry: Network, films: NDArray[np.uint8], classes: int) -> float:
    """Mean rank correlation of Grad-CAM's cells with those of networks with random weights; NaN without."""
    from scipy.stats import spearmanr

    mine = [_grad_cam(net, entry, film) for film in films]
    found = []
    with torch.random.fork_rng(devices=[]):
        for seed in range(_RANDOM_NETWORKS):
            torch.manual_seed(seed)
            random = build(entry, classes=classes).eval().requires_grad_(requires_grad=False)
            for film, cells in zip(films, mine, strict=True):
                others = _grad_cam(random, entry, film)
                if np.ptp(cells) > 0 and np.ptp(others) > 0:
                    found.append(float(spearmanr(cells, others).statistic))
    return float(np.mean(found)) if found else math.nan


def _grad_cam(net: nn.Module, entry: Network, film: NDArray[np.uint8]) -> Floats:
    return raw_maps(net, entry, _tensor(film), (DEFAULT,))[0].ravel()


def _tensor(film: NDArray[np.uint8]) -> torch.Tensor:
    return torch.tensor(film)[None]
