"""The one place that decides whether a number may decide."""

import math

import numpy as np
import pytest

from xraylab.errors import ScoreError
from xraylab.evaluation.averaging import Averaging
from xraylab.evaluation.calibration import Platt
from xraylab.finite import check_finite, check_scores, only_finite

BAD = (math.nan, math.inf, -math.inf)


def test_numbers_that_are_not_finite_are_no_numbers():
    np.testing.assert_array_equal(only_finite(np.array([1.0, *BAD])), [1.0, *[math.nan] * 3])


@pytest.mark.parametrize("number", BAD)
def test_a_number_that_decides_is_named_if_it_is_not_finite(number):
    check_finite(score=0.5, threshold=None)
    with pytest.raises(ScoreError, match=r"the review from is -?(nan|inf), which is not a finite number"):
        check_finite(score=0.5, review_from=number)


@pytest.mark.parametrize("number", BAD)
def test_films_without_a_score_are_counted(number):
    check_scores(np.array([0.1, 0.2]), of="It", remedy="Try again.")
    with pytest.raises(ScoreError, match=r"It gave no finite score for 1 of 2 films\. Try again\."):
        check_scores(np.array([0.1, number]), of="It", remedy="Try again.")


@pytest.mark.parametrize("number", BAD)
def test_a_film_that_one_member_cannot_score_has_no_mean(number):
    averaging = Averaging((Platt(2.0, 0.0), Platt(1.0, 1.0)), Platt(1.5, -1.0))
    averaged = averaging.of(np.array([[0.5, number], [0.5, 1.0]]))
    assert np.isfinite(averaged.logit[0])
    assert np.isnan([averaged.logit[1], averaged.score[1], averaged.spread[1]]).all()


def test_a_calibration_that_makes_a_logit_infinite_gives_no_score():
    averaged = Averaging((Platt(1e300, 0.0),)).of(np.array([[1e10, 1.0]]))
    assert np.isnan(averaged.logit[0])
    assert np.isfinite(averaged.logit[1])
