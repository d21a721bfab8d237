"""
Parts: figures of a recipe whose held-out scores come from several trainings, each on other films.

- in one draw the films are divided into parts; each part is scored by a training that didn't see it
- an area is measured in each part by itself, because the scores of two trainings have no common scale, and
  the areas of all parts and draws are averaged
- one patient counts once, however many draws: its influence is the mean over all of them
- influences tell how the held-out films vary, not how other training films would have changed the networks
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.jackknife import Floats, Ints, Jackknifed
from xraylab.evaluation.labelled import checked


def mean_area(labels: ArrayLike, scores: Floats, groups: ArrayLike, parts: Ints) -> Jackknifed:
    """Average the areas under the ROC curve of all parts of all draws, with each patient's influence.

    The influence of a patient is the sum of the placements of its films, less the area, as in DeLong's
    variance with Obuchowski's extension to films of one patient; LeDell and others use the same for areas by
    cross-validation.

    Parameters
    ----------
    labels, groups : arrays of shape (n,)
        As in ``threshold_table``.
    scores : float array of shape (draws, n)
    parts : int array of shape (draws, n)
        The part of each film in each draw, from 0 on.

    Returns
    -------
    Jackknifed
        Of two recipes with the same films, ``jackknife.difference_interval`` makes the interval of their
        difference.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if a part lacks films of a class.

    References
    ----------
    Obuchowski NA (1997), Biometrics 53:567-578.
    LeDell E, Petersen M, van der Laan M (2015), Electronic Journal of Statistics 9:1583-1607.
    """
    areas, influences = [], []
    for drawn, part in zip(scores, parts, strict=True):
        truth, values, patients = checked(labels, drawn, np.asarray(groups))
        weights = _weights(truth, patients)
        for number in range(int(part.max()) + 1):
            here = part == number
            area, placements = _placements(truth[here], values[here])
            share = (placements - area) * weights[truth[here]] / np.bincount(truth[here])[truth[here]]
            influences.append(np.bincount(patients[here], share, int(patients.max()) + 1))
            areas.append(area)
    return Jackknifed(float(np.mean(areas)), np.mean(influences, axis=0), signed=False)


def _weights(truth: Ints, patients: Ints) -> Floats:
    """Return what makes a sum of squared influences unbiased, for each class, (2,).

    ``Jackknifed`` multiplies it by (K - 1) / K for K patients; DeLong's variance by k / (k - 1) for the k
    patients of each class.
    """
    every = int(patients.max()) + 1
    of_class = [np.unique(patients[truth == label]).size for label in (0, 1)]
    return np.sqrt([k / max(k - 1, 1) * every / max(every - 1, 1) for k in of_class])


def _placements(truth: Ints, scores: Floats) -> tuple[float, Floats]:
    """Return the area, and for each film the share of the other class that it is ranked rightly against."""
    ill = truth == 1
    if ill.all() or not ill.any():
        raise ValueError("each part needs films of both classes")
    placed = np.empty_like(scores)
    placed[ill] = _share_below(scores[ill], scores[~ill])
    placed[~ill] = 1 - _share_below(scores[~ill], scores[ill])
    return float(placed[ill].mean()), placed


def _share_below(values: Floats, others: Floats) -> NDArray[np.float64]:
    ranked = np.sort(others)
    below, up_to = np.searchsorted(ranked, values, "left"), np.searchsorted(ranked, values, "right")
    share: NDArray[np.float64] = (below + up_to) / (2 * ranked.size)
    return share
