"""Films of a model whose calibration is known, with scores like those of the shipped ensemble."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, ndtr

import xraylab


@cache
def held_out(model: str = "ensemble", split: str = "validation") -> pd.DataFrame:
    """The stored predictions of a shipped model."""
    films = pd.read_parquet(Path(xraylab.__file__).parent / "starter" / model / "predictions.parquet")
    return films[films["split"] == split].reset_index(drop=True)


@cache
def patients_of(model: str) -> list[NDArray[np.int64]]:
    """The rows of each patient's validation films."""
    return [rows.to_numpy() for rows in held_out(model).groupby("group").groups.values()]


def drawn(
    rng: np.random.Generator, n: int, *, model: str = "ensemble", alike: float = 0.0, slope: float = 1.0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Draw n films: whole patients of a shipped model with their scores, and new labels.

    The probability of label 1 is the sigmoid of ``slope`` times the logit, so 1 is a perfect calibration. A
    patient's labels go together by a shared normal variable, whose share of the variance is ``alike``.
    """
    films = held_out(model)
    patients = patients_of(model)
    rows = [patients[each] for each in rng.integers(len(patients), size=n)]
    codes = np.repeat(np.arange(n), [one.size for one in rows])[:n]
    # The jitter keeps films that were drawn twice from having one score.
    logits = films["logit"].to_numpy()[np.concatenate(rows)[:n]] + rng.normal(0, 0.3, n)
    shared, own = rng.normal(size=n)[codes], rng.normal(size=n)
    labels = (ndtr(alike**0.5 * shared + (1 - alike) ** 0.5 * own) < expit(slope * logits)).astype(int)
    return labels, expit(logits), logits, codes
