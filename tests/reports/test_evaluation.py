"""The evaluation document: its numbers against scikit-learn, and what can't be said."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from tests.support.calibrated_films import held_out
from tests.support.cards import HASH, THRESHOLD, a_card, a_lock, predictions
from tests.support.evaluations import of_three, reported
from xraylab.evaluation.calibration import measure_calibration
from xraylab.evaluation.sample_size import films_needed
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
    fit = measure_calibration(labels, scores, films.frame["logit"], films.groups)
    assert (found.calibration.slope, found.calibration.intercept) == (fit.slope, fit.intercept)
    assert (found.calibration.slope_ci, found.calibration.intercept_ci) == (fit.slope_ci, fit.intercept_ci)
    assert found.calibration.observed_expected == pytest.approx(labels.sum() / scores.sum())
    assert sum(each.n for each in found.curves.bins) == found.n
    for row in found.report.averages:
        expected = metrics.precision_recall_fscore_support(labels, called, average=row.average)[:3]
        assert (row.precision, row.recall, row.f1) == pytest.approx(expected)


def test_what_calls_are_worth_is_counted_out():
    films = predictions()
    cost = 4.0
    found = reported(validation=films, prevalence=0.2, cost=cost).validation
    (tn, fp), (fn, tp) = found.confusion
    worth, n = found.worth, found.n
    assert (worth.cost, worth.threshold_probability) == (4, pytest.approx(0.2))
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
    assert reported(lock=a_lock(rule="cost:10"), cost=3.0).validation.worth.cost == 3  # the user's own first


@pytest.mark.parametrize("rule", ["youden", "sensitivity:0.95@suite", "value:0.954", "a rule of the future"])
def test_a_threshold_is_never_taken_for_a_cost(rule):
    lock = a_lock(rule=rule, threshold=0.9542)
    worth = reported(lock=lock, validation=predictions(), test=predictions()).test.worth
    assert all(math.isnan(value) for value in worth.model_dump().values())
    written = json.loads(reported(lock=lock).model_dump_json())["validation"]["worth"]
    assert set(written.values()) == {None}


def shipped(split, prevalence):
    lock = a_lock(threshold=0.9542, rule="sensitivity:0.95@suite")
    card = a_card(members=("one", "two"))
    films = {name: Predictions(held_out(split=name), HASH) for name in ("validation", "test")}
    return getattr(reported(card=card, lock=lock, **films, prevalence=prevalence), split)


@pytest.mark.parametrize(
    ("prevalence", "probability", "benefit"),
    # an audit's own arithmetic; read as a preference, 0.954 gave 0.002 and -0.082
    [(0.1, 0.444, 0.092), (0.02, 0.128, 0.018)],
)
def test_scores_are_moved_by_prior_odds_before_net_benefit_is_computed(prevalence, probability, benefit):
    found = shipped("test", prevalence)
    assert found.at_prevalence.probability_at_threshold == pytest.approx(probability, abs=1e-3)
    curve = found.decision
    assert (curve.prevalence, curve.measured_at, curve.calibrated) == (prevalence, 581 / 782, True)
    assert curve.probability == pytest.approx(np.arange(1, 51) / 100)
    at = round(100 * probability) - 1
    # one hundredth of threshold probability changes the benefit by less than 0.001 here
    assert curve.net_benefit[at] == pytest.approx(benefit, abs=1e-3)
    assert curve.low[at] < curve.net_benefit[at] < curve.high[at] <= prevalence
    assert curve.net_benefit_of_all[at] == pytest.approx(
        prevalence - (1 - prevalence) * curve.probability[at] / (1 - curve.probability[at])
    )


def test_scores_that_are_not_calibrated_mean_no_probability_elsewhere():
    found = reported(prevalence=0.05).validation
    assert math.isnan(found.at_prevalence.probability_at_threshold)
    assert not found.decision.calibrated


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


def test_patients_are_counted_once_in_the_shipped_ensembles_test():
    found = shipped("test", 0.1).by_patient
    frame = held_out(split="test")
    ill = frame[frame["label"] == 1].groupby("group")["score"].max()
    well = frame.groupby("group").agg(label=("label", "max"), score=("score", "max")).query("label == 0")
    assert (found.ill, found.found) == (len(ill), (ill >= 0.9542).sum())
    assert (found.well, found.negative) == (len(well), (well["score"] < 0.9542).sum())
    assert found.sensitivity == found.found / found.ill
    assert found.sensitivity_interval[0] < found.sensitivity < found.sensitivity_interval[1]


def test_the_sample_size_reproduces_the_interval_at_hand():
    found = shipped("test", 0.1)
    assert [row.figure for row in found.sample_size] == ["sensitivity", "specificity"]
    for row in found.sample_size:
        low, high = found.estimates[row.figure].interval
        assert row.half_width == pytest.approx((high - low) / 2)
        # asked for the width that it has, the formula returns the films that there are
        again = films_needed(row.observed, row.half_width, design_effect=row.design_effect)
        assert abs(again - row.films) <= 1
        assert [needed.half_width for needed in row.needed] == [0.05, 0.025]
        assert all(needed.patients <= needed.films for needed in row.needed)
    one_class = reported(validation=predictions(labels=1)).validation
    assert [row.figure for row in one_class.sample_size] == ["sensitivity"]


def test_what_validation_chose_is_listed_with_the_lock():
    assert reported().validation_used_for == ("epoch", "threshold")
    banded = reported(card=a_card(members=("one", "two")), lock=a_lock(review_from=0.1))
    assert banded.validation_used_for == ("calibration", "threshold", "review band")
    assert reported().validation.warned is None
