"""
Features: what an encoder that was trained on photographs alone sees in a film.

- it has never learnt a label of a film, so what is found by it can't repeat an error of the labels
- the features of a dataset are computed once and kept in its folder, for the check of its labels and for the
  search for films that look alike
"""

import contextlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xraylab.data.datasets import Dataset
from xraylab.errors import StorageError, WeightsError
from xraylab.files import replacing
from xraylab.networks.pretrained import imagenet_path
from xraylab.networks.registry import Network, networks
from xraylab.settings import Settings
from xraylab.stored import check_file

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
_MOST_BYTES = 2**40  # mapped and not read, so no limit of memory


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

    from xraylab.networks.inference import all_outputs
    from xraylab.networks.passes import BATCH
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


def features_of_dataset(
    settings: Settings, dataset: Dataset, on_progress: Callable[[int], None] | None = None
) -> NDArray[np.float32]:
    """Describe all films of a dataset, as ``features_of`` does, or return what was kept of them.

    They are rounded to 16 bits, so that the first call returns what every later one does.
    """
    network = encoder(settings)
    kept = None if network is None else kept_features(dataset, network)
    if kept is None:
        kept = features_of(settings, dataset.pixels, on_progress).astype(np.float16)
        if network is not None:
            _keep(dataset, network, kept)
    return kept.astype(np.float32)


def kept_features(dataset: Dataset, network: Network) -> NDArray[np.float16] | None:
    """Return the kept descriptions, mapped from the disk; None if there are none that can be used."""
    file = dataset.folder / _file(network)
    try:
        check_file(file, _MOST_BYTES)
        features: NDArray[np.float16] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = features.dtype == np.float16 and features.ndim == 2 and len(features) == dataset.info.n  # noqa: PLR2004
    return features if fits else None


def _keep(dataset: Dataset, network: Network, features: NDArray[np.float16]) -> None:
    """Keep features; a disk that can't be written to loses nothing but the copy."""
    if not dataset.still_there:  # its successor has other films
        return
    with contextlib.suppress(StorageError), replacing(dataset.folder / _file(network)) as file:
        np.lib.format.write_array(file, np.ascontiguousarray(features), allow_pickle=False)


def _file(network: Network) -> str:
    return f"features-{network.name}.npy"
