"""
Averages: what the films of each class have in common, as a picture.

Where the films of two classes are cut, turned or exposed in other ways, their averages differ: a person sees
at a glance what a network could learn instead of the finding.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.data.datasets import Dataset
from xraylab.imaging import SIDE

MOST = 2000  # films of a class; more change no grey level of their average by one
_AT_ONCE = 256  # films, 16 MB


@dataclass(frozen=True, eq=False)
class Average:
    """The mean film of one class."""

    name: str  # of the class
    films: int  # that it was made of
    picture: NDArray[np.uint8]  # (256, 256)


def average_films(dataset: Dataset) -> list[Average]:
    """Return the mean film of each class that has films, from at most ``MOST`` films a class.

    Films are stretched to a square, as networks see them.

    Raises
    ------
    DatasetError
        If the dataset is damaged.
    """
    labels = dataset.catalog["label"].to_numpy(np.int64)
    averages = []
    for label, name in enumerate(dataset.info.finding.classes):
        rows = _spread(np.flatnonzero(labels == label))
        if len(rows):
            averages.append(Average(name, len(rows), _mean(dataset.pixels, rows)))
    return averages


def _spread(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return at most ``MOST`` of the rows, spread evenly over all."""
    return rows[np.linspace(0, len(rows) - 1, min(MOST, len(rows))).round().astype(np.intp)]


def _mean(pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    total = np.zeros((SIDE, SIDE), np.uint64)
    for start in range(0, len(rows), _AT_ONCE):
        total += pixels[rows[start : start + _AT_ONCE]].sum(axis=0, dtype=np.uint64)
    mean: NDArray[np.uint8] = np.rint(total / len(rows)).astype(np.uint8)
    return mean
