"""A lock that decides every film alike says so, and no other lock does."""

import pytest

from xraylab.evaluation.one_decision import one_decision
from xraylab.evaluation.thresholds import threshold_table

SPREAD, ONE_SCORE = [0.2, 0.4, 0.6, 0.8], [0.5] * 4
TELLS = ", so every film gets the same decision, which says nothing about it."


@pytest.mark.parametrize(
    ("scores", "threshold", "review_from", "place"),
    [
        (SPREAD, 0.0, None, "above the threshold"),
        (SPREAD, 0.2, None, "above the threshold"),  # a score equal to the threshold is positive
        (SPREAD, 0.9, None, "below the threshold"),
        (SPREAD, 0.2, 0.1, "above both thresholds"),
        (SPREAD, 0.9, 0.1, "between the two thresholds"),
        (SPREAD, 0.95, 0.9, "below both thresholds"),
        (SPREAD, 0.21, None, None),
        (SPREAD, 0.8, None, None),
        (SPREAD, 0.9, 0.8, None),  # the highest needs a reader
        (SPREAD, 0.5, 0.3, None),
    ],
)
def test_a_lock_with_one_decision_says_where_all_films_lie(scores, threshold, review_from, place):
    said = one_decision(threshold_table([0, 1, 0, 1], scores), threshold, review_from)
    assert said == (None if place is None else f"All 4 validation films lie {place}{TELLS}")


@pytest.mark.parametrize(("threshold", "place"), [(0.5, "above"), (0.0, "above"), (0.6, "below")])
def test_a_model_that_gives_one_score_says_that_too(threshold, place):
    said = one_decision(threshold_table([0, 1, 0, 1], ONE_SCORE), threshold)
    assert said == (
        f"All 4 validation films lie {place} the threshold{TELLS} The model gives them all the same score."
    )


def test_a_single_film_is_no_reason_to_warn():
    assert one_decision(threshold_table([1], [0.5]), 0.5) is None
    assert one_decision(threshold_table([], []), 0.5) is None
