import math

import numpy as np
import pytest
from sklearn.metrics import class_likelihood_ratios

from tests.support.donner import ratio_interval
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.ratios import likelihood_ratios
from xraylab.evaluation.thresholds import threshold_table


def table_of(tp, fn, fp, tn):
    labels = np.repeat([1, 1, 0, 0], [tp, fn, fp, tn])
    return threshold_table(labels, np.repeat([0.9, 0.1, 0.9, 0.1], [tp, fn, fp, tn]))


def test_the_ratios_are_scikit_learns():
    labels, called = np.repeat([1, 1, 0, 0], [36, 4, 14, 58]), np.repeat([1, 0, 1, 0], [36, 4, 14, 58])
    found = likelihood_ratios(table_of(36, 4, 14, 58), 0.5)
    assert (found.positive, found.negative) == pytest.approx(class_likelihood_ratios(labels, called))


def test_the_intervals_are_near_the_logarithms_where_there_are_many_films():
    # Simel DL, Samsa GP, Matchar DB (1991), Journal of Clinical Epidemiology 44:763-770: the delta method
    # on the logarithm, which agrees with MOVER when no count is small.
    tp, fn, fp, tn = 850, 150, 240, 960
    found = likelihood_ratios(table_of(tp, fn, fp, tn), 0.5)
    for value, bounds, (part, of), (other, other_of) in (
        (found.positive, found.positive_interval, (tp, tp + fn), (fp, fp + tn)),
        (found.negative, found.negative_interval, (fn, tp + fn), (tn, fp + tn)),
    ):
        spread = 1.96 * math.sqrt(1 / part - 1 / of + 1 / other - 1 / other_of)
        assert bounds == pytest.approx((value * math.exp(-spread), value * math.exp(spread)), rel=0.02)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_intervals_are_donners_and_zous(level):
    found = likelihood_ratios(table_of(80, 20, 18, 42), 0.5, level=level)
    sensitivity, specificity = (wilson_interval(*counts, level=level) for counts in ((80, 100), (42, 60)))
    misses, alarms = ((1 - high, 1 - low) for low, high in (sensitivity, specificity))
    assert (found.positive, found.negative) == pytest.approx((0.8 / 0.3, 0.2 / 0.7))
    assert found.positive_interval == pytest.approx(ratio_interval(0.8, sensitivity, 0.3, alarms))
    assert found.negative_interval == pytest.approx(ratio_interval(0.2, misses, 0.7, specificity))


def test_without_a_false_alarm_the_positive_ratio_is_infinite_and_its_lower_bound_is_not():
    found = likelihood_ratios(table_of(30, 10, 0, 50), 0.5)
    assert math.isinf(found.positive)
    low, high = found.positive_interval
    assert 1 < low < 100
    assert math.isinf(high)


def test_one_class_has_no_ratio():
    found = likelihood_ratios(threshold_table([1, 1], [0.2, 0.8]), 0.5)
    assert all(map(math.isnan, (found.positive, *found.positive_interval, *found.negative_interval)))


def test_nobody_called_positive_has_a_negative_ratio_of_one_and_no_positive_one():
    found = likelihood_ratios(table_of(30, 10, 5, 50), 0.95)
    assert math.isnan(found.positive)
    assert all(map(math.isnan, found.positive_interval))
    assert found.negative == 1
    assert found.negative_interval[0] < 1
    assert found.negative_interval[1] >= 1
