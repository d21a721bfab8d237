"""
Alike: films that look like a film, by the features of an encoder that was trained on photographs.

- the distance is one minus the cosine between two descriptions, measured from the mean film: 0 for the same
  picture, about 1 for two films that have nothing more in common than any two films
- films that look alike need not have the same finding: the encoder has never learnt one
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 8192  # films, 40 MB
_NOTHING = 1e-12  # length of the description of a film that is the mean film


@dataclass(frozen=True, eq=False)
class Alike:
    """The films most like a film, the nearest first."""

    rows: NDArray[np.intp]  # (k,) of the catalog
    distances: NDArray[np.float64]  # (k,) in [0, 2]


def most_alike(
    features: NDArray[np.float16], film: NDArray[np.floating], most: int, *, but: int | None = None
) -> Alike:
    """Find the films whose descriptions are nearest to that of a film.

    Parameters
    ----------
    features : float16 array of shape (n, d)
        May be a memory map.
    film : float array of shape (d,)
    most : int
        Films to return.
    but : int, optional
        A row to leave out: the film itself.
    """
    mean = np.mean(features[:: max(1, len(features) // _AT_ONCE)], axis=0, dtype=np.float32)
    asked = _directions(film[None].astype(np.float32) - mean)[0]
    distances = np.empty(len(features))
    for start in range(0, len(features), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        distances[part] = 1 - _directions(features[part].astype(np.float32) - mean) @ asked
    if but is not None:
        distances[but] = np.inf
    rows = np.argsort(distances, kind="stable")[:most]
    rows = rows[np.isfinite(distances[rows])]
    return Alike(rows, np.maximum(0.0, distances[rows]))


def _directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions: NDArray[np.float32] = vectors / np.maximum(lengths, _NOTHING)
    return directions
