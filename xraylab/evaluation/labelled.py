"""Labelled films: labels, scores and patients as arrays, checked once before any evaluation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked(
    labels: ArrayLike, scores: ArrayLike, groups: Sequence[Any] | NDArray[Any] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Check labels, scores and patients; return them as 0 or 1, as float64 and as codes 0 ... K-1.

    Without groups each film is treated as its own patient.

    Returns
    -------
    labels, scores, patients : ndarrays of int64, float64 and int64, (n,) each

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
    if names.dtype == object:  # names of mixed types can't be sorted; as text they can
        names = names.astype(str)
    codes = np.unique(names, return_inverse=True)[1]
    return given.astype(np.int64), values, codes.astype(np.int64)
