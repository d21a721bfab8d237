"""
Sensitivity floors: the highest threshold whose sensitivity is high enough with 95 % confidence.

- one film a patient, and only patients with pneumonia: the films that are counted must be independent
- which of a patient's films it is hangs on its name, never on its score
- the sensitivity that is meant is that of such a film: a patient drawn at random, and one of their films
- it holds for films drawn like these; of films from elsewhere it says nothing (see ``shift``)
- MAPIE does the testing, and is imported when a floor is asked for, not before
"""

import hashlib
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.errors import RecipeError
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.thresholds import threshold_table
from xraylab.formats import count

CONFIDENCE = 0.95
_A_HAIR = 1e-12  # of a share; far less than one film
_PERCENT = 100


def floor_threshold(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    images: Sequence[str],
    level: float,
) -> float:
    """Find the highest threshold whose sensitivity is at least ``level`` with 95 % confidence.

    Thresholds are tested from the lowest upwards, each by the exact binomial tail of the patients missed,
    and the first that doesn't pass ends it. Sensitivity only falls on the way, so the order is known before
    any film is looked at, and no correction for the many thresholds is needed (fixed-sequence testing). Over
    many sets of films, the threshold found is too high in 5 of 100 at most.

    Parameters
    ----------
    labels, scores
        As in ``threshold_table``, (n,) each, with scores in [0, 1]; films that chose nothing before.
    groups : sequence
        The patient of each film.
    images : sequence of str
        The name of each film.
    level : float
        The sensitivity asked for, in (0, 1).

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    RecipeError
        If there are too few patients with pneumonia.
    ValueError
        If the level is outside (0, 1), and as ``threshold_table`` does.

    References
    ----------
    Angelopoulos AN, Bates S, Candès EJ, Jordan MI, Lei L (2021), Learn then test, arXiv:2110.01052.
    Bauer P (1991), Statistics in Medicine 10:871-890.
    """
    if why := why_no_floor(labels, groups, level):
        raise RecipeError(why)
    truth, values, patients = checked(labels, scores, groups)
    told = values[one_film_a_patient(truth, patients, images)]
    table = threshold_table(truth, values, patients)
    return table.cut(table.row(_highest_passing(told, level)))


def why_no_floor(labels: ArrayLike, groups: Sequence[Any] | NDArray[Any], level: float) -> str | None:
    """Say why so high a sensitivity can't be had from so few patients; None where it can. Quick.

    Raises
    ------
    ValueError
        If the level is outside (0, 1).
    """
    needed = patients_needed(level)
    there = len(np.unique(np.asarray(groups, dtype=str)[np.asarray(labels) == 1]))
    if there >= needed:
        return None
    are = "is" if there == 1 else "are"
    return (
        f"A sensitivity of {_PERCENT * level:.10g} % can't be had with {_PERCENT * CONFIDENCE:.0f} % "
        f"confidence: that needs {count(needed)} patients with pneumonia, and there {are} {count(there)}. "
        "Ask for less or validate on more patients."
    )


def patients_needed(level: float) -> int:
    """How many patients with pneumonia a floor takes: so many that finding them all can't well be luck.

    The smallest n with level ** n <= 0.05: if sensitivity were no more than the level, not to miss any of n
    would happen in 5 of 100 cases at most.

    Parameters
    ----------
    level : float
        In (0, 1).

    Raises
    ------
    ValueError
        If it is outside.
    """
    if not 0 < level < 1:
        raise ValueError(f"{level} is no sensitivity between 0 and 1")
    n = max(1, math.floor(math.log(1 - CONFIDENCE) / math.log(level)) - 1)
    while level**n > 1 - CONFIDENCE:
        n += 1
    return n


def one_film_a_patient(
    labels: NDArray[np.int64], patients: NDArray[np.int64], images: Sequence[str]
) -> NDArray[np.intp]:
    """Pick a film with pneumonia of each patient who has one: the first by a hash of the films' names.

    A name often counts a patient's visits, so the first by name would be the first taken.

    Returns
    -------
    ndarray of intp, (patients with pneumonia,)
        Rows.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    if len(images) != labels.size:
        raise ValueError(f"{len(images)} names of {labels.size} films")
    keys = np.array([hashlib.sha256(str(name).encode()).hexdigest() for name in images], dtype=object)
    diseased = np.flatnonzero(labels == 1)
    ordered = diseased[np.argsort(keys[diseased])]
    return ordered[np.unique(patients[ordered], return_index=True)[1]]


def _highest_passing(told: NDArray[np.float64], level: float) -> float:
    """The highest of some diseased films' scores that is a threshold of the sensitivity asked for.

    Only thresholds that miss fewer than ``1 - level`` of the films are tested: no other one can pass.
    """
    from mapie.risk_control import BinaryClassificationController

    scores = np.unique(told)
    missed = np.searchsorted(np.sort(told), scores) / told.size  # share below each score
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scores of 0 and 1 alone are no fault here
        controller = BinaryClassificationController(
            predict_function=lambda some: np.column_stack([1 - some, some]),
            risk=_missed(),
            target_level=1 - level,
            confidence_level=CONFIDENCE,
            best_predict_param_choice="recall",
            list_predict_params=scores[(missed < 1 - level) | (missed == 0)],
            fwer_method="fixed_sequence",
        )
        controller.calibrate(told, np.ones(told.size, np.int64))
    return float(max(controller.valid_predict_params))


def _missed() -> Any:
    """What MAPIE is to control: the share of diseased films that score below the threshold.

    MAPIE takes the number of films missed from their share by rounding up, and a share that is too large in
    its last digit becomes one film more. So it is told a hair less.
    """
    from mapie.risk_control import BinaryRisk

    class Missed(BinaryRisk):  # type: ignore[misc]
        def get_value_and_effective_sample_size(
            self, y_true: NDArray[np.int64], y_pred: NDArray[np.int64]
        ) -> tuple[float, int]:
            share, films = super().get_value_and_effective_sample_size(y_true, y_pred)
            return share * (1 - _A_HAIR), films

    return Missed(
        risk_occurrence=lambda y_true, y_pred: y_pred != y_true,
        risk_condition=lambda y_true, y_pred: y_true == 1,
        higher_is_better=False,
    )
