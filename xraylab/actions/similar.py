"""Similar films: those of a dataset, or of all datasets of the home, that look like a film."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.audit.alike import Alike, most_alike
from xraylab.audit.encoder import encoder, features_of
from xraylab.audit.features import kept_features
from xraylab.data.datasets import Dataset, list_datasets, load_dataset
from xraylab.errors import DatasetError
from xraylab.settings import Settings


@dataclass(frozen=True, eq=False)
class Similar:
    """The films of a dataset that are most like a film."""

    dataset: Dataset
    films: Alike


def similar_in(settings: Settings, dataset: Dataset, row: int, most: int) -> Similar | None:
    """Find the films of a dataset that are most like one of them; None if they weren't described yet.

    The check of the labels describes them, see ``audit``.

    Parameters
    ----------
    row : int
        Of the dataset's catalog.
    most : int
        Films to return.
    """
    features = _features(settings, dataset)
    if features is None:
        return None
    return Similar(dataset, most_alike(features, features[row], most, but=row))


def described(settings: Settings) -> list[Dataset]:
    """Return the datasets whose films were described, newest first."""
    return [dataset for dataset in _readable(settings) if _features(settings, dataset) is not None]


def similar_to(
    settings: Settings, pixels: NDArray[np.uint8], datasets: Sequence[Dataset], most: int
) -> list[Similar]:
    """Find the films most like another one in datasets whose films were described.

    Parameters
    ----------
    pixels : uint8 array of shape (256, 256)
        The standard pixels of a film.
    datasets : sequence of Dataset
        As ``described`` returns them.
    most : int
        Films to return of each dataset.

    Raises
    ------
    WeightsError
        If the encoder's weights are gone.
    """
    [film] = features_of(settings, pixels[None])
    kept = [(dataset, _features(settings, dataset)) for dataset in datasets]
    return [
        Similar(dataset, most_alike(features, film, most))
        for dataset, features in kept
        if features is not None
    ]


def _features(settings: Settings, dataset: Dataset) -> NDArray[np.float16] | None:
    network = encoder(settings)
    return None if network is None else kept_features(dataset, network)


def _readable(settings: Settings) -> list[Dataset]:
    datasets = []
    for info in list_datasets(settings):
        try:
            datasets.append(load_dataset(settings, info.name))
        except DatasetError:
            continue  # told on Data
    return datasets
