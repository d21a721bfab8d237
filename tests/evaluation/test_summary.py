import math
import pickle

import numpy as np
import pytest
from sklearn import metrics

from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.summary import summarise


@pytest.fixture
def films():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 300)
    scores = rng.beta(1 + 2 * labels, 3 - 2 * labels).round(2)
    return labels, scores, rng.integers(0, 120, 300)


def test_every_number_equals_scikit_learn(films):
    labels, scores, patients = films
    found = summarise(labels, scores, patients, 0.4)
    calls = scores >= 0.4
    (tn, fp), (fn, tp) = metrics.confusion_matrix(labels, calls)

    assert (found.n, found.patients, found.positives) == (300, np.unique(patients).size, labels.sum())
    assert (found.point.tp, found.point.fp, found.point.tn, found.point.fn) == (tp, fp, tn, fn)
    assert found.threshold == 0.4
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert found.average_precision == pytest.approx(
        metrics.average_precision_score(labels, scores), abs=1e-12
    )
    assert found.brier == pytest.approx(metrics.brier_score_loss(labels, scores), abs=1e-12)
    assert found.point.f1 == pytest.approx(metrics.f1_score(labels, calls), abs=1e-12)
    assert found.point.kappa == pytest.approx(metrics.cohen_kappa_score(labels, calls), abs=1e-12)
    assert found.point.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(labels, calls), abs=1e-12
    )


def test_calibration_error_is_the_weighted_gap_over_ten_bins(films):
    labels, scores, _ = films
    expected = 0.0
    for low in range(10):
        inside = (scores * 10 >= low) & ((scores * 10 < low + 1) | (low == 9))
        if inside.any():
            expected += inside.mean() * abs(scores[inside].mean() - labels[inside].mean())

    assert summarise(*films, 0.5).ece == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([1, 0], [1.0, 0.95], 0.475),  # both in the last bin: (0 + 0.95) / 2
        ([0, 1], [1.0, 0.95], 0.475),  # in one bin they make up for each other: (1 - 0.05) / 2
        ([1, 0], [0.95, 0.85], 0.45),  # a bin each: (0.05 + 0.85) / 2
        ([0, 1], [0.0, 0.05], 0.475),  # both in the first bin
        ([0, 1], [0.05, 0.1], 0.475),  # 0.1 begins the second: (0.05 + 0.9) / 2
        ([1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5], 0.0),
    ],
)
def test_calibration_error_is_that_worked_by_hand(labels, scores, expected):
    found = summarise(labels, scores, None, 0.5)

    assert found.ece == pytest.approx(expected)
    assert found.brier == pytest.approx(
        sum((s - y) ** 2 for s, y in zip(scores, labels, strict=True)) / found.n
    )


def test_intervals_hold_their_estimates_and_know_the_patients(films):
    labels, scores, patients = films
    found = summarise(labels, scores, patients, 0.4)

    assert found.auc_ci == auc_interval(labels, scores, patients)
    assert found.auc_ci[0] < found.auc < found.auc_ci[1]
    for name, (low, high) in found.intervals.items():
        assert low < getattr(found.point, name) < high


def test_an_evaluation_can_be_cached(films):
    found = summarise(*films, 0.4)

    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes


def test_no_films_give_nan_and_no_crash():
    found = summarise([], [], None, 0.5)

    assert found.n == 0
    assert all(math.isnan(value) for value in (found.auc, *found.auc_ci, found.brier, found.ece))
