"""
Splits by group: no patient is ever on both sides.

- an unsplit source is drawn 70 / 15 / 15 into train, validation and test, stratified by label and seeded
- every drawn split holds both labels: the best epoch is chosen by an AUC, which one label alone doesn't have
- an official ``test`` folder stays the test split; an official ``val`` under 100 films, or with one label
  only, is redrawn, and said
- films whose group already lies in an official later split are left out of the earlier one
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.data.sources import LABELS
from xraylab.errors import DatasetError

LEFT_OUT = "left out"
SMALLEST_OFFICIAL_VALIDATION = 100  # films; below it every choice is a lottery
_SHARE = 0.15  # of the films, for each of validation and test


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

    Returns
    -------
    Split
        Train and every drawn split hold both labels. An official test split is kept even with one.

    Raises
    ------
    DatasetError
        If a label is missing or its films are of too few patients to be split.
    """
    names = np.array([{None: "train", "val": "validation"}.get(f, f) for f in folders], dtype=object)
    notes = _leave_out_straddlers(names, groups, later="test", earlier=("train", "validation"))
    notes += _merge_useless_validation(names, labels)
    notes += _leave_out_straddlers(names, groups, later="validation", earlier=("train",))
    notes += _describe_official_test(names, labels)

    shares = {name: _SHARE for name in ("validation", "test") if not (names == name).any()}
    free = np.flatnonzero(names == "train")
    _check_enough(labels[free], groups[free], parts=len(shares) + 1)
    names[free] = _draw_groups(labels[free], groups[free], shares, seed=seed)
    return Split(names, notes)


def _leave_out_straddlers(
    names: NDArray[np.object_], groups: NDArray[np.int64], *, later: str, earlier: tuple[str, ...]
) -> list[str]:
    straddling = np.isin(names, earlier) & np.isin(groups, groups[names == later])
    names[straddling] = LEFT_OUT
    n = int(straddling.sum())
    if n == 0:
        return []
    return [
        f"{n} {'film was' if n == 1 else 'films were'} left out: the same patient or the same picture is "
        f"also in the source's own {later} folder."
    ]


def _merge_useless_validation(names: NDArray[np.object_], labels: NDArray[np.int64]) -> list[str]:
    """Give an official validation split back to train if nothing can be chosen by it."""
    official = names == "validation"
    n = int(official.sum())
    if n == 0 or (n >= SMALLEST_OFFICIAL_VALIDATION and len(np.unique(labels[official])) == len(LABELS)):
        return []
    fault = (
        f"has only {n} {'film' if n == 1 else 'films'}, too few to choose anything by"
        if n < SMALLEST_OFFICIAL_VALIDATION
        else "has films of one label only, so that nothing can be chosen by it"
    )
    names[official] = "train"
    return [
        f"The source's own validation folder {fault}. It joined the training films, and a new validation "
        "split was drawn by patient."
    ]


def _describe_official_test(names: NDArray[np.object_], labels: NDArray[np.int64]) -> list[str]:
    present = np.unique(labels[names == "test"])
    if len(present) != 1:
        return []
    only, missing = LABELS[int(present[0])], LABELS[1 - int(present[0])]
    return [
        f"The source's own test folder holds {only} films only. What needs {missing} films too, such as the "
        "AUC, can't be measured on it."
    ]


def _check_enough(labels: NDArray[np.int64], groups: NDArray[np.int64], *, parts: int) -> None:
    for label, name in enumerate(LABELS):
        patients = len(np.unique(groups[labels == label]))
        if patients == 0:
            raise DatasetError(
                f"There are no {name} films to train on. XRayLab needs both NORMAL and PNEUMONIA films."
            )
        if patients < parts:
            raise DatasetError(
                f"There are {name} films of only {patients} {'patient' if patients == 1 else 'patients'} to "
                f"split. At least {parts} patients with each label are needed, so that training, validation "
                "and test show different ones."
            )


def _draw_groups(
    labels: NDArray[np.int64], groups: NDArray[np.int64], shares: Mapping[str, float], *, seed: int
) -> NDArray[np.object_]:
    """Deal whole groups out, so that each part has about its share of the films of each label."""
    _, group = np.unique(groups, return_inverse=True)
    films = np.stack([np.bincount(group[labels == label], minlength=group.max() + 1) for label in (0, 1)], 1)
    parts = ["train", *shares]
    share = np.array([1 - sum(shares.values()), *shares.values()])
    part = _deal(films, share[:, None] * films.sum(axis=0), np.random.default_rng(seed))
    _mend(films, part, len(parts))
    return np.array(parts, dtype=object)[part[group]]


def _deal(
    films: NDArray[np.int64], target: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each group to the part that it brings closest to its target, the largest groups first.

    Parameters
    ----------
    films : int array of shape (groups, 2)
        Films of each label in a group.
    target : float array of shape (parts, 2)
        Films of each label that a part should have.

    Returns
    -------
    part : int array of shape (groups,)
    """
    shuffled = rng.permutation(len(films))
    order = shuffled[np.argsort(-films[shuffled].sum(axis=1), kind="stable")]
    part = np.zeros(len(films), np.int64)
    missing = target.copy()
    for one in order:
        # how much the sum of squared deviations, each relative to its target, falls
        gain = ((2 * missing - films[one]) * films[one] / target).sum(axis=1)
        part[one] = np.argmax(gain)
        missing[part[one]] -= films[one]
    return part


def _mend(films: NDArray[np.int64], part: NDArray[np.int64], parts: int) -> None:
    """Give each part a group with each label, from a part that has two; small numbers can need it.

    With as many groups of each label as there are parts this always succeeds: a part that has two groups of a
    label can spare one without losing the other label, if it is the one that has not both where there is one.
    """
    has = films > 0
    for label in (0, 1):
        for poor in range(parts):
            if has[part == poor, label].any():
                continue
            counts = np.bincount(part[has[:, label]], minlength=parts)
            candidates = np.flatnonzero(has[:, label] & (counts[part] > 1))
            both = has[candidates].all(axis=1)
            part[candidates[np.lexsort((films[candidates].sum(axis=1), both))[0]]] = poor
