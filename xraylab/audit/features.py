"""
Features: what the encoder sees in the films of a dataset, computed once and kept in its folder.

They are needed for the check of its labels and for the search for films that look alike.
"""

import contextlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from xraylab.audit.encoder import encoder, features_of
from xraylab.data.datasets import Dataset
from xraylab.errors import StorageError
from xraylab.files import replacing
from xraylab.networks.registry import Network
from xraylab.settings import Settings
from xraylab.stored import check_file

_MOST_BYTES = 2**40  # mapped and not read, so no limit of memory


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
