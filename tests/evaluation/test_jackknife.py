"""The jackknife of patients, against a plain loop that leaves out the films of each patient."""

import math

import numpy as np
import pytest

from tests.evaluation.test_bootstrap import AREAS, SCIKIT_LEARN, films
from tests.support import bootstrap
from tests.support.jackknives import interval_of, values_without
from xraylab.evaluation.jackknife import (
    average_precision_difference_interval,
    average_precision_interval,
    brier_interval,
    rate_difference_intervals,
    rate_intervals,
)

RATES = bootstrap.RATES


@pytest.mark.parametrize("rate", RATES)
def test_rates_are_those_of_a_plain_loop(rate):
    labels, scores, _, patients = films()
    of, calls = SCIKIT_LEARN[rate], scores >= 0.7
    left = values_without(patients, lambda i: of(labels[i], calls[i]))
    expected = interval_of(of(labels, calls), left, signed=rate in ("kappa", "mcc"))

    assert rate_intervals(labels, scores, patients, 0.7, rates=[rate])[rate] == pytest.approx(
        expected, abs=1e-12
    )


@pytest.mark.parametrize("digits", [0, 9])
def test_average_precision_is_that_of_a_plain_loop(digits):
    labels, scores, _, patients = films(digits=digits)
    of = AREAS["average_precision"]
    left = values_without(patients, lambda i: of(labels[i], scores[i]))

    assert average_precision_interval(labels, scores, patients) == pytest.approx(
        interval_of(of(labels, scores), left), abs=1e-12
    )


FEW = (
    np.array([1, 0, 1, 1, 0, 0, 1, 0]),
    np.array([0.9, 0.8, 0.7, 0.7, 0.6, 0.3, 0.3, 0.1]),
    np.array([0.8, 0.2, 0.9, 0.4, 0.6, 0.5, 0.7, 0.3]),
    np.array([0, 0, 1, 2, 2, 3, 4, 5]),
)


def test_the_brier_score_of_few_films_is_that_of_a_plain_loop():
    labels, scores, _, patients = FEW
    squares = (labels - scores) ** 2
    expected = interval_of(squares.mean(), values_without(patients, lambda i: squares[i].mean()))

    assert brier_interval(labels, scores, patients) == pytest.approx(expected, abs=1e-12)


def test_rates_and_average_precision_of_few_films_are_those_of_a_plain_loop():
    labels, scores, _, patients = FEW
    calls = scores >= 0.5
    for rate in ("kappa", "f1"):
        of = SCIKIT_LEARN[rate]
        left = values_without(patients, lambda i, of=of: of(labels[i], calls[i]))
        expected = interval_of(of(labels, calls), left, signed=rate == "kappa")
        assert rate_intervals(labels, scores, patients, 0.5, rates=[rate])[rate] == pytest.approx(expected)
    of = AREAS["average_precision"]
    left = values_without(patients, lambda i: of(labels[i], scores[i]))
    expected = interval_of(of(labels, scores), left)
    assert average_precision_interval(labels, scores, patients) == pytest.approx(expected)


def test_a_difference_of_few_films_is_made_of_both_intervals_and_their_correlation():
    labels, scores, others, patients = FEW
    of = AREAS["average_precision"]
    values = [of(labels, each) for each in (scores, others)]
    left = [
        values_without(patients, lambda i, each=each: of(labels[i], each[i])) for each in (scores, others)
    ]
    (low, high), (other_low, other_high) = map(interval_of, values, left)
    r = np.corrcoef(*left)[0, 1]

    def reach(one, other):
        return math.sqrt(one**2 + other**2 - 2 * r * one * other)

    found = average_precision_difference_interval(labels, scores, others, patients)
    assert found == pytest.approx(
        (
            values[0] - values[1] - reach(values[0] - low, other_high - values[1]),
            values[0] - values[1] + reach(high - values[0], values[1] - other_low),
        )
    )
    assert np.isnan(average_precision_difference_interval(labels, scores, scores, patients)).all()


def test_intervals_are_near_a_bootstrap_of_many_patients():
    labels, scores, others, patients = films(900)
    drawn = bootstrap.rate_intervals(labels, scores, patients, 0.7)
    apart = bootstrap.rate_difference_intervals(labels, scores, others, patients, (0.7, 0.4))
    areas = bootstrap.area_intervals(labels, scores, patients)
    area_apart = bootstrap.area_difference_intervals(labels, scores, others, patients)

    for rate, interval in rate_intervals(labels, scores, patients, 0.7, rates=RATES).items():
        assert interval == pytest.approx(drawn[rate], abs=0.02), rate
    found = rate_difference_intervals(labels, scores, others, patients, (0.7, 0.4), rates=RATES)
    for rate, interval in found.items():
        assert interval == pytest.approx(apart[rate], abs=0.02), rate
    assert average_precision_interval(labels, scores, patients) == pytest.approx(
        areas["average_precision"], abs=0.02
    )
    assert average_precision_difference_interval(labels, scores, others, patients) == pytest.approx(
        area_apart["average_precision"], abs=0.02
    )


def test_of_many_patients_several_are_left_out_together(monkeypatch):
    labels, scores, _, patients = films(900)
    alone = average_precision_interval(labels, scores, patients)
    monkeypatch.setattr("xraylab.evaluation.jackknife._MOST_UNITS", 60)

    assert average_precision_interval(labels, scores, patients) == pytest.approx(alone, abs=0.02)
    assert average_precision_interval(labels, scores, patients) != alone


def test_names_of_patients_may_be_anything():
    labels, scores, _, patients = films()
    names = [f"patient {patient:04d}" for patient in patients]

    assert rate_intervals(labels, scores, names, 0.7, rates=RATES) == rate_intervals(
        labels, scores, patients, 0.7, rates=RATES
    )


@pytest.mark.parametrize("labels", [[], [1], [1, 1, 1], [0, 0, 0]])
def test_what_is_nan_has_no_interval(labels):
    scores = [0.2, 0.9, 0.9][: len(labels)]
    found = rate_intervals(labels, scores, None, 0.5, rates=("specificity", "mcc", "kappa"))

    assert np.isnan(found["mcc"]).all()
    assert np.isnan(average_precision_interval(labels, scores)).all()
    assert np.isnan(brier_interval(labels, scores)).all() == (len(labels) < 2)


def test_a_class_of_one_patient_leaves_a_number_without_interval():
    labels, scores = [1, 1, 0, 0, 0], [0.9, 0.1, 0.1, 0.2, 0.7]
    found = rate_intervals(labels, scores, list("aabcd"), 0.5, rates=("mcc", "f1"))

    assert np.isnan(found["mcc"]).all()


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        rate_intervals([0, 1], [0.1, 0.9], None, math.nan, rates=RATES)
