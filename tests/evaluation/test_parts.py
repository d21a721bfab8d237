"""Areas over several held-out parts: one part is the usual area, and how often the interval is right."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.support.sizes import draws, three_errors
from xraylab.evaluation.intervals import auc_difference, auc_interval
from xraylab.evaluation.jackknife import brier_interval, difference_interval, mean_of
from xraylab.evaluation.parts import mean_area


def films(n=600, patients=250, *, seed=0, apart=1.5):
    """Labels, two sets of scores, and patients; some patients have films of both classes."""
    rng = np.random.default_rng(seed)
    of = rng.integers(0, patients, n)
    labels = ((rng.random(patients) < 0.5)[of] ^ (rng.random(n) < 0.1)).astype(np.int64)
    shared = rng.normal(0, 1, patients)[of] + apart * labels
    scores = [1 / (1 + np.exp(-(shared + rng.normal(0, 1, n)))) for _ in range(2)]
    return labels, *scores, np.unique(of, return_inverse=True)[1]


def test_one_part_is_the_area_of_all_films_with_obuchowskis_interval():
    labels, scores, others, patients = films()
    parts = np.zeros((1, labels.size), np.int64)
    first, second = (mean_area(labels, each[None], patients, parts) for each in (scores, others))
    assert first.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert first.interval() == pytest.approx(auc_interval(labels, scores, patients), abs=2e-4)
    expected = auc_difference(labels, scores, others, patients)
    assert first.value - second.value == pytest.approx(expected.value, abs=1e-12)
    assert difference_interval(first, second, 0.95) == pytest.approx((expected.low, expected.high), abs=2e-4)


def test_the_mean_is_over_the_parts_of_all_draws():
    labels, scores, others, patients = films()
    rng = np.random.default_rng(1)
    parts = rng.integers(0, 3, (2, labels.size))
    found = mean_area(labels, np.stack([scores, others]), patients, parts)
    areas = [
        roc_auc_score(labels[part == number], drawn[part == number])
        for drawn, part in zip((scores, others), parts, strict=True)
        for number in range(3)
    ]
    assert found.value == pytest.approx(np.mean(areas), abs=1e-12)
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)


def test_more_draws_of_the_same_scores_change_nothing_and_a_constant_between_parts_neither():
    labels, scores, _, patients = films()
    part = np.random.default_rng(1).integers(0, 4, labels.size)
    once = mean_area(labels, scores[None], patients, part[None])
    thrice = mean_area(labels, np.stack([scores] * 3), patients, np.stack([part] * 3))
    moved = mean_area(labels, (scores + 10 * part)[None], patients, part[None])
    for other in (thrice, moved):
        assert other.value == pytest.approx(once.value, abs=1e-12)
        assert other.interval() == pytest.approx(once.interval(), abs=1e-9)


def test_a_part_without_a_class_is_an_error():
    labels, scores, _, patients = films()
    with pytest.raises(ValueError, match="both classes"):
        mean_area(labels, scores[None], patients, labels[None])


def test_a_mean_is_that_of_the_films_with_the_interval_of_the_brier_score():
    labels, scores, _, patients = films()
    found = mean_of((scores - labels) ** 2, patients)
    assert found.value == pytest.approx(np.mean((scores - labels) ** 2), abs=1e-12)
    assert found.interval() == brier_interval(labels, scores, patients)
    alone = mean_of(np.array([0.25, 0.75]), np.zeros(2, np.int64))
    assert alone.value == 0.5
    assert np.isnan(alone.interval()).all()


@pytest.mark.sampled
def test_the_interval_of_a_difference_holds_the_truth_in_nineteen_of_twenty_samples():
    n = draws(2000, brief=300)
    rng = np.random.default_rng(2)
    held = 0
    for seed in range(n):
        # Scores of the same quality: the true difference is 0.
        labels, scores, others, patients = films(300, 120, seed=seed + 1000)
        parts = rng.integers(0, 3, (1, labels.size))
        first, second = (mean_area(labels, each[None], patients, parts) for each in (scores, others))
        low, high = difference_interval(first, second, 0.95)
        held += low <= 0 <= high
    assert held >= (0.95 - three_errors(0.05, n)) * n
