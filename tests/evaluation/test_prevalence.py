"""Predictive values at another prevalence, and what a thousand films come to."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.donner import ratio_interval
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.prevalence import (
    THOUSAND,
    moved,
    of_a_thousand,
    predictive_values,
    whole_thousand,
)
from xraylab.evaluation.thresholds import threshold_table


def films(tp, fp, tn, fn):
    """A table whose counts at 0.5 are these, a patient a film."""
    labels = np.repeat([1, 0, 0, 1], [tp, fp, tn, fn])
    scores = np.repeat([0.9, 0.9, 0.1, 0.1], [tp, fp, tn, fn])
    return threshold_table(labels, scores)


@pytest.mark.parametrize(
    ("prevalence", "ppv", "npv"),
    [
        (0.1, 0.09 / (0.09 + 0.18), 0.72 / (0.72 + 0.01)),  # sensitivity 90 %, specificity 80 %
        (0.5, 0.45 / (0.45 + 0.10), 0.40 / (0.40 + 0.05)),
        (0.01, 0.009 / (0.009 + 0.198), 0.792 / (0.792 + 0.001)),
    ],
)
def test_predictive_values_follow_bayes(prevalence, ppv, npv):
    found = predictive_values(films(90, 20, 80, 10), 0.5, prevalence)
    assert (found.ppv, found.npv) == (pytest.approx(ppv), pytest.approx(npv))
    assert found.ppv_interval[0] < found.ppv < found.ppv_interval[1]
    assert found.npv_interval[0] < found.npv < found.npv_interval[1]


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("prevalence", [0.05, 0.4])
def test_intervals_of_predictive_values_are_donners_and_zous(prevalence, level):
    found = predictive_values(films(80, 18, 42, 20), 0.5, prevalence, level=level)
    sensitivity, specificity = (wilson_interval(*counts, level=level) for counts in ((80, 100), (42, 60)))
    alarms, misses = ((1 - high, 1 - low) for low, high in (specificity, sensitivity))
    odds = prevalence / (1 - prevalence)
    low, high = ratio_interval(0.3, alarms, 0.8, sensitivity)
    assert found.ppv_interval == pytest.approx((odds / (odds + high), odds / (odds + low)))
    low, high = ratio_interval(0.2, misses, 0.7, specificity)
    assert found.npv_interval == pytest.approx((1 / (1 + odds * high), 1 / (1 + odds * low)))


def test_at_the_films_own_prevalence_they_are_the_films_own():
    table = films(90, 20, 180, 10)
    found, point = predictive_values(table, 0.5, 100 / 300), table.at(0.5)
    assert (found.ppv, found.npv) == (pytest.approx(point.ppv), pytest.approx(point.npv))


@pytest.mark.parametrize(
    ("counts", "ppv", "ppv_bounds"),
    [
        ((90, 0, 100, 10), 1.0, "right"),  # no false alarm: the upper bound is 1, the lower one isn't
        ((0, 20, 80, 100), 0.0, "left"),  # nobody found
        ((0, 0, 100, 100), math.nan, "none"),  # nobody called positive
        ((90, 0, 0, 10), math.nan, "none"),  # no normals
    ],
)
def test_at_the_ends_bounds_stay_in_0_to_1_and_what_cannot_be_said_is_nan(counts, ppv, ppv_bounds):
    found = predictive_values(films(*counts), 0.5, 0.1)
    low, high = found.ppv_interval
    assert found.ppv == pytest.approx(ppv, nan_ok=True)
    if ppv_bounds == "none":
        assert math.isnan(low)
        assert math.isnan(high)
    elif ppv_bounds == "right":
        assert 0.3 < low < 1
        assert high == 1
    else:
        assert low == 0
        assert 0 < high < 0.3


@given(
    st.tuples(*[st.integers(0, 60)] * 4),
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
    st.sampled_from([0, 1]),
)
def test_bounds_hold_their_estimate_and_rise_with_the_prevalence(counts, one, other, which):
    table = films(*counts)
    low, high = sorted((one, other))
    names = ("ppv", "ppv_interval"), ("npv", "npv_interval")
    name, interval = names[which]
    found = [predictive_values(table, 0.5, prevalence) for prevalence in (low, high)]
    for said in found:
        bounds = getattr(said, interval)
        if not math.isnan(bounds[0]):
            assert 0 <= bounds[0] <= getattr(said, name) + 1e-12
            assert getattr(said, name) - 1e-12 <= bounds[1] <= 1
    values = [getattr(said, name) for said in found]
    if not any(map(math.isnan, values)):
        assert values[which] <= values[1 - which] + 1e-12  # NPV falls


def test_the_interval_of_the_ppv_covers_as_often_as_it_says():
    """Films of 400 patients, two each that are alike more often than not."""
    rng, truth = np.random.default_rng(11), 0.1 * 0.85 / (0.1 * 0.85 + 0.9 * 0.1)
    hits = 0
    for _ in range(600):
        ill = rng.random(400) < 0.5
        called = rng.random(400) < np.where(ill, 0.85, 0.1)
        again = np.where(rng.random(400) < 0.5, called, rng.random(400) < np.where(ill, 0.85, 0.1))
        scores = np.concatenate([called, again]).astype(float)
        table = threshold_table(np.tile(ill, 2).astype(int), scores, np.tile(np.arange(400), 2))
        low, high = predictive_values(table, 0.5, 0.1).ppv_interval
        hits += low <= truth <= high
    assert 0.93 <= hits / 600 <= 0.97


@pytest.mark.parametrize(
    ("score", "measured_at", "to", "found"),
    [
        (0.5, 0.5, 0.1, 0.1),
        (0.9, 0.5, 0.1, 0.5),
        (0.3, 0.2, 0.2, 0.3),
        (0.0, 0.5, 0.1, 0.0),
        (1.0, 0.5, 0.1, 1.0),
    ],
)
def test_a_probability_moves_with_the_prior_odds(score, measured_at, to, found):
    assert moved(score, measured_at=measured_at, to=to) == pytest.approx(found)


@given(st.tuples(*[st.integers(0, 400)] * 4), st.integers(1, 99))
def test_a_thousand_films_are_whole_add_up_and_are_never_a_film_off(counts, percent):
    tp, fp, tn, fn = counts
    point = OperatingPoint(0.5, tp, fp, tn, fn)
    found = of_a_thousand(point, percent / 100)
    if tp + fn == 0 or tn + fp == 0:
        assert found is None
        return
    assert found.n == THOUSAND
    assert abs(found.tp - 10 * percent * point.sensitivity) < 1
    assert abs(found.tn - 10 * (100 - percent) * point.specificity) < 1


@pytest.mark.parametrize(
    ("shares", "whole"),
    [
        ([500.0, 300.0, 200.0], [500, 300, 200]),
        ([333.4, 333.3, 333.3], [334, 333, 333]),
        ([0.5, 0.5, 999.0], [1, 0, 999]),  # of equal remainders the first is rounded up
        ([0.2, 0.9, 0.9, 998.0], [0, 1, 1, 998]),
    ],
)
def test_shares_of_a_thousand_are_rounded_by_largest_remainder(shares, whole):
    assert whole_thousand(shares) == whole


def test_the_numbers_of_the_brief():
    """Sensitivity 95 %, specificity 91 % at a prevalence of 10 %."""
    found = of_a_thousand(OperatingPoint(0.5, 95, 9, 91, 5), 0.1)
    assert (found.tp, found.fn, found.fp, found.tn) == (95, 5, 81, 819)


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, 1.1, math.nan])
def test_no_prevalence_outside_of_0_to_1(prevalence):
    with pytest.raises(ValueError, match="a prevalence lies between 0 and 1"):
        predictive_values(films(1, 1, 1, 1), 0.5, prevalence)
    with pytest.raises(ValueError, match="a prevalence lies between 0 and 1"):
        of_a_thousand(OperatingPoint(0.5, 1, 1, 1, 1), prevalence)


def test_no_probability_outside_of_0_to_1():
    with pytest.raises(ValueError, match="a probability lies in"):
        moved(1.2, measured_at=0.5, to=0.1)


@pytest.mark.parametrize("score", [-0.01, -1.5, 1.01])
def test_what_is_no_probability_is_not_moved(score):
    with pytest.raises(ValueError, match=r"lies in \[0, 1\]"):
        moved([0.5, score], measured_at=0.5, to=0.1)
