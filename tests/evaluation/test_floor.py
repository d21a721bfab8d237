"""Sensitivity floors: SciPy's exact binomial test, a simulation, and what can't be had."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest, norm

from tests.support.sizes import draws, three_errors
from xraylab.errors import RecipeError
from xraylab.evaluation.floor import (
    floor_threshold,
    one_film_a_patient,
    patients_needed,
    why_no_floor,
)
from xraylab.evaluation.thresholds import threshold_table


def names(n):
    return [f"film-{i}" for i in range(n)]


def passes(found, n, level):
    return binomtest(found, n, level, alternative="greater").pvalue <= 0.05


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.975])
@pytest.mark.parametrize("n", [*range(119, 139), 150, 203, 245, 300, 311, 411])
def test_the_floor_is_the_highest_threshold_that_passes_the_exact_binomial_test(level, n):
    scores = np.random.default_rng(n).permutation(n) / n
    threshold = floor_threshold([1] * n, scores, names(n), names(n), level)
    missed = int((scores < threshold).sum())

    assert passes(n - missed, n, level)
    assert not passes(n - missed - 1, n, level)


@pytest.mark.sampled
def test_the_true_sensitivity_is_below_the_floor_in_five_of_a_hundred_sets_at_most():
    level, n, sets = 0.9, 100, draws(500, brief=100)
    below, all_films_below = 0, 0
    for seed in range(sets):
        rng = np.random.default_rng(seed)
        patients = np.repeat(np.arange(n), rng.integers(1, 8, n))
        logits = 1 + rng.normal(0, 1, n)[patients] + rng.normal(0, 0.3, patients.size)
        own = [f"film-{i}" for i in range(patients.size)]
        labels = np.ones(patients.size, int)

        def true_sensitivity(threshold):
            return norm.sf(math.log(threshold / (1 - threshold)), 1, math.hypot(1, 0.3))

        below += true_sensitivity(floor_threshold(labels, expit(logits), patients, own, level)) < level
        all_films_below += true_sensitivity(floor_threshold(labels, expit(logits), own, own, level)) < level

    assert 0.01 * sets < below < (0.05 + three_errors(0.05, sets)) * sets
    assert all_films_below > 0.1 * sets  # so it matters that patients are counted, not films


def test_normal_films_and_patients_without_pneumonia_do_not_count():
    rng = np.random.default_rng(0)
    scores = rng.random(200)
    alone = floor_threshold([1] * 200, scores, names(200), names(200), 0.9)
    labels = [1] * 200 + [0] * 300
    everybody = floor_threshold(labels, np.append(scores, rng.random(300)), names(500), names(500), 0.9)
    row = threshold_table([1] * 200, scores).at

    assert row(everybody).tp == row(alone).tp


def test_a_patients_film_is_chosen_by_its_name_whatever_it_scores_and_wherever_it_stands():
    rng = np.random.default_rng(0)
    patients, labels = rng.integers(0, 60, 200), rng.integers(0, 2, 200)
    rows = one_film_a_patient(labels, patients, names(200))
    with_pneumonia = np.unique(patients[labels == 1])
    assert (labels[rows] == 1).all()
    assert sorted(patients[rows]) == with_pneumonia.tolist()

    order = rng.permutation(200)
    moved = one_film_a_patient(labels[order], patients[order], [names(200)[i] for i in order])
    assert set(order[moved]) == set(rows)

    firsts = {np.flatnonzero((patients == patient) & (labels == 1))[0] for patient in with_pneumonia}
    assert set(rows) != firsts


@pytest.mark.parametrize(
    ("level", "needed"),
    [(0.5, 5), (0.9, 29), (0.95, 59), (0.975, 119), (0.99, 299), (0.999, 2995), (0.01, 1)],
)
def test_so_many_patients_are_needed_that_finding_all_of_them_passes(level, needed):
    assert patients_needed(level) == needed
    assert passes(needed, needed, level)
    assert needed == 1 or not passes(needed - 1, needed - 1, level)
    assert why_no_floor([1] * needed, names(needed), level) is None
    scores = np.linspace(0.2, 0.9, needed)
    assert floor_threshold([1] * needed, scores, names(needed), names(needed), level) == 0


def test_what_cannot_be_had_is_a_sentence_with_both_numbers():
    with pytest.raises(RecipeError) as caught:
        floor_threshold([1] * 183 + [0] * 200, [0.5] * 383, names(383), names(383), 0.99)
    assert str(caught.value) == (
        "A sensitivity of 99 % on one film per patient can't be shown with 95 % confidence: that needs 299 "
        "patients with pneumonia, and there are 183. Ask for a lower sensitivity or validate on more "
        "patients."
    )
    assert "there is 1." in why_no_floor([1, 1, 0], ["a", "a", "b"], 0.95)
    assert "there are 0." in why_no_floor([], [], 0.95)


def test_why_there_is_no_floor_is_told_without_loading_what_is_slow():
    script = (
        "import sys; from xraylab.evaluation.floor import why_no_floor;"
        "assert why_no_floor([1], ['a'], 0.95); assert not why_no_floor([1] * 59, list(range(59)), 0.95);"
        "assert not {'mapie', 'scipy', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(("scores", "threshold"), [([0.5] * 100, 0), ([1.0] * 100, 0), ([0.0] * 100, 0)])
def test_films_of_equal_scores_are_never_split(scores, threshold):
    assert floor_threshold([1] * 100, scores, names(100), names(100), 0.95) == threshold


def test_films_that_score_1_are_found_by_a_threshold_up_to_1():
    scores = [0.0] * 2 + [1.0] * 98
    threshold = floor_threshold([1] * 100, scores, names(100), names(100), 0.9)
    assert 0 < threshold <= 1


@pytest.mark.parametrize("level", [-0.5, 0, 1, 95, math.nan])
def test_a_level_that_is_no_share_is_the_callers_bug(level):
    with pytest.raises(ValueError, match="no sensitivity"):
        floor_threshold([1], [0.5], ["a"], ["a"], level)


def test_every_film_needs_its_name():
    with pytest.raises(ValueError, match="names"):
        floor_threshold([1] * 100, [0.5] * 100, names(100), names(99), 0.9)
