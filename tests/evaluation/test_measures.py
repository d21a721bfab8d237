"""Every number that a comparison shows, against scikit-learn, and its interval."""

import math

import numpy as np
import pytest
from sklearn import metrics

from tests.support.jackknives import interval_of, values_without
from xraylab.evaluation.jackknife import brier_interval
from xraylab.evaluation.measures import BY_JACKKNIFE, MEASURES, differences, estimates
from xraylab.evaluation.thresholds import threshold_table


def films(n=240, seed=5):
    """Labels, scores in [0, 1] of two models, and patients whose films score alike."""
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, n // 3, n)
    labels = rng.integers(0, 2, n)
    habit = rng.normal(0, 0.6, n // 3)[patients]
    logits = (rng.normal(shift * (labels - 0.5)) + habit for shift in (2.5, 1.5))
    scores, others = (1 / (1 + np.exp(-logit)) for logit in logits)
    return labels, scores, others, patients


def of_scikit_learn(labels, scores, threshold):
    calls = scores >= threshold
    return {
        "auc": metrics.roc_auc_score(labels, scores),
        "average_precision": metrics.average_precision_score(labels, scores),
        "sensitivity": metrics.recall_score(labels, calls),
        "specificity": metrics.recall_score(labels, calls, pos_label=0),
        "ppv": metrics.precision_score(labels, calls),
        "npv": metrics.precision_score(labels, calls, pos_label=0),
        "f1": metrics.f1_score(labels, calls),
        "accuracy": metrics.accuracy_score(labels, calls),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, calls),
        "kappa": metrics.cohen_kappa_score(labels, calls),
        "mcc": metrics.matthews_corrcoef(labels, calls),
        "brier": metrics.brier_score_loss(labels, scores),
    }


def test_every_number_is_scikit_learns_and_lies_in_its_interval():
    labels, scores, _, patients = films()
    found = estimates(labels, scores, patients, 0.45)
    expected = of_scikit_learn(labels, scores, 0.45)

    assert tuple(found) == MEASURES
    assert {name: found[name].value for name in expected} == pytest.approx(expected, abs=1e-12)
    for name in expected:
        assert found[name].low < found[name].value < found[name].high
    assert 0 < found["ece"].value < 1
    assert math.isnan(found["ece"].low)  # no interval of it would hold what it should


def test_an_interval_knows_the_patients():
    labels, scores, _, patients = films()
    twice = (
        np.tile(each, 2) for each in (labels, scores, patients)
    )  # every film again, of the same patients
    once, again = (estimates(*of, 0.45) for of in ((labels, scores, patients), tuple(twice)))

    for name in set(MEASURES) - {"ece"}:
        assert again[name].high - again[name].low == pytest.approx(once[name].high - once[name].low, rel=0.05)


def test_the_interval_of_the_brier_score_is_that_of_a_plain_loop_over_patients():
    labels, scores, _, patients = films()
    whole = metrics.brier_score_loss(labels, scores)
    left = values_without(patients, lambda i: metrics.brier_score_loss(labels[i], scores[i]))

    found = brier_interval(labels, scores, patients)
    assert found == pytest.approx(interval_of(whole, left), abs=1e-12)


def test_differences_are_those_of_scikit_learns_numbers_with_the_patients_of_both():
    labels, scores, others, patients = films()
    found = differences(labels, scores, others, patients, (0.45, 0.6))
    one, other = of_scikit_learn(labels, scores, 0.45), of_scikit_learn(labels, others, 0.6)

    assert {name: found[name].value for name in BY_JACKKNIFE} == pytest.approx(
        {name: one[name] - other[name] for name in BY_JACKKNIFE}, abs=1e-12
    )
    calls, other_calls = scores >= 0.45, others >= 0.6
    parts = [
        (metrics.cohen_kappa_score(labels, made), values_without(patients, kappa_of(labels, made)))
        for made in (calls, other_calls)
    ]
    (first, first_left), (second, second_left) = parts
    (low, high), (other_low, other_high) = (interval_of(*part, signed=True) for part in parts)
    r = np.corrcoef(first_left, second_left)[0, 1]
    down, up = first - low, high - first
    other_down, other_up = second - other_low, other_high - second
    expected = (
        first - second - math.sqrt(down**2 + other_up**2 - 2 * r * down * other_up),
        first - second + math.sqrt(up**2 + other_down**2 - 2 * r * up * other_down),
    )
    assert (found["kappa"].low, found["kappa"].high) == pytest.approx(expected, abs=1e-9)


def kappa_of(labels, calls):
    return lambda rows: metrics.cohen_kappa_score(labels[rows], calls[rows])


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_class_what_takes_both_is_not_known(label):
    found = estimates([label] * 4, [0.1, 0.4, 0.6, 0.9], None, 0.5)

    for name in ("auc", "balanced_accuracy", "mcc", "specificity" if label else "sensitivity"):
        assert math.isnan(found[name].value)
        assert math.isnan(found[name].low)
    assert found["accuracy"].value == 0.5
    assert found["brier"].low < found["brier"].value


def test_a_jackknife_that_cannot_vary_gives_no_interval():
    perfect = estimates([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0], None, 0.5)
    for name in ("average_precision", "kappa", "mcc"):
        assert perfect[name].value == 1
        assert math.isnan(perfect[name].low)
    assert perfect["brier"].value == 0
    assert math.isnan(perfect["brier"].high)

    labels, scores, _, _ = films(30)
    of_one_patient = estimates(labels, scores, ["the only one"] * 30, 0.5)
    assert all(math.isnan(of_one_patient[name].low) for name in ("average_precision", "kappa", "brier"))


def test_a_model_and_itself_have_differences_of_zero_without_an_interval():
    labels, scores, _, patients = films()
    found = differences(labels, scores, scores, patients, (0.5, 0.5))

    assert all(one.value == 0 and math.isnan(one.low) for one in found.values())


def test_without_films_nothing_is_known():
    found = estimates([], [], None, 0.5)
    assert all(math.isnan(one.value) and math.isnan(one.low) for one in found.values())


def test_rates_keep_the_intervals_of_the_threshold_screen():
    labels, scores, _, patients = films()
    found = estimates(labels, scores, patients, 0.45)
    table = threshold_table(labels, scores, patients)

    for name in ("sensitivity", "specificity", "ppv", "npv", "f1", "accuracy"):
        assert (found[name].low, found[name].high) == table.interval(name, 0.45)
