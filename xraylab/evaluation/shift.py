"""
Shift: whether other films score like the validation films that a threshold was chosen on.

- two sets of films of different patients, scored by one model: validation, and others from elsewhere
- class by class, since a different share of pneumonia moves all scores together and says nothing else
- differences are the other films less validation; intervals are at 95 %, clustered by patient
- nothing here chooses anything: it says whether what was chosen can be trusted on the other films
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.errors import ComparisonError
from xraylab.evaluation.calibration import Platt, Reliability, platt_or_why, reliability
from xraylab.evaluation.comparison import holm
from xraylab.evaluation.intervals import AreaEstimate, auc_estimate
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.paired import RateDifference
from xraylab.evaluation.summary import Evaluation, summarise
from xraylab.evaluation.thresholds import threshold_table
from xraylab.formats import count, interval, percent

SIGNIFICANT = 0.05
_CLASSES = ("normal films", "films with pneumonia")  # the position is the label's number
_HALF = 0.5  # between labels 0 and 1, and the chance that one film scores above another like it
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Films:
    """Films with a label, and what a model says of them."""

    labels: ArrayLike  # (n,) 0 or 1
    scores: ArrayLike  # (n,) in [0, 1]
    logits: ArrayLike  # (n,) of the same scores; NaN where there is none
    groups: Sequence[Any] | NDArray[Any] | None = None  # (n,) the patients; by default every film is its own


@dataclass(frozen=True, eq=False)
class Side:
    """How a model does on one set of films."""

    figures: Evaluation  # at the threshold
    prevalence: float  # share of films with pneumonia
    prevalence_ci: Interval
    calibration: Platt | str  # or why there is none
    reliability: Reliability


@dataclass(frozen=True)
class ClassShift:
    """Whether the other films of one class score like validation's."""

    label: int
    n: tuple[int, int]  # films of validation, of the others
    patients: tuple[int, int]
    chance: AreaEstimate  # that one of the others scores above one of validation; NaN where one has none
    adjusted_p: float  # Holm's, over both classes; NaN where it can't be tested

    @property
    def fires(self) -> bool:
        """Whether the films can tell the two sets apart by their scores."""
        return self.adjusted_p < SIGNIFICANT


@dataclass(frozen=True, eq=False)
class Shift:
    """Other films against validation."""

    validation: Side
    other: Side
    classes: tuple[ClassShift, ClassShift]  # by label
    differences: Mapping[str, RateDifference]  # sensitivity, specificity, auc, prevalence

    @property
    def fires(self) -> bool:
        """Whether any class scores differently."""
        return any(one.fires for one in self.classes)


def shift(validation: Films, other: Films, threshold: float) -> Shift:
    """Compare the scores of other films with those of validation, and what a threshold does on each.

    For each class: the chance that a film of the other set scores above one of validation, ties counted
    half. It is the area under the ROC curve with "which set" for the label, and is one half where both score
    alike; interval and p are those of ``auc_estimate``. A class **fires** when its p, adjusted by Holm's
    method over the two classes, is below 0.05: so films that do score alike fire in 5 of 100 comparisons
    at most, whichever class it is. The level is the customary one, fixed before any film is looked at.

    What it can't see:

    - a change that leaves the chance at one half, such as scores that only spread wider
    - a difference too small for so few patients; and of very many films it fires over differences that
      matter to nobody, so look at the chance itself and at what the threshold does
    - wrong labels, and another share of pneumonia: that one is shown, and doesn't fire
    - films that are in both sets: patients of the two are taken to be different people

    Parameters
    ----------
    validation, other : Films
        Scored by the same model.
    threshold : float
        A film is called positive when score >= threshold.

    Raises
    ------
    ComparisonError
        If one of the sets has no film.
    ValueError
        As ``threshold_table`` does, and if a score is outside [0, 1] or the threshold is NaN.

    References
    ----------
    Mann HB, Whitney DR (1947), Annals of Mathematical Statistics 18:50-60.
    Obuchowski NA (1997), Biometrics 53:567-578.
    Holm S (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    for films, name in ((validation, "validation"), (other, "other")):
        if not np.size(films.labels):
            raise ComparisonError(f"There is no labelled and scored {name} film to compare.")
    first, second = _side(validation, threshold), _side(other, threshold)
    chances = [_chance(validation, other, label) for label in (0, 1)]
    adjusted = holm([chance.p for _, _, chance in chances])
    return Shift(
        validation=first,
        other=second,
        classes=(
            ClassShift(0, *chances[0], float(adjusted[0])),
            ClassShift(1, *chances[1], float(adjusted[1])),
        ),
        differences=_differences(first, second),
    )


def difference(rate: float, bounds: Interval, other_rate: float, other_bounds: Interval) -> RateDifference:
    """How much larger a rate is than another one that was measured on other patients.

    The distances of the ends of both rates' intervals from the rates are added as standard errors are
    (MOVER): it behaves at 0 and 1 as they do, and of Wilson's intervals it makes Newcombe's method 10.

    Parameters
    ----------
    rate, other_rate : float
        In [0, 1]; NaN where not known.
    bounds, other_bounds : pairs of float
        Their intervals.

    References
    ----------
    Newcombe RG (1998), Statistics in Medicine 17:873-890.
    Zou GY, Donner A (2008), Statistics in Medicine 27:1693-1702.
    """
    value = rate - other_rate
    down = math.hypot(rate - bounds[0], other_bounds[1] - other_rate)
    up = math.hypot(bounds[1] - rate, other_rate - other_bounds[0])
    if math.isnan(value + down + up):
        return RateDifference(value, math.nan, math.nan)
    return RateDifference(value, max(-1.0, value - down), min(1.0, value + up))


def verdict(found: Shift) -> str:
    """Say in a sentence or two whether other films score like validation, and what was not seen."""
    sentences = [_firing([one for one in found.classes if one.fires])]
    silent = [one for one in found.classes if not one.fires and not math.isnan(one.adjusted_p)]
    if silent and not found.fires:
        films = f"{count(sum(one.n[1] for one in silent))} films"
        patients = f"{count(_patients(found, silent))} patients"
        between = "" if len(silent) == len(found.classes) else f" between {_CLASSES[silent[0].label]}"
        sentences.append(f"No difference was found{between}, which {films} of {patients} might also miss.")
    unknown = [_CLASSES[one.label] for one in found.classes if math.isnan(one.adjusted_p)]
    if unknown:
        which = " and ".join(unknown)
        sentences.append(
            f"{which[0].upper()}{which[1:]} can't be compared: that takes such films of two patients or more "
            "in both sets."
        )
    return " ".join(sentence for sentence in sentences if sentence)


def _firing(classes: Sequence[ClassShift]) -> str:
    if not classes:
        return ""
    told = []
    for one in classes:
        way = "higher" if one.chance.value > _HALF else "lower"
        bounds = interval(one.chance.low, one.chance.high)
        told.append(
            f"{_CLASSES[one.label]} score {way} (one of them scores above one of validation in "
            f"{percent(one.chance.value)} of pairs, {bounds}; {percent(_HALF)} would be alike)"
        )
    return f"These films score differently from validation: {', and '.join(told)}."


def _patients(found: Shift, classes: Sequence[ClassShift]) -> int:
    """Patients of the others that have such films: one may have films of both classes."""
    return found.other.figures.patients if len(classes) == len(found.classes) else classes[0].patients[1]


def _side(films: Films, threshold: float) -> Side:
    truth, scores, patients = checked(films.labels, films.scores, films.groups)
    prevalence = float(truth.mean())
    return Side(
        figures=summarise(truth, scores, patients, threshold),
        prevalence=prevalence,
        prevalence_ci=_share_interval(truth, patients),
        calibration=platt_or_why(truth, films.logits),
        reliability=reliability(truth, scores),
    )


def _share_interval(truth: NDArray[np.int64], patients: NDArray[np.int64]) -> Interval:
    """Interval of the share of films with label 1, clustered by patient."""
    return threshold_table(np.ones_like(truth), truth, patients).interval("sensitivity", _HALF)


def _chance(
    validation: Films, other: Films, label: int
) -> tuple[tuple[int, int], tuple[int, int], AreaEstimate]:
    """Films and patients of one class in both sets, and how they score against each other."""
    scores, patients = [], []
    for films in (validation, other):
        truth, values, codes = checked(films.labels, films.scores, films.groups)
        scores.append(values[truth == label])
        patients.append(codes[truth == label])
    (first, second), (mine, theirs) = scores, patients
    apart = int(mine.max(initial=-1)) + 1  # a name that is in both sets is not the same person
    chance = auc_estimate(
        np.repeat([0, 1], [first.size, second.size]),
        np.concatenate([first, second]),
        np.concatenate([mine, theirs + apart]),
    )
    return (first.size, second.size), (np.unique(mine).size, np.unique(theirs).size), chance


def _differences(validation: Side, other: Side) -> Mapping[str, RateDifference]:
    found = {
        name: difference(
            getattr(other.figures.point, name),
            other.figures.intervals[name],
            getattr(validation.figures.point, name),
            validation.figures.intervals[name],
        )
        for name in ("sensitivity", "specificity")
    }
    found["auc"] = difference(
        other.figures.auc, other.figures.auc_ci, validation.figures.auc, validation.figures.auc_ci
    )
    found["prevalence"] = difference(
        other.prevalence, other.prevalence_ci, validation.prevalence, validation.prevalence_ci
    )
    return MappingProxyType(found)
