"""McNemar's tests, against published examples and against values of statsmodels.

Those of statsmodels 0.15.0 were taken in an environment of its own:
``mcnemar([[0, b], [c, 0]], exact=True).pvalue`` and ``mcnemar([[0, b], [c, 0]], exact=False,
correction=False)``.
"""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.support.sizes import draws, three_errors
from xraylab.evaluation.mcnemar import exact_p, mcnemar

# b, c, exact p, chi-square and its p
STATSMODELS = [
    (150, 86, 3.7159361395713866e-05, 17.35593220338983, 3.099293441045215e-05),
    (1, 9, 0.021484375, 6.4, 0.01141203638600166),
    (5, 5, 1.0, 0.0, 1.0),
    (0, 3, 0.25, 3.0, 0.08326451666355042),
    (12, 4, 0.076812744140625, 4.0, 0.04550026389635857),
    (13, 31, 0.009559878856634896, 7.363636363636363, 0.006655605482949389),
    (7, 0, 0.015625, 7.0, 0.008150971593502705),
]
# What only the first and only the second of two raters said yes to, patient by patient.
PSYCHIATRISTS = (  # 29 psychiatrists, Donner and Petryshen (1989), Psychiatry Research 28:41-46
    [0, 1, 1, 1, 0, 3, 3, 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0],
    [4, 2, 3, 2, 1, 3, 0, 2, 2, 4, 2, 4, 3, 2, 1, 3, 1, 2, 0, 0, 0, 2, 1, 2, 2, 0, 0, 1, 1],
)
GLANDS = (  # 21 patients, PET and SPECT, Obuchowski (1998)
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0],
)


def films(first_only, second_only, both=1):
    """Labels, calls of two models and patients, from each patient's counts."""
    rows = [
        (1, first, second, patient)
        for patient, counts in enumerate(zip(first_only, second_only, strict=True))
        for (first, second), n in zip([(1, 0), (0, 1), (1, 1)], (*counts, both), strict=True)
        for _ in range(n)
    ]
    return np.array(rows).T


@pytest.mark.parametrize(("b", "c", "exact", "chi_square", "p"), STATSMODELS)
def test_with_one_film_a_patient_it_is_the_chi_square_of_statsmodels_or_the_exact_test_of_few(
    b, c, exact, chi_square, p
):
    labels = np.repeat([0, 1, 1, 0], [b, c, 20, 5])
    calls, others = (np.repeat(right, [b, c, 20, 5]) for right in ([0, 0, 1, 1], [1, 1, 1, 1]))
    found = mcnemar(labels, calls, others, [f"patient {i}" for i in range(labels.size)])

    assert (found.first_only, found.second_only) == (b, c)
    assert found.chi_square == pytest.approx(chi_square, rel=1e-12)
    assert found.p == pytest.approx(exact if b + c < 50 else p, rel=1e-12)
    assert exact_p([1] * b + [-1] * c) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_of_few_patients_p_counts_every_choice_of_signs(seed):
    balance = np.random.default_rng(seed).integers(-4, 5, 11)
    signs = np.array(list(itertools.product((-1, 1), repeat=11)))
    sums = np.abs(signs @ balance)

    assert exact_p(balance) == pytest.approx((sums >= abs(balance.sum())).mean(), rel=1e-12)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_numpy_integers_do_not_overflow(kind):
    first, second = kind(120), kind(100)
    expected = binomtest(120, 220).pvalue

    assert exact_p([kind(1)] * int(first) + [kind(-1)] * int(second)) == pytest.approx(expected, rel=1e-9)
    assert exact_p([first, second, kind(7)]) == 0.25


@pytest.mark.sampled
@pytest.mark.parametrize("patients", [5, 12, 20, 40])
def test_of_few_patients_models_that_are_alike_differ_in_at_most_five_of_a_hundred_comparisons(patients):
    n, fired = draws(4000, brief=400), 0
    rng = np.random.default_rng(patients)
    for _ in range(n):
        people = np.repeat(np.arange(patients), rng.integers(1, 8, patients))
        ability = rng.normal(0.8, 1, (2, patients))
        calls = [rng.normal(each[people], 0.6) > 0 for each in ability]
        fired += mcnemar(np.ones(people.size), *calls, people).p < 0.05

    assert fired <= (0.05 + three_errors(0.05, n)) * n


@pytest.mark.parametrize(
    ("counts", "published"),
    [(PSYCHIATRISTS, 7.19), (GLANDS, 2.86)],  # as Durkalski et al. (2003), Stat Med 22:2417-2428, report
)
def test_clustered_it_is_the_statistic_published_for_obuchowskis_test_less_her_factor(counts, published):
    found, patients = mcnemar(*films(*counts)), len(counts[0])

    assert (found.first_only, found.second_only) == (sum(counts[0]), sum(counts[1]))
    assert found.chi_square * (patients - 1) / patients == pytest.approx(published, abs=0.005)


def test_films_of_one_patient_count_for_less_than_films_of_many():
    labels, calls, others, patients = films([5, 5, 5, 0], [0, 0, 1, 4])

    assert mcnemar(labels, calls, others, patients).p > mcnemar(labels, calls, others).p


def test_its_sides_are_alike():
    labels, calls, others, patients = films(*PSYCHIATRISTS)
    one, other = mcnemar(labels, calls, others, patients), mcnemar(labels, others, calls, patients)

    assert (one.first_only, one.p) == (other.second_only, other.p)


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [
        ([0, 0, 0], [0, 0, 0], 1.0),  # they agree on every film
        ([1, 2, 0], [1, 2, 0], 1.0),  # they differ on films, on balance on no patient
        ([9, 0, 0], [0, 0, 0], 1.0),  # one patient tips the scale
        ([9], [0], math.nan),  # there is no other patient
        ([0], [0], math.nan),
    ],
)
def test_where_little_can_be_said_it_says_little(first_only, second_only, p):
    found = mcnemar(*films(first_only, second_only))

    assert found.p == pytest.approx(p, nan_ok=True)
    assert math.isnan(found.chi_square) == (len(first_only) < 2 or first_only == second_only)


def test_without_films_there_is_no_p():
    assert math.isnan(mcnemar([], [], []).p)


@pytest.mark.parametrize(
    ("calls", "others", "fault"),
    [([0.7, 1], [0, 1], "calls must be"), ([0, 1], [0, 2], "calls must be"), ([0, 1], [1], "length")],
)
def test_it_refuses_what_are_no_calls(calls, others, fault):
    with pytest.raises(ValueError, match=fault):
        mcnemar([0, 1], calls, others)
