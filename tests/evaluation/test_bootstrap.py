"""The bootstrap of patients, against a plain loop that copies the films of the patients it draws."""

import math

import numpy as np
import pytest
from sklearn import metrics

from tests.support.bootstrap import (
    RATES,
    area_difference_intervals,
    area_intervals,
    rate_difference_intervals,
    rate_intervals,
)
from tests.support.resampling import drawn_films
from xraylab.evaluation.intervals import auc_difference, auc_interval
from xraylab.evaluation.thresholds import threshold_table

SCIKIT_LEARN = {  # of labels and calls
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": metrics.f1_score,
    "kappa": metrics.cohen_kappa_score,
    "mcc": metrics.matthews_corrcoef,
    "npv": lambda labels, calls: metrics.precision_score(labels, calls, pos_label=0),
    "ppv": metrics.precision_score,
    "sensitivity": metrics.recall_score,
    "specificity": lambda labels, calls: metrics.recall_score(labels, calls, pos_label=0),
}
AREAS = {"auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
LOW_HIGH = [0.025, 0.975]


def films(n=240, seed=5, digits=1):
    """Labels, scores of two models, and patients whose films score alike; few distinct scores."""
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, n // 3, n)
    labels = rng.integers(0, 2, n)
    habit = rng.normal(0, 0.6, n // 3)[patients]
    scores, others = (rng.normal(shift * labels) + habit for shift in (1.5, 1.1))
    return labels, scores.round(digits), others.round(digits), patients


@pytest.mark.parametrize("rate", RATES)
def test_rates_are_those_of_a_plain_loop_with_the_same_draws(rate):
    labels, scores, others, patients = films()
    of, calls, other_calls = SCIKIT_LEARN[rate], scores >= 0.7, others >= 0.4
    plain = np.array(
        [(of(labels[i], calls[i]), of(labels[i], other_calls[i])) for i in drawn_films(patients, 3, 40)]
    )
    options = {"rates": [rate], "resamples": 40, "seed": 3}

    assert rate_intervals(labels, scores, patients, 0.7, **options)[rate] == pytest.approx(
        np.quantile(plain[:, 0], LOW_HIGH), abs=1e-12
    )
    apart = rate_difference_intervals(labels, scores, others, patients, (0.7, 0.4), **options)[rate]
    assert apart == pytest.approx(np.quantile(plain[:, 0] - plain[:, 1], LOW_HIGH), abs=1e-12)


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("digits", [0, 9])
def test_areas_are_those_of_a_plain_loop_with_the_same_draws(area, digits):
    labels, scores, others, patients = films(digits=digits)
    plain = np.array(
        [
            (AREAS[area](labels[i], scores[i]), AREAS[area](labels[i], others[i]))
            for i in drawn_films(patients, 3, 40)
        ]
    )
    options = {"resamples": 40, "seed": 3}

    assert area_intervals(labels, scores, patients, **options)[area] == pytest.approx(
        np.quantile(plain[:, 0], LOW_HIGH), abs=1e-12
    )
    apart = area_difference_intervals(labels, scores, others, patients, **options)[area]
    assert apart == pytest.approx(np.quantile(plain[:, 0] - plain[:, 1], LOW_HIGH), abs=1e-12)


def test_areas_have_the_intervals_that_their_formulas_give():
    labels, scores, others, patients = films(600)
    formula = auc_difference(labels, scores, others, patients)

    assert area_intervals(labels, scores, patients)["auc"] == pytest.approx(
        auc_interval(labels, scores, patients), abs=0.01
    )
    assert area_difference_intervals(labels, scores, others, patients)["auc"] == pytest.approx(
        (formula.low, formula.high), abs=0.01
    )


def test_rates_have_the_intervals_that_their_formulas_give():
    labels, scores, _, patients = films(600)
    table, found = threshold_table(labels, scores, patients), rate_intervals(labels, scores, patients, 0.7)

    for rate in ("sensitivity", "specificity", "ppv", "npv", "f1", "accuracy"):
        assert found[rate] == pytest.approx(table.interval(rate, 0.7), abs=0.015)


def test_equal_seeds_give_equal_intervals_and_others_give_others():
    labels, scores, _, patients = films()
    one, again, other = (rate_intervals(labels, scores, patients, 0.7, seed=seed) for seed in (1, 1, 2))

    assert one == again
    assert one != other


def test_a_model_does_not_differ_from_itself():
    labels, scores, _, patients = films()

    for found in (
        rate_difference_intervals(labels, scores, scores, patients, (0.7, 0.7), resamples=50),
        area_difference_intervals(labels, scores, scores, patients, resamples=50),
    ):
        assert set(found.values()) == {(0.0, 0.0)}


def test_names_of_patients_may_be_anything():
    labels, scores, _, patients = films()
    names = [f"patient {patient:04d}" for patient in patients]

    assert rate_intervals(labels, scores, names, 0.7, resamples=20) == rate_intervals(
        labels, scores, patients, 0.7, resamples=20
    )


@pytest.mark.parametrize("labels", [[], [1, 1, 1], [0, 0, 0]])
def test_what_is_nan_has_no_interval(labels):
    scores = [0.2, 0.9, 0.9][: len(labels)]
    point = threshold_table(labels, scores).at(0.5)

    for rate, interval in rate_intervals(labels, scores, None, 0.5, resamples=20).items():
        assert np.isnan(interval).all() == math.isnan(getattr(point, rate))
    areas = area_intervals(labels, scores, resamples=20)
    assert np.isnan(areas["auc"]).all()
    assert np.isnan(areas["average_precision"]).all() == (1 not in labels)


def test_draws_without_a_class_are_left_out():
    """Of two patients, half of the draws hold one twice."""
    labels, scores = [1, 1, 0, 0], [0.9, 0.1, 0.1, 0.2]
    found = rate_intervals(labels, scores, ["a", "a", "b", "b"], 0.5, resamples=50)

    assert found["sensitivity"] == (0.5, 0.5)
    assert found["balanced_accuracy"] == (0.75, 0.75)


@pytest.mark.parametrize(
    ("options", "fault"),
    [({"threshold": math.nan}, "NaN"), ({"threshold": 0.5, "resamples": 0}, "0 resamples")],
)
def test_it_refuses_what_cannot_be_drawn(options, fault):
    with pytest.raises(ValueError, match=fault):
        rate_intervals([0, 1], [0.1, 0.9], None, **options)
