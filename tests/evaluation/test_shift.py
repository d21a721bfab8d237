"""Other films against validation: SciPy, scikit-learn, a published table, and what bad input gives."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import PermutationMethod, mannwhitneyu, rankdata
from sklearn.metrics import brier_score_loss, roc_auc_score

from tests.support.sizes import cases, draws, three_errors
from xraylab.errors import ComparisonError
from xraylab.evaluation.calibration import measure_calibration
from xraylab.evaluation.intervals import AreaEstimate, auc_estimate, auc_interval, wilson_interval
from xraylab.evaluation.reliability import EDGES
from xraylab.evaluation.shift import (
    ClassShift,
    Films,
    _midranks,
    _some_ways,
    difference,
    permutation_p,
    shift,
    verdict,
)


def films(seed, n=240, *, moved=(0.0, 0.0), share=0.6, patients=None):
    """Films of two classes, whose logits are moved by so much."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < share).astype(int)
    codes = np.arange(n) if patients is None else rng.integers(0, patients, n)
    own = np.zeros(n) if patients is None else rng.normal(0, 1, patients)[codes]
    logits = 3 * labels - 1.5 + np.asarray(moved)[labels] + rng.normal(0, 1, n) + own
    return Films(labels, expit(logits), logits, codes)


def of_class(one, label):
    return one.scores[one.labels == label]


@pytest.mark.parametrize("label", [0, 1])
def test_the_chance_of_scoring_higher_is_mann_and_whitneys(label):
    validation, other = films(0), films(1, moved=(0.3, -0.8))
    ours, theirs = of_class(other, label).round(1), of_class(validation, label).round(1)
    rounded = [Films(one.labels, one.scores.round(1), one.logits) for one in (validation, other)]
    found = shift(*rounded, 0.5).classes[label]

    assert found.chance.value == pytest.approx(
        mannwhitneyu(ours, theirs).statistic / (ours.size * theirs.size), abs=1e-12
    )
    assert found.n == found.patients == (theirs.size, ours.size)
    assert (found.chance.low, found.chance.high) == auc_interval(
        [0] * theirs.size + [1] * ours.size, np.concatenate([theirs, ours])
    )


def test_the_two_classes_are_adjusted_by_holm_and_fire_below_five_in_a_hundred():
    found = shift(films(0), films(1, moved=(0.0, -0.8)), 0.5)
    ps = [one.chance.p for one in found.classes]

    assert ps[1] < ps[0]
    assert found.classes[1].adjusted_p == pytest.approx(2 * ps[1])
    assert found.classes[0].adjusted_p == pytest.approx(max(ps[0], 2 * ps[1]))
    assert [one.fires for one in found.classes] == [False, True]
    assert found.fires


def test_films_of_one_patient_count_as_what_they_are_worth():
    validation, other = films(0, patients=40), films(1, patients=40)
    clustered = shift(validation, other, 0.5).classes
    apart = shift(*(Films(one.labels, one.scores, one.logits) for one in (validation, other)), 0.5).classes

    for one, alone in zip(clustered, apart, strict=True):
        assert one.chance.value == alone.chance.value
        assert one.chance.high - one.chance.low > 1.3 * (alone.chance.high - alone.chance.low)
        assert one.patients[0] <= 40


def test_patients_of_the_same_name_in_both_sets_are_different_people():
    validation, other = films(0, patients=40), films(1, patients=40)
    renamed = Films(other.labels, other.scores, other.logits, [f"else {code}" for code in other.groups])

    assert shift(validation, other, 0.5).classes == shift(validation, renamed, 0.5).classes


def _every_division(scores, patients, size):
    """The chance that the second set scores higher, for every choice of the second set's patients."""
    for chosen in itertools.combinations(range(patients.max() + 1), size):
        second = np.isin(patients, chosen)
        statistic = mannwhitneyu(scores[second], scores[~second]).statistic
        yield abs(statistic / (second.sum() * (~second).sum()) - 0.5)


@pytest.mark.parametrize("seed", range(4))
def test_p_of_few_patients_counts_every_division_of_the_patients(seed):
    rng = np.random.default_rng(seed)
    sizes = (5, 3 + seed % 2)
    patients = np.repeat(np.arange(sum(sizes)), rng.integers(1, 5, sum(sizes)))
    scores = rng.random(patients.size).round(1) + 0.2 * (patients >= 5)
    every = np.array(list(_every_division(scores, patients, sizes[1])))
    second = patients >= 5
    observed = mannwhitneyu(scores[second], scores[~second]).statistic / (second.sum() * (~second).sum())

    assert permutation_p(scores, patients, sizes) == pytest.approx(
        (every >= abs(observed - 0.5) - 1e-9).mean(), abs=1e-12
    )


def test_with_one_film_a_patient_p_of_few_is_scipys_permutation_test():
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.normal(0, 1, 30), rng.normal(0.6, 1, 20)])
    expected = mannwhitneyu(
        scores[30:], scores[:30], method=PermutationMethod(n_resamples=9999, rng=np.random.default_rng(1))
    ).pvalue

    assert permutation_p(scores, np.arange(50), (30, 20)) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("sizes", [(20, 20), (12, 30), (30, 12)])
def test_sets_that_no_random_division_parts_as_far_have_the_smallest_p_there_is(sizes):
    n = sum(sizes)
    scores = np.where(np.arange(n) < sizes[0], 0.2, 0.8) + np.arange(n) / 1000

    assert permutation_p(scores, np.arange(n), sizes) == 1 / 5000
    assert permutation_p(np.full(n, 0.5), np.arange(n), sizes) == 1


@pytest.mark.parametrize("keys", [1_000_000, 1000, 1])
def test_random_ways_are_the_patients_of_the_smallest_keys_in_parts_of_any_size(keys, monkeypatch):
    monkeypatch.setattr("xraylab.evaluation.shift._KEYS", keys)
    drawn = np.random.default_rng(0).random((4999, 60))

    np.testing.assert_array_equal(np.sort(_some_ways(60, 25)), np.sort(np.argsort(drawn)[:, :25]))


def test_equal_scores_share_their_mean_rank():
    scores = np.random.default_rng(0).integers(0, 6, 30) / 5

    np.testing.assert_array_equal(_midranks(scores), rankdata(scores))


@pytest.mark.parametrize(("patients", "permuted"), [(59, True), (60, False)])
def test_from_sixty_patients_of_a_class_on_p_is_students(patients, permuted, monkeypatch):
    monkeypatch.setattr("xraylab.evaluation.shift.permutation_p", lambda *_: 0.987654)
    rng = np.random.default_rng(1)
    sides = [
        Films(np.zeros(n, int), scores, [math.nan] * n)
        for n in (60, patients)
        for scores in [rng.random(n) ** (1 if n == 60 else 2)]
    ]
    found = shift(*sides, 0.5).classes[0]

    assert found.patients == (60, patients)
    assert (found.chance.p == 0.987654) == permuted


def test_a_class_fires_below_five_in_a_hundred_and_not_at_it():
    chance = AreaEstimate(0.6, 0.5, 0.7, 0.05)

    assert not ClassShift(0, (9, 9), (9, 9), chance, 0.05).fires
    assert ClassShift(0, (9, 9), (9, 9), chance, 0.0499).fires
    assert not ClassShift(0, (9, 9), (9, 9), chance, math.nan).fires


def test_few_patients_are_tested_by_permutation_unless_students_p_is_larger():
    few, many = films(0, 90, patients=30), films(1, patients=40)
    for label, each in enumerate(shift(many, few, 0.5).classes):
        parts = [
            (one.scores[one.labels == label], np.unique(one.groups[one.labels == label], return_inverse=True))
            for one in (many, few)
        ]
        (first, (names, codes)), (second, (others, other_codes)) = parts
        together = np.concatenate([first, second])
        people = np.concatenate([codes, other_codes + names.size])
        student = auc_estimate(np.repeat([0, 1], [first.size, second.size]), together, people).p
        assert each.chance.p == max(student, permutation_p(together, people, (names.size, others.size)))


@pytest.mark.sampled
@pytest.mark.parametrize("patients", cases([5, 40, 2, 12, 20], brief=2))
def test_few_patients_that_score_alike_are_called_different_in_at_most_five_of_a_hundred(patients):
    """Films of so many patients per class, held against the others of the same source."""
    n, fired = draws(400, brief=40), 0
    rng = np.random.default_rng(patients)
    for _ in range(n):
        people = np.repeat(np.arange(120), rng.choice([1, 2, 3, 5, 10], 120, p=[0.45, 0.25, 0.12, 0.1, 0.08]))
        labels = people % 2
        logits = 4 * labels - 2 + rng.normal(0, 1, 120)[people] + rng.normal(0, 1, people.size)
        other = np.isin(people, [2 * i + one for i in range(patients) for one in (0, 1)])
        sides = [
            Films(labels[rows], expit(logits[rows]), logits[rows], people[rows]) for rows in (~other, other)
        ]
        fired += shift(*sides, 0.5).fires

    assert fired <= (0.05 + three_errors(0.05, n)) * n


@pytest.mark.parametrize(("patients", "fires"), [(2, False), (12, True)])
def test_two_patients_show_nothing_and_twelve_show_what_is_large(patients, fires):
    validation, other = films(0, patients=120), films(1, 4 * patients, moved=(4.0, 4.0), patients=patients)
    found = shift(validation, other, 0.5)

    assert found.fires == fires
    assert ("may be too few to show one" in verdict(found)) != fires


@pytest.mark.sampled
def test_films_that_score_alike_fire_in_at_most_five_of_a_hundred_comparisons():
    n = draws(600, brief=60)
    fired = sum(
        shift(films(2 * seed, 120, patients=45), films(2 * seed + 1, 90, patients=30), 0.5).fires
        for seed in range(n)
    )

    assert 0.01 * n < fired < (0.05 + three_errors(0.05, n)) * n


def test_both_sides_are_measured_as_a_model_card_measures():
    validation, other = films(0), films(1, moved=(0.5, 0.5), share=0.2)
    found = shift(validation, other, 0.4)
    for side, one in ((found.validation, validation), (found.other, other)):
        called = one.scores >= 0.4
        assert side.figures.point.sensitivity == pytest.approx(called[one.labels == 1].mean())
        assert side.figures.point.specificity == pytest.approx(1 - called[one.labels == 0].mean())
        assert side.figures.auc == pytest.approx(roc_auc_score(one.labels, one.scores))
        assert side.figures.brier == pytest.approx(brier_score_loss(one.labels, one.scores))
        assert side.calibration == measure_calibration(one.labels, one.scores, one.logits, one.groups)
        assert side.prevalence == one.labels.mean()
        assert side.prevalence_ci == pytest.approx(wilson_interval(one.labels.sum(), one.labels.size))
        counted, _ = np.histogram(one.scores, EDGES)
        ill, _ = np.histogram(one.scores[one.labels == 1], EDGES)
        total, _ = np.histogram(one.scores, EDGES, weights=one.scores)
        np.testing.assert_allclose(side.reliability.share, (ill / np.maximum(counted, 1))[counted > 0])
        np.testing.assert_allclose(side.reliability.score, total[counted > 0] / counted[counted > 0])


def test_another_share_of_pneumonia_is_shown_and_does_not_fire():
    found = shift(films(0, share=0.7), films(1, share=0.2), 0.5)

    assert not found.fires
    assert found.differences["prevalence"].high < 0


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [  # Newcombe 1998, table II, method 10; statsmodels' confint_proportions_2indep gives the same
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_a_difference_of_two_rates_is_newcombes(first, second, low, high):
    rates = [part / whole for part, whole in (first, second)]
    found = difference(rates[0], wilson_interval(*first), rates[1], wilson_interval(*second))

    assert found.value == pytest.approx(rates[0] - rates[1])
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_differences_at_the_lock_are_the_others_less_validation():
    validation, other = films(0), films(1, moved=(0.0, -1.0))
    found = shift(validation, other, 0.5).differences["sensitivity"]
    counts = [(int((of_class(one, 1) >= 0.5).sum()), of_class(one, 1).size) for one in (other, validation)]
    (found_other, n_other), (found_validation, n_validation) = counts
    expected = difference(
        found_other / n_other,
        wilson_interval(*counts[0]),
        found_validation / n_validation,
        wilson_interval(*counts[1]),
    )

    assert found.high < 0
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high), abs=1e-12
    )


def test_each_difference_is_that_of_its_own_rate_and_interval():
    found = shift(films(0, 80), films(1, 60, moved=(0.4, -0.9), share=0.4), 0.5)
    before, after = found.validation, found.other
    for name, (rate, (low, high)), (other, (other_low, other_high)) in [
        *(
            (
                name,
                (getattr(after.figures.point, name), after.figures.intervals[name]),
                (getattr(before.figures.point, name), before.figures.intervals[name]),
            )
            for name in ("sensitivity", "specificity")
        ),
        ("auc", (after.figures.auc, after.figures.auc_ci), (before.figures.auc, before.figures.auc_ci)),
        ("prevalence", (after.prevalence, after.prevalence_ci), (before.prevalence, before.prevalence_ci)),
    ]:
        each = found.differences[name]
        assert each.value == rate - other
        assert each.low == pytest.approx(rate - other - math.hypot(rate - low, other_high - other))
        assert each.high == pytest.approx(rate - other + math.hypot(high - rate, other - other_low))
    assert len(found.differences) == 4


def test_a_verdict_tells_which_films_score_how_or_what_was_not_seen():
    apart = shift(films(0), films(1, moved=(1.0, -1.0)), 0.5)
    told = verdict(apart)
    assert told.startswith(
        "These films score differently from validation: normal films score higher (such a film"
    )
    assert ", and films with pneumonia score lower (" in told
    assert "No difference" not in told

    alike = shift(films(0), films(1), 0.5)
    assert verdict(alike) == (
        "No difference was found, but 240 films of 240 patients may be too few to show one."
    )


def test_a_class_that_is_missing_or_of_one_patient_is_not_compared_and_the_other_one_is():
    validation, other = films(0), films(1)
    ill = other.labels == 1
    only = Films(other.labels[ill], other.scores[ill], other.logits[ill])
    found = shift(validation, only, 0.5)

    assert math.isnan(found.classes[0].chance.value)
    assert not found.classes[0].fires
    assert found.classes[1].adjusted_p == found.classes[1].chance.p
    assert math.isnan(found.other.figures.auc)
    assert math.isnan(found.differences["specificity"].value)
    assert math.isnan(found.differences["auc"].low)
    assert "no normal film" in found.other.calibration.why
    assert verdict(found) == (
        f"No difference was found between films with pneumonia, but {ill.sum()} films of {ill.sum()} "
        "patients may be too few to show one. Normal films can't be compared: both sets need such films of "
        "at least two patients."
    )

    one_patient = shift(
        validation, Films(only.labels, only.scores + 0.0, only.logits, ["p"] * ill.sum()), 0.5
    )
    assert [math.isnan(one.adjusted_p) for one in one_patient.classes] == [True, True]
    assert verdict(one_patient).startswith("Normal films and films with pneumonia can't be compared:")


def test_a_set_without_films_of_a_class_has_no_patients_of_it():
    normal = Films([0, 0, 0], [0.1, 0.2, 0.2], [math.nan] * 3, list("aab"))
    ill = Films([1, 1, 1], [0.7, 0.8, 0.9], [math.nan] * 3, list("abc"))
    found = shift(normal, ill, 0.5).classes
    assert [(each.n, each.patients) for each in found] == [((3, 0), (2, 0)), ((0, 3), (0, 3))]


def test_equal_scores_make_no_difference_and_no_slope():
    flat = Films([0, 1, 0, 1], [0.5] * 4, [0.0] * 4)
    found = shift(flat, flat, 0.5)

    assert [one.chance.value for one in found.classes] == [0.5, 0.5]
    assert not found.fires
    assert "every film has the same score" in found.validation.calibration.why


def test_scores_without_logits_have_no_slope():
    bare = Films([0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8], [math.nan] * 4)

    assert shift(films(0), bare, 0.5).other.calibration.why.endswith("no finite logit.")
    assert shift(films(0), bare, 0.5).validation.calibration.why is None


@pytest.mark.parametrize("empty", [0, 1])
def test_no_film_at_all_is_a_sentence(empty):
    sides = [films(0), films(1)]
    sides[empty] = Films([], [], [])
    with pytest.raises(ComparisonError, match="no labelled and scored"):
        shift(*sides, 0.5)


@pytest.mark.parametrize(
    "wrong",
    [Films([0, 1], [0.1, math.nan], [0, 0]), Films([0, 1], [0.1, 1.2], [0, 0]), Films([0], [0.1, 0.2], [0])],
)
def test_scores_that_are_none_are_the_callers_bug(wrong):
    with pytest.raises(ValueError, match="scores"):
        shift(films(0), wrong, 0.5)
