"""The coefficients by which each rate is a share of films."""

import pytest

from xraylab.evaluation.clustering import PROPORTIONS

COUNTS = (
    7,
    2,
    11,
    8,
)  # found, false alarms, films with disease, films without


@pytest.mark.parametrize(
    ("metric", "correct", "films"),
    [
        ("sensitivity", 7, 11),
        ("specificity", 6, 8),
        ("ppv", 7, 9),
        ("npv", 6, 10),
        ("f1", 7, 13),  # tp / (tp + fp + fn)
        ("accuracy", 13, 19),
    ],
)
def test_a_rate_is_the_share_of_correct_calls_that_its_coefficients_give(metric, correct, films):
    right, among = PROPORTIONS[metric]
    assert sum(one * n for one, n in zip(right, COUNTS, strict=True)) == correct
    assert sum(one * n for one, n in zip(among, COUNTS, strict=True)) == films
    assert set(PROPORTIONS) == {"sensitivity", "specificity", "ppv", "npv", "f1", "accuracy"}
