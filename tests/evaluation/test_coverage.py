"""How often intervals at 95 % hold the truth, on patients made up so that the truth is known.

A patient's films score alike: what a film scores is its class, plus what is the patient's, plus chance, all
normal. The truth is that of films of all possible patients, by the normal distribution's formula.
"""

from functools import cache
from statistics import NormalDist

import numpy as np
import pytest

from scripts import coverage as coverage_page
from tests.support.sizes import cases, draws, three_errors
from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.intervals import auc_difference, auc_interval
from xraylab.evaluation.mcnemar import mcnemar
from xraylab.evaluation.paired import rate_difference
from xraylab.evaluation.thresholds import threshold_table

pytestmark = pytest.mark.sampled

TIMES, PATIENTS = draws(2000, brief=600), 120
MIXED = cases([True, False], brief=1)  # whether a patient may have films of both classes
SHIFTS = (1.8, 1.5)  # of films with disease, by two models
OF_PATIENT, OF_FILM = 0.7, 1.0  # standard deviations
SPREAD = (OF_PATIENT**2 + OF_FILM**2) ** 0.5
THRESHOLD = 0.6
below = NormalDist().cdf

AREAS = [below(shift / (2**0.5 * SPREAD)) for shift in SHIFTS]
SENSITIVITIES = [below((shift - THRESHOLD) / SPREAD) for shift in SHIFTS]
SPECIFICITY = below(THRESHOLD / SPREAD)
FOUND, MISSED, ALARMS = SENSITIVITIES[0], 1 - SENSITIVITIES[0], 1 - SPECIFICITY  # half of the films are ill
RATES = {
    "sensitivity": FOUND,
    "specificity": SPECIFICITY,
    "ppv": FOUND / (FOUND + ALARMS),
    "npv": SPECIFICITY / (SPECIFICITY + MISSED),
    "f1": 2 * FOUND / (2 * FOUND + ALARMS + MISSED),
    "accuracy": (FOUND + SPECIFICITY) / 2,
}


@cache
def made_up(mixed):
    """Films of patients with one to five, drawn anew many times; of one class each unless mixed."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(TIMES):
        patients = np.repeat(np.arange(PATIENTS), rng.integers(1, 6, PATIENTS))
        labels = rng.integers(0, 2, patients.size) if mixed else rng.integers(0, 2, PATIENTS)[patients]
        both, *own = rng.normal(
            0, OF_PATIENT / 2**0.5, (3, PATIENTS)
        )  # half of it is the same for both models
        scores, others = (
            shift * labels + (both + habit)[patients] + rng.normal(0, OF_FILM, patients.size)
            for shift, habit in zip(SHIFTS, own, strict=True)
        )
        made.append((labels, scores, others, patients))
    return made


def coverage(truth, intervals):
    return np.mean([low <= truth <= high for low, high in intervals])


def held(share, times=TIMES):
    """Whether 95 % may be the true share; intervals by formula may be off by 2 % even in the long run."""
    return abs(share - 0.95) <= max(0.02, three_errors(0.95, times))


@pytest.mark.parametrize("mixed", MIXED)
def test_intervals_of_auc_hold_the_truth(mixed):
    found = [auc_interval(labels, scores, patients) for labels, scores, _, patients in made_up(mixed)]

    assert held(coverage(AREAS[0], found))


@pytest.mark.parametrize("mixed", MIXED)
def test_intervals_of_auc_differences_hold_the_truth(mixed):
    found = [auc_difference(*films) for films in made_up(mixed)[: draws(TIMES, brief=200)]]

    assert held(coverage(AREAS[0] - AREAS[1], [(one.low, one.high) for one in found]), len(found))


@pytest.mark.parametrize("mixed", MIXED)
def test_clustered_wilson_intervals_hold_the_truth(mixed):
    tables = [threshold_table(labels, scores, patients) for labels, scores, _, patients in made_up(mixed)]
    for rate, truth in RATES.items():
        assert held(coverage(truth, [table.interval(rate, THRESHOLD) for table in tables])), rate
    balanced = [balanced_accuracy_interval(table, THRESHOLD) for table in tables]
    assert held(coverage(RATES["accuracy"], balanced))


@pytest.mark.parametrize("mixed", MIXED)
def test_intervals_of_rate_differences_hold_the_truth(mixed):
    found = []
    for labels, scores, others, patients in made_up(mixed):
        ill = labels == 1
        found.append(rate_difference(scores[ill] >= THRESHOLD, others[ill] >= THRESHOLD, patients[ill]))

    assert held(coverage(SENSITIVITIES[0] - SENSITIVITIES[1], [(one.low, one.high) for one in found]))


@pytest.mark.parametrize("mixed", MIXED)
def test_mcnemars_p_is_below_a_twentieth_as_often_as_it_should_be_where_models_are_alike(mixed):
    p_values = []
    for labels, scores, others, patients in made_up(mixed):
        as_good = others + (SHIFTS[0] - SHIFTS[1]) * labels
        p_values.append(mcnemar(labels, scores >= THRESHOLD, as_good >= THRESHOLD, patients).p)

    assert held(1 - np.mean(np.array(p_values) < 0.05))


def test_it_would_be_noticed_if_patients_were_forgotten():
    alone = [threshold_table(labels, scores) for labels, scores, _, _ in made_up(False)]

    assert not held(coverage(SPECIFICITY, [table.interval("specificity", THRESHOLD) for table in alone]))


# The cases in which an audit of November 2026 found the intervals too short: with uneven numbers of films per
# patient, near 1, or with few patients. Coverage may exceed 97 % where few wrong calls are expected ("wide").


def covers(count, *, wide=False):
    """Whether the true coverage may be 93 to 97 %, or more for what is wide."""
    off = three_errors(0.95, count.known)
    return 0.93 - off <= count.coverage <= (1 if wide else 0.97 + off)


@pytest.mark.parametrize(
    ("rate", "patients", "icc"),
    [(0.98, 200, 0.3), (0.98, 200, 0.6), (0.95, 60, 0.6), (0.98, 245, 0.3), (0.8, 20, 0.6)],
)
def test_rates_near_1_of_clustered_films_are_covered(rate, patients, icc):
    [count] = coverage_page.rates(rate, patients, icc, draws(4000, brief=300))

    assert covers(count, wide=rate > 0.9)
    assert count.before < count.coverage


def test_the_upper_end_of_misses_below_a_band_is_too_low_in_2_or_3_of_a_hundred_runs():
    rate, patients, icc = coverage_page.BAND
    [count] = coverage_page.rates(rate, patients, icc, draws(4000, brief=400))

    assert count.below / count.known <= 0.025 + three_errors(0.025, count.known)


@pytest.mark.parametrize(
    ("area", "patients", "icc"),
    [
        *((0.998, patients, 0.3) for patients in (20, 50, 100)),
        *((0.99, patients, 0.3) for patients in (20, 40, 60)),
        (0.99, 60, 0.6),
    ],
)
def test_areas_near_1_are_covered(area, patients, icc):
    [count] = coverage_page.areas(area, patients, icc, draws(3000, brief=200))

    assert covers(count, wide=patients <= 50)


@pytest.mark.parametrize("patients", cases([20, 200, 5, 60], brief=2))
@pytest.mark.parametrize("icc", cases([0.6, 0.0], brief=1))
def test_differences_of_areas_near_1_are_covered_with_few_patients_too(patients, icc):
    [count] = coverage_page.area_differences((0.995, 0.985), patients, icc, draws(1500, brief=75))

    assert covers(count, wide=patients <= 60)


@pytest.mark.parametrize("patients", cases([30, 10], brief=1))
def test_brier_score_and_agreement_of_few_patients_are_covered(patients):
    counts = coverage_page.everything((0.9, 0.85), patients, 0.3, draws(1000, brief=50))
    of = {count.interval.split(",")[0]: count for count in counts}

    for name in ("Brier score", "kappa", "Matthews correlation", "average precision"):
        assert covers(of[name], wide=True), name
    for name in ("difference of kappas", "shift: difference of AUCs", "shift: difference of sensitivities"):
        assert covers(of[name], wide=True), name


def test_the_page_tells_before_and_now_and_marks_what_is_short_or_wide():
    def a_count(icc, held, **others):
        return coverage_page.Count("AUC", 0.99, 60, icc, runs=100, known=100, held=held, **others)

    band = coverage_page.Count("sensitivity or specificity", 0.98, 245, 0.3, runs=100, known=100, below=3)
    cells = [a_count(0.0, 95, before_known=100, before_held=90), a_count(0.3, 88), a_count(0.6, 99)]
    text = coverage_page.page([band, *cells])

    assert "| AUC | 0.99 | 60 | 90.0 → 95.0 | **88.0** | 99.0 w |" in text
    assert "The present one is in 3.0." in text
    assert "a coverage of 95 has a standard error of 2.2" in text
