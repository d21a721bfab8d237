"""Reliability: bins against scikit-learn's curve and numpy's histogram."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from tests.support.calibrated_films import held_out
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.reliability import EDGES, TENTHS, reliability
from xraylab.evaluation.thresholds import threshold_table


def films():
    rng = np.random.default_rng(8)
    scores = np.append(rng.random(400) ** 2, [0.0, 1.0])
    return (rng.random(402) < scores).astype(int), scores


def test_in_tenths_it_is_scikit_learns_curve_and_counts_every_film():
    labels, scores = films()
    bins = reliability(labels, scores, edges=TENTHS)
    share, mean = calibration_curve(labels, scores, n_bins=10)
    np.testing.assert_allclose(bins.share, share)
    np.testing.assert_allclose(bins.score, mean)
    assert bins.n.sum() == 402


def test_the_bins_are_those_worked_by_hand():
    bins = reliability([0, 1, 1, 0, 1, 1], [0.0, 0.1, 0.2, 0.95, 0.99, 1.0], list("aabcde"))
    assert bins.low.tolist() == [0.0, 0.1, 0.9, 0.99, 0.999]  # an edge belongs to the bin that it begins
    assert bins.high.tolist() == [0.001, 0.3, 0.99, 0.999, 1.0]
    assert bins.n.tolist() == [1, 2, 1, 1, 1]
    assert bins.score == pytest.approx([0, 0.15, 0.95, 0.99, 1])
    assert bins.share.tolist() == [0, 1, 0, 1, 1]
    assert bins.share_of_films == pytest.approx(np.array([1, 2, 1, 1, 1]) / 6)
    assert bins.interval[1] == wilson_interval(2, 2)


def test_one_film_is_all_films_and_none_is_no_share():
    assert reliability([1], [0.4]).share_of_films.tolist() == [1]
    assert reliability([], []).share_of_films.tolist() == []


def test_by_itself_the_bins_are_even_on_the_scale_of_the_logit():
    labels, scores = films()
    bins = reliability(labels, scores)
    assert bins.n.tolist() == [n for n in np.histogram(scores, EDGES)[0] if n]
    assert bins.share_of_films.sum() == pytest.approx(1)
    assert (bins.low <= bins.score).all()
    assert (bins.score <= bins.high).all()
    np.testing.assert_allclose(np.add(EDGES, EDGES[::-1]), 1)  # symmetric around one half


def test_no_bin_holds_most_of_the_normal_films_of_the_shipped_ensemble():
    normal = held_out().query("label == 0")
    bins = reliability(normal["label"], normal["score"])
    assert bins.n.max() / bins.n.sum() < 0.5
    assert reliability(normal["label"], normal["score"], edges=TENTHS).n.max() / len(normal) > 0.85


def test_the_interval_of_a_bin_is_wilsons_clustered_by_patient():
    shipped = held_out()
    groups = shipped["group"].to_numpy(object)
    bins = reliability(shipped["label"], shipped["score"], groups)
    place = bins.low.tolist().index(0.1)
    inside = ((shipped["score"] >= 0.1) & (shipped["score"] < 0.3)).to_numpy()
    truth = shipped["label"].to_numpy()[inside]
    table = threshold_table(np.ones_like(truth), truth, groups[inside].tolist())
    assert bins.n[place] == inside.sum() == 16
    assert bins.interval[place] == table.interval("sensitivity", 0.5)
    assert bins.interval[place] == pytest.approx((0.142, 0.556), abs=1e-3)


def test_of_no_films_it_is_empty_and_scores_outside_0_to_1_are_refused():
    assert reliability([], []).n.size == 0
    assert reliability([], []).share_of_films.size == 0
    for score in (1.5, -0.1):
        with pytest.raises(ValueError, match="scores must be in"):
            reliability([1, 0], [score, 0.5])
