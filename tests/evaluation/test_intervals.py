import math

import numpy as np
import pytest
from scipy.stats import binomtest, brunnermunzel, mannwhitneyu, norm, t

from tests.support.jackknives import satterthwaite
from xraylab.evaluation.intervals import (
    auc_difference,
    auc_estimate,
    auc_interval,
    mover_difference,
    wilson_interval,
)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 10), (183, 201), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_equals_scipy(successes, trials, level):
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")

    assert wilson_interval(successes, trials, level=level) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_touches_the_ends_exactly():
    assert wilson_interval(0, 7)[0] == 0.0
    assert wilson_interval(7.5, 7.5)[1] == 1.0


def test_wilson_of_nothing_is_nan():
    assert all(math.isnan(bound) for bound in wilson_interval(0, 0))


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (math.nan, 3)])
def test_wilson_refuses_impossible_counts(successes, trials):
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(successes, trials)


def _kernel(labels, scores):
    """Every diseased film against every healthy one: 1, 1/2 or 0."""
    diseased, healthy = scores[labels == 1], scores[labels == 0]
    return np.heaviside(diseased[:, None] - healthy[None, :], 0.5)


def _on_logit(area, variance, freedom):
    centre = math.log(area / (1 - area))
    half = t.ppf(0.975, freedom) * math.sqrt(variance) / (area * (1 - area))
    return tuple(1 / (1 + math.exp(-x)) for x in (centre - half, centre + half))


def _delong(labels, scores):
    kernel = _kernel(labels, scores)
    variance = kernel.mean(1).var(ddof=1) / kernel.shape[0] + kernel.mean(0).var(ddof=1) / kernel.shape[1]
    return kernel.mean(), variance, min(_freedom_by_film(kernel), min(kernel.shape) - 1)


def _freedom_by_film(kernel):
    """Satterthwaite's degrees of freedom, each film its own patient."""
    ill, well = ((kernel.mean(axis) - kernel.mean()) / kernel.shape[1 - axis] for axis in (1, 0))
    return satterthwaite(np.concatenate([ill, well]))


def _obuchowski(labels, scores, patients):
    """The formulas of the 1997 paper, patient by patient."""
    kernel = _kernel(labels, scores)
    area, (m, n) = kernel.mean(), kernel.shape
    of_pos, of_neg = patients[labels == 1], patients[labels == 0]
    names = np.unique(patients)
    x = np.array([kernel.mean(1)[of_pos == i].sum() - (of_pos == i).sum() * area for i in names])
    y = np.array([kernel.mean(0)[of_neg == i].sum() - (of_neg == i).sum() * area for i in names])
    i10, i01, i = np.unique(of_pos).size, np.unique(of_neg).size, names.size
    s10, s01 = i10 / ((i10 - 1) * m) * (x @ x), i01 / ((i01 - 1) * n) * (y @ y)
    s11 = i / (i - 1) * (x @ y)
    freedom = min(satterthwaite(x / m + y / n), i10 - 1, i01 - 1)
    return _on_logit(area, s10 / m + s01 / n + 2 * s11 / (m * n), freedom)


def _films(n, seed, digits=2):
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, n // 2, n)
    labels = rng.integers(0, 2, n)
    scores = rng.normal(1.5 * labels) + rng.normal(0, 0.8, n // 2)[patients]
    return labels, scores.round(digits), patients


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("digits", [0, 1, 9])
def test_with_one_film_a_patient_the_auc_interval_has_delongs_variance(seed, digits):
    labels, scores, _ = _films(120, seed, digits)
    area, variance, freedom = _delong(labels, scores)
    found = auc_interval(labels, scores)

    assert found == pytest.approx(_on_logit(area, variance, freedom), abs=1e-12)
    logits = [math.log(bound / (1 - bound)) for bound in found]
    error = (logits[1] - logits[0]) / (2 * t.ppf(0.975, freedom)) * area * (1 - area)
    assert error**2 == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_clustered_auc_intervals_follow_obuchowskis_formulas(seed):
    labels, scores, patients = _films(120, seed, 1)

    assert auc_interval(labels, scores, patients) == pytest.approx(
        _obuchowski(labels, scores, patients), abs=1e-12
    )


def test_clustered_auc_intervals_are_near_a_bootstrap_of_patients():
    labels, scores, patients = _films(400, 11)
    rng = np.random.default_rng(0)
    own = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    areas = []
    for _ in range(800):
        chosen = np.concatenate([own[i] for i in rng.integers(0, len(own), len(own))])
        areas.append(_kernel(labels[chosen], scores[chosen]).mean())

    assert auc_interval(labels, scores, patients) == pytest.approx(
        np.quantile(areas, [0.025, 0.975]), abs=0.01
    )


def test_a_perfect_area_still_has_a_lower_bound_from_its_patients():
    labels, scores = [0] * 10 + [1] * 12, [0.1] * 10 + [0.9] * 12
    patients = [*range(10), *(f"p{i // 2}" for i in range(12))]  # ten and six patients

    assert auc_interval(labels, scores, patients) == wilson_interval(6, 6)
    assert auc_interval(labels, [-s for s in scores], patients) == wilson_interval(0, 6)


def test_a_class_seen_in_one_patient_only_gives_a_wide_interval():
    assert auc_interval([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], ["a", "b", "c", "c"]) == wilson_interval(0.75, 1)


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_one_class_has_no_auc_interval(labels):
    assert all(math.isnan(bound) for bound in auc_interval(labels, [0.1, 0.2][: len(labels)]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("digits", [0, 9])
def test_an_area_is_tested_by_mann_and_whitneys_statistic_with_brunner_and_munzels_variance(seed, digits):
    labels, scores, _ = _films(80, seed, digits)
    ill, well = scores[labels == 1], scores[labels == 0]
    area = mannwhitneyu(ill, well).statistic / (ill.size * well.size)
    error = (area - 0.5) / -brunnermunzel(ill, well, distribution="normal").statistic
    on_logit = math.log(area / (1 - area)) * area * (1 - area) / error

    found = auc_estimate(labels, scores)

    assert found.value == pytest.approx(area, abs=1e-12)
    freedom = min(_freedom_by_film(_kernel(labels, scores)), ill.size - 1, well.size - 1)
    assert found.p == pytest.approx(2 * t.sf(abs(on_logit), freedom), rel=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_an_area_differs_from_one_half_just_where_its_interval_excludes_it(seed):
    rng = np.random.default_rng(seed)
    labels, patients = rng.integers(0, 2, 60), rng.integers(0, 30, 60)
    found = auc_estimate(labels, rng.normal(0.6 * labels).round(1), patients)

    assert (found.p < 0.05) == (not found.low <= 0.5 <= found.high)


@pytest.mark.parametrize(("patients", "differs"), [(3, False), (4, True)])
def test_a_perfect_area_differs_from_one_half_once_wilsons_interval_says_so(patients, differs):
    found = auc_estimate([0] * 9 + [1] * 9, range(18), [*range(9), *(f"p{i % patients}" for i in range(9))])

    assert found.value == 1
    assert (found.p < 0.05) == (found.low > 0.5) == differs
    assert found.p == pytest.approx(2 * norm.sf(math.sqrt(patients)))


def test_equal_scores_are_no_sign_of_a_difference():
    found = auc_estimate([0, 0, 1, 1], [0.5] * 4)

    assert (found.value, found.p) == (0.5, 1)
    assert found.low < 0.5 < found.high


def test_a_class_seen_in_one_patient_only_is_not_tested():
    assert math.isnan(auc_estimate([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], ["a", "b", "c", "c"]).p)


@pytest.mark.parametrize("seed", range(3))
def test_with_one_film_a_patient_two_areas_are_compared_with_delongs_variances(seed):
    labels, scores, _ = _films(120, seed, 1)
    others = (scores + np.random.default_rng(seed).normal(0, 1, 120)).round(1)
    one, other = _kernel(labels, scores), _kernel(labels, others)
    of_ill, of_well = (np.cov(one.mean(axis), other.mean(axis)) for axis in (1, 0))
    covariance = of_ill / one.shape[0] + of_well / one.shape[1]
    correlation = covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1])
    (low, high), (other_low, other_high) = (_on_logit(*_delong(labels, each)) for each in (scores, others))
    first, second = one.mean(), other.mean()

    def reach(a, b):
        return math.sqrt(a**2 + b**2 - 2 * correlation * a * b)

    found = auc_difference(labels, scores, others)

    assert (found.value, found.low, found.high) == pytest.approx(
        (
            first - second,
            first - second - reach(first - low, other_high - second),
            first - second + reach(high - first, second - other_low),
        ),
        abs=1e-12,
    )


@pytest.mark.parametrize("seed", range(20))
def test_two_areas_differ_just_where_the_interval_of_their_difference_excludes_zero(seed):
    labels, scores, patients = _films(90, seed, 1)
    others = (scores + np.random.default_rng(seed).normal(0, 1.2, 90)).round(1)
    found = auc_difference(labels, scores, others, patients)
    at_p = auc_difference(labels, scores, others, patients, level=1 - found.p)

    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    assert min(abs(at_p.low), abs(at_p.high)) < 1e-9  # the interval of level 1 - p just reaches zero


def test_two_areas_of_many_films_are_tested_as_delong_does():
    labels, scores, _ = _films(3000, 4)
    others = scores + np.random.default_rng(4).normal(0, 0.3, 3000)
    one, other = _kernel(labels, scores), _kernel(labels, others)
    of_ill, of_well = (np.cov(one.mean(axis), other.mean(axis)) for axis in (1, 0))
    contrast = np.array([1, -1])
    variance = contrast @ (of_ill / one.shape[0] + of_well / one.shape[1]) @ contrast
    deviations = (one.mean() - other.mean()) / math.sqrt(variance)

    found = auc_difference(labels, scores, others)
    assert 2 * norm.sf(abs(deviations)) == pytest.approx(found.p, rel=0.2)


def test_a_perfect_model_and_a_good_one_are_compared_without_a_false_certainty():
    labels, perfect = np.repeat([0, 1], 20), np.repeat([0.1, 0.9], 20)
    good = perfect.copy()
    good[0] = 0.95  # one film of forty is ranked wrongly
    found = auc_difference(labels, perfect, good)

    assert found.value == pytest.approx(0.05)
    assert found.low < 0 < found.high
    assert found.p > 0.05


def test_two_perfect_models_of_few_patients_may_still_differ():
    labels = np.repeat([0, 1], 5)
    found = auc_difference(labels, labels, labels + 0.1 * np.arange(10))

    assert (found.value, found.p) == (0, 1)
    assert found.low == pytest.approx(wilson_interval(5, 5)[0] - 1)
    assert found.high == -found.low


def test_a_perfect_model_and_one_that_guesses_are_told_apart():
    labels = np.repeat([0, 1], 40)
    found = auc_difference(labels, labels, np.full(80, 0.5))

    assert (found.value, found.p < 0.001) == (0.5, True)
    assert 0 < found.low < 0.5


def test_clustered_differences_are_near_a_bootstrap_of_patients():
    labels, scores, patients = _films(400, 11)
    others = scores + np.random.default_rng(1).normal(0, 1, 200)[patients]
    rng = np.random.default_rng(0)
    own = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    apart = []
    for _ in range(800):
        chosen = np.concatenate([own[i] for i in rng.integers(0, len(own), len(own))])
        one, other = (_kernel(labels[chosen], values[chosen]).mean() for values in (scores, others))
        apart.append(one - other)

    found = auc_difference(labels, scores, others, patients)

    assert (found.low, found.high) == pytest.approx(np.quantile(apart, [0.025, 0.975]), abs=0.01)


def test_models_that_rank_alike_differ_by_nothing():
    labels, scores, patients = _films(60, 0)
    found = auc_difference(labels, scores, 3 * scores - 1, patients)

    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert math.isnan(found.p)


def test_models_of_one_area_that_rank_unlike_differ_by_nothing_but_not_for_certain():
    labels = np.repeat([0, 1], 4)
    scores = np.array([0.1, 0.2, 0.3, 0.75, 0.6, 0.7, 0.8, 0.9])
    others = scores[[3, 1, 2, 0, *range(4, 8)]]  # another normal film is the one that scores high
    found = auc_difference(labels, scores, others)

    assert (found.value, found.p) == (0, 1)
    assert found.low == pytest.approx(-found.high)
    assert 0.01 < found.high < 1


@pytest.mark.parametrize(
    ("correlation", "low", "high"),
    [
        (0.0, 0.3 - math.sqrt(0.1**2 + 0.15**2), 0.3 + math.sqrt(0.05**2 + 0.2**2)),
        (0.5, 0.3 - math.sqrt(0.1**2 + 0.15**2 - 0.015), 0.3 + math.sqrt(0.05**2 + 0.2**2 - 0.01)),
        (-1.0, 0.3 - 0.25, 0.3 + 0.25),
        (1.0, 0.3 - 0.05, 0.3 + 0.15),
    ],
)
def test_the_interval_of_a_difference_is_that_worked_by_hand(correlation, low, high):
    found = mover_difference(0.8, 0.5, (0.7, 0.85), (0.3, 0.65), correlation)

    assert found == pytest.approx((low, high), abs=1e-12)


def test_a_difference_from_an_unknown_bound_is_unknown_on_that_side():
    low, high = mover_difference(0.8, 0.5, (math.nan, 0.85), (0.3, 0.65))

    assert math.isnan(low)
    assert high == pytest.approx(0.3 + math.sqrt(0.05**2 + 0.2**2))


def test_a_class_seen_in_one_patient_only_leaves_a_difference_without_bounds():
    found = auc_difference([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], [0.1, 0.2, 0.3, 0.9], ["a", "b", "c", "c"])

    assert found.value == -0.25
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(found.p)


def test_one_class_has_no_areas_to_compare():
    with pytest.raises(ValueError, match="both classes"):
        auc_difference([1, 1], [0.1, 0.2], [0.2, 0.1])


def test_without_a_correlation_two_estimates_are_taken_for_independent():
    first, second = (0.8, 0.6), ((0.7, 0.88), (0.5, 0.7))
    assert mover_difference(*first, *second) == mover_difference(*first, *second, 0.0)
    low, high = mover_difference(*first, *second)
    assert (low, high) == pytest.approx((0.2 - math.hypot(0.1, 0.1), 0.2 + math.hypot(0.08, 0.1)))


def test_the_area_is_estimated_at_95_percent_unless_another_level_is_asked_for():
    films = ([0, 0, 1, 1, 0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8, 0.2, 0.7, 0.6, 0.9])
    assert auc_estimate(*films) == auc_estimate(*films, level=0.95)
    assert auc_estimate(*films) != auc_estimate(*films, level=0.9)
