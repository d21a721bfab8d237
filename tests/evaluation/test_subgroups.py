"""Subgroups: counts and intervals of each group, differences that are stated, and how often one is wrong."""

import math
import timeit

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from sklearn.metrics import roc_auc_score

from tests.support.sizes import draws, three_errors
from xraylab.evaluation.comparison import holm
from xraylab.evaluation.few import FEWEST_PATIENTS
from xraylab.evaluation.intervals import auc_difference_apart, auc_interval
from xraylab.evaluation.subgroup_columns import AGE_BANDS, MOST_GROUPS, age_bands, named_groups
from xraylab.evaluation.subgroups import METRICS, differences, sentences, subgroups
from xraylab.evaluation.thresholds import threshold_table
from xraylab.findings import state_finding

RATES = ("sensitivity", "specificity")


def films(seed=0, patients=400, *, several=(1, 2, 3), gap=4.0, own=1.0):
    """Labels, scores and patients; a patient has films of one class, which score alike."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(patients), rng.choice(several, patients))
    labels = people % 2
    logits = gap * labels - gap / 2 + own * rng.normal(0, 1, patients)[people] + rng.normal(0, 1, people.size)
    return labels, 1 / (1 + np.exp(-logits)), people


def of_patients(people, *names, seed=1, shares=None):
    """A value of each film that is the same for all films of a patient."""
    return np.random.default_rng(seed).choice(names, int(people.max()) + 1, p=shares)[people]


def counts(wrong, n, *, seed=0):
    """Films of one patient each, called at 0.5: so many wrong of so many, by group and class."""
    labels, scores, names = [], [], []
    for (name, label), missed in wrong.items():
        total = n[name, label]
        labels += [label] * total
        called = np.arange(total) < (total - missed if label else missed)
        scores += np.where(called, 0.8, 0.2).tolist()
        names += [name] * total
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.array(labels)[order], np.array(scores)[order], None, {"sex": np.array(names)[order]}


@pytest.mark.parametrize("threshold", [0.0, 0.03, 0.5, 0.97, 1.0, math.inf])
def test_each_group_has_the_figures_of_its_films_alone(threshold):
    labels, scores, people = films()
    sites = of_patients(people, "A", "B", "C")
    for result in subgroups(labels, scores, people, {"site": sites}, fewest=10).at(threshold):
        rows = sites == result.name
        table = threshold_table(labels[rows], scores[rows], people[rows])
        assert result.point == table.at(threshold)
        assert result.patients == np.unique(people[rows]).size
        for name in RATES:
            figure = getattr(result, name)
            assert figure.value == pytest.approx(getattr(result.point, name), abs=1e-12)
            assert (figure.low, figure.high) == pytest.approx(table.interval(name, threshold), abs=1e-12)
        assert result.auc.value == pytest.approx(roc_auc_score(labels[rows], scores[rows]), abs=1e-12)
        assert (result.auc.low, result.auc.high) == auc_interval(labels[rows], scores[rows], people[rows])


@given(
    made=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from([0.0, 0.25, 0.5, 1.0]),
            st.sampled_from("AB"),
            st.integers(0, 3),
        ),
        max_size=25,
    ),
    threshold=st.sampled_from([0.0, 0.25, 0.3, 0.5, 1.0]),
)
def test_the_counts_of_the_groups_are_counted_by_hand_and_sum_to_those_of_all(made, threshold):
    labels, scores, names, people = (
        (np.array(column) for column in zip(*made, strict=True)) if made else [[]] * 4
    )
    results = subgroups(labels, scores, people, {"site": names}, fewest=1).at(threshold)
    assert [result.name for result in results] == sorted({*map(str, names)})
    for result in results:
        mine = [(label, score >= threshold) for label, score, name, _ in made if name == result.name]
        point = result.point
        assert (point.tp, point.fp) == (mine.count((1, True)), mine.count((0, True)))
        assert (point.tn, point.fn) == (mine.count((0, False)), mine.count((1, False)))
    assert sum(result.point.n for result in results) == len(made)


def test_others_are_all_other_groups_of_the_column():
    labels, scores, people = films()
    sites = of_patients(people, "A", "B", "C")
    [first, *_] = subgroups(labels, scores, people, {"site": sites}, fewest=10).at(0.5)
    rest = sites != "A"
    table = threshold_table(labels[rest], scores[rest])
    assert first.sensitivity.others == table.at(0.5).sensitivity
    assert first.specificity.others == table.at(0.5).specificity
    assert first.auc.others == pytest.approx(table.auc, abs=1e-12)


def test_p_of_films_of_different_patients_is_fishers_adjusted_by_holm_with_that_of_the_areas():
    wrong = {("F", 1): 14, ("F", 0): 6, ("M", 1): 3, ("M", 0): 5}
    n = {("F", 1): 60, ("F", 0): 50, ("M", 1): 70, ("M", 0): 45}
    divided = subgroups(*counts(wrong, n), fewest=10)
    ps = [
        fisher_exact([[14, 46], [3, 67]]).pvalue,
        fisher_exact([[6, 44], [5, 40]]).pvalue,
        divided.groups[0].area_p,
    ]
    expected = holm(ps)
    for result in divided.at(0.5):
        found = [getattr(result, metric).adjusted_p for metric in METRICS]
        assert found == pytest.approx(expected.tolist(), rel=1e-9)


@pytest.mark.parametrize(("names", "tests"), [(("F",), 0), (("F", "M"), 3), (("A", "B", "C"), 9)])
def test_two_groups_are_one_comparison_and_more_are_one_each(names, tests):
    labels, scores, people = films()
    assert (
        len(subgroups(labels, scores, people, {"x": of_patients(people, *names)}, fewest=10).tests) == tests
    )


def test_p_is_adjusted_over_all_columns():
    labels, scores, people = films(patients=600)
    # The films of women with the finding score low.
    sex = of_patients(people, "F", "M")
    scores = np.where((sex == "F") & (labels == 1), scores**3, scores)
    columns = {"sex": sex, "site": of_patients(people, "A", "B", "C", "D", seed=2)}
    alone, both = (
        subgroups(labels, scores, people, chosen, fewest=10).at(0.5)[0].sensitivity.adjusted_p
        for chosen in ({"sex": sex}, columns)
    )
    assert alone < 0.01
    assert both == pytest.approx(5 * alone)  # the smallest of 15 p values instead of 3


def test_films_of_one_patient_that_are_called_alike_don_t_make_a_difference_more_certain():
    labels, scores, _, columns = counts(
        {("F", 1): 12, ("F", 0): 5, ("M", 1): 5, ("M", 0): 5},
        {(sex, label): 60 for sex in "FM" for label in (0, 1)},
    )
    people = np.arange(labels.size)
    five = [np.repeat(each, 5) for each in (labels, scores, people, columns["sex"])]
    once = subgroups(labels, scores, people, columns, fewest=10).at(0.5)[0].sensitivity
    often = subgroups(*five[:3], {"sex": five[3]}, fewest=10).at(0.5)[0].sensitivity
    as_patients = subgroups(*five[:2], None, {"sex": five[3]}, fewest=10).at(0.5)[0].sensitivity
    assert often.value == once.value
    assert often.adjusted_p >= once.adjusted_p > 0.1
    assert as_patients.adjusted_p < 0.001


def test_a_group_with_too_few_patients_is_a_dash_and_no_other_group_is_held_against_it():
    wrong = {("A", 1): 5, ("A", 0): 5, ("B", 1): 9, ("B", 0): 9, ("C", 1): 99, ("C", 0): 1}
    n = {(name, label): FEWEST_PATIENTS for name in "ABC" for label in (0, 1)} | {
        ("C", 1): FEWEST_PATIENTS - 1
    }
    divided = subgroups(*counts(wrong, n))
    first, second, third = divided.at(0.5)
    assert math.isnan(third.sensitivity.value)
    assert math.isnan(third.sensitivity.low)
    assert math.isnan(third.auc.value)
    assert math.isnan(third.sensitivity.adjusted_p)
    assert third.point.fn == 99  # the counts are there
    assert third.specificity.value == 0.99
    assert first.sensitivity.others == second.sensitivity.value == 0.91
    assert first.specificity.others == pytest.approx((91 + 99) / 200)
    assert len(divided.tests) == 1 + 3 + 1  # sensitivity, specificity, AUC


def test_patients_decide_whether_there_are_enough_and_not_films():
    labels, scores, _, columns = counts({("A", 0): 0, ("A", 1): 0}, {("A", 0): 200, ("A", 1): 200})
    few = subgroups(labels, scores, np.arange(400) % 50, columns).at(0.5)[0]
    assert math.isnan(few.sensitivity.value)
    assert few.patients == 50


def test_a_kind_of_the_finding_has_a_sensitivity_and_no_specificity():
    labels, scores, people = films()
    kinds = np.where(labels == 1, of_patients(people, "bacterial", "viral"), "")
    divided = subgroups(labels, scores, people, {"kind": kinds}, fewest=10)
    results = divided.at(0.5)
    assert [result.name for result in results] == ["bacterial", "viral"]
    assert divided.not_stated == {"kind": int((labels == 0).sum())}
    assert all(result.sensitivity.value > 0.5 and math.isnan(result.specificity.value) for result in results)
    assert len(divided.tests) == 1


@pytest.mark.parametrize("missing", [None, "", "  ", math.nan, pd.NA, pd.NaT, np.nan])
def test_what_isn_t_stated_is_counted_and_belongs_to_no_group(missing):
    divided = subgroups([0, 1, 1], [0.1, 0.7, 0.9], None, {"view": ["PA", missing, "AP"]}, fewest=1)
    assert divided.not_stated == {"view": 1}
    assert [group.name for group in divided.groups] == ["AP", "PA"]


@pytest.mark.parametrize(
    ("years", "band"),
    [
        (0, "under 1 year"),
        (0.99, "under 1 year"),
        (1, "1 to 4 years"),
        (4.9, "1 to 4 years"),
        (5, "5 to 11 years"),
        (12, "12 to 17 years"),
        (18, "18 to 39 years"),
        (40, "40 to 64 years"),
        (65, "65 to 79 years"),
        (80, "80 years and over"),
        (120, "80 years and over"),
        (121, None),
        (-1, None),
        (math.nan, None),
        (None, None),
    ],
)
def test_an_age_belongs_to_one_band(years, band):
    assert age_bands([years]).tolist() == [band]


def test_bands_of_age_stand_in_the_order_of_age():
    bands = age_bands(np.repeat([70, 0.5, 8, 3, 15, 30, 50, 90], 3))
    labels, scores = np.arange(24) % 2, np.linspace(0, 1, 24)
    assert [group.name for group in subgroups(labels, scores, None, {"age": bands}).groups] == [*AGE_BANDS]


def test_long_names_are_cut_in_sentences_and_whole_in_results():
    name = "a report that goes on " * 20
    wrong = {(name, 1): 30, (name, 0): 1, ("B", 1): 2, ("B", 0): 1}
    n = {(group, label): 60 for group in (name, "B") for label in (0, 1)}
    divided = subgroups(*counts(wrong, n), fewest=10)
    assert name.strip() in [group.name for group in divided.groups]
    said = sentences(divided, 0.5)
    assert max(map(len, said)) < 300
    assert said[0].startswith("Sex a report that goes on")
    assert "…: sensitivity is lower than in B" in said[0]


@pytest.mark.parametrize("values", [8, 9, 10, 40])
def test_of_many_values_the_rare_ones_are_joined_and_no_film_is_lost(values):
    films_of = {f"site {n:02d}": 100 - n for n in range(values)}
    column = [name for name, n in films_of.items() for _ in range(n)]
    names, groups = named_groups(column)
    if values <= MOST_GROUPS + 1:
        assert groups == list(films_of)
        assert names.tolist() == column
        return
    joined = f"{values - MOST_GROUPS} other values"
    assert groups == [*list(films_of)[:MOST_GROUPS], joined]
    assert (names == joined).sum() == sum(list(films_of.values())[MOST_GROUPS:])
    assert names.size == len(column)


def test_a_value_that_is_named_like_the_joined_ones_stays_apart():
    column = [f"{n}" for n in range(9)] * 3 + ["2 other values"] * 9
    names, groups = named_groups(column)
    assert len(set(groups)) == len(groups) == MOST_GROUPS + 1
    assert (names == "2 other values").sum() == 9
    assert (names == groups[-1]).sum() == 6


def test_joined_values_are_a_group_that_stands_last_and_is_compared():
    labels, scores, people = films(patients=900)
    sites = of_patients(people, *(f"z{n}" for n in range(12)))
    divided = subgroups(labels, scores, people, {"site": sites}, fewest=5)
    assert [group.name for group in divided.groups][-1] == "4 other values"
    assert sum(group.table.n for group in divided.groups) == labels.size
    assert len(divided.tests) == 3 * 9


def test_p_is_adjusted_for_tests_of_another_model_that_are_shown_beside():
    labels, scores, people = films(patients=600)
    sex = of_patients(people, "F", "M")
    scores = np.where((sex == "F") & (labels == 1), scores**3, scores)
    divided = subgroups(labels, scores, people, {"sex": sex}, fewest=10)
    beside = [0.9, 1.0, 0.7]
    alone, both = divided.at(0.5)[0].sensitivity, divided.at(0.5, beside=beside)[0].sensitivity
    assert both.adjusted_p == pytest.approx(2 * alone.adjusted_p)  # the smallest of six instead of three
    assert "adjusted for 6 comparisons" in differences(divided, 0.5, beside=beside)[0]
    assert divided.p_values(0.5)[0] * 3 == pytest.approx(alone.adjusted_p)


def test_a_difference_is_said_once_with_its_numbers():
    wrong = {("F", 1): 30, ("F", 0): 4, ("M", 1): 6, ("M", 0): 4}
    n = {("F", 1): 150, ("F", 0): 120, ("M", 1): 160, ("M", 0): 110}
    divided = subgroups(*counts(wrong, n))
    said = sentences(divided, 0.5)
    p = 3 * fisher_exact([[30, 120], [6, 154]]).pvalue
    assert p < 0.001
    assert said[0] == (
        "Sex F: sensitivity is lower than in M, 80.0\u202f% (72.9–85.6) on 150 films with pneumonia against "
        "96.2\u202f%; p is <0.001, adjusted for 3 comparisons."
    )
    assert not any("specificity" in sentence for sentence in said)


def test_a_difference_from_several_groups_may_be_upwards_and_speaks_of_the_finding():
    names = "ABCD"
    wrong = {(name, label): 20 for name in names for label in (0, 1)} | {("B", 0): 0}
    n = {(name, label): 120 for name in names for label in (0, 1)}
    labels, scores, people, columns = counts(wrong, n)
    finding = state_finding("tuberculosis", ["TB"], ["clear"])
    said = sentences(subgroups(labels, scores, people, {"site": columns["sex"]}, finding=finding), 0.5)
    assert said[0].startswith(
        "Site B: specificity is higher than in the other groups, 100.0\u202f% (96.9–100.0) on 120 films "
        "without tuberculosis against 83.3\u202f%; p is <0.001, adjusted for 12 comparisons."
    )


def test_where_nothing_differs_that_is_said_and_dashes_are_named():
    wrong = {("F", 1): 4, ("F", 0): 4, ("M", 1): 6, ("M", 0): 4, ("O", 1): 0, ("O", 0): 0}
    n = {("F", 1): 150, ("F", 0): 120, ("M", 1): 160, ("M", 0): 110, ("O", 1): 5, ("O", 0): 7}
    assert sentences(subgroups(*counts(wrong, n)), 0.5) == [
        "No difference between the groups was shown by 3 comparisons; a small one may need more patients.",
        "Figures that would rest on fewer than 100 patients with pneumonia or without pneumonia are left "
        "out: sex O.",
    ]


def test_without_enough_patients_nothing_is_compared_and_nothing_is_said_about_differences():
    [said] = sentences(subgroups([0, 1], [0.2, 0.8], None, {"sex": ["F", "M"]}), 0.5)
    assert said.endswith("are left out: sex F, sex M.")


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="1 values of sex for 2 films"):
        subgroups([0, 1], [0.2, 0.8], None, {"sex": ["F"]})
    with pytest.raises(ValueError, match="a threshold cannot be NaN"):
        subgroups([0, 1], [0.2, 0.8], None, {"sex": ["F", "M"]}).at(math.nan)


def test_a_handle_moves_sixty_times_a_second_over_many_films_without_counting_again(monkeypatch):
    rng = np.random.default_rng(0)
    labels, scores, people = films(patients=12_500)
    sites = of_patients(people, *"ABCDEF")
    divided = subgroups(labels, scores.round(3), people, {"site": sites})
    for counted in ("threshold_table", "auc_estimate", "auc_difference_apart"):
        monkeypatch.setattr(
            f"xraylab.evaluation.subgroups.{counted}", lambda *_: pytest.fail("counted again")
        )
    moves = iter(rng.random(100_000))
    seconds = min(timeit.repeat(lambda: divided.at(next(moves)), number=10, repeat=5)) / 10

    assert labels.size >= 24_000
    assert len(divided.tests) == 18
    assert seconds < 1 / 60


def test_the_difference_of_two_areas_adds_their_distances_to_their_bounds():
    first, second = films(0, 200, gap=2), films(1, 300, gap=3)
    found = auc_difference_apart(first, second)
    (one, (low, high)), (other, (other_low, other_high)) = (
        (roc_auc_score(each[0], each[1]), auc_interval(*each)) for each in (first, second)
    )
    assert found.value == pytest.approx(one - other)
    assert found.low == pytest.approx(one - other - math.hypot(one - low, other_high - other))
    assert found.high == pytest.approx(one - other + math.hypot(high - one, other - other_low))


@pytest.mark.parametrize("seed", range(3))
def test_p_of_two_areas_is_where_their_interval_reaches_zero(seed):
    first, second = films(seed, 120, gap=2), films(seed + 10, 90, gap=3)
    p = auc_difference_apart(first, second).p
    bounds = auc_difference_apart(first, second, level=1 - p)
    assert min(abs(bounds.low), abs(bounds.high)) == pytest.approx(0, abs=1e-6)
    assert auc_difference_apart(second, first).p == pytest.approx(p)


def test_areas_of_one_class_or_one_patient_of_a_class_have_no_p():
    labels, scores, people = films(0, 100)
    for rows in (labels == 1, (labels == 0) | (people == 1)):
        few = labels[rows], scores[rows], people[rows]
        assert math.isnan(auc_difference_apart(few, (labels, scores, people)).p)
        assert math.isnan(auc_difference_apart((labels, scores, people), few).p)


@pytest.mark.slow
@pytest.mark.sampled
@pytest.mark.parametrize(
    ("patients", "threshold", "own"), [(300, 0.5, 1.0), (200, 0.5, 2.5), (300, 0.02, 0.0)]
)
def test_groups_that_don_t_differ_are_called_different_in_at_most_five_of_a_hundred(patients, threshold, own):
    """Three columns, one of which a patient may have several values of; 18 comparisons."""
    n, fired = draws(300, brief=15), 0
    for seed in range(n):
        labels, scores, people = films(seed, patients, several=(1, 1, 2, 5), own=own)
        columns = {
            "age": of_patients(people, *"ABCD", seed=seed + 1, shares=(0.4, 0.3, 0.2, 0.1)),
            "sex": of_patients(people, "F", "M", seed=seed + 2),
            "view": np.random.default_rng(seed + 3).choice(["PA", "AP"], people.size),
        }
        results = subgroups(labels, scores, people, columns, fewest=5).at(threshold)
        fired += any(getattr(result, metric).differs for result in results for metric in METRICS)

    assert fired <= (0.05 + three_errors(0.05, n)) * n
