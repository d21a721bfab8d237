"""What every evaluation starts from: films with a label, a score and a patient, checked once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked(
    labels: ArrayLike, scores: ArrayLike, groups: Sequence[Any] | NDArray[Any] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Labels as 0 and 1, scores as float64, patients as codes 0 ... K-1; (n,) each.

    Without groups every film is its own patient.

    Raises
    ------
    ValueError
        If lengths differ, a score is NaN or infinite, or a label is neither 0 nor 1.
    """
    given, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if given.ndim != 1 or given.shape != values.shape:
        raise ValueError(f"labels {given.shape} and scores {values.shape} must be of one length")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite")
    if not np.isin(given, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if groups is None:
        return given.astype(np.int64), values, np.arange(values.size)
    if len(groups) != values.size:
        raise ValueError(f"{len(groups)} groups for {values.size} scores")
    names = np.asarray(groups)
    if names.dtype == object:  # mixed or missing names don't sort; their text does
        names = names.astype(str)
    codes = np.unique(names, return_inverse=True)[1]
    return given.astype(np.int64), values, codes.astype(np.int64)
