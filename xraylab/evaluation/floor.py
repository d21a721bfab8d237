"""
Sensitivity floors: the highest threshold whose sensitivity is high enough with 95 % confidence.

- one film per patient, and only patients with the finding: the films that are counted must be independent
- the film is picked by a hash of its name, never by its score
- the sensitivity meant is that of a random patient with one of their films; counted by film it may be lower,
  if patients with many films are harder to read
- the floor holds for films from the same source; it says nothing about films from elsewhere (see ``shift``)
- MAPIE does the testing; it is imported only when a floor is computed, because it loads slowly
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
from xraylab.findings import PNEUMONIA, Finding
from xraylab.formats import count

CONFIDENCE = 0.95
_A_HAIR = 1e-12  # as a fraction of a share; far less than one film
_PERCENT = 100


def floor_threshold(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    images: Sequence[str],
    level: float,
    *,
    finding: Finding = PNEUMONIA,
) -> float:
    """Find the highest threshold whose sensitivity, one film per patient, reaches ``level`` with confidence.

    Thresholds are tested from the lowest upwards, each by the exact binomial tail of the patients missed,
    until one doesn't pass. Sensitivity can only fall on the way, so the order is fixed before any film is
    looked at, and no correction for many tests is needed (fixed-sequence testing). Over many sets of films,
    the threshold is too high in at most 5 of 100.

    Parameters
    ----------
    labels, scores
        As in ``threshold_table``, (n,) each, with scores in [0, 1]. The films must not have been used to
        choose anything before.
    groups : sequence
        The patient of each film.
    images : sequence of str
        The name of each film.
    level : float
        The sensitivity required, in (0, 1).
    finding : Finding
        What the labels are about, for the sentence of an error.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    RecipeError
        If there are too few patients with the finding.
    ValueError
        If the level is outside (0, 1), and as ``threshold_table`` does.

    References
    ----------
    Angelopoulos AN, Bates S, Candès EJ, Jordan MI, Lei L (2021), Learn then test, arXiv:2110.01052.
    Bauer P (1991), Statistics in Medicine 10:871-890.
    """
    if why := why_no_floor(labels, groups, level, finding=finding):
        raise RecipeError(why)
    truth, values, patients = checked(labels, scores, groups)
    tested = values[one_film_a_patient(truth, patients, images)]
    table = threshold_table(truth, values, patients)
    return table.cut(table.row(_highest_passing(tested, level)))


def why_no_floor(
    labels: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    level: float,
    *,
    finding: Finding = PNEUMONIA,
) -> str | None:
    """Return why these patients are too few for this sensitivity, or None if they suffice. Fast.

    Raises
    ------
    ValueError
        If the level is outside (0, 1).
    """
    needed = patients_needed(level)
    patients = len(np.unique(np.asarray(groups, dtype=str)[np.asarray(labels) == 1]))
    if patients >= needed:
        return None
    verb = "is" if patients == 1 else "are"
    return (
        f"A sensitivity of {_PERCENT * level:.10g} % on one film per patient can't be shown with "
        f"{_PERCENT * CONFIDENCE:.0f} % confidence: that needs {count(needed)} patients {finding.ill}, and "
        f"there {verb} {count(patients)}. Ask for a lower sensitivity or validate on more patients."
    )


def patients_needed(level: float) -> int:
    """Return how many patients with the finding a floor needs, so that finding all of them is unlikely luck.

    The smallest n with level ** n <= 0.05: if sensitivity were only the level, finding all n patients would
    happen in at most 5 of 100 cases.

    Parameters
    ----------
    level : float
        In (0, 1).

    Raises
    ------
    ValueError
        If the level is outside (0, 1).
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
    """Pick one film with the finding for each patient who has any: the first by a hash of its name.

    The plain name won't do: it often numbers a patient's visits, so it would always pick the earliest film.

    Returns
    -------
    ndarray of intp, (patients with the finding,)
        Rows of the films picked.

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


def _highest_passing(diseased_scores: NDArray[np.float64], level: float) -> float:
    """Return the highest score of diseased films that passes as a threshold.

    Only thresholds that miss less than ``1 - level`` of the films are tested: no other can pass.
    """
    from mapie.risk_control import BinaryClassificationController

    scores = np.unique(diseased_scores)
    below = np.searchsorted(np.sort(diseased_scores), scores)
    missed = below / diseased_scores.size  # share below each score
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MAPIE warns if all scores are 0 or 1, which is fine here
        controller = BinaryClassificationController(
            predict_function=lambda positive: np.column_stack([1 - positive, positive]),
            risk=_missed(),
            target_level=1 - level,
            confidence_level=CONFIDENCE,
            best_predict_param_choice="recall",
            list_predict_params=scores[(missed < 1 - level) | (missed == 0)],
            fwer_method="fixed_sequence",
        )
        controller.calibrate(diseased_scores, np.ones(diseased_scores.size, np.int64))
    return float(max(controller.valid_predict_params))


def _missed() -> Any:
    """Return the risk for MAPIE to control: the share of diseased films that score below the threshold.

    MAPIE computes the number of films missed from this share by rounding up. A share too large in its last
    digit would add a film, so a slightly smaller share is given.
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
