"""Values against scikit-learn, intervals by film against scipy, and what clustering does to them."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from xraylab.evaluation.estimates import area_estimates, rate_estimates
from xraylab.evaluation.jackknife import average_precision_interval, rate_intervals

THRESHOLD = 0.5


def films(seed=0, n=600, patients=120):
    """Labels, scores and patients; films of one patient are alike."""
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, patients, n)
    labels = patient % 2
    habit = rng.normal(0, 1.0, patients)[patient]
    scores = 1 / (1 + np.exp(-(habit + 2.0 * labels - 1.0 + rng.normal(0, 0.5, n))))
    return labels, scores, patient


def test_every_value_is_scikit_learns():
    labels, scores, patients = films()
    called = scores >= THRESHOLD
    rates = rate_estimates(labels, scores, patients, THRESHOLD)
    expected = {
        "sensitivity": metrics.recall_score(labels, called),
        "specificity": metrics.recall_score(labels, called, pos_label=0),
        "ppv": metrics.precision_score(labels, called),
        "npv": metrics.precision_score(labels, called, pos_label=0),
        "f1": metrics.f1_score(labels, called),
        "accuracy": metrics.accuracy_score(labels, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, called),
        "kappa": metrics.cohen_kappa_score(labels, called),
        "mcc": metrics.matthews_corrcoef(labels, called),
        "lr_positive": metrics.class_likelihood_ratios(labels, called)[0],
        "lr_negative": metrics.class_likelihood_ratios(labels, called)[1],
    }
    assert {name: one.value for name, one in rates.items()} == pytest.approx(expected, abs=1e-12)
    areas = area_estimates(labels, scores, patients)
    assert areas["auc"].value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert areas["average_precision"].value == pytest.approx(
        metrics.average_precision_score(labels, scores), abs=1e-12
    )


def test_by_film_a_proportion_has_wilsons_interval():
    labels, scores, patients = films()
    found = rate_estimates(labels, scores, patients, THRESHOLD)
    called = scores >= THRESHOLD
    for name, right, of in (
        ("sensitivity", called & (labels == 1), labels == 1),
        ("specificity", ~called & (labels == 0), labels == 0),
        ("ppv", called & (labels == 1), called),
        ("npv", ~called & (labels == 0), ~called),
        ("accuracy", called == (labels == 1), labels >= 0),
    ):
        wilson = binomtest(int(right.sum()), int(of.sum())).proportion_ci(method="wilson")
        assert found[name].by_film == pytest.approx(tuple(wilson), abs=1e-9)


def test_patients_whose_films_are_alike_widen_every_interval():
    labels, scores, patients = films()
    found = rate_estimates(labels, scores, patients, THRESHOLD) | area_estimates(labels, scores, patients)
    for name, one in found.items():
        by_patient, by_film = (high - low for low, high in (one.interval, one.by_film))
        assert by_patient > 1.2 * by_film > 0, name
        assert one.interval[0] < one.value < one.interval[1]


def test_kappa_mcc_and_average_precision_have_the_jackknives_of_patients_and_of_films():
    labels, scores, patients = films(1)
    rates, areas = (
        rate_estimates(labels, scores, patients, THRESHOLD),
        area_estimates(labels, scores, patients),
    )
    for units, which in ((patients, "interval"), (None, "by_film")):
        left_out = rate_intervals(labels, scores, units, THRESHOLD, rates=("kappa", "mcc"))
        assert getattr(rates["kappa"], which) == left_out["kappa"]
        assert getattr(rates["mcc"], which) == left_out["mcc"]
        expected = average_precision_interval(labels, scores, units)
        assert getattr(areas["average_precision"], which) == expected


def test_a_jackknife_without_width_is_no_interval():
    perfect = rate_estimates([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], None, THRESHOLD)
    assert perfect["kappa"].value == 1
    assert all(map(math.isnan, perfect["kappa"].interval))
    assert not any(map(math.isnan, perfect["sensitivity"].interval))
    alone = rate_estimates([0, 1, 0, 1], [0.1, 0.2, 0.8, 0.9], ["one"] * 4, THRESHOLD)
    assert all(map(math.isnan, alone["kappa"].interval))


@pytest.mark.parametrize("labels", [[], [0, 0, 0], [1, 1, 1]])
def test_without_both_classes_what_needs_them_is_nan(labels):
    scores = np.linspace(0.2, 0.8, len(labels))
    found = rate_estimates(labels, scores, None, THRESHOLD) | area_estimates(labels, scores, None)
    for name in ("balanced_accuracy", "lr_positive", "lr_negative", "mcc", "auc"):
        one = found[name]
        assert all(map(math.isnan, (one.value, *one.interval, *one.by_film))), name


def test_each_interval_names_how_it_was_made():
    methods = {name: found.method for name, found in rate_estimates(*films(), THRESHOLD).items()}
    assert {name for name, method in methods.items() if method == "Wilson"} == {
        *("sensitivity", "specificity", "ppv", "npv", "f1", "accuracy")
    }
    assert {name for name, method in methods.items() if method == "jackknife"} == {"kappa", "mcc"}
    assert {name for name, method in methods.items() if method == "MOVER"} == {
        *("balanced_accuracy", "lr_positive", "lr_negative")
    }


@pytest.mark.parametrize(
    "estimate", [area_estimates, lambda *films, **level: rate_estimates(*films, 0.5, **level)]
)
def test_without_a_level_intervals_are_at_95_percent(estimate):
    said, unsaid = estimate(*films(), level=0.95), estimate(*films())
    assert said == unsaid
    assert estimate(*films(), level=0.9) != unsaid
