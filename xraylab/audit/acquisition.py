"""
Acquisition: whether a film's file gives its label away, without a look at the picture.

- each file property alone, and a small classifier on all of them, cross-validated by group of patients
- an area under the ROC curve (AUC) of 0.5 is chance; intervals are at 95 % and clustered by group
- only traces of how the file was made count as a shortcut; other properties may belong to the disease
- p is adjusted by Holm's method over everything tested, so a dataset without a shortcut is rarely accused
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.audit.file_properties import FileProperty, file_properties
from xraylab.audit.found import MOST_EXAMPLES, Found, Severity
from xraylab.evaluation.comparison import holm
from xraylab.evaluation.intervals import AreaEstimate, auc_estimate
from xraylab.findings import PNEUMONIA, Finding
from xraylab.formats import auc, auc_interval, count, counted, listed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_PATIENTS = 10  # of each class; with fewer, not even a perfect separation is certain
STRONG = 0.7  # an AUC from which traces count as a shortcut; below, a network gains little by them
NOTICEABLE = 0.6  # an AUC from which any property is worth a sentence
SIGNIFICANT = 0.05
SAME_FILES = (
    "Mend it: bring all films to one encoding and one size, then check again: the sharpness may still differ."
)
ROBUST = (
    "Train by the recipe “robust”, which re-encodes, rescales and blurs films at random, and test the model "
    "on films from elsewhere."
)
_FOLDS = 5
_SEED = 0
_CHANCE = 0.5
_MOST_NAMED = 3  # properties that a sentence names
_UNKNOWN = AreaEstimate(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Separation:
    """How well the label can be told from one or several file properties."""

    words: str  # names them in a sentence
    area: AreaEstimate  # of one ordered property in the direction that separates; NaN if it can't be told
    trace: bool  # whether it comes from the making of the file alone
    adjusted_p: float  # by Holm's method; NaN if it wasn't tested

    def shows(self, smallest: float) -> bool:
        """Whether it separates the classes significantly, and with an AUC of at least ``smallest``."""
        return self.adjusted_p < SIGNIFICANT and self.area.value >= smallest


@dataclass(frozen=True, eq=False)
class Acquisition:
    """What file properties tell of the label of a dataset's films."""

    n: int  # films
    patients: int  # groups of patients
    patients_by_class: tuple[int, int]  # groups with at least one film of the class: absent, present
    by_property: dict[str, Separation]  # by name of the property; empty with too few patients
    traces: Separation | None  # the classifier on traces alone; None if none varies
    associated: Separation | None  # the classifier on all other properties
    together: AreaEstimate  # the classifier on all properties; NaN if nothing varies or patients are too few
    scores: Floats | None  # (n,): of that classifier, each film by a classifier that hasn't seen its patient

    @property
    def tells(self) -> bool:
        """Whether there are patients enough to tell anything."""
        return min(self.patients_by_class) >= FEWEST_PATIENTS

    @property
    def tested(self) -> list[Separation]:
        """All that p was adjusted for: the properties, and the two classifiers."""
        return [each for each in (self.traces, self.associated, *self.by_property.values()) if each]

    @property
    def severity(self) -> Severity:
        """“high” for a shortcut by traces, “low” for any other association, else “none”."""
        if any(each.trace and each.shows(STRONG) for each in self.tested):
            return "high"
        return "low" if any(each.shows(NOTICEABLE) for each in self.tested) else "none"


def measure_acquisition(catalog: pd.DataFrame, pixels: NDArray[np.uint8] | None = None) -> Acquisition:
    """Measure how well the label of a film can be told from its file, without a look at the picture.

    Each property is judged by its AUC, that of a category by the share of films with label 1 among other
    patients' films of the same value. The classifier is a logistic regression on the properties, their
    missing values and parts of their range, in five folds that never divide a group of patients.

    Traces are the JPEG compression table, the file format, bits per sample, and width and height in pixels.
    Compressed bits per pixel are a trace if table or format differ significantly between the classes: then
    the encoder made the difference. Otherwise a smoother picture may have made it, and smoothness may
    belong to the disease, as sharpness, border, colour, age and view may.

    Parameters
    ----------
    catalog : DataFrame, n rows
        As ``Dataset.catalog``, with ``label`` and ``group``. A property may be missing for any film.
    pixels : uint8 array of shape (n, 256, 256), optional
        Of the same films, for the width of their borders.

    References
    ----------
    Obuchowski NA (1997), Biometrics 53:567-578, for the intervals.
    Holm S (1979), Scandinavian Journal of Statistics 6:65-70.
    Geirhos R et al. (2020), Nature Machine Intelligence 2:665-673, for shortcuts.
    """
    labels = catalog["label"].to_numpy(np.int64)
    groups = pd.factorize(catalog["group"])[0].astype(np.int64)
    by_class = _patients_by_class(labels, groups)
    n_groups = int(groups.max(initial=-1)) + 1
    if min(by_class) < FEWEST_PATIENTS:
        return Acquisition(labels.size, n_groups, by_class, {}, None, None, _UNKNOWN, None)
    folds = _folds(labels, groups)
    found = file_properties(catalog, pixels)
    areas = {name: _area_of(each, labels, groups, folds) for name, each in found.items()}
    if _encoders_differ(areas) and "bits_per_pixel" in found:
        found["bits_per_pixel"] = replace(found["bits_per_pixel"], trace=True)
    kinds = [[each for each in found.values() if each.trace is trace] for trace in (True, False)]
    of_kinds = [_estimated(_scores(kind, labels, folds), labels, groups) for kind in kinds]
    adjusted = holm([_p(area) for area in (*areas.values(), *of_kinds)]).tolist()
    by_property = {
        name: Separation(found[name].words, area, found[name].trace, p)
        for (name, area), p in zip(areas.items(), adjusted[:-2], strict=True)
    }
    traces, associated = (
        _together(kind, area, p) for kind, area, p in zip(kinds, of_kinds, adjusted[-2:], strict=True)
    )
    scores = _scores([*found.values()], labels, folds)
    together = _estimated(scores, labels, groups)
    return Acquisition(labels.size, n_groups, by_class, by_property, traces, associated, together, scores)


def acquisition_shortcut(
    catalog: pd.DataFrame, pixels: NDArray[np.uint8] | None = None, *, finding: Finding = PNEUMONIA
) -> Found:
    """Check whether the files of a dataset give the labels of its films away.

    Parameters
    ----------
    catalog, pixels
        As in ``measure_acquisition``.
    finding : Finding
        What the labels are about, for the sentence.

    Returns
    -------
    Found
        Its figure is the AUC of a classifier on all file properties, in [0, 1]; None if it can't be told.
        “high” if traces of how the files were made separate the classes with an AUC of at least 0.7, “low”
        if anything separates them with at least 0.6; either must be significant after Holm's adjustment.
    """
    measured = measure_acquisition(catalog, pixels)
    severity, mend = measured.severity, _mend(measured)
    return Found(
        check="acquisition_shortcut",
        severity=severity,
        figure=None if math.isnan(measured.together.value) else measured.together.value,
        sentence=_sentence(measured, finding),
        films=() if severity == "none" else _examples(catalog, measured.scores),
        mend=mend,
        mend_by=("one encoding",) if mend == SAME_FILES else (),
    )


def _patients_by_class(labels: Ints, groups: Ints) -> tuple[int, int]:
    absent, present = (np.unique(groups[labels == label]).size for label in (0, 1))
    return absent, present


def _folds(labels: Ints, groups: Ints) -> Ints:
    """Return the fold of each film, (n,): a group is in one fold, and both classes are in every fold.

    Groups are divided, each as one case, because scikit-learn's division of films takes seconds for
    thousands of groups.
    """
    from sklearn.model_selection import StratifiedKFold

    of_group = np.zeros(int(groups.max()) + 1, np.int64)
    np.maximum.at(of_group, groups, labels)
    if np.bincount(of_group, minlength=2).min() < _FOLDS:  # nearly every group has films of both classes
        of_group[:] = 0
    fold = np.empty(of_group.size, np.int64)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED).split(of_group[:, None], of_group)
    for number, (_, held_out) in enumerate(folds):
        fold[held_out] = number
    return fold[groups]


def _area_of(found: FileProperty, labels: Ints, groups: Ints, folds: Ints) -> AreaEstimate:
    """Estimate the area of one property, among the films that have it."""
    known = ~np.isnan(found.values)
    if min(_patients_by_class(labels[known], groups[known])) < FEWEST_PATIENTS:
        return _UNKNOWN
    labels, groups = labels[known], groups[known]
    if found.category:
        return _estimate(labels, _share_at_value(found.values.astype(np.int64), labels, folds), groups)
    area = _estimate(labels, found.values[known], groups)
    if area.value < _CHANCE:
        return AreaEstimate(1 - area.value, 1 - area.high, 1 - area.low, area.p)
    return area


def _estimate(labels: Ints, values: Floats, groups: Ints) -> AreaEstimate:
    """Estimate an area, with the p of a rank test of patients.

    Near an area of 1 the variance comes from the few patients that are ranked wrongly: a single one leaves
    the estimate's own p with one degree of freedom, so that a clear separation would not be significant.
    """
    from scipy.stats import mannwhitneyu  # imported here: slow to load

    area = auc_estimate(labels, values, groups)
    films = np.bincount(groups)
    with np.errstate(invalid="ignore"):  # numbers of groups without a film here
        ill, mean = np.bincount(groups, labels) / films, np.bincount(groups, values) / films
    # A patient with films of both classes is on neither side.
    well, sick = mean[ill == 0], mean[ill == 1]
    if min(well.size, sick.size) < FEWEST_PATIENTS:
        return area
    return replace(area, p=float(mannwhitneyu(sick, well).pvalue))


def _share_at_value(codes: Ints, labels: Ints, folds: Ints) -> Floats:
    """Return the share of label 1 among the films of the same value in other folds, (n,)."""
    shares, size, prior = np.empty(labels.size), int(codes.max()) + 1, float(labels.mean())
    for fold in range(_FOLDS):
        others, held_out = folds != fold, folds == fold
        films = np.bincount(codes[others], minlength=size)
        present = np.bincount(codes[others], labels[others], size)
        shares[held_out] = ((present + prior) / (films + 1))[codes[held_out]]  # a value never seen: the prior
    return shares


def _encoders_differ(areas: dict[str, AreaEstimate]) -> bool:
    adjusted = holm([_p(areas[name]) for name in ("quant_sum", "format") if name in areas])
    return bool((adjusted < SIGNIFICANT).any())


def _p(area: AreaEstimate) -> float:
    """Return p; 1 for an area below one half, which a cross-validated score has by chance only."""
    return area.p if math.isnan(area.p) or area.value >= _CHANCE else 1.0


def _scores(chosen: Sequence[FileProperty], labels: Ints, folds: Ints) -> Floats | None:
    """Score each film by a classifier that was fitted without its fold, (n,); None without a property."""
    if not chosen:
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    columns = np.concatenate([each.columns for each in chosen], axis=1)
    scores: Floats = cross_val_predict(
        LogisticRegression(max_iter=1000),
        columns,
        labels,
        cv=PredefinedSplit(folds),
        method="decision_function",
    )
    return scores


def _estimated(scores: Floats | None, labels: Ints, groups: Ints) -> AreaEstimate:
    return _UNKNOWN if scores is None else _estimate(labels, scores, groups)


def _together(chosen: Sequence[FileProperty], area: AreaEstimate, p: float) -> Separation | None:
    if not chosen:
        return None
    return Separation(listed([each.words for each in chosen]), area, chosen[0].trace, p)


def _examples(catalog: pd.DataFrame, scores: Floats | None) -> tuple[str, ...]:
    """Return the films that their files give away most clearly, of one class and the other in turn."""
    if scores is None:
        return ()
    labels, half = catalog["label"].to_numpy(np.int64), MOST_EXAMPLES // 2
    order = np.argsort(scores, kind="stable")
    absent, present = order[labels[order] == 0][:half], order[::-1][labels[order[::-1]] == 1][:half]
    in_turn = chain.from_iterable(zip(present, absent, strict=False))
    return tuple(str(catalog["image_id"].iloc[row]) for row in in_turn)


def _mend(measured: Acquisition) -> str | None:
    if measured.severity == "none":
        return None
    return SAME_FILES if any(each.trace and each.shows(NOTICEABLE) for each in measured.tested) else ROBUST


def _sentence(measured: Acquisition, finding: Finding) -> str:
    films = f"{counted(measured.n, 'film')} of {counted(measured.patients, 'patient')}"
    classes = f"{finding.well_films} from films {finding.ill}"
    if not measured.tells:
        absent, present = measured.patients_by_class
        return (
            f"Whether the files give the label away can't be told from {films}: it takes at least "
            f"{FEWEST_PATIENTS} patients {finding.ill} and {FEWEST_PATIENTS} {finding.well}, and there are "
            f"{count(present)} and {count(absent)}."
        )
    if measured.scores is None:
        return f"The files of these {films} don't differ in any property, so they can't tell {classes}."
    if measured.severity == "none":
        return (
            f"No file property was shown to tell {classes}: together they reach an AUC of "
            f"{_written(measured.together)} on {films}, where 0.5 is chance."
        )
    return _accusation(measured, classes, films, finding)


def _accusation(measured: Acquisition, classes: str, films: str, finding: Finding) -> str:
    high = measured.severity == "high"
    clear = [
        each for each in measured.by_property.values() if each.shows(NOTICEABLE) and (each.trace or not high)
    ]
    clear.sort(key=lambda each: -each.area.value)
    named = [f"{each.words} ({auc(each.area.value)})" for each in clear[:_MOST_NAMED]]
    clearest = (
        f"the clearest {'is' if len(named) == 1 else 'are'} {listed(named)}"
        if named
        else "no property does so by itself"
    )
    meaning = (
        f"so a network may learn how the files were made in place of {finding.name}"
        if high
        else f"which may come from {finding.name} itself or from the way the films were made"
    )
    return (
        f"Without a look at the picture, properties of the files tell {classes} with an AUC of "
        f"{_written(measured.together)} on {films}, where 0.5 is chance; {clearest}, {meaning}."
    )


def _written(area: AreaEstimate) -> str:
    return f"{auc(area.value)} ({auc_interval(area.low, area.high)})"
