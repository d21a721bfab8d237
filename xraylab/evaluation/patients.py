"""
Patients: how many are found, when each patient counts once.

- plain arrays in, counts out
- a patient with the finding has at least one film with the finding; a patient without has none
- a patient is found if at least one of their films with the finding is called positive
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.labelled import checked


@dataclass(frozen=True)
class PatientCounts:
    """Counts of patients at a threshold; every rate is derived from them."""

    ill: int  # patients with at least one film with the finding
    well: int  # patients without such a film
    both: int  # patients with the finding who also have a film without
    found: int  # patients with the finding of whom at least one film with the finding is called positive
    negative: int  # patients without it of whom no film is called positive

    @property
    def sensitivity(self) -> float:
        """Share of patients with the finding who are found; NaN if there are none."""
        return self.found / self.ill if self.ill else math.nan

    @property
    def specificity(self) -> float:
        """Share of patients without it of whom no film is called positive; NaN if there are none."""
        return self.negative / self.well if self.well else math.nan

    @property
    def sensitivity_ci(self) -> tuple[float, float]:
        """Wilson's 95 % interval: each patient counts once, so no clustering is left."""
        return wilson_interval(self.found, self.ill)

    @property
    def specificity_ci(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the specificity."""
        return wilson_interval(self.negative, self.well)


def count_patients(
    labels: ArrayLike, scores: ArrayLike, groups: Sequence[Any] | NDArray[Any], threshold: float
) -> PatientCounts:
    """Count patients by what their films show and how they are called.

    A false alarm on a film without it doesn't make a patient found. A patient with many films has
    more chances to be found, and more chances of a false alarm, than one with a single film.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each.
    threshold : float
        A film is called positive when score >= threshold.

    Raises
    ------
    ValueError
        As ``threshold_table`` does.
    """
    truth, values, patients = checked(labels, scores, groups)
    called = values >= threshold
    n = int(patients.max()) + 1 if patients.size else 0

    def has(films: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.bincount(patients, films, n) > 0

    ill, normal = has(truth == 1), has(truth == 0)
    return PatientCounts(
        ill=int(ill.sum()),
        well=int((~ill).sum()),
        both=int((ill & normal).sum()),
        found=int(has(called & (truth == 1)).sum()),
        negative=int((~ill & ~has(called)).sum()),
    )
