"""Student's distribution in NumPy, against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from xraylab.evaluation.student import quantile, quantile_95, satterthwaite, two_sided

FREEDOM = [1.0, 1.001, 1.3, 2.0, 2.7, 3.0, 5.0, 9.5, 30.0, 100.0, 1234.5, 1e5, 1e7]


def test_quantiles_are_those_of_scipy():
    freedom = np.array([*FREEDOM, math.inf]).reshape(2, -1)
    expected = stats.t.ppf(0.975, freedom)
    np.testing.assert_allclose(quantile_95(freedom), expected, rtol=1e-9)


def test_less_than_one_degree_of_freedom_counts_as_one():
    np.testing.assert_allclose(quantile_95(np.array([0.0, 0.4, 1.0])), stats.t.ppf(0.975, 1), rtol=1e-9)


@pytest.mark.parametrize("level", [1e-12, 1e-6, 1e-4, 0.5, 0.8, 0.9, 0.95, 0.99, 0.9999])
@pytest.mark.parametrize("freedom", [*FREEDOM, math.inf])
def test_a_quantile_at_any_level_is_that_of_scipy(freedom, level):
    expected = stats.t.ppf((1 + level) / 2, freedom)
    assert quantile(freedom, level) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("freedom", "level", "deviations"),
    [  # a table of Student's distribution, such as Fisher and Yates print
        (1, 0.5, 1.0),
        (1, 0.95, 12.706205),
        (2, 0.5, 0.816497),
        (3, 0.9, 2.353363),
        (5, 0.2, 0.267181),
        (10, 0.99, 3.169273),
        (30, 0.95, 2.042272),
        (120, 0.5, 0.676540),
        (math.inf, 0.95, 1.959964),
    ],
)
def test_quantiles_and_tails_are_those_of_the_printed_table(freedom, level, deviations):
    assert quantile(freedom, level) == pytest.approx(deviations, abs=1e-6)
    assert two_sided(deviations, freedom) == pytest.approx(1 - level, abs=1e-6)


@pytest.mark.parametrize(
    ("contributions", "freedom"),
    [
        ([1.0, -1.0, 2.0, -2.0], 2 * 10**2 / (34 - 10**2 / 4)),
        ([3.0, -2.0, -1.0, 0.0], 2 * 14**2 / (98 - 14**2 / 4)),
        ([1.0, -1.0], math.inf),
    ],
)
def test_degrees_of_freedom_are_satterthwaites(contributions, freedom):
    assert satterthwaite(np.array(contributions)) == pytest.approx(freedom)


@pytest.mark.parametrize("deviations", [0.0, 0.1, -1.0, 1.96, 4.0, -12.0, 40.0])
@pytest.mark.parametrize("freedom", [*FREEDOM, math.inf])
def test_tails_are_those_of_scipy(freedom, deviations):
    expected = 2 * stats.t.sf(abs(deviations), freedom)
    assert two_sided(deviations, freedom) == pytest.approx(expected, rel=1e-7, abs=1e-300)


def test_no_deviation_that_is_not_a_number_has_a_tail():
    assert math.isnan(two_sided(math.nan, 5.0))
