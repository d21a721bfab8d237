"""Two rates of different films: SciPy's exact test, and sizes that are no whole numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from xraylab.evaluation.subgroup_tests import fisher_p

SIDES = st.tuples(st.integers(0, 60), st.integers(1, 60)).map(lambda side: (min(side), max(side)))


@given(first=SIDES, second=SIDES)
def test_with_whole_numbers_p_is_that_of_fishers_exact_test(first, second):
    (right, n), (other, other_n) = first, second
    expected = fisher_exact([[right, n - right], [other, other_n - other]]).pvalue
    assert fisher_p(right / n, n, other / other_n, other_n) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("right", "n", "other", "other_n"),
    [(9_000, 10_000, 13_800, 15_000), (20, 30, 14_700, 15_000), (100, 100, 12_000, 12_400)],
)
def test_it_holds_for_very_many_films_too(right, n, other, other_n):
    expected = fisher_exact([[right, n - right], [other, other_n - other]]).pvalue
    assert fisher_p(right / n, n, other / other_n, other_n) == pytest.approx(expected, rel=1e-7)


def test_a_chance_that_no_float_can_hold_is_not_nothing():
    assert 0 < fisher_p(0.0, 20_000, 1.0, 20_000) < 1e-200


@given(
    rates=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    sizes=st.tuples(st.floats(0.1, 80), st.floats(0.1, 80)),
)
def test_the_sides_can_be_exchanged_and_p_is_a_probability(rates, sizes):
    p = fisher_p(rates[0], sizes[0], rates[1], sizes[1])
    assert 0 < p <= 1
    assert p == fisher_p(rates[1], sizes[1], rates[0], sizes[0])


def test_fractions_of_films_are_rounded_so_that_the_rates_come_closer():
    # 2.7 of 20.6 wrong become 2 of 20, and 4.2 of 90.3 become 5 of 90.
    expected = fisher_exact([[18, 2], [85, 5]]).pvalue
    assert fisher_p(1 - 2.7 / 20.6, 20.6, 1 - 4.2 / 90.3, 90.3) == pytest.approx(expected)


@pytest.mark.parametrize(("size", "other_size"), [(0.5, 100), (0, 100), (40, 0.9)])
def test_less_than_one_film_shows_nothing(size, other_size):
    assert fisher_p(0.0, size, 1.0, other_size) == 1
