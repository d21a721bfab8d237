"""
Shift: test whether other films score like the validation films that a threshold was chosen on.

- two sets of films of different patients, scored by one model: validation, and others from elsewhere
- each class is tested by itself, since a different prevalence alone already moves the scores of all films
- with few patients the test is by permutation of patients: a normal approximation would call too many sets
  of films different that score the same
- differences are the other films minus validation; intervals are at 95 %, clustered by patient
- nothing is chosen here: the result says whether an earlier choice can be trusted on the other films
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.errors import ComparisonError
from xraylab.evaluation.calibration import Calibration, measure_calibration
from xraylab.evaluation.comparison import holm
from xraylab.evaluation.intervals import AreaEstimate, auc_estimate, mover_difference
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.paired import RateDifference
from xraylab.evaluation.reliability import Reliability, reliability, share_interval
from xraylab.evaluation.summary import Evaluation, summarise
from xraylab.findings import PNEUMONIA, Finding
from xraylab.formats import count, interval, percent

SIGNIFICANT = 0.05
_FEW = 60  # patients of a class in either set; below, p is by permutation too
_PERMUTATIONS = 4999  # if all can't be tried; with the films as they are, 5,000
_SEED = 0
_KEYS = 1_000_000  # random numbers at a time, 8 MB
_A_HAIR = 1e-12  # two chances that differ by less are equal
_HALF = 0.5  # between labels 0 and 1; also the chance that a film scores above a similar one
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Films:
    """Labelled films with the scores that a model gives them."""

    labels: ArrayLike  # (n,) 0 or 1
    scores: ArrayLike  # (n,) in [0, 1]
    logits: ArrayLike  # (n,) of the same scores; NaN if unknown
    groups: Sequence[Any] | NDArray[Any] | None = None  # (n,) the patients; by default each film is its own
    finding: Finding = PNEUMONIA  # what the labels are about, for sentences


@dataclass(frozen=True, eq=False)
class Side:
    """A model's results on one set of films."""

    figures: Evaluation  # at the threshold
    prevalence: float  # share of films with the finding
    prevalence_ci: Interval
    calibration: Calibration
    reliability: Reliability


@dataclass(frozen=True)
class ClassShift:
    """Test whether the other films of one class score like those of validation."""

    label: int
    n: tuple[int, int]  # films of this class: in validation, in the other set
    patients: tuple[int, int]
    # Its p is by permutation of patients if these are few, unless Student's is larger.
    chance: AreaEstimate  # that another film scores above one of validation; NaN if a set has no such film
    adjusted_p: float  # Holm's, over both classes; NaN if it can't be tested

    @property
    def fires(self) -> bool:
        """Whether the scores of the two sets differ significantly."""
        return self.adjusted_p < SIGNIFICANT


@dataclass(frozen=True, eq=False)
class Shift:
    """Comparison of other films with the validation films."""

    validation: Side
    other: Side
    classes: tuple[ClassShift, ClassShift]  # by label
    differences: Mapping[str, RateDifference]  # sensitivity, specificity, auc, prevalence
    finding: Finding = PNEUMONIA

    @property
    def fires(self) -> bool:
        """Whether the scores of any class differ significantly."""
        return any(each.fires for each in self.classes)


def shift(validation: Films, other: Films, threshold: float) -> Shift:
    """Compare other films with validation: their scores, and the results of a threshold on each set.

    For each class, the test uses the chance that a film of the other set scores above one of validation,
    ties counted half. It is the area under the ROC curve with the set as the label, and is one half if both
    sets score the same; interval and p are those of ``auc_estimate``. If a set has fewer than 60 patients of
    the class, p is at least that of a permutation test: the share of ways to divide the patients into sets
    of these sizes whose chance is at least as far from one half. All ways are tried if there are fewer than
    5,000, otherwise 4,999 at random, always the same. A class **fires** if its p, adjusted by
    Holm's method over the two classes, is below 0.05. So if both sets score the same, a class fires in at
    most 5 of 100 comparisons. The level is the customary one, fixed before any film is looked at.

    The test can't see:

    - a change that leaves the chance at one half, such as scores that only spread wider
    - a difference too small for the number of patients; with very many films, on the other hand, it fires
      on irrelevant differences, so look at the chance itself and at the results of the threshold
    - wrong labels, and another prevalence: that is shown, but doesn't fire
    - films that are in both sets: the patients of the two sets are assumed to be different people

    Parameters
    ----------
    validation, other : Films
        Scored by the same model.
    threshold : float
        A film is called positive when score >= threshold.

    Raises
    ------
    ComparisonError
        If one of the sets has no films.
    ValueError
        As ``threshold_table`` does, and if a score is outside [0, 1] or the threshold is NaN.

    References
    ----------
    Mann HB, Whitney DR (1947), Annals of Mathematical Statistics 18:50-60.
    Obuchowski NA (1997), Biometrics 53:567-578.
    Phipson B, Smyth GK (2010), Stat Appl Genet Mol Biol 9:39, for p by random permutations.
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
        finding=validation.finding,
    )


def difference(rate: float, bounds: Interval, other_rate: float, other_bounds: Interval) -> RateDifference:
    """Return the difference of two rates measured on different patients, with its interval.

    The distances from each rate to the ends of its interval are added like standard errors (MOVER). So the
    result is valid near 0 and 1 too; with Wilson's intervals it is Newcombe's method 10.

    Parameters
    ----------
    rate, other_rate : float
        In [0, 1]; NaN if unknown.
    bounds, other_bounds : pairs of float
        Intervals of the two rates.

    References
    ----------
    Newcombe RG (1998), Statistics in Medicine 17:873-890.
    Zou GY, Donner A (2008), Statistics in Medicine 27:1693-1702.
    """
    value = rate - other_rate
    low, high = mover_difference(rate, other_rate, bounds, other_bounds)
    if math.isnan(low + high):
        return RateDifference(value, math.nan, math.nan)
    return RateDifference(value, max(-1.0, low), min(1.0, high))


def verdict(comparison: Shift) -> str:
    """Return one or two sentences: whether other films score like validation, and what can't be known."""
    names = (comparison.finding.well_films, f"films {comparison.finding.ill}")  # by label, 0 and 1
    sentences = [_firing([each for each in comparison.classes if each.fires], names)]
    silent = [each for each in comparison.classes if not each.fires and not math.isnan(each.adjusted_p)]
    if silent and not comparison.fires:
        films = f"{count(sum(each.n[1] for each in silent))} films"
        patients = f"{count(_patients(comparison, silent))} patients"
        between = "" if len(silent) == len(comparison.classes) else f" between {names[silent[0].label]}"
        sentences.append(
            f"No difference was found{between}, but {films} of {patients} may be too few to show one."
        )
    unknown = [names[each.label] for each in comparison.classes if math.isnan(each.adjusted_p)]
    if unknown:
        which = " and ".join(unknown)
        sentences.append(
            f"{which[0].upper()}{which[1:]} can't be compared: both sets need such films of at least two "
            "patients."
        )
    return " ".join(sentence for sentence in sentences if sentence)


def _firing(classes: Sequence[ClassShift], names: tuple[str, str]) -> str:
    if not classes:
        return ""
    clauses = []
    for each in classes:
        direction = "higher" if each.chance.value > _HALF else "lower"
        bounds = interval(each.chance.low, each.chance.high)
        clauses.append(
            f"{names[each.label]} score {direction} (such a film scores above one of validation in "
            f"{percent(each.chance.value)} of pairs, {bounds}; {percent(_HALF)} would mean no difference)"
        )
    return f"These films score differently from validation: {', and '.join(clauses)}."


def _patients(comparison: Shift, classes: Sequence[ClassShift]) -> int:
    """Count the other set's patients with films of these classes; a patient may have films of both."""
    return (
        comparison.other.figures.patients
        if len(classes) == len(comparison.classes)
        else classes[0].patients[1]
    )


def _side(films: Films, threshold: float) -> Side:
    truth, scores, patients = checked(films.labels, films.scores, films.groups)
    prevalence = float(truth.mean())
    return Side(
        figures=summarise(truth, scores, patients, threshold),
        prevalence=prevalence,
        prevalence_ci=share_interval(truth, patients),
        calibration=measure_calibration(truth, scores, films.logits, patients, finding=films.finding),
        reliability=reliability(truth, scores, patients),
    )


def _chance(
    validation: Films, other: Films, label: int
) -> tuple[tuple[int, int], tuple[int, int], AreaEstimate]:
    """Count films and patients of one class in both sets, and compare their scores."""
    scores, patients = [], []
    for films in (validation, other):
        truth, values, codes = checked(films.labels, films.scores, films.groups)
        scores.append(values[truth == label])
        patients.append(codes[truth == label])
    (first, second), (first_patients, second_patients) = scores, patients
    # Codes of the second set start after those of the first: patients of the two are different people.
    first_patients = np.unique(first_patients, return_inverse=True)[1]
    second_patients = np.unique(second_patients, return_inverse=True)[1]
    counts = int(first_patients.max(initial=-1)) + 1, int(second_patients.max(initial=-1)) + 1
    together = np.concatenate([first, second])
    people = np.concatenate([first_patients, second_patients + counts[0]])
    chance = auc_estimate(np.repeat([0, 1], [first.size, second.size]), together, people)
    if min(counts) < _FEW and not math.isnan(chance.p):
        chance = replace(chance, p=max(chance.p, permutation_p(together, people, counts)))
    return (first.size, second.size), counts, chance


def permutation_p(scores: NDArray[np.float64], patients: NDArray[np.int64], sizes: tuple[int, int]) -> float:
    """Test whether two sets of patients score the same, by dividing the patients anew.

    Parameters
    ----------
    scores : ndarray of float64, (n,)
        Of all films.
    patients : ndarray of int64, (n,)
        Their patients: first those of the first set, 0 ... sizes[0] - 1, then those of the second.
    sizes : (int, int)
        Number of patients in each set.

    Returns
    -------
    float
        Two-sided, in (0, 1].
    """
    n_patients = sum(sizes)
    films = np.bincount(patients, minlength=n_patients)
    ranks = np.bincount(patients, _midranks(scores), n_patients)
    # In an order that doesn't depend on the patients' names, so that p doesn't either.
    second = np.arange(n_patients) >= sizes[0]
    order = np.lexsort((ranks, films, second))
    films, ranks = films[order], ranks[order]
    fewer = min(range(2), key=lambda side: sizes[side])  # the smaller set is drawn: fewer patients to sum

    def distances(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how far the chance lies from one half, for each row of patients drawn, (rows,)."""
        n, total = films[drawn].sum(axis=1), ranks[drawn].sum(axis=1)
        share: NDArray[np.float64] = (total - n * (n + 1) / 2) / (n * (scores.size - n))
        return np.abs(share - _HALF)

    start = 0 if fewer == 0 else sizes[0]
    [observed] = distances(np.arange(start, start + sizes[fewer])[None, :])
    every = math.comb(n_patients, sizes[fewer]) <= _PERMUTATIONS
    ways = distances(_all_ways(n_patients, sizes[fewer]) if every else _some_ways(n_patients, sizes[fewer]))
    as_far = int(np.count_nonzero(ways >= observed - _A_HAIR))
    # Of random ways the films as they are count as one, so that p is never 0.
    return as_far / ways.size if every else (as_far + 1) / (ways.size + 1)


def _all_ways(n_patients: int, size: int) -> NDArray[np.int64]:
    return np.array(list(combinations(range(n_patients), size)), np.int64)


def _some_ways(n_patients: int, size: int) -> NDArray[np.int64]:
    """Draw patients by the smallest of random keys, in parts that keep the keys in little memory."""
    rng, rows = np.random.default_rng(_SEED), max(1, _KEYS // n_patients)
    parts = [
        np.argpartition(rng.random((min(rows, _PERMUTATIONS - first), n_patients)), size - 1)[:, :size]
        for first in range(0, _PERMUTATIONS, rows)
    ]
    return np.concatenate(parts).astype(np.int64)


def _midranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each score, from 1; equal scores share the mean of their ranks."""
    ranked = np.sort(scores)
    below, up_to = np.searchsorted(ranked, scores, "left"), np.searchsorted(ranked, scores, "right")
    ranks: NDArray[np.float64] = (below + up_to + 1) / 2
    return ranks


def _differences(validation: Side, other: Side) -> Mapping[str, RateDifference]:
    differences = {
        name: difference(
            getattr(other.figures.point, name),
            other.figures.intervals[name],
            getattr(validation.figures.point, name),
            validation.figures.intervals[name],
        )
        for name in ("sensitivity", "specificity")
    }
    differences["auc"] = difference(
        other.figures.auc, other.figures.auc_ci, validation.figures.auc, validation.figures.auc_ci
    )
    differences["prevalence"] = difference(
        other.prevalence, other.prevalence_ci, validation.prevalence, validation.prevalence_ci
    )
    return MappingProxyType(differences)
