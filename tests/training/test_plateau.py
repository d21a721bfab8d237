import math

import pytest

from xraylab.training.plateau import plateau

STALE = "Validation AUC has not improved for {} epochs."
RISING = "Validation AUC was still improving: train longer."


def _history(*aucs):
    return [{"epoch": n, "stage": "all", "validation_auc": auc} for n, auc in enumerate(aucs, 1)]


@pytest.mark.parametrize(
    ("aucs", "says"),
    [
        ((), None),
        ((0.9,), None),  # one epoch says nothing
        ((0.8, 0.9, 0.89, 0.88, 0.87, 0.86), None),  # four epochs are too few
        ((0.8, 0.9, 0.89, 0.88, 0.87, 0.86, 0.85), STALE.format(5)),
        ((0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9), STALE.format(6)),  # an equal one is no improvement
        ((0.9, math.nan, None, math.nan, math.nan, math.nan), STALE.format(5)),
        ((math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan), None),
        ((0.7, 0.8, 0.9), RISING),
        ((0.8, 0.9), RISING),
        ((0.9, 0.9005, 0.9007, 0.9009), None),  # less than a thousandth in three epochs is noise
        ((0.9, 0.9005, 0.9007, 0.9011), RISING),
        ((0.8, 0.9, 0.89), None),  # the last epoch was not the best
        ((math.nan, 0.8), None),  # nothing to compare with
    ],
)
def test_the_course_of_the_validation_auc_in_a_sentence(aucs, says):
    assert plateau(_history(*aucs), over=True) == says


def test_nothing_tells_to_train_longer_while_it_trains():
    assert plateau(_history(0.7, 0.8, 0.9)) is None


def test_a_plateau_is_told_while_it_trains():
    assert plateau(_history(0.9, 0.8, 0.8, 0.8, 0.8, 0.8)) == STALE.format(5)
