"""
Operating points: the counts of a classifier at a fixed threshold, and the rates derived from them.

- plain numbers in, one frozen dataclass out: no files, no plots, no Streamlit
- a case is called positive when score >= threshold, everywhere in XRayLab
- a rate with nothing to divide by is NaN, never 0
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class OperatingPoint:
    """Counts at one threshold; every rate is derived, so no two can disagree."""

    threshold: float
    tp: int  # disease, called positive
    fp: int  # no disease, called positive
    tn: int
    fn: int

    @property
    def n(self) -> int:
        """Number of films."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def sensitivity(self) -> float:
        """Share of diseased films called positive (recall)."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Share of films without disease called negative."""
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> float:
        """Share of positive calls that are right (precision), at this set's own prevalence."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> float:
        """Share of negative calls that are right, at this set's own prevalence."""
        return _ratio(self.tn, self.tn + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and PPV, of the diseased class."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """Share of all films called correctly."""
        return _ratio(self.tp + self.tn, self.n)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of sensitivity and specificity; NaN unless there are films of both classes."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def kappa(self) -> float:
        """Cohen's kappa, unweighted: agreement with the truth beyond chance.

        NaN if agreement by chance is complete: there is one class only, and every call is that class.
        """
        called, diseased = self.tp + self.fp, self.tp + self.fn
        by_chance = called * diseased + (self.n - called) * (self.n - diseased)
        return _ratio(self.n * (self.tp + self.tn) - by_chance, self.n**2 - by_chance)

    @property
    def mcc(self) -> float:
        """Matthews correlation of calls with the truth, -1 to 1; NaN if a call or a class is missing."""
        margins = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return _ratio(self.tp * self.tn - self.fp * self.fn, math.sqrt(margins))

    @property
    def lr_positive(self) -> float:
        """Factor by which a positive call raises the odds of disease; infinite without any false alarm."""
        return _likelihood_ratio(self.sensitivity, 1 - self.specificity)

    @property
    def lr_negative(self) -> float:
        """Factor by which a negative call lowers the odds of disease; infinite without correct negatives."""
        return _likelihood_ratio(1 - self.sensitivity, self.specificity)


def _likelihood_ratio(diseased: float, healthy: float) -> float:
    """Divide a rate of the diseased by that of the healthy; NaN if both are 0 or one is unknown."""
    if healthy == 0 and diseased > 0:
        return math.inf
    return diseased / healthy if healthy else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
