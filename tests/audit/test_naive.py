"""A split by image against one by patient: how films are divided, the figures, the words, the interval."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.support.sizes import draws, three_errors
from xraylab.audit.naive import (
    PARTS,
    Measured,
    Naive,
    Way,
    can_tell,
    compared,
    method,
    parts_of,
    shared_of,
    signed,
)


def films(n=420, patients=150, *, seed=0):
    """Labels of films, which patients share, and their patients."""
    rng = np.random.default_rng(seed)
    of = np.unique(np.concatenate([np.arange(patients), rng.integers(0, patients, n - patients)]))[:patients]
    of = np.concatenate([of, rng.integers(0, patients, n - patients)])
    return (rng.random(patients) < 0.4)[of].astype(np.int64), of


def in_one_part(parts, groups):
    return all(np.unique(parts[groups == group]).size == 1 for group in np.unique(groups))


def test_by_image_parts_are_equal_and_by_patient_groups_stay_together_with_both_classes_in_each():
    labels, groups = films()
    image, patient = (parts_of(labels, groups, 3, by_patient=by_patient) for by_patient in (False, True))
    assert image.shape == patient.shape == (3, labels.size)
    for parts in (*image, *patient):
        assert (
            np.unique(parts[labels == 1]).tolist()
            == np.unique(parts[labels == 0]).tolist()
            == list(range(PARTS))
        )
    for part in image:
        assert np.ptp(np.bincount(part)) <= 1
        assert np.ptp(np.bincount(part[labels == 1])) <= 1
        assert not in_one_part(part, groups)
    assert all(in_one_part(part, groups) for part in patient)
    assert all(np.ptp([np.unique(groups[part == n]).size for n in range(PARTS)]) <= 1 for part in patient)
    assert not np.array_equal(image[0], image[1])


def test_each_part_has_both_classes_even_if_few_patients_of_many_have_films_of_one():
    groups = np.concatenate([np.arange(500), np.arange(21)])
    labels = np.append(np.ones(500, np.int64), np.zeros(21, np.int64))  # those few have films of both
    for part in parts_of(labels, groups, 20, by_patient=True):
        assert np.bincount(part[labels == 0], minlength=PARTS).tolist() == [3] * PARTS
        assert np.ptp(np.bincount(part[:500])) <= 1


def test_the_share_of_films_whose_patient_is_elsewhere_is_counted():
    groups = np.array([0, 0, 1, 1, 2])
    assert shared_of(np.array([[0, 1, 2, 2, 3]]), groups) == 2 / 5
    assert shared_of(np.array([[0, 1, 2, 2, 3], [0, 0, 1, 1, 2]]), groups) == 1 / 5


@pytest.mark.parametrize(
    ("patients", "several", "possible"), [(60, True, True), (60, False, False), (30, True, False)]
)
def test_single_films_and_few_patients_cannot_tell(patients, several, possible):
    groups = np.arange(patients)
    groups = np.append(groups, 0) if several else groups
    assert can_tell(groups % 2, groups) is possible


def way(labels, groups, scores, *, by_patient, right=0.9):
    parts = parts_of(labels, groups, 1, by_patient=by_patient)
    calls = np.random.default_rng(5).random((1, labels.size)) < right
    return Way(parts, scores[None], calls)


def naive(better, *, seed=0, right=(0.95, 0.9)):
    labels, groups = films(seed=seed)
    noise = np.random.default_rng(1).normal(0, 1, labels.size)
    both = [
        way(labels, groups, 1 / (1 + np.exp(-(1.5 + by) * labels - noise)), by_patient=by_patient, right=rate)
        for by, by_patient, rate in ((better, False, right[0]), (0, True, right[1]))
    ]
    return compared(labels, groups, *both, recipe="quick", network="Lite", minutes=3.2), labels, both


def test_the_figures_are_means_over_parts_and_the_difference_is_theirs():
    result, labels, both = naive(1.0)
    for claim, one in zip((result.by_image, result.by_patient), both, strict=True):
        areas = [
            roc_auc_score(labels[one.parts[0] == part], one.scores[0][one.parts[0] == part])
            for part in range(PARTS)
        ]
        assert claim.auc.value == pytest.approx(np.mean(areas), abs=1e-12)
        assert claim.accuracy.value == pytest.approx(one.right.mean(), abs=1e-12)
        assert claim.auc.low < claim.auc.value < claim.auc.high
    assert result.auc.value == pytest.approx(result.by_image.auc.value - result.by_patient.auc.value)
    assert (result.n, result.patients, result.draws, result.trainings) == (420, 150, 1, PARTS)
    assert 0.5 < result.shared < 1


def test_a_clear_difference_is_said_and_one_that_may_be_chance_too():
    result, _, _ = naive(1.5)
    assert result.sentence.startswith("Split by image, the recipe “quick” would have claimed an AUC of 0.9")
    assert f"the split alone adds {signed(result.auc)}." in result.sentence
    assert result.auc.low > 0
    same, _, _ = naive(0.0, right=(0.9, 0.9))
    assert "may be chance" in same.sentence
    worse, _, _ = naive(-1.2)
    assert f"the split alone takes {signed(worse.auc)}." in worse.sentence
    assert "21" not in method(result)
    assert method(result).startswith(
        "Means of 7 trainings by each way, on 420 training and validation films of 150"
    )


def test_two_perfect_ways_have_no_interval_and_cannot_tell():
    labels, groups = films()
    perfect = [
        Way(
            parts_of(labels, groups, 1, by_patient=by),
            labels[None].astype(float),
            np.ones((1, labels.size), bool),
        )
        for by in (False, True)
    ]
    result = compared(labels, groups, *perfect, recipe="quick", network="Lite", minutes=0.1)
    assert (result.auc.value, result.auc.low, result.auc.high) == (0, None, None)
    assert "+0.0000 (–) may be chance" in result.sentence
    assert Naive.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize(
    ("value", "low", "high", "points", "written"),
    [
        (0.0041, 0.0012, 0.0070, False, "+0.0041 (+0.0012 to +0.0070)"),
        (-0.0041, -0.0100, 0.0012, False, "−0.0041 (−0.0100 to +0.0012)"),
        (0.0123, None, None, False, "+0.0123 (–)"),
        (0.0123, 0.001, 0.0234, True, "+1.2 (+0.1 to +2.3)"),
    ],
)
def test_a_difference_has_a_sign(value, low, high, points, written):
    assert signed(Measured(value=value, low=low, high=high), points=points) == written


def held_out(features, labels, parts):
    """Scores of each film by least squares on the films of the other parts."""
    scores = np.empty(labels.size)
    for part in range(PARTS):
        test = parts == part
        x, y = features[~test], labels[~test] - labels[~test].mean()
        weights = np.linalg.solve(x.T @ x + 20 * np.eye(x.shape[1]), x.T @ y)
        scores[test] = features[test] @ weights
    return scores


def claimed(seed, n=300, patients=100, d=40):
    """Draw a dataset whose films carry their patient, and compare both ways on it."""
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(patients), rng.integers(0, patients, n - patients)])
    labels = (rng.random(patients) < 0.5)[groups].astype(np.int64)
    features = rng.normal(0, 1, (patients, d))[groups] + 0.7 * rng.normal(0, 1, (n, d))
    features[:, :3] += 0.6 * (labels[:, None] - 0.5)
    ways = []
    for by_patient in (False, True):
        parts = parts_of(labels, groups, 2, by_patient=by_patient)
        scores = np.stack([held_out(features, labels, part) for part in parts])
        ways.append(Way(parts, scores, scores > 0))
    return compared(labels, groups, *ways, recipe="quick", network="Lite", minutes=0)


@pytest.mark.sampled
def test_the_interval_of_what_a_split_by_image_adds_holds_the_truth_in_nineteen_of_twenty_datasets():
    n = draws(1000, brief=40)
    results = [claimed(seed) for seed in range(n)]
    truth = np.mean([result.auc.value for result in results])
    assert truth > 0.03  # such films do leak
    held = np.mean([result.auc.low <= truth <= result.auc.high for result in results])
    assert held >= 0.95 - three_errors(0.95, n)
    assert np.mean([result.auc.excludes_zero for result in results]) > 0.5
