"""Differences of two rates on the same films, against published intervals and patients drawn anew."""

import math

import numpy as np
import pytest

from tests.support.bootstrap import rate_difference_intervals
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.paired import rate_difference
from xraylab.evaluation.thresholds import threshold_table


def test_with_one_film_a_patient_it_is_newcombes_interval():
    """20 yes to both, 12 and 2 to one only, 16 no; method 8 of Newcombe (1998), as R's ratesci has it too."""
    counts = [20, 12, 2, 16]
    found = rate_difference(np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts))

    assert found.value == pytest.approx(10 / 50, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((0.0618, 0.3242), abs=5e-5)


def test_clustered_the_rates_are_correlated_as_their_patients_residuals_are():
    right, others = [1, 1, 1, 0, 1, 0, 1, 1, 0, 1], [1, 0, 1, 0, 1, 1, 1, 1, 0, 0]
    groups = list("aabbbccdee")
    # Of patients a to e: right calls less 0.7 or 0.6 of their films.
    first, second = np.array([0.6, -0.1, -0.4, 0.3, -0.4]), np.array([-0.2, 0.2, 0.8, 0.4, -1.2])
    r = first @ second / math.sqrt((first @ first) * (second @ second))
    (low, high), (other_low, other_high) = (
        threshold_table([1] * 10, each, groups).interval("sensitivity", 0.5) for each in (right, others)
    )
    found = rate_difference(right, others, groups)

    def reach(one, other):
        return math.sqrt(one**2 + other**2 - 2 * r * one * other)

    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - reach(0.7 - low, other_high - 0.6))
    assert found.high == pytest.approx(0.1 + reach(high - 0.7, 0.6 - other_low))


@pytest.mark.parametrize("seed", range(3))
def test_clustered_it_is_near_a_bootstrap_of_patients(seed):
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, 150, 600)
    habit = rng.normal(0, 0.8, 150)[patients]
    scores, others = (habit + rng.normal(shift, 1, 600) for shift in (0.9, 0.6))
    found = rate_difference(scores >= 0, others >= 0, patients)
    drawn = rate_difference_intervals(np.ones(600), scores, others, patients, (0, 0), rates=["sensitivity"])

    assert (found.low, found.high) == pytest.approx(drawn["sensitivity"], abs=0.012)


def test_its_sides_are_alike():
    one, other = [1, 1, 1, 0, 1, 1], [1, 0, 1, 0, 0, 1]
    patients = list("aabbcd")
    found, turned = rate_difference(one, other, patients), rate_difference(other, one, patients)

    assert (found.value, found.low, found.high) == pytest.approx((-turned.value, -turned.high, -turned.low))


def test_two_models_without_a_mistake_may_still_differ():
    found = rate_difference([1] * 20, [1] * 20)

    assert found.value == 0
    assert found.high == pytest.approx(1 - wilson_interval(20, 20)[0])
    assert found.low == -found.high


def test_without_films_there_is_no_difference():
    found = rate_difference([], [])

    assert all(math.isnan(value) for value in (found.value, found.low, found.high))


@pytest.mark.parametrize(("right", "others"), [([1, 0.5], [1, 0]), ([1, 0], [1, 2]), ([1, 0], [1])])
def test_it_refuses_what_is_neither_right_nor_wrong(right, others):
    with pytest.raises(ValueError, match="labels"):
        rate_difference(right, others)
