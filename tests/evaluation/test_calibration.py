"""Platt scaling, against scikit-learn's own and against a direct minimisation."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator

from xraylab.errors import CalibrationError
from xraylab.evaluation.calibration import AS_IS, Platt, fit_platt, platt_or_why, reliability


class AsGiven(ClassifierMixin, BaseEstimator):
    """A classifier whose decision is the number it is given."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x):
        return x[:, 0]

    def predict(self, x):
        return (x[:, 0] > 0).astype(int)


@pytest.fixture(params=[(0, 1.0, 0.0), (1, 0.02, 3.0), (2, 40.0, -100.0)])
def films(request):
    """Labels, and logits that overlap; in one case tiny, in one huge and off centre."""
    seed, scale, shift = request.param
    rng = np.random.default_rng(seed)
    labels = (rng.random(200) < 0.7).astype(int)
    return labels, scale * (2 * labels + rng.normal(size=200)) + shift


def test_the_fit_is_scikit_learns(films):
    labels, logits = films
    theirs = CalibratedClassifierCV(FrozenEstimator(AsGiven().fit(logits[:, None], labels)), method="sigmoid")
    theirs.fit(logits[:, None], labels)
    ours = expit(fit_platt(labels, logits).apply(logits))
    np.testing.assert_allclose(ours, theirs.predict_proba(logits[:, None])[:, 1], rtol=0, atol=1e-5)


def test_the_fit_is_the_least_loss_on_platts_targets(films):
    labels, logits = films
    targets = np.where(labels == 1, (labels.sum() + 1) / (labels.sum() + 2), 1 / ((1 - labels).sum() + 2))

    def loss(parameters):
        z = parameters[0] * logits + parameters[1]
        return (np.logaddexp(0, z) - targets * z).sum()

    found = fit_platt(labels, logits)
    at = np.array([found.slope, found.intercept])
    best = minimize(loss, at, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12})
    assert loss(at) == pytest.approx(best.fun, abs=1e-8)
    np.testing.assert_allclose(at, best.x, rtol=1e-3)


def test_perfectly_separable_scores_give_a_finite_slope_that_grows_with_the_films():
    slopes = [fit_platt([0] * n + [1] * n, [-1] * n + [1] * n).slope for n in (1, 10, 100)]
    assert slopes == sorted(slopes)
    # both classes sit on a point each, so they get exactly their targets
    assert slopes == pytest.approx([np.log(n + 1) for n in (1, 10, 100)])


def test_calibrating_again_changes_next_to_nothing():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 5000)
    logits = 3 * labels + rng.normal(size=5000) * 2
    again = fit_platt(labels, fit_platt(labels, logits).apply(logits))
    assert (again.slope, again.intercept) == (pytest.approx(1, abs=0.01), pytest.approx(0, abs=0.01))


@pytest.mark.parametrize(
    ("labels", "logits", "said"),
    [
        ([0, 0, 0], [1, 2, 3], "no pneumonia film among the 3"),
        ([1, 1], [1, 2], "no normal film"),
        ([], [], "no pneumonia film"),
        ([0, 1, 1], [2, 2, 2], "every film has the same"),
        ([0, 0, 1, 1], [3, 2, 1, 0], "don't score higher than normal"),
        ([0, 1, 0, 1], [1, 1, 2, 2], "don't score higher than normal"),
    ],
)
def test_what_cannot_be_calibrated_is_a_sentence(labels, logits, said):
    with pytest.raises(CalibrationError, match=said):
        fit_platt(labels, logits)


@pytest.mark.parametrize("logits", [[0.0, np.nan], [0.0, np.inf], [0.0]])
def test_logits_that_are_no_numbers_are_the_callers_bug(logits):
    with pytest.raises(ValueError, match=r"finite|length"):
        fit_platt([0, 1], logits)


def test_where_no_slope_can_be_fitted_there_is_a_sentence_instead(films):
    labels, logits = films
    assert platt_or_why(labels, logits) == fit_platt(labels, logits)
    assert "every film has the same score" in platt_or_why([0, 1], [0.3, 0.3])
    assert platt_or_why([0, 1], [0.3, np.inf]).endswith("no finite logit.")


def test_a_map_that_does_not_rise_is_none():
    for slope, intercept in ((-1, 0), (0, 0), (np.nan, 0), (np.inf, 0), (1, np.inf)):
        with pytest.raises(ValueError, match="no rising map"):
            Platt(slope, intercept)


def test_the_order_of_films_stays_and_the_identity_changes_no_bit():
    logits = np.sort(np.random.default_rng(1).normal(size=50)) * 30
    assert (np.diff(Platt(0.3, -2).apply(logits)) > 0).all()
    assert AS_IS.apply(logits).tobytes() == logits.tobytes()
    assert np.isnan(Platt(2, 1).apply([np.nan])).all()


def test_reliability_is_scikit_learns_curve_and_counts_every_film():
    rng = np.random.default_rng(8)
    scores = np.append(rng.random(400) ** 2, [0.0, 1.0])
    labels = (rng.random(402) < scores).astype(int)
    found = reliability(labels, scores)
    share, mean = calibration_curve(labels, scores, n_bins=10)
    np.testing.assert_allclose(found.share, share)
    np.testing.assert_allclose(found.score, mean)
    assert found.n.sum() == 402


def test_reliability_of_no_films_is_empty_and_scores_outside_0_to_1_are_refused():
    assert reliability([], []).n.size == 0
    with pytest.raises(ValueError, match="scores must be in"):
        reliability([1], [1.5])
