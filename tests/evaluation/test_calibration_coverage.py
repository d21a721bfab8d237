"""Whether the calibration that reports show is right on average, and how often its intervals hold the truth.

Films are drawn with the scores and patients of the shipped ensemble, and labels from their logits.
"""

from functools import cache

import numpy as np
import pytest

from tests.support.calibrated_films import drawn
from tests.support.sizes import cases, draws, three_errors
from xraylab.evaluation.calibration import measure_calibration

pytestmark = pytest.mark.sampled

TIMES = draws(2000, brief=150)
NUMBERS = cases([250, 782], brief=1)  # of films


@cache
def measured(n, alike, slope=1.0):
    rng = np.random.default_rng(17)
    return [measure_calibration(*drawn(rng, n, alike=alike, slope=slope)) for _ in range(TIMES)]


@pytest.mark.parametrize("n", NUMBERS)
@pytest.mark.parametrize("alike", cases([0.5, 0.0], brief=1))
def test_a_perfectly_calibrated_model_has_a_slope_of_one_on_average(n, alike):
    slopes = [each.slope for each in measured(n, alike)]
    # 0.03 at full size; a brief run adds three standard errors of its mean
    room = 0.03 if TIMES == 2000 else 0.03 + 3 * np.std(slopes) / TIMES**0.5
    assert abs(np.mean(slopes) - 1) <= room


def test_a_slope_of_1_2_reads_1_2():
    slopes = [each.slope for each in measured(NUMBERS[-1], 0.5, 1.2)]
    assert np.mean(slopes) == pytest.approx(1.2, abs=0.04 + 3 * np.std(slopes) / TIMES**0.5)


@pytest.mark.parametrize("n", NUMBERS)
@pytest.mark.parametrize("alike", cases([0.5, 0.3], brief=1))
@pytest.mark.parametrize(("name", "truth"), [("slope_ci", 1), ("intercept_ci", 0), ("ratio_ci", 1)])
def test_intervals_hold_the_truth(n, alike, name, truth):
    intervals = [getattr(each, name) for each in measured(n, alike) if each.too_few is None]
    assert len(intervals) > 0.9 * TIMES
    share = np.mean([low <= truth <= high for low, high in intervals])
    assert abs(share - 0.95) <= max(0.02, three_errors(0.95, len(intervals)))
