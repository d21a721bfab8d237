import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t
from sklearn.metrics import average_precision_score, roc_auc_score

from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.thresholds import threshold_table

# Few distinct scores on purpose: ties are the rule.
FILMS = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from([0.0, 1e-9, 0.25, 0.5, 0.75, 1 - 1e-9, 1.0]), st.integers(0, 4)
    ),
    min_size=1,
    max_size=30,
)


def _made_up_films(n=500, seed=3, digits=2):
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, n // 3, n)
    labels = (rng.random(n // 3) < 0.6).astype(int)[patients]
    labels ^= rng.random(n) < 0.05  # a few patients with films of both kinds
    scores = 1 / (1 + np.exp(-rng.normal(3 * labels - 1.5, 1.5) - rng.normal(0, 1, n // 3)[patients]))
    return labels, scores.round(digits), patients


def _parts(metric, tp, fp, pos, neg):
    """Numerator and denominator of a metric for each patient, written out by hand."""
    fn, tn = pos - tp, neg - fp
    return {
        "sensitivity": (tp, pos),
        "specificity": (tn, neg),
        "ppv": (tp, tp + fp),
        "npv": (tn, tn + fn),
        "f1": (tp, tp + fp + fn),
        "accuracy": (tp + tn, pos + neg),
    }[metric]


def _effective_by_hand(metric, labels, scores, patients, threshold):
    """The effective size of Rao and Scott with both corrections, one patient after the other."""
    right, films = [], []
    for patient in np.unique(patients):
        own = patients == patient
        called = scores[own] >= threshold
        counts = (called & (labels[own] == 1)).sum(), (called & (labels[own] == 0)).sum()
        a, b = _parts(metric, *counts, (labels[own] == 1).sum(), (labels[own] == 0).sum())
        if b:
            right.append(a)
            films.append(b)
    a, b = np.array(right, float), np.array(films, float)
    if not b.size:
        return math.nan
    total, k, r = b.sum(), b.size, a.sum() / b.sum()
    if r in (0, 1) or k == 1:
        return total**2 / (b**2).sum()
    residuals, largest = ((a - r * b) ** 2).sum(), (b**2).sum() / total
    variance = k / (k - 1) * residuals / total**2
    design = max(1, variance * (total - 1) / (r * (1 - r)))
    if largest == 1:
        return total
    correlation, fewer = (design - 1) / (largest - 1), min(a.sum(), total - a.sum())
    estimated = total / (1 + (largest - 1) * (fewer * correlation + 0.75) / (fewer + 0.75))
    # For each patient, the sum over pairs of different films; it alone makes the variance uncertain.
    pairs = [
        sum(x * y for i, x in enumerate(own) for j, y in enumerate(own) if i != j)
        for own in ([1 - r] * int(right) + [-r] * int(of - right) for right, of in zip(a, b, strict=True))
    ]
    spread = k * np.var(pairs)
    freedom = max(1, 2 * residuals**2 / spread) if spread > 1e-12 else math.inf
    widened = estimated * (norm.ppf(0.975) / t.ppf(0.975, freedom)) ** 2
    return max(widened, min(estimated, total / largest))


@settings(deadline=None, max_examples=150)
@given(films=FILMS, threshold=st.floats(-0.1, 1.1))
def test_counts_are_those_of_brute_force_at_any_threshold(films, threshold):
    labels, scores, _ = (np.array(column) for column in zip(*films, strict=True))
    point = threshold_table(labels, scores).at(threshold)
    called = scores >= threshold

    assert point.tp == np.sum(called & (labels == 1))
    assert point.fp == np.sum(called & (labels == 0))
    assert point.tn == np.sum(~called & (labels == 0))
    assert point.fn == np.sum(~called & (labels == 1))


@settings(deadline=None, max_examples=60)
@given(films=FILMS)
def test_effective_sizes_are_those_worked_out_patient_by_patient(films):
    labels, scores, patients = (np.array(column) for column in zip(*films, strict=True))
    table = threshold_table(labels, scores, patients)

    for metric in PROPORTIONS:
        expected = [_effective_by_hand(metric, labels, scores, patients, t) for t in table.threshold]
        np.testing.assert_allclose(table.effective[metric], expected, rtol=1e-9, err_msg=metric)


@pytest.mark.parametrize("seed", range(3))
def test_effective_sizes_of_few_films_are_those_worked_out_patient_by_patient(seed):
    rng = np.random.default_rng(seed)
    patients, labels = rng.integers(0, 7, 21), rng.integers(0, 2, 21)
    scores = (0.3 * labels + 0.2 * rng.random(7)[patients] + 0.5 * rng.random(21)).round(1)
    table = threshold_table(labels, scores, patients)

    for metric in PROPORTIONS:
        expected = [_effective_by_hand(metric, labels, scores, patients, t) for t in table.threshold]
        np.testing.assert_allclose(table.effective[metric], expected, rtol=1e-9, err_msg=metric)


def test_effective_sizes_of_many_films_are_those_worked_out_patient_by_patient():
    labels, scores, patients = _made_up_films()
    table = threshold_table(labels, scores, patients)

    for metric in PROPORTIONS:
        expected = [_effective_by_hand(metric, labels, scores, patients, t) for t in table.threshold]
        np.testing.assert_allclose(table.effective[metric], expected, rtol=1e-9, err_msg=metric)


def test_with_one_film_a_patient_the_intervals_are_plain_wilson():
    labels, scores, _ = _made_up_films()
    table = threshold_table(labels, scores)

    for threshold in (0.05, 0.3, 0.5, 0.9):
        p = table.at(threshold)
        for metric, right, films in [
            ("sensitivity", p.tp, p.tp + p.fn),
            ("specificity", p.tn, p.tn + p.fp),
            ("ppv", p.tp, p.tp + p.fp),
            ("npv", p.tn, p.tn + p.fn),
            ("accuracy", p.tp + p.tn, p.n),
        ]:
            assert table.interval(metric, threshold) == pytest.approx(
                wilson_interval(right, films), abs=1e-12
            )


def test_the_interval_of_f1_is_wilsons_carried_over():
    labels, scores, _ = _made_up_films()
    table = threshold_table(labels, scores)
    p = table.at(0.5)
    low, high = wilson_interval(p.tp, p.tp + p.fp + p.fn)

    expected = (2 * low / (1 + low), 2 * high / (1 + high))
    assert table.interval("f1", 0.5) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", list(PROPORTIONS))
def test_intervals_are_about_as_wide_as_a_bootstrap_of_patients(metric):
    labels, scores, patients = _made_up_films(n=1500, seed=5)
    table = threshold_table(labels, scores, patients)
    rng = np.random.default_rng(0)
    count = patients.max() + 1
    called = scores >= 0.5
    tp, fp, pos, neg = (
        np.bincount(patients, part, count)
        for part in (called & (labels == 1), called & (labels == 0), labels == 1, labels == 0)
    )
    draws = rng.multinomial(count, np.full(count, 1 / count), 2000)
    a, b = _parts(metric, *(draws @ part for part in (tp, fp, pos, neg)))
    rates = a / b if metric != "f1" else 2 * a / (a + b)

    assert table.interval(metric, 0.5) == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.006)


def test_copies_of_a_film_in_the_same_patient_add_no_certainty():
    labels, scores, _ = _made_up_films()
    once = threshold_table(labels, scores)
    thrice = threshold_table(np.repeat(labels, 3), np.repeat(scores, 3), np.repeat(np.arange(labels.size), 3))

    # Wilson knows 3n films as n; only the small-sample factors (n - 1) differ.
    for metric in PROPORTIONS:
        assert thrice.interval(metric, 0.4) == pytest.approx(once.interval(metric, 0.4), abs=5e-4)


def test_areas_equal_scikit_learn():
    for digits in (1, 2, 9):
        labels, scores, _ = _made_up_films(digits=digits)
        table = threshold_table(labels, scores)

        assert table.auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
        assert table.average_precision == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


def test_the_average_precision_is_that_worked_by_hand():
    table = threshold_table([1, 0, 1], [0.9, 0.8, 0.7])

    assert table.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert table.auc == 0.5


def test_only_the_six_rates_have_an_interval():
    table = threshold_table([1, 0], [0.9, 0.8])

    assert (list(table.effective), len(table.effective)) == (list(PROPORTIONS), 6)
    with pytest.raises(KeyError, match="kappa"):
        table.interval("kappa", 0.5)


def test_a_tie_is_one_row_and_is_never_split():
    table = threshold_table([1, 0, 1, 0], [0.7, 0.7, 0.7, 0.2])

    assert table.threshold.tolist() == [np.inf, 0.7, 0.2]
    assert table.tp.tolist() == [0, 2, 2]
    assert table.fp.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("n", "digits"), [(30_000, 9), (30_000, 4), (200_000, 9), (200_000, 5), (200_000, 4)]
)
def test_the_steps_of_many_films_are_few_and_keep_their_exact_counts(n, digits):
    labels, scores, _ = _made_up_films(n, digits=digits)
    table = threshold_table(labels, scores)
    steps = table.steps([0.2, 0.5])
    ill, well = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])

    assert 2_000 < steps.size <= 4_096 < len(table)
    assert (np.diff(steps) > 0).all()
    assert (steps[0], steps[-1]) == (0, len(table) - 1)
    for counts, ranked in ((table.tp, ill), (table.fp, well)):
        expected = ranked.size - np.searchsorted(ranked, table.threshold[steps], side="left")
        np.testing.assert_array_equal(counts[steps], expected)


def test_steps_are_dense_where_sensitivity_or_specificity_is_near_1():
    labels, scores, _ = _made_up_films(200_000, digits=9)
    table = threshold_table(labels, scores)
    steps = table.steps()

    assert np.diff(steps[:6]).max() == np.diff(steps[-6:]).max() == 1
    assert set(range(6)) <= set(table.fp[steps])
    assert set(range(6)) <= set(table.positives - table.tp[steps])
    for share in (table.tp[steps] / table.positives, table.fp[steps] / table.negatives):
        gaps = np.diff(share)
        assert gaps[(share[1:] < 0.01) | (share[:-1] > 0.99)].max() < 3e-4
        assert gaps.max() < 2e-3


def test_thresholds_that_were_given_are_always_among_the_steps():
    labels, scores, _ = _made_up_films(30_000, digits=9)
    table = threshold_table(labels, scores)
    given = np.random.default_rng(0).random(60)
    rows = {table.row(threshold) for threshold in given}

    assert not rows <= set(table.steps())
    assert rows | set(table.steps()) == set(table.steps(given))
    assert table.steps(given).size <= 4_096


def test_the_steps_are_the_three_selections_at_even_arcsines():
    n = 26_000
    table = threshold_table(np.arange(n) % 3 == 0, np.arange(n) / (n + 1))
    shares = [math.sin(math.pi / 2 * i / 1343) ** 2 for i in range(1344)]
    by_row = {round(share * n) for share in shares}
    by_alarm = {int(np.flatnonzero(table.fp <= share * table.negatives)[-1]) for share in shares}
    by_finding = {int(np.flatnonzero(table.tp >= share * table.positives)[0]) for share in shares}

    assert set(table.steps()) == by_row | by_alarm | by_finding


def test_a_score_of_one_is_among_the_steps():
    table = threshold_table([0, 1] * 15_000, np.linspace(0, 1, 30_000))

    assert table.highest_row == 1
    assert table.steps()[1] == 1


@pytest.mark.parametrize(
    ("n", "digits"),
    [(0, 9), (500, 9), (25_000, 9), (200_000, 3)],  # few films, or few distinct scores
)
def test_few_rows_are_all_steps(n, digits):
    table = threshold_table(*_made_up_films(n, digits=digits)) if n else threshold_table([], [])

    np.testing.assert_array_equal(table.steps([0.5]), np.arange(len(table)))


def test_more_thresholds_than_there_is_room_for_are_refused():
    table = threshold_table([0, 1] * 15_000, np.linspace(0, 1, 30_000))

    with pytest.raises(ValueError, match="more than 64"):
        table.steps(np.linspace(0.1, 0.9, 70))


@pytest.mark.parametrize("digits", [1, 9])
def test_the_order_in_which_films_come_changes_nothing(digits):
    labels, scores, patients = _made_up_films(digits=digits)
    mixed = np.random.default_rng(0).permutation(labels.size)
    table, other = (
        threshold_table(labels, scores, patients),
        threshold_table(labels[mixed], scores[mixed], patients[mixed]),
    )

    for name in ("threshold", "tp", "fp"):
        np.testing.assert_array_equal(getattr(table, name), getattr(other, name))
    for metric in PROPORTIONS:
        np.testing.assert_array_equal(table.effective[metric], other.effective[metric])


def test_patients_are_not_summed_up_before_an_interval_is_asked_for():
    table = threshold_table([1, 0, 1, 0], [0.7, 0.7, 0.7, 0.2], ["a", "b", "a", "a"])
    assert (table.auc, table.n_groups, table.at(0.5).tp) == (0.75, 2, 2)
    assert "sums" not in vars(table)

    table.interval("ppv", 0.5)
    assert "sums" in vars(table)


def test_films_and_patients_are_counted():
    table = threshold_table([1, 0, 1, 0], [0.7, 0.7, 0.7, 0.2], ["a", "b", "a", "a"])

    assert (table.n, table.n_groups, table.positives, table.negatives) == (4, 2, 2, 2)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_gives_counts_and_nan(label):
    table = threshold_table([label] * 3, [0.2, 0.2, 0.8], [1, 2, 2])
    missing = "sensitivity" if label == 0 else "specificity"

    assert table.at(0.5).n == 3
    assert math.isnan(table.auc)
    assert all(math.isnan(bound) for bound in table.interval(missing, 0.5))
    assert not any(math.isnan(bound) for bound in table.interval("accuracy", 0.5))


def test_no_film_at_all_gives_one_row_and_nan():
    table = threshold_table([], [], [])

    assert table.threshold.tolist() == [np.inf]
    assert (table.n, table.n_groups) == (0, 0)
    assert math.isnan(table.auc)
    assert math.isnan(table.average_precision)
    assert all(math.isnan(bound) for name in PROPORTIONS for bound in table.interval(name, 0.5))
    assert table.cut(0) == 0.0


@pytest.mark.parametrize(
    ("labels", "scores", "groups"),
    [
        ([0, 1], [0.1, math.nan], None),
        ([0, 1], [0.1, math.inf], None),
        ([0, 2], [0.1, 0.2], None),
        ([0, math.nan], [0.1, 0.2], None),
        ([0, 1, 1], [0.1, 0.2], None),
        ([0, 1], [0.1, 0.2], ["a"]),
        ([0, 1], [0.1, 0.2], ["a", "b", "c"]),
        ([[0, 1]], [[0.1, 0.2]], None),
    ],
)
def test_what_cannot_be_evaluated_is_refused(labels, scores, groups):
    with pytest.raises(ValueError, match=r"scores|labels|groups"):
        threshold_table(labels, scores, groups)


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        threshold_table([0, 1], [0.1, 0.2]).at(math.nan)


@settings(deadline=None, max_examples=150)
@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_cut_classifies_as_its_row_does_and_lies_between_0_and_1(scores):
    table = threshold_table([1] * len(scores), scores)

    for row in range(table.highest_row, len(table)):
        assert 0 <= table.cut(row) <= 1
        assert table.row(table.cut(row)) == row


@pytest.mark.parametrize(
    ("scores", "cut"),
    [
        ((0.4, 0.6), 0.5),
        ((0.4, 0.424), 0.412),
        ((0.41231, 0.41239), 0.41235),
        ((0.0, 0.125), 0.063),  # half up, as the browser does
        ((1.0, np.nextafter(1, 0)), 1.0),
        ((0.0, 5e-324), 5e-324),
        ((0.020046800706458055, 0.02004680070645807), 0.02004680070645806),  # it takes 17 decimals
    ],
)
def test_a_cut_is_the_shortest_number_near_the_middle(scores, cut):
    table = threshold_table([0, 1], scores)

    assert table.cut(1) == cut


def test_no_threshold_up_to_1_leaves_out_a_film_that_scores_1():
    table = threshold_table([0, 1], [0.5, 1.0])

    assert table.highest_row == 1
    with pytest.raises(ValueError, match="scores 1"):
        table.cut(0)


@pytest.mark.parametrize("scores", [(-3.0, 4.0), (-0.1, 0.5), (0.5, 1.1)])
def test_scores_outside_0_to_1_have_no_cut_and_no_histogram(scores):
    table = threshold_table([0, 1], scores)
    words = f"scores lie in {scores[0]} to {scores[1]}, not in \\[0, 1\\]"

    with pytest.raises(ValueError, match=words):
        table.cut(1)
    with pytest.raises(ValueError, match=words):
        table.histogram(4)


def test_the_first_row_is_cut_at_1_and_the_last_at_0():
    table = threshold_table([0, 1], [0.25, 0.75])

    assert [table.cut(row) for row in range(3)] == [1.0, 0.5, 0.0]


def test_every_film_is_in_one_bin_of_its_class_as_numpy_counts():
    rng = np.random.default_rng(5)
    labels = np.r_[0, 1, 0, 1, rng.integers(0, 2, 500)]
    scores = np.r_[0.0, 0.0, 1.0, 1.0, rng.random(500).round(2)]
    found = threshold_table(labels, scores).histogram(7)
    for label, counts in enumerate(found):
        np.testing.assert_array_equal(counts, np.histogram(scores[labels == label], 7, (0, 1))[0])


def test_names_of_mixed_types_tell_patients_apart_as_text_does():
    table = threshold_table([0, 1, 1, 0], [0.1, 0.2, 0.3, 0.4], np.array([7, "a", None, "7"], dtype=object))

    assert table.n_groups == 3
    assert table.patients[0] == table.patients[-1]
