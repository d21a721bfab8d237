"""Patients counted once: by hand, by brute force, and at the ends."""

import math

import numpy as np
import pytest

from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.patients import count_patients


def test_a_patient_is_found_by_any_film_with_pneumonia_and_by_no_other():
    # a: one of two found; b: missed; c: only the normal film is called positive; d and e: without pneumonia
    groups = ["a", "a", "b", "c", "c", "d", "d", "e"]
    labels = [1, 1, 1, 1, 0, 0, 0, 0]
    scores = [0.9, 0.1, 0.2, 0.3, 0.8, 0.1, 0.7, 0.2]
    counts = count_patients(labels, scores, groups, 0.5)
    assert (counts.ill, counts.well, counts.both, counts.found, counts.negative) == (3, 2, 1, 1, 1)
    assert (counts.sensitivity, counts.specificity) == (1 / 3, 1 / 2)
    assert counts.sensitivity_ci == wilson_interval(1, 3)
    assert counts.specificity_ci == wilson_interval(1, 2)


@pytest.mark.parametrize("seed", range(5))
def test_counts_agree_with_a_loop_over_patients(seed):
    rng = np.random.default_rng(seed)
    groups, labels, scores = rng.integers(0, 30, 100), rng.integers(0, 2, 100), rng.random(100).round(1)
    counts = count_patients(labels, scores, groups, 0.7)
    found = ill = negative = well = both = 0
    for patient in set(groups):
        own = [(y, s) for y, s, g in zip(labels, scores, groups, strict=True) if g == patient]
        if any(y for y, _ in own):
            ill += 1
            both += any(not y for y, _ in own)
            found += any(y and s >= 0.7 for y, s in own)
        else:
            well += 1
            negative += all(s < 0.7 for _, s in own)
    assert (counts.ill, counts.well, counts.both) == (ill, well, both)
    assert (counts.found, counts.negative) == (found, negative)


def test_a_rate_of_no_patients_is_nan():
    counts = count_patients([], [], [], 0.5)
    assert (counts.ill, counts.well) == (0, 0)
    assert math.isnan(counts.sensitivity)
    assert math.isnan(counts.specificity)
    assert all(map(math.isnan, counts.sensitivity_ci))
