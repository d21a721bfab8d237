"""What is computed from arrays is computed once for the same content, and anew for any other."""

import numpy as np
import pytest

from xraylab.evaluation import summary
from xraylab.evaluation.repeated import repeated
from xraylab.evaluation.summary import summarise


@pytest.fixture
def counted():
    calls = []

    @repeated(2)
    def total(values, times=1):
        calls.append(values.tolist())
        if not values.size:
            raise ValueError("nothing to add up")
        return float(values.sum()) * times

    return total, calls


def test_the_same_content_is_computed_once_whatever_array_holds_it(counted):
    total, calls = counted
    values = np.arange(6.0)
    assert total(values) == total(values.copy()) == total(np.arange(12.0).reshape(6, 2)[:, 0] / 2) == 15
    assert len(calls) == 1


def test_another_content_type_shape_or_number_is_computed_anew(counted):
    total, calls = counted
    values = np.zeros(4)
    for other in (values, values.astype(np.int64), values.reshape(2, 2)):
        total(other)
    values[1] = 3.0
    assert total(values) == 3.0
    assert total(values, times=2) == 6.0
    assert len(calls) == 5


def test_only_the_last_results_are_kept_and_no_error(counted):
    total, calls = counted
    first, second, third = (np.full(1, at) for at in (1.0, 2.0, 3.0))
    for values in (first, second, first, third, first):
        total(values)
    assert len(calls) == 3
    total(second)
    assert len(calls) == 4
    for _ in range(2):
        with pytest.raises(ValueError, match="nothing to add up"):
            total(np.empty(0))


def test_an_array_of_objects_is_refused_because_its_bytes_are_addresses(counted):
    with pytest.raises(TypeError, match="objects"):
        counted[0](np.array(["a", "b"], object))


def test_figures_of_unchanged_films_are_computed_once(monkeypatch):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 90)
    scores = np.clip(labels * 0.3 + rng.random(90) * 0.7, 0, 1)
    patients = [f"p{at // 2}" for at in range(90)]
    counted, count = [], summary.threshold_table
    monkeypatch.setattr(summary, "threshold_table", lambda *films: counted.append(1) or count(*films))
    before = summarise(labels, scores, patients, 0.5)
    assert summarise(labels.copy(), scores.copy(), list(patients), 0.5) is before
    assert summarise(labels, scores, patients, 0.6).point != before.point
    scores[0] = 1 - scores[0]
    assert summarise(labels, scores, patients, 0.5).brier != before.brier
    assert len(counted) == 3
