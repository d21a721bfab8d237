"""The interval of balanced accuracy, against its formula written out and against patients drawn anew."""

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.thresholds import threshold_table

THRESHOLD = 0.5


def films(seed, patients=150, mixed=True):
    """Labels, scores and patients; a patient's films score alike, and mixed ones have both classes."""
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, patients, 600)
    labels = rng.integers(0, 2, 600) if mixed else patient % 2
    habit = rng.normal(0, 0.8, patients)[patient]  # a patient whose films all score high: right and wrong
    scores = 1 / (1 + np.exp(-(habit + 2.2 * labels - 1.1 + rng.normal(0, 0.6, 600))))
    return labels, scores, patient


def interval(labels, scores, patients):
    return balanced_accuracy_interval(threshold_table(labels, scores, patients), THRESHOLD)


def test_where_no_patient_has_both_classes_it_is_the_two_intervals_added_as_errors_are():
    labels, scores, patients = films(0, mixed=False)
    table = threshold_table(labels, scores, patients)
    point = table.at(THRESHOLD)
    sensitivity, specificity = (table.interval(name, THRESHOLD) for name in ("sensitivity", "specificity"))
    middle = balanced_accuracy_score(labels, scores >= THRESHOLD)
    low = middle - math.hypot(point.sensitivity - sensitivity[0], point.specificity - specificity[0]) / 2
    high = middle + math.hypot(sensitivity[1] - point.sensitivity, specificity[1] - point.specificity) / 2
    assert interval(labels, scores, patients) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_where_patients_have_both_classes_their_residuals_vary_together(level):
    labels, scores, patients = films(0, patients=20)
    table = threshold_table(labels, scores, patients)
    right = (scores >= THRESHOLD) == (labels == 1)
    rates = [right[labels == label].mean() for label in (1, 0)]
    residuals = np.zeros((20, 2))
    for patient, label, called_right in zip(patients, labels, right, strict=True):
        residuals[patient, 1 - label] += called_right - rates[1 - label]
    (ill, both), (_, well) = residuals.T @ residuals
    r = both / math.sqrt(ill * well)
    ends = [table.interval(name, THRESHOLD, level=level) for name in ("sensitivity", "specificity")]
    (a, b), (c, d) = (
        [abs(rate - end[side]) for rate, end in zip(rates, ends, strict=True)] for side in (0, 1)
    )
    middle = sum(rates) / 2
    assert abs(r) > 0.1
    assert balanced_accuracy_interval(table, THRESHOLD, level=level) == pytest.approx(
        (
            middle - math.sqrt(a**2 + b**2 + 2 * r * a * b) / 2,
            middle + math.sqrt(c**2 + d**2 + 2 * r * c * d) / 2,
        )
    )


@pytest.mark.parametrize("seed", range(3))
def test_it_is_as_wide_as_balanced_accuracy_varies_when_patients_are_drawn_anew(seed):
    labels, scores, patients = films(seed)
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    drawn = []
    for _ in range(2000):
        chosen = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        called, truth = scores[chosen] >= THRESHOLD, labels[chosen] == 1
        drawn.append((called[truth].mean() + (~called[~truth]).mean()) / 2)
    low, high = interval(labels, scores, patients)
    assert (high - low) / (2 * 1.96 * np.std(drawn)) == pytest.approx(1, abs=0.08)


def test_patients_whose_films_all_score_high_make_it_narrower_than_if_they_were_strangers():
    labels, scores, patients = films(1)
    table = threshold_table(labels, scores, patients)
    point = table.at(THRESHOLD)
    strangers = math.hypot(
        point.sensitivity - table.interval("sensitivity", THRESHOLD)[0],
        point.specificity - table.interval("specificity", THRESHOLD)[0],
    )
    low, _ = interval(labels, scores, patients)
    assert point.balanced_accuracy - low < 0.95 * strangers / 2


def test_without_a_mistake_it_still_has_a_lower_end():
    low, high = interval([0] * 20 + [1] * 20, [0.1] * 20 + [0.9] * 20, None)
    assert high == 1
    assert 0.5 < low < 1


@pytest.mark.parametrize("labels", [[], [1, 1, 1], [0, 0]])
def test_without_both_classes_there_is_none(labels):
    assert np.isnan(interval(labels, [0.7] * len(labels), None)).all()
