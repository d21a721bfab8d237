"""
Finite numbers: the one place that decides whether a number may reach a decision, a lock or a report.

- a score, threshold or calibration is finite, or there is none: NaN fails every comparison, so a score of
  NaN would count as "below the threshold"
- an infinite logit is no score either, although its sigmoid is 0 or 1: the network has overflowed
- a film without a finite score costs that film a sentence, and not the batch
"""

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import ScoreError

NO_SCORE = (
    "The model gave no finite score for this film, so there is no decision. Read the film with another "
    "model, and train this one again."
)


def only_finite(numbers: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return numbers as float64, with NaN in the place of infinite ones; NaN is "no score" everywhere."""
    values = np.asarray(numbers, np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def check_finite(**numbers: float | None) -> None:
    """Check that numbers that decide are finite; None is a number that isn't used.

    Raises
    ------
    ScoreError
        If one is NaN or infinite; the message names it.
    """
    for name, number in numbers.items():
        if number is not None and not np.isfinite(number):
            raise ScoreError(
                f"There is no decision: the {name.replace('_', ' ')} is {number}, which is not a finite "
                "number. Lock the model again, or read with another."
            )


def check_scores(scores: NDArray[np.floating], *, of: str, remedy: str) -> None:
    """Check that every film has a finite score.

    Parameters
    ----------
    scores : float array of shape (n,)
    of : str
        What gave the scores, to begin the message with: ``The network``.
    remedy : str
        What to do, as a sentence.

    Raises
    ------
    ScoreError
        If a score is NaN or infinite; the message counts them.
    """
    missing = int((~np.isfinite(scores)).sum())
    if missing:
        raise ScoreError(f"{of} gave no finite score for {missing} of {len(scores)} films. {remedy}")
