"""
Split: divide films into train, validation and test, so that no patient is in two splits.

- a source without splits is drawn 70 / 15 / 15 into train, validation and test, by label and with a seed
- every drawn split has films of both labels, because an AUC, which chooses the best epoch, needs both
- an official ``test`` folder stays the test split; an official ``val`` folder with fewer than 100 films, or
  with one label only, is drawn again, and a note says so
- films whose group is also in a later official split are left out of the earlier one
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import DatasetError
from xraylab.findings import Finding

LEFT_OUT = "left out"
SMALLEST_OFFICIAL_VALIDATION = 100  # films; with fewer, any choice is a matter of chance
_CLASSES = 2
_SHARE = 0.15  # of the films, for each of validation and test


@dataclass(frozen=True, eq=False)
class Split:
    """The split of each film, and notes on decisions made."""

    names: NDArray[np.object_]  # (n,) "train", "validation", "test" or "left out"
    notes: list[str]


def draw(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    folders: Sequence[str | None],
    *,
    seed: int,
    finding: Finding,
) -> Split:
    """Assign every film to a split.

    Parameters
    ----------
    labels, groups : int arrays of shape (n,)
        The label, 0 or 1, and the number of the group, whose films must stay together.
    folders : sequence of n strings or None
        Each film's split in the source: ``train``, ``val``, ``test`` or None.
    seed : int
        The same seed and films give the same split.
    finding : Finding
        What the labels are about, for the sentences.

    Returns
    -------
    Split
        Train and every drawn split have both labels. An official test split is kept even with one label.

    Raises
    ------
    DatasetError
        If a label is missing, or too few patients have it for a split.
    """
    names = np.array([{None: "train", "val": "validation"}.get(f, f) for f in folders], dtype=object)
    notes = _leave_out_straddlers(names, groups, later="test", earlier=("train", "validation"))
    notes += _merge_useless_validation(names, labels)
    notes += _leave_out_straddlers(names, groups, later="validation", earlier=("train",))
    notes += _describe_official_test(names, labels, finding)

    shares = {name: _SHARE for name in ("validation", "test") if not (names == name).any()}
    free = np.flatnonzero(names == "train")
    _check_enough(labels[free], groups[free], finding, parts=len(shares) + 1)
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
        f"also in the source's {later} folder."
    ]


def _merge_useless_validation(names: NDArray[np.object_], labels: NDArray[np.int64]) -> list[str]:
    """Move an official validation split into train if it is unfit for choosing a model or threshold."""
    official = names == "validation"
    n = int(official.sum())
    if n == 0 or (n >= SMALLEST_OFFICIAL_VALIDATION and len(np.unique(labels[official])) == _CLASSES):
        return []
    fault = (
        f"has only {n} {'film' if n == 1 else 'films'}, too few to choose a threshold on"
        if n < SMALLEST_OFFICIAL_VALIDATION
        else "has films of one label only, so no threshold can be chosen on it"
    )
    names[official] = "train"
    return [
        f"The source's validation folder {fault}. Its films were added to the training films, and a new "
        "validation split was drawn by patient."
    ]


def _describe_official_test(
    names: NDArray[np.object_], labels: NDArray[np.int64], finding: Finding
) -> list[str]:
    present = np.unique(labels[names == "test"])
    if len(present) != 1:
        return []
    only, missing = finding.classes[int(present[0])], finding.classes[1 - int(present[0])]
    return [
        f"The source's test folder contains {only} films only. Numbers that also need {missing} films, such "
        "as the AUC, can't be measured on it."
    ]


def _check_enough(
    labels: NDArray[np.int64], groups: NDArray[np.int64], finding: Finding, *, parts: int
) -> None:
    for label, name in enumerate(finding.classes):
        patients = len(np.unique(groups[labels == label]))
        if patients == 0:
            raise DatasetError(
                f"There are no {name} films to train on. XRayLab needs both "
                f"{' and '.join(finding.classes)} films."
            )
        if patients < parts:
            raise DatasetError(
                f"There are {name} films of only {patients} {'patient' if patients == 1 else 'patients'} to "
                f"split. At least {parts} patients with each label are needed, so that training, validation "
                "and test have different patients."
            )


def _draw_groups(
    labels: NDArray[np.int64], groups: NDArray[np.int64], shares: Mapping[str, float], *, seed: int
) -> NDArray[np.object_]:
    """Distribute whole groups, so that each part gets about its share of the films of each label."""
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
    """Assign each group to the part that it brings closest to its target, largest groups first.

    Parameters
    ----------
    films : int array of shape (groups, 2)
        Films of each label in a group.
    target : float array of shape (parts, 2)
        Films of each label that a part should get.

    Returns
    -------
    part : int array of shape (groups,)
    """
    shuffled = rng.permutation(len(films))
    order = shuffled[np.argsort(-films[shuffled].sum(axis=1), kind="stable")]
    part = np.zeros(len(films), np.int64)
    missing = target.copy()
    for group in order:
        # Decrease of the sum of squared deviations, each relative to its target, if a part gets this group.
        gain = ((2 * missing - films[group]) * films[group] / target).sum(axis=1)
        part[group] = np.argmax(gain)
        missing[part[group]] -= films[group]
    return part


def _mend(films: NDArray[np.int64], part: NDArray[np.int64], parts: int) -> None:
    """Move groups so that each part has both labels; needed only if there are very few groups.

    A part without a label gets a group from a part that has two groups with that label. This always succeeds
    if there are as many groups of each label as parts. A group with one label only is preferred, so that the
    part that gives it away keeps the other label.
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
