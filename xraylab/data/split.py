"""
Splits by group: no patient is ever on both sides.

- an unsplit source is drawn 70 / 15 / 15 into train, validation and test, stratified by label and seeded
- an official ``test`` folder stays the test split; an official ``val`` under 100 films is redrawn, and said
- films whose group already lies in an official later split are left out of the earlier one
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from xraylab.errors import DatasetError

LEFT_OUT = "left out"
SMALLEST_OFFICIAL_VALIDATION = 100  # films; below it every choice is a lottery
_FOLDS = 20  # of which 3 are validation and 3 test: 15 % each
_FEWEST_GROUPS = 3


@dataclass(frozen=True, eq=False)
class Split:
    """Where each film went, and what had to be decided on the way."""

    names: NDArray[np.object_]  # (n,) "train", "validation", "test" or "left out"
    notes: list[str]


def draw(
    labels: NDArray[np.int64], groups: NDArray[np.int64], folders: Sequence[str | None], *, seed: int
) -> Split:
    """Give every film a split.

    Parameters
    ----------
    labels, groups : int arrays of shape (n,)
        0 or 1, and the number of the group that must stay together.
    folders : sequence of n strings or None
        The source's own split of each film: ``train``, ``val``, ``test`` or None.
    seed : int
        The same seed and films give the same split.

    Raises
    ------
    DatasetError
        If a class is missing or has too few patients to be split.
    """
    where = np.array([folder or "train" for folder in folders], dtype=object)
    notes: list[str] = []
    official_test = where == "test"
    official_validation = where == "val"
    if 0 < official_validation.sum() < SMALLEST_OFFICIAL_VALIDATION:
        notes.append(
            f"The source's own validation folder has only {official_validation.sum()} films, too few to "
            "choose anything by. They joined the training films, and a new validation split was drawn by "
            "patient."
        )
        official_validation[:] = False

    names = np.full(len(labels), "train", dtype=object)
    names[official_validation] = "validation"
    names[official_test] = "test"
    notes += _leave_out_straddlers(names, groups)

    wanted = [
        s
        for s, official in (("validation", official_validation), ("test", official_test))
        if not official.any()
    ]
    free = np.flatnonzero(names == "train")
    _check_enough(labels[free], groups[free], parts=len(wanted) + 1)
    if wanted:
        names[free] = _draw_folds(labels[free], groups[free], wanted, seed=seed)
    return Split(names, notes)


def _leave_out_straddlers(names: NDArray[np.object_], groups: NDArray[np.int64]) -> list[str]:
    notes = []
    for later, earlier in (("test", ("train", "validation")), ("validation", ("train",))):
        straddling = np.isin(names, earlier) & np.isin(groups, groups[names == later])
        if straddling.any():
            names[straddling] = LEFT_OUT
            notes.append(
                f"{straddling.sum()} films were left out: their patients are also in the source's own "
                f"{later} split."
            )
    return notes


def _check_enough(labels: NDArray[np.int64], groups: NDArray[np.int64], *, parts: int) -> None:
    for label, name in enumerate(("NORMAL", "PNEUMONIA")):
        patients = len(np.unique(groups[labels == label]))
        if patients == 0:
            raise DatasetError(
                f"There are no {name} films to train on. XRayLab needs both NORMAL and PNEUMONIA films."
            )
        if patients < max(parts, 1):
            raise DatasetError(
                f"There are {name} films of only {patients} {'patient' if patients == 1 else 'patients'}. At "
                f"least {_FEWEST_GROUPS} with each label are needed to put different patients into training, "
                "validation and test."
            )


def _draw_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], wanted: list[str], *, seed: int
) -> NDArray[np.object_]:
    fewest = min(len(np.unique(groups[labels == label])) for label in (0, 1))
    folds = min(_FOLDS, fewest)
    each = max(1, round(0.15 * folds))
    names = np.full(len(labels), "train", dtype=object)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, films) in enumerate(splitter.split(labels, labels, groups)):
        if fold < each * len(wanted):
            names[films] = wanted[fold // each]
    return names
