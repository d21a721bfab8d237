"""
Encoder: films described by a network that was trained on photographs alone.

- it never learnt the labels of these films, so it can't repeat their errors, and what it sees is in the films
- a classifier on the descriptions scores each film without having seen it or its group
- torch is imported when films are described, and scikit-learn when they are scored
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import WeightsError
from xraylab.networks.pretrained import imagenet_path
from xraylab.networks.registry import Network, networks
from xraylab.settings import Settings

FOLDS = 5
FEWEST = 2 * FOLDS  # groups of each class
_STRENGTH = (
    0.01  # inverse of the penalty: weak enough to separate, too strong to learn single labels by heart
)

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def can_tell(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> bool:
    """Return whether each class has groups enough to be left out in turn."""
    return min(np.unique(groups[labels == label]).size for label in (0, 1)) >= FEWEST


def encoder(settings: Settings) -> Network | None:
    """Return the first network whose ImageNet weights are on this machine; None if there is none."""
    return next((entry for entry in networks() if imagenet_path(settings, entry) is not None), None)


def features_of(
    settings: Settings,
    pixels: NDArray[np.uint8],
    on_progress: Callable[[int], None] | None = None,
    *,
    change: Change | None = None,
) -> NDArray[np.float32]:
    """Describe films by an encoder that was trained on photographs.

    Parameters
    ----------
    pixels : uint8 array of shape (n, 256, 256), may be a memory map
    on_progress : callable, optional
        Called with the films done so far; may raise to stop.
    change : callable, optional
        What is done to a few films before the encoder sees them.

    Returns
    -------
    float32 array of shape (n, d)

    Raises
    ------
    WeightsError
        If no ImageNet weights are on this machine.
    """
    import torch

    from xraylab.networks.inference import BATCH, all_outputs
    from xraylab.networks.pretrained import weights_path
    from xraylab.networks.registry import build
    from xraylab.networks.weights import load_into

    entry = encoder(settings)
    if entry is None:
        raise WeightsError(
            "No ImageNet weights are on this machine, so films can't be described. Install the requirements, "
            "which bring some."
        )
    net = build(entry).to(memory_format=torch.channels_last)
    load_into(net, weights_path(settings, entry, "imagenet"), entry)
    batches: list[NDArray[np.float32]] = []
    for start in range(0, len(pixels), BATCH):
        films = pixels[start : start + BATCH]
        films = films if change is None else change(films)
        all_outputs(net, entry, films, device=torch.device("cpu"), on_features=batches.append)
        if on_progress:
            on_progress(start + len(films))
    return np.concatenate(batches)


def cross_validated(
    features: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float64]:
    """Score each film by a classifier that saw neither the film nor its group.

    Parameters
    ----------
    features : float array of shape (n, d)
    labels : int array of shape (n,)
        0 or 1.
    groups : int array of shape (n,)
        Films of a group are scored together.

    Returns
    -------
    float64 array of shape (n, 2)
        The probability of each label.

    Raises
    ------
    ValueError
        If a class has too few groups to be left out in turn.
    """
    # Imported here: slow to load, and only an audit needs them.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if not can_tell(labels, groups):
        raise ValueError(f"each class needs {FEWEST} groups")
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=1000))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    scored: NDArray[np.float64] = cross_val_predict(
        classifier, features, labels, groups=groups, cv=folds, method="predict_proba"
    )
    return scored
