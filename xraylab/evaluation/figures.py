"""
Figures of one set of films, computed from predictions, for the model card and the screens.

- this module turns predictions into arrays; all other modules of this room take arrays
- rates need a threshold; without one, only the figures that need none are computed
- intervals of rates are clustered by patient; a rate with nothing to divide by is NaN
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.band import Band, review_band
from xraylab.evaluation.calibration import Calibration, measure_calibration
from xraylab.evaluation.classes import Kinds, report_by_kind
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.reliability import share_interval
from xraylab.evaluation.summary import summarise
from xraylab.evaluation.thresholds import ThresholdTable, threshold_table
from xraylab.predictions import Predictions

Interval = tuple[float, float]


@dataclass(frozen=True)
class KindFigures:
    """Sensitivity among the films with one kind of the finding."""

    n: int  # films
    patients: int
    sensitivity: float
    interval: Interval


@dataclass(frozen=True)
class Figures:
    """Results of a model on a set of films; intervals are at 95 % and clustered by patient."""

    n: int  # films
    patients: int
    positives: int  # films with the finding
    auc: float
    auc_ci: Interval
    brier: float
    ece: float
    calibration: Calibration
    point: OperatingPoint | None  # None without a threshold
    intervals: Mapping[str, Interval]  # sensitivity, specificity, ppv, npv, accuracy, balanced_accuracy
    kinds: Mapping[str, KindFigures]  # by the kind of the finding, for films whose kind is known
    band: Band | None = None  # None without a review band
    review_interval: Interval = (math.nan, math.nan)  # of the share of films that need a reader


def table_of(scored: Predictions) -> ThresholdTable:
    """Return the threshold table of films that have a score and a label.

    Raises
    ------
    ValueError
        If a film has no score, or a label that is neither 0 nor 1.
    """
    return threshold_table(scored.labels, scored.scores, scored.groups, finding=scored.finding)


def measure(
    predictions: Predictions, threshold: float | None, *, review_from: float | None = None
) -> Figures:
    """Compute the figures of the films that have a score and a label.

    Parameters
    ----------
    predictions : Predictions
        On the films of one split.
    threshold : float, optional
        In [0, 1]; a film is called positive when score >= threshold.
    review_from : float, optional
        Lower end of a review band, below the threshold; ignored without a threshold.

    Raises
    ------
    ValueError
        If a label is neither 0 nor 1, or a score isn't in [0, 1].
    """
    scored = predictions.scored
    labels, scores, groups = scored.labels, scored.scores, scored.groups
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("scores must be in [0, 1]")
    # AUC, Brier score and calibration don't depend on the threshold, so any value serves if there is none.
    summary = summarise(labels, scores, groups, 0.0 if threshold is None else threshold)
    intervals: dict[str, Interval] = {}
    band, review_interval = None, (math.nan, math.nan)
    if threshold is not None:
        table = table_of(scored)
        band = None if review_from is None else review_band(table, review_from, threshold)
        if review_from is not None:
            inside = (scores >= review_from) & (scores < threshold)
            review_interval = share_interval(inside.astype(np.int64), pd.factorize(groups)[0])
        intervals = {**summary.intervals, "balanced_accuracy": balanced_accuracy_interval(table, threshold)}
    return Figures(
        n=summary.n,
        patients=summary.patients,
        positives=summary.positives,
        auc=summary.auc,
        auc_ci=summary.auc_ci,
        brier=summary.brier,
        ece=summary.ece,
        calibration=calibration_of(scored),
        point=None if threshold is None else summary.point,
        intervals=MappingProxyType(intervals),
        kinds=MappingProxyType({} if threshold is None else _kinds(scored, threshold)),
        review_interval=review_interval,
        band=band,
    )


def calibration_of(scored: Predictions) -> Calibration:
    """Measure the calibration on films that have a score and a label."""
    logits = scored.frame["logit"].to_numpy(np.float64)
    return measure_calibration(scored.labels, scored.scores, logits, scored.groups, finding=scored.finding)


def kinds_of(scored: Predictions, threshold: float) -> Kinds | None:
    """Tabulate the films without the finding and its kinds at a threshold; None for a model of two classes.

    Parameters
    ----------
    scored : Predictions
        Films that have a score and a label.

    Raises
    ------
    ValueError
        If a probability isn't in [0, 1].
    """
    kinds = scored.kinds
    if not kinds:
        return None
    subtypes = scored.frame["subtype"].fillna("").astype(str).to_numpy(object)
    return report_by_kind(
        scored.labels, scored.scores, scored.groups, subtypes, kinds, threshold, finding=scored.finding
    )


def _kinds(scored: Predictions, threshold: float) -> dict[str, KindFigures]:
    """Return the sensitivity among the films of each kind of the finding, by the kind's name."""
    diseased = scored.frame[scored.frame["label"] == 1]
    named = diseased[diseased["subtype"].fillna("").astype(str) != ""]
    kinds = {}
    for kind, films in named.groupby(named["subtype"].astype(str), sort=True):
        scores, groups = films["score"].to_numpy(np.float64), films["group"].to_numpy(object)
        # All of these films have the finding, so the table of one class gives their sensitivity.
        table = threshold_table(np.ones(len(films), np.int8), scores, groups)
        kinds[str(kind)] = KindFigures(
            n=len(films),
            patients=table.n_groups,
            sensitivity=table.at(threshold).sensitivity,
            interval=table.interval("sensitivity", threshold),
        )
    return kinds
