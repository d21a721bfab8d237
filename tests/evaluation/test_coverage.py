"""How often intervals at 95 % hold the truth, on patients made up so that the truth is known.

A patient's films score alike: what a film scores is its class, plus what is the patient's, plus chance, all
normal. The truth is that of films of all possible patients, by the normal distribution's formula.
"""

from functools import cache
from statistics import NormalDist

import numpy as np
import pytest

from tests.support.simulations import draws, three_errors
from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.intervals import auc_difference, auc_interval
from xraylab.evaluation.mcnemar import mcnemar
from xraylab.evaluation.paired import rate_difference
from xraylab.evaluation.thresholds import threshold_table

pytestmark = pytest.mark.simulation

TIMES, PATIENTS = draws(2000, brief=600), 120
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


def held(share):
    """Whether 95 % may be the true share; intervals by formula may be off by 2 % even in the long run."""
    return abs(share - 0.95) <= max(0.02, three_errors(0.95, TIMES))


@pytest.mark.parametrize("mixed", [False, True])
def test_intervals_of_auc_hold_the_truth(mixed):
    found = [auc_interval(labels, scores, patients) for labels, scores, _, patients in made_up(mixed)]

    assert held(coverage(AREAS[0], found))


@pytest.mark.parametrize("mixed", [False, True])
def test_intervals_of_auc_differences_hold_the_truth(mixed):
    found = [auc_difference(*films) for films in made_up(mixed)]

    assert held(coverage(AREAS[0] - AREAS[1], [(one.low, one.high) for one in found]))


@pytest.mark.parametrize("mixed", [False, True])
def test_clustered_wilson_intervals_hold_the_truth(mixed):
    tables = [threshold_table(labels, scores, patients) for labels, scores, _, patients in made_up(mixed)]
    for rate, truth in RATES.items():
        assert held(coverage(truth, [table.interval(rate, THRESHOLD) for table in tables])), rate
    balanced = [balanced_accuracy_interval(table, THRESHOLD) for table in tables]
    assert held(coverage(RATES["accuracy"], balanced))


@pytest.mark.parametrize("mixed", [False, True])
def test_intervals_of_rate_differences_hold_the_truth(mixed):
    found = []
    for labels, scores, others, patients in made_up(mixed):
        ill = labels == 1
        found.append(rate_difference(scores[ill] >= THRESHOLD, others[ill] >= THRESHOLD, patients[ill]))

    assert held(coverage(SENSITIVITIES[0] - SENSITIVITIES[1], [(one.low, one.high) for one in found]))


@pytest.mark.parametrize("mixed", [False, True])
def test_mcnemars_p_is_below_a_twentieth_as_often_as_it_should_be_where_models_are_alike(mixed):
    p_values = []
    for labels, scores, others, patients in made_up(mixed):
        as_good = others + (SHIFTS[0] - SHIFTS[1]) * labels
        p_values.append(mcnemar(labels, scores >= THRESHOLD, as_good >= THRESHOLD, patients).p)

    assert held(1 - np.mean(np.array(p_values) < 0.05))


def test_it_would_be_noticed_if_patients_were_forgotten():
    alone = [threshold_table(labels, scores) for labels, scores, _, _ in made_up(False)]

    assert not held(coverage(SPECIFICITY, [table.interval("specificity", THRESHOLD) for table in alone]))
