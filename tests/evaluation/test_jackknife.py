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
