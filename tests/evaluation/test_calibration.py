"""Platt scaling against scikit-learn's own, and the calibration that reports show."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from tests.support.calibrated_films import drawn, held_out
from xraylab.errors import CalibrationError
from xraylab.evaluation.calibration import AS_IS, Platt, _finite_map, fit_platt, measure_calibration


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


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (3.0, 3.5), (-0.002, -0.001), (40.0, 90.0)])
def test_two_separate_scores_are_mapped_to_their_targets_wherever_they_lie(low, high):
    found = fit_platt([0] * 9 + [1] * 9, [low] * 9 + [high] * 9)
    # Platt's targets are 10 / 11 and 1 / 11, with the logits log 10 and -log 10.
    assert found.slope == pytest.approx(2 * np.log(10) / (high - low))
    assert found.intercept == pytest.approx(-found.slope * (low + high) / 2, abs=1e-9)


@pytest.mark.parametrize(("slope", "intercept"), [(0.0, 0.0), (np.inf, 0.0), (1.0, -np.inf)])
def test_a_map_that_no_number_holds_is_a_sentence(slope, intercept):
    with pytest.raises(CalibrationError, match="outputs are too large or too small"):
        _finite_map(slope, intercept)


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


def test_a_map_that_does_not_rise_is_none():
    for slope, intercept in ((-1, 0), (0, 0), (np.nan, 0), (np.inf, 0), (1, np.inf)):
        with pytest.raises(ValueError, match="no rising map"):
            Platt(slope, intercept)


def test_the_order_of_films_stays_and_the_identity_changes_no_bit():
    logits = np.sort(np.random.default_rng(1).normal(size=50)) * 30
    assert (np.diff(Platt(0.3, -2).apply(logits)) > 0).all()
    assert AS_IS.apply(logits).tobytes() == logits.tobytes()
    assert np.isnan(Platt(2, 1).apply([np.nan])).all()


def of(films):
    groups = films["group"].tolist()
    return measure_calibration(films["label"], films["score"], films["logit"], groups)


@pytest.mark.parametrize(
    ("split", "expected", "ratio", "interval"),
    [("validation", 579.628, 1.0024, (0.9910, 1.0139)), ("test", 584.104, 0.9947, (0.9838, 1.0057))],
)
def test_observed_over_expected_of_the_shipped_ensemble(split, expected, ratio, interval):
    measured = of(held_out(split=split))
    assert measured.observed == 581
    assert measured.expected == pytest.approx(expected, abs=1e-3)
    assert measured.ratio == pytest.approx(ratio, abs=1e-4)
    assert measured.ratio_ci == pytest.approx(interval, abs=1e-4)
    assert (measured.why, measured.too_few) == (None, None)


@pytest.mark.parametrize(("films", "score"), [(1, 0.5), (2, 0.4), (3, 0.8)])
def test_the_interval_of_the_ratio_is_that_worked_by_hand(films, score):
    labels, groups = np.repeat([0, 1], 35 * films), np.repeat(np.arange(70), films)
    measured = measure_calibration(labels, np.full(70 * films, score), np.zeros(70 * films), groups)
    # Of each patient the residual is half its films, up or down, whatever the scores say.
    error = np.sqrt(70 / 69 * 70 * (films / 2) ** 2) / (35 * films)
    ratio, factor = 0.5 / score, np.exp(1.959964 * error)
    assert measured.ratio == pytest.approx(ratio)
    assert measured.ratio_ci == pytest.approx((ratio / factor, ratio * factor), rel=1e-6)


def test_the_error_of_the_ratio_is_that_of_leaving_out_one_patient_at_a_time():
    films = held_out()
    measured = of(films)
    logs = np.array(
        [
            np.log(rest["label"].sum() / rest["score"].sum())
            for group in films["group"].unique()
            for rest in [films[films["group"] != group]]
        ]
    )
    jackknife = np.sqrt((logs.size - 1) / logs.size * ((logs - logs.mean()) ** 2).sum())
    error = np.log(measured.ratio_ci[1] / measured.ratio_ci[0]) / 2 / 1.959964
    assert error == pytest.approx(jackknife, rel=0.02)


def test_scores_that_are_too_extreme_or_too_low_show_in_slope_and_ratio():
    labels, _, logits, codes = drawn(np.random.default_rng(4), 4000)
    extreme = measure_calibration(labels, expit(2 * logits), 2 * logits, codes)
    assert extreme.slope == pytest.approx(0.5, abs=0.08)
    assert extreme.slope_ci[1] < 0.7
    low = measure_calibration(labels, expit(logits - 6), logits - 6, codes)
    assert low.ratio_ci[0] > 1.02
    assert low.intercept == pytest.approx(6, abs=1)


def test_few_patients_have_no_interval_but_a_reason():
    labels = np.repeat([0, 1], [34, 40])
    logits = 2.0 * labels + np.random.default_rng(0).normal(size=74)
    measured = measure_calibration(labels, expit(logits), logits)
    assert np.isfinite([measured.slope, measured.ratio]).all()
    assert np.isnan([*measured.slope_ci, *measured.intercept_ci, *measured.ratio_ci]).all()
    assert measured.too_few == (
        "Too few patients for intervals of the calibration: 34 with normal films; it takes 35."
    )
    one_more = measure_calibration([*labels, 0], [*expit(logits), 0.5], [*logits, 0.0])
    assert one_more.too_few is None
    assert np.isfinite([*one_more.slope_ci, *one_more.ratio_ci]).all()


@pytest.mark.parametrize(
    ("labels", "logits", "reason"),
    [
        ([0, 1], [0.3, np.inf], "A slope can't be fitted: some films have a score but no finite logit."),
        ([0, 1], [0.3, np.nan], "A slope can't be fitted: some films have a score but no finite logit."),
        ([0, 0, 0], [1, 2, 3], "A slope can't be fitted: there is no pneumonia film among the 3."),
        ([1, 1], [1, 2], "A slope can't be fitted: there is no normal film among the 2."),
        ([], [], "A slope can't be fitted: there is no pneumonia film among the 0."),
        ([0, 1, 1], [2, 2, 2], "A slope can't be fitted: every film has the same score."),
    ],
)
def test_where_no_slope_can_be_fitted_there_is_a_sentence_instead(labels, logits, reason):
    measured = measure_calibration(labels, np.full(len(labels), 0.5), logits)
    assert measured.why == reason
    assert np.isnan([measured.slope, measured.intercept]).all()
    assert measured.observed == sum(labels)


def test_a_score_of_nothing_expects_nothing():
    assert np.isnan(measure_calibration([0, 1], [0, 0], [-np.inf, -np.inf]).ratio)
    with pytest.raises(ValueError, match="of one length"):
        measure_calibration([0, 1], [0.1, 0.2], [0.1])
