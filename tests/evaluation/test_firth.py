"""Firth's penalised likelihood, against a closed form and against a direct search of the likelihood."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.stats import chi2

from tests.support.calibrated_films import held_out
from xraylab.evaluation.firth import _crossing, _Regression, firth


def likelihood(slope, intercept, x, y):
    z = slope * x + intercept
    p = 1 / (1 + np.exp(-z))
    design = np.column_stack([x, np.ones_like(x)])
    information = design.T @ (design * (p * (1 - p))[:, None])
    return (y * z - np.logaddexp(0, z)).sum() + np.linalg.slogdet(information)[1] / 2


@pytest.fixture(params=[(0, 1.0, 0.0), (1, 0.02, 3.0), (2, 40.0, -100.0)])
def films(request):
    """Labels, and values that overlap; in one case tiny, in one huge and off centre."""
    seed, scale, shift = request.param
    rng = np.random.default_rng(seed)
    labels = (rng.random(80) < 0.7).astype(int)
    return labels, scale * (labels + rng.normal(size=80)) + shift


@pytest.mark.parametrize(
    ("called_ill", "called_well"),  # for each value of x: films with label 1, and with label 0
    [((7, 3), (2, 9)), ((5, 0), (0, 4)), ((1, 0), (0, 1)), ((40, 1), (0, 60))],
)
def test_of_two_groups_the_odds_ratio_is_that_with_a_half_added_to_each_count(called_ill, called_well):
    (a, b), (c, d) = called_ill, called_well
    labels = np.repeat([1, 0, 1, 0], [a, b, c, d])
    values = np.repeat([1.0, 1.0, 0.0, 0.0], [a, b, c, d])
    fit = firth(labels, values, np.arange(labels.size))
    # Haldane (1956) and Anscombe (1956); Firth (1993) shows that the penalty gives the same.
    assert fit.slope == pytest.approx(np.log((a + 0.5) * (d + 0.5) / (b + 0.5) / (c + 0.5)), abs=1e-7)
    assert fit.intercept == pytest.approx(np.log((c + 0.5) / (d + 0.5)), abs=1e-7)
    assert np.isfinite([*fit.slope_interval, *fit.intercept_interval]).all()


def test_the_fit_is_the_highest_penalised_likelihood(films):
    labels, values = films
    fit = firth(labels, values, np.arange(80))
    best = minimize(
        lambda at: -likelihood(*at, values, labels),
        [fit.slope, fit.intercept],
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-12},
    )
    assert likelihood(fit.slope, fit.intercept, values, labels) == pytest.approx(-best.fun, abs=1e-8)
    assert [fit.slope, fit.intercept] == pytest.approx(best.x, rel=1e-3, abs=1e-4)


def test_of_patients_with_one_film_the_interval_is_the_profile_of_the_likelihood():
    rng = np.random.default_rng(11)
    values = rng.normal(size=60) * 2
    labels = (rng.random(60) < 1 / (1 + np.exp(-values))).astype(int)
    fit = firth(labels, values, np.arange(60))
    highest = likelihood(fit.slope, fit.intercept, values, labels)

    def beyond(slope):
        profile = minimize_scalar(lambda at: -likelihood(slope, at, values, labels), bracket=(-1, 1))
        return 2 * (highest + profile.fun) - chi2.ppf(0.95, 1)

    # The design effect of single films is taken as 1 only if chance made it smaller, as here.
    ends = brentq(beyond, 0.01, fit.slope), brentq(beyond, fit.slope, 6)
    assert fit.slope_interval == pytest.approx(ends, rel=1e-4)


@pytest.mark.parametrize("step", [1.0, 0.01, -0.3])
@pytest.mark.parametrize("bend", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("root", [0.5, 7.0])
def test_the_end_of_an_interval_is_found_where_the_function_turns_positive(step, bend, root):
    asked = []

    def beyond(value):
        asked.append(value)
        away = abs(value - 2)
        return (away - root) * (1 + bend * away)

    assert _crossing(beyond, 2.0, step) == pytest.approx(2 + np.copysign(root, step), abs=1e-6)
    assert len(asked) < 40


def test_the_covariances_are_those_summed_patient_by_patient():
    rng = np.random.default_rng(3)
    x, y, patients = rng.normal(size=12), rng.integers(0, 2, 12), np.repeat(np.arange(5), [1, 2, 2, 3, 4])
    slope, intercept = 0.8, -0.3
    information, meat = np.zeros((2, 2)), np.zeros((2, 2))
    for patient in range(5):
        score = np.zeros(2)
        for film in np.flatnonzero(patients == patient):
            row, p = np.array([x[film], 1]), 1 / (1 + np.exp(-slope * x[film] - intercept))
            information += p * (1 - p) * np.outer(row, row)
            score += (y[film] - p) * row
        meat += np.outer(score, score)
    bread = np.linalg.inv(information)
    naive, clustered = _Regression(x, y, patients)._covariances(np.array([slope, intercept]))
    np.testing.assert_allclose(naive, bread, rtol=1e-12)
    np.testing.assert_allclose(clustered, 5 / 4 * bread @ meat @ bread, rtol=1e-12)


def test_copies_of_films_in_one_patient_tell_nothing_new(films):
    labels, values = films
    once = firth(labels, values, np.arange(80))
    copied = firth(np.tile(labels, 4), np.tile(values, 4), np.tile(np.arange(80), 4))
    by_film = firth(np.tile(labels, 4), np.tile(values, 4), np.arange(320))
    width, of_copies, naive = (np.ptp(each.slope_interval) for each in (once, copied, by_film))
    assert of_copies == pytest.approx(width, rel=0.2)
    assert naive < 0.6 * of_copies


@pytest.mark.parametrize(
    ("split", "slope", "interval"),
    # an audit's own arithmetic: about 0.99 and 1.00
    [("validation", 0.9925, (0.770, 1.305)), ("test", 1.0028, (0.772, 1.335))],
)
def test_the_shipped_ensembles_slope_is_close_to_one(split, slope, interval):
    films = held_out(split=split)
    codes = films["group"].astype("category").cat.codes.to_numpy().astype(int)
    fit = firth(films["label"].to_numpy().astype(int), films["logit"].to_numpy(), codes)
    assert fit.slope == pytest.approx(slope, abs=1e-4)
    assert fit.slope_interval == pytest.approx(interval, abs=1e-3)


def test_a_falling_relation_has_a_slope_below_zero():
    fit = firth(np.array([1, 1, 1, 0, 0, 1, 0, 0]), np.arange(8.0), np.arange(8))
    assert fit.slope < 0
    assert fit.slope_interval[0] < fit.slope < fit.slope_interval[1]
