"""The evaluation document: its numbers against scikit-learn, and what can't be said."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from tests.support.cards import HASH, THRESHOLD, a_lock, predictions
from tests.support.evaluations import of_three, reported
from xraylab.evaluation.calibration import fit_platt
from xraylab.evaluation.thresholds import threshold_table
from xraylab.predictions import Predictions


def test_its_numbers_are_scikit_learns():
    films = predictions()
    labels, scores = films.labels, films.scores
    called = scores >= THRESHOLD
    found = reported(validation=films).validation
    value = {name: one.value for name, one in found.estimates.items()}
    assert value["auc"] == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert value["average_precision"] == pytest.approx(metrics.average_precision_score(labels, scores))
    assert value["kappa"] == pytest.approx(metrics.cohen_kappa_score(labels, called))
    assert value["f1"] == pytest.approx(metrics.f1_score(labels, called))
    assert found.confusion == tuple(map(tuple, metrics.confusion_matrix(labels, called).tolist()))
    assert found.calibration.brier == pytest.approx(metrics.brier_score_loss(labels, scores))
    fit = fit_platt(labels, films.frame["logit"])
    assert (found.calibration.slope, found.calibration.intercept) == (fit.slope, fit.intercept)
    for row in found.report.averages:
        expected = metrics.precision_recall_fscore_support(labels, called, average=row.average)[:3]
        assert (row.precision, row.recall, row.f1) == pytest.approx(expected)


def test_what_calls_are_worth_is_counted_out():
    films = predictions()
    found = reported(validation=films, prevalence=0.2).validation
    (tn, fp), (fn, tp) = found.confusion
    worth, n = found.worth, found.n
    cost = (1 - THRESHOLD) / THRESHOLD  # the threshold of a rule that names none, read as a probability
    assert worth.cost == pytest.approx(cost)
    assert worth.net_benefit == pytest.approx(tp / n - fp / n / cost)
    assert worth.net_benefit_of_all == pytest.approx((tp + fn) / n - (fp + tn) / n / cost)
    assert worth.expected_cost == pytest.approx((cost * fn + fp) / n)
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    expected = 0.2 * cost * (1 - sensitivity) + 0.8 * (1 - specificity)
    assert worth.expected_cost_at_prevalence == pytest.approx(expected)
    there = found.at_prevalence
    assert there.ppv == pytest.approx(0.2 * sensitivity / (0.2 * sensitivity + 0.8 * (1 - specificity)))
    assert sum(there.thousand.model_dump().values()) == 1000
    ten = reported(lock=a_lock(rule="cost:10")).validation.worth
    assert (ten.cost, ten.threshold_probability) == (10, pytest.approx(1 / 11))


def test_three_classes_are_reported_too_at_the_same_calls():
    films, truth = of_three()
    found = reported(validation=films).validation
    frame = films.frame
    called = np.where(
        frame["score"] >= THRESHOLD, np.where(frame["p_bacterial"] >= frame["p_viral"], 1, 2), 0
    )
    assert found.by_kind.confusion == tuple(map(tuple, metrics.confusion_matrix(truth, called).tolist()))
    for place, (row, column) in enumerate(
        zip(found.by_kind.classes, ("p_normal", "p_bacterial", "p_viral"), strict=True)
    ):
        assert row.auc == pytest.approx(metrics.roc_auc_score(truth == place, frame[column]))
    assert found.by_kind.classes[0].recall == found.report.classes[0].recall
    assert reported().validation.by_kind is None


def test_the_curves_hold_the_whole_roc():
    films = predictions(n=2000)
    found = reported(validation=films).validation
    tp, fp = np.array(found.curves.tp), np.array(found.curves.fp)
    area = np.trapezoid(tp / found.positives, fp / (found.n - found.positives))
    assert area == pytest.approx(metrics.roc_auc_score(films.labels, films.scores), abs=1e-12)
    table = threshold_table(films.labels, films.scores, films.groups)
    assert len(tp) < len(table)
    assert sum(found.curves.normal) + sum(found.curves.pneumonia) == found.n


def test_in_json_what_is_not_known_is_null_and_never_a_number():
    for label, missing in ((1, "specificity"), (0, "sensitivity")):
        report = reported(validation=predictions(labels=label), test=predictions(labels=label))
        text = report.model_dump_json()
        told = json.loads(text, parse_constant=pytest.fail)
        assert told["schema"] == "xraylab.evaluation/1"
        for name in (missing, "auc", "balanced_accuracy", "lr_positive"):
            one = told["validation"]["estimates"][name]
            assert one["value"] is None, name
            assert one["interval"] == [None, None], name
        assert told["validation"]["calibration"]["slope"] is None
        assert "film" in told["validation"]["calibration"]["why"]
        assert told["validation"]["at_prevalence"]["thousand"] is None


def test_sealed_test_films_are_null():
    told = json.loads(reported().model_dump_json())
    assert told["test"] is None
    assert reported(test=predictions(seed=4)).test.n == 300


def test_no_film_at_all_is_a_report_of_dashes():
    films = predictions()
    empty = Predictions(films.frame.assign(score=np.nan), HASH)
    found = reported(validation=empty).validation
    assert (found.n, found.refused) == (0, 300)
    assert math.isnan(found.estimates["accuracy"].value)
    assert math.isnan(found.calibration.brier)


@pytest.mark.parametrize("columns", [{"score": 7.0}, {"label": 5.0}])
def test_damaged_predictions_are_refused(columns):
    films = predictions()
    with pytest.raises(ValueError, match="must be"):
        reported(validation=Predictions(films.frame.assign(**columns), HASH))
