"""How unlike the training films a film is."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.decomposition import PCA

from xraylab.evaluation.novelty import AXES, FEWEST, WARNED, _limit, fit_novelty, mean_ratio

D = 60


def films(n, seed, *, shift=0.0):
    """Features that vary along a few ways, and a little in all."""
    mixing = np.random.default_rng(99).normal(size=(8, D))
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 8)) @ mixing + rng.normal(0, 0.3, (n, D)) + shift


@pytest.fixture(scope="module")
def novelty():
    return fit_novelty(films(400, 1), films(1000, 2))


def test_the_distance_is_scikit_learns_mahalanobis_in_its_axes_and_what_they_leave(novelty):
    training, others = films(400, 1), films(20, 3)
    scaled = (training - training.mean(axis=0)) / novelty.scale
    pca = PCA(AXES, svd_solver="full").fit(scaled)
    new = (others - training.mean(axis=0)) / novelty.scale
    covariance = np.diag(pca.explained_variance_ * (len(training) - 1) / len(training))
    inside = [mahalanobis(one, np.zeros(AXES), np.linalg.inv(covariance)) ** 2 for one in pca.transform(new)]
    left = ((new - pca.inverse_transform(pca.transform(new))) ** 2).sum(axis=1)
    usual = ((scaled - pca.inverse_transform(pca.transform(scaled))) ** 2).sum(axis=1).mean()
    expected = np.array(inside) / AXES + left / usual
    np.testing.assert_allclose(novelty.distance(others), expected, rtol=1e-4)


def test_the_distance_is_that_worked_by_hand():
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    training = np.array([10.0, -5.0]) + np.tile(signs * [2.0, 6.0], (25, 1))
    far = np.sqrt(np.arange(200, dtype=float))
    found = fit_novelty(training, training[0] + far[:, None] * [0.0, 6.0] - [2.0, 6.0])
    assert found.mean == pytest.approx([10, -5])
    assert found.scale == pytest.approx([2.004, 6.004])  # the spread, and a thousandth of the mean spread
    assert np.abs(found.axes) == pytest.approx(np.array([[0, 1]]), abs=1e-6)
    assert found.variance == pytest.approx([(6 / 6.004) ** 2])
    assert found.rest == pytest.approx((2 / 2.004) ** 2)
    # A spread away in the one, three in the other; a spread in both is as far as training films are.
    others = np.array([[12.0, -23.0], [6.0, -5.0], [12.0, 1.0], [10.0, -5.0]])
    assert found.distance(others) == pytest.approx([10, 4, 2, 0], abs=1e-5)
    # Of 200 validation films, at the distances 0 to 199, one may lie above.
    assert found.limit == pytest.approx(198.5, rel=1e-5)
    assert found.ratio(others) == pytest.approx(np.array([10, 4, 2, 0]) / 198.5, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("n", "features", "axes"), [(103, D, 25), (400, D, AXES), (400, 20, 19)])
def test_an_axis_takes_four_films_and_one_direction_is_left(n, features, axes):
    assert fit_novelty(films(n, 1)[:, :features], films(200, 2)[:, :features]).axes.shape == (axes, features)


@pytest.mark.parametrize(
    ("n", "limit"), [(1, 0.0), (100, 99 * (1 + 1e-6)), (199, 198 * (1 + 1e-6)), (200, 198.5), (400, 397.5)]
)
def test_the_limit_leaves_half_of_a_hundredth_above(n, limit):
    assert _limit(np.random.default_rng(0).permutation(n).astype(float)) == limit


def test_a_training_film_has_a_distance_of_two_on_average(novelty):
    assert novelty.distance(films(400, 1)).mean() == pytest.approx(2, rel=1e-4)


def test_the_limit_leaves_the_share_of_validation_films_above(novelty):
    assert (novelty.ratio(films(1000, 2)) > 1).sum() == WARNED * 1000
    few = fit_novelty(films(400, 1), films(FEWEST, 2))
    assert (few.ratio(films(FEWEST, 2)) > 1).sum() == 0


def test_films_of_another_sort_lie_beyond_and_others_like_them_do_not(novelty):
    assert (novelty.ratio(films(1000, 4)) > 1).mean() < 0.01
    assert (novelty.ratio(films(100, 5, shift=4)) > 1).all()
    assert (novelty.ratio(np.random.default_rng(6).normal(0, 9, (100, D))) > 1).all()


def test_a_films_distance_does_not_depend_on_the_others(novelty):
    together = novelty.ratio(films(64, 7))
    alone = [novelty.ratio(one[None])[0] for one in films(64, 7)]
    np.testing.assert_allclose(alone, together, rtol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers_lie_infinitely_far_and_leave_the_others(novelty, value):
    some = films(3, 8)
    expected = novelty.ratio(some)
    some[1, 5] = value
    found = novelty.ratio(some)
    assert found[1] == np.inf
    np.testing.assert_array_equal(found[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize(
    ("training", "validation"),
    [
        (films(FEWEST - 1, 1), films(200, 2)),
        (films(200, 1), films(FEWEST - 1, 2)),
        (np.ones((200, D)), np.ones((200, D))),
        (np.full((200, D), np.nan), films(200, 2)),
        (films(200, 1), np.where(np.arange(D) == 3, np.inf, films(200, 2))),
    ],
)
def test_where_nothing_can_be_said_nothing_is(training, validation):
    assert fit_novelty(training, validation) is None


def test_a_feature_that_never_varied_and_one_feature_alone_are_borne():
    still = fit_novelty(
        np.hstack([films(200, 1), np.zeros((200, 1))]), np.hstack([films(200, 2), np.zeros((200, 1))])
    )
    assert np.isfinite(still.ratio(np.hstack([films(9, 3), np.zeros((9, 1))]))).all()
    assert fit_novelty(films(200, 1)[:, :1], films(200, 2)[:, :1]) is None


def test_an_ensemble_says_the_mean_of_those_members_that_can_tell():
    nan = np.nan
    ratios = np.array([[0.5, 0.5, nan, nan], [1.5, nan, nan, np.inf]])
    np.testing.assert_array_equal(mean_ratio(ratios), [1.0, 0.5, nan, np.inf])
