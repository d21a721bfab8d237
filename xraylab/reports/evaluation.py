"""
The evaluation of a model as one document: all numbers of each split that may be shown.

- data in, document out: no file is read or written here
- the PDF is drawn from the same document, so that no two numbers can disagree
- test films are included only if the caller passes them; ``Model.films`` decides whether they may be seen
"""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from xraylab import __version__, documents
from xraylab.documents.older import older
from xraylab.errors import RecipeError
from xraylab.evaluation.band import Band, band_of_a_thousand
from xraylab.evaluation.classes import report_of
from xraylab.evaluation.estimates import area_estimates, rate_estimates
from xraylab.evaluation.figures import kinds_of, measure, table_of
from xraylab.evaluation.one_decision import one_decision
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.prevalence import moved, of_a_thousand, predictive_values
from xraylab.evaluation.reliability import TENTHS, reliability
from xraylab.evaluation.report import ClassificationReport, OneVsRest
from xraylab.evaluation.rules import parse_rule
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.evaluation.utility import decision_curve, expected_cost, net_benefit, probability_of_cost
from xraylab.models import Card, Lock, order_words
from xraylab.predictions import Predictions
from xraylab.reports.calibration import bins_of, calibrated
from xraylab.reports.checklists import with_checklists
from xraylab.reports.standards import by_patient, sample_sizes

BINS = 25  # of the score histogram
_PROBABILITIES = np.arange(99) / 100  # of the decision curve at the films' own prevalence, 0 to 0.98
# At another prevalence only those that a person may hold: one missed case for 1 to 99 false alarms.
_PLAUSIBLE = np.arange(1, 51) / 100
_EVEN_ROWS = 101  # of the curves, in addition to their corners
_MOST_ROWS = 1000


def evaluation_report(
    card: Card,
    lock: Lock,
    *,
    validation: Predictions,
    test: Predictions | None,
    markdown: str,
    openings: int,
    prevalence: float,
    made_at: datetime,
    cost: float | None = None,
    provenance: documents.Provenance | None = None,
) -> documents.EvaluationReport:
    """Collect all results of a model at its lock in one document.

    Parameters
    ----------
    validation, test : Predictions
        Scores of the films that the model was chosen on, and of those it is judged on; None while the test
        films are sealed.
    markdown : str
        The model card.
    openings : int
        How often the dataset's test split has been opened, for any model.
    prevalence : float
        Share of films with the finding, in (0, 1), for PPV, NPV, the counts among 1,000 films and the
        decision curve.
    cost : float, optional
        Number of false alarms that one missed case costs; by default that of the lock's rule, if it is
        a cost rule.
    provenance : Provenance, optional
        Where the films came from, if it was looked up.

    Raises
    ------
    ValueError
        If a label is neither 0 nor 1, a score not in [0, 1], the prevalence not in (0, 1), or the cost not
        above 0 and finite.
    """
    elsewhere = _Elsewhere(
        prevalence,
        measured_at=_share_of_positives(validation),
        cost=_cost_of(lock) if cost is None else cost,
        calibrated=card.calibrated,
    )
    report = documents.EvaluationReport(
        model=card.name,
        model_sha256=card.model_sha256,
        arch=card.arch,
        classes=card.classes,
        dataset=card.dataset.name,
        kind=card.dataset.kind,
        finding=card.finding,
        made_at=made_at,
        version=__version__,
        lock=documents.AboutLock(
            threshold=lock.threshold,
            rule=lock.rule,
            locked_at=lock.locked_at,
            actor=lock.actor,
            n=lock.n,
            after_opening=lock.after_opening,
            openings_before=lock.openings_before,
            review_from=lock.review_from,
            review_rule=lock.review_rule,
            one_decision=one_decision(table_of(validation.scored), lock.threshold, lock.review_from),
        ),
        prevalence=prevalence,
        test_openings=openings,
        validation_used_for=_chosen_by_validation(card, lock),
        provenance=provenance,
        order=order_words(lock, openings),
        validation=_split("validation", validation, lock, elsewhere),
        test=None if test is None else _split("test", test, lock, elsewhere),
        card=markdown,
    )
    return with_checklists(report)


def _chosen_by_validation(card: Card, lock: Lock) -> tuple[str, ...]:
    band = () if lock.review_from is None else ("review band",)
    return (*card.chosen_by_validation, "threshold", *band)


@dataclass(frozen=True)
class _Elsewhere:
    """The prevalence and the cost that a user reckons with, and what the scores are there."""

    prevalence: float
    measured_at: float  # share of the finding among the validation films; NaN if there are none
    cost: float  # NaN if nobody said it
    calibrated: bool

    def probability(self, score: float) -> float:
        """Return the probability that a score means at the user's prevalence; NaN if it isn't calibrated."""
        if not self.calibrated or not 0 < self.measured_at < 1:
            return math.nan
        return float(moved(score, measured_at=self.measured_at, to=self.prevalence))


def _share_of_positives(validation: Predictions) -> float:
    labels = validation.scored.labels
    return float(labels.mean()) if labels.size else math.nan


def _split(name: str, predictions: Predictions, lock: Lock, elsewhere: _Elsewhere) -> documents.SplitReport:
    figures = measure(predictions, lock.threshold, review_from=lock.review_from)
    scored = predictions.scored
    labels, scores, groups = scored.labels, scored.scores, scored.groups
    table = table_of(scored)
    point = table.at(lock.threshold)
    estimates = area_estimates(labels, scores, groups) | rate_estimates(
        labels, scores, groups, lock.threshold
    )
    return documents.SplitReport(
        split=name,
        finding=scored.finding,
        n=figures.n,
        patients=figures.patients,
        positives=figures.positives,
        refused=len(predictions) - len(scored),
        estimates={
            rate: documents.Estimated(
                value=estimate.value,
                interval=estimate.interval,
                by_film=estimate.by_film,
                method=estimate.method,
            )
            for rate, estimate in estimates.items()
        },
        confusion=((point.tn, point.fp), (point.fn, point.tp)),
        band=figures.band and documents.ReviewBand.of(figures.band, scored.finding),
        calibration=calibrated(figures.calibration, brier=figures.brier, ece=figures.ece),
        report=_class_table(report_of(point, scored.finding), [[point.tn, point.fp], [point.fn, point.tp]]),
        by_kind=_by_kind(scored, lock.threshold),
        kinds=[
            documents.KindRow(
                kind=name,
                n=kind.n,
                patients=kind.patients,
                sensitivity=kind.sensitivity,
                interval=kind.interval,
            )
            for name, kind in figures.kinds.items()
        ],
        by_patient=by_patient(scored, lock.threshold),
        sample_size=sample_sizes(table, lock.threshold),
        at_prevalence=_at_prevalence(table, lock.threshold, figures.band, elsewhere),
        worth=_worth(point, elsewhere),
        decision=_decision(table, elsewhere),
        curves=_curves(table, scored),
    )


def _by_kind(scored: Predictions, threshold: float) -> documents.ClassTable | None:
    kinds = kinds_of(scored, threshold)
    if kinds is None:
        return None
    return _class_table(kinds.report, kinds.confusion.tolist(), kinds.areas, kinds.left_out)


def _class_table(
    report: ClassificationReport,
    confusion: list[list[int]],
    areas: tuple[OneVsRest, ...] = (),
    left_out: int = 0,
) -> documents.ClassTable:
    rows = [
        documents.ClassRow(
            name=each.name,
            precision=each.precision,
            recall=each.recall,
            f1=each.f1,
            support=each.support,
            auc=areas[place].auc if areas else None,
            auc_ci=areas[place].auc_ci if areas else None,
        )
        for place, each in enumerate(report.classes)
    ]
    return documents.ClassTable(
        classes=rows,
        averages=[_average("micro", report), _average("macro", report), _average("weighted", report)],
        confusion=tuple(map(tuple, confusion)),
        left_out=left_out,
    )


def _average(name: documents.AverageName, report: ClassificationReport) -> documents.AverageRow:
    average = {"micro": report.micro, "macro": report.macro, "weighted": report.weighted}[name]
    return documents.AverageRow(
        average=name,
        precision=average.precision,
        recall=average.recall,
        f1=average.f1,
        support=average.support,
        left_out=dict(average.left_out),
    )


def _at_prevalence(
    table: ThresholdTable, threshold: float, band: Band | None, elsewhere: _Elsewhere
) -> documents.AtPrevalence:
    prevalence = elsewhere.prevalence
    values = predictive_values(table, threshold, prevalence)
    below = None if band is None else predictive_values(table, band.review_from, prevalence)
    films = of_a_thousand(table.at(threshold), prevalence)
    return documents.AtPrevalence(
        prevalence=prevalence,
        ppv=values.ppv,
        ppv_interval=values.ppv_interval,
        npv=values.npv,
        npv_interval=values.npv_interval,
        thousand=films
        and documents.Thousand(
            found=films.tp, missed=films.fn, false_alarms=films.fp, rightly_below=films.tn
        ),
        probability_at_threshold=elsewhere.probability(threshold),
        npv_below=below and below.npv,
        npv_below_interval=below and below.npv_interval,
        band_thousand=None if band is None else _band_thousand(band, prevalence),
    )


def _band_thousand(band: Band, prevalence: float) -> documents.BandThousand | None:
    films = band_of_a_thousand(band, prevalence)
    if films is None:
        return None
    return documents.BandThousand(
        review_from=band.review_from,
        above=films.above,
        between=films.between,
        below=films.below,
        above_positive=films.found,
        between_positive=films.reader_diseased,
        below_positive=films.missed,
    )


def _worth(point: OperatingPoint, elsewhere: _Elsewhere) -> documents.Worth:
    cost, prevalence = elsewhere.cost, elsewhere.prevalence
    if math.isnan(cost):
        return documents.Worth(**dict.fromkeys(documents.Worth.model_fields, math.nan))
    probability = probability_of_cost(cost)
    # The comparison: a model that calls every film positive.
    everybody = OperatingPoint(0.0, point.tp + point.fn, point.fp + point.tn, 0, 0)
    return documents.Worth(
        threshold_probability=probability,
        cost=cost,
        net_benefit=net_benefit(point, probability),
        net_benefit_of_all=net_benefit(everybody, probability),
        expected_cost=expected_cost(point, cost),
        net_benefit_at_prevalence=net_benefit(point, probability, prevalence=prevalence),
        expected_cost_at_prevalence=expected_cost(point, cost, prevalence=prevalence),
    )


def _cost_of(lock: Lock) -> float:
    """Return how many false alarms a missed case costs by the lock's rule; NaN if it names no cost."""
    try:
        rule = parse_rule(lock.rule)
    except RecipeError:  # the lock was made by another version, which knew other rules
        return math.nan
    # A threshold is no cost: it was chosen for its rates, not for what an error is worth.
    return rule.amount if rule.kind == "cost" and rule.amount is not None else math.nan


def _decision(table: ThresholdTable, elsewhere: _Elsewhere) -> documents.DecisionAt:
    measured_at = elsewhere.measured_at
    curve = decision_curve(
        table,
        _PLAUSIBLE,
        prevalence=elsewhere.prevalence,
        measured_at=measured_at if 0 < measured_at < 1 else None,
    )
    return documents.DecisionAt(
        prevalence=elsewhere.prevalence,
        measured_at=measured_at,
        calibrated=elsewhere.calibrated,
        probability=curve.probability.tolist(),
        net_benefit=curve.model.tolist(),
        low=curve.low.tolist(),
        high=curve.high.tolist(),
        net_benefit_of_all=curve.treat_all.tolist(),
    )


def _curves(table: ThresholdTable, scored: Predictions) -> documents.Curves:
    negatives, positives = (bins.tolist() for bins in table.histogram(BINS))
    rows = _corners(table)
    tenths = reliability(scored.labels, scored.scores, scored.groups, edges=TENTHS)
    worth = decision_curve(table, _PROBABILITIES)
    return documents.Curves(
        negatives=negatives,
        positives=positives,
        **older(scored.finding, normal=negatives, pneumonia=positives),
        threshold=table.threshold[rows].tolist(),
        tp=table.tp[rows].tolist(),
        fp=table.fp[rows].tolist(),
        score=tenths.score.tolist(),
        share=tenths.share.tolist(),
        n=tenths.n.tolist(),
        bins=bins_of(reliability(scored.labels, scored.scores, scored.groups)),
        probability=worth.probability.tolist(),
        net_benefit=worth.model.tolist(),
        net_benefit_of_all=worth.treat_all.tolist(),
    )


def _corners(table: ThresholdTable) -> NDArray[np.int64]:
    """Return enough rows to draw the curves: where the direction changes, and some evenly spaced."""
    last = len(table) - 1
    even = np.linspace(0, last, min(_EVEN_ROWS, last + 1)).round().astype(np.int64)
    detected, alarms = np.diff(table.tp), np.diff(table.fp)
    # Two steps point in the same direction if their cross product is 0.
    turns = np.flatnonzero(detected[1:] * alarms[:-1] != detected[:-1] * alarms[1:]) + 1
    if turns.size > _MOST_ROWS:
        turns = turns[np.linspace(0, turns.size - 1, _MOST_ROWS).round().astype(np.int64)]
    return np.unique(np.concatenate([even, turns]))
