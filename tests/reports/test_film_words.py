"""What page and documents say of one film's score."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from xraylab.evaluation.prevalence import predictive_values
from xraylab.evaluation.thresholds import threshold_table
from xraylab.findings import PNEUMONIA
from xraylab.models import load_shipped
from xraylab.reports import film_words
from xraylab.settings import load_settings


@pytest.mark.parametrize(
    ("calibrated", "said"),
    [
        (
            True,
            "Calibrated on 782 validation films, 74.3 % of them with pneumonia: the score is a probability "
            "only where pneumonia is as common, and only for films taken and cut like these.",
        ),
        (
            False,
            "Not calibrated, so the score is not a probability of pneumonia. Of 782 validation films, 74.3 % "
            "have",
        ),
    ],
)
def test_a_score_is_a_probability_only_where_it_is_calibrated_and_names_its_prevalence(calibrated, said):
    assert film_words.prevalence(581, 782, calibrated=calibrated).replace("\u202f", " ").startswith(said)


def test_copies_of_films_are_counted_apart_from_the_films():
    words = film_words.prevalence(581, 782, calibrated=True, copies=9)
    plain = words.replace("\u202f", " ").replace("\u2009", " ")
    assert plain.startswith(
        "Calibrated on 782 validation films and 9 perturbed copies of each (7 820 scores), "
    )
    assert film_words.calibration_films(1, 1).startswith("1 validation film and 1 perturbed copy of each")


@pytest.mark.parametrize("calibrated", [True, False])
def test_without_validation_films_a_score_is_no_probability(calibrated):
    assert "not a probability" in film_words.prevalence(0, 0, calibrated=calibrated)


@pytest.mark.parametrize(
    ("at", "normals", "ill"),
    [
        (0.0, "1\u2009000 of 1\u2009000", "0 of 1\u2009000"),
        (0.25, "750 of 1\u2009000", "0 of 1\u2009000"),
        (0.9985, "1 of 1\u2009000", "990 of 1\u2009000"),
        (0.9995, "0 of 1\u2009000", "997 of 1\u2009000"),
        (1.0, "0 of 1\u2009000", "1\u2009000 of 1\u2009000"),
    ],
)
def test_a_place_among_the_validation_films_is_a_count_of_them_with_its_upper_bound(at, normals, ill):
    with_ill = np.r_[np.linspace(0.5, 0.998, 990), np.linspace(0.999, 0.9994, 7), np.full(3, 0.9996)]
    scores = np.r_[np.arange(999) / 1000, 0.999, with_ill]
    table = threshold_table(np.r_[np.zeros(1000, int), np.ones(1000, int)], scores)
    high, low = (
        100
        * binomtest(int(n.split(" of ")[0].replace("\u2009", "")), 1000).proportion_ci(method="wilson").high
        for n in (normals, ill)
    )
    said = (
        f"{normals} normal validation films score this high or higher (up to {high:.1f}\u202f%); {ill} "
        f"validation films with pneumonia score lower (up to {low:.1f}\u202f%)."
    )
    assert film_words.position(table, at, locked=False) == said
    assert film_words.position(table, at, locked=True) == f"{said} These films chose the threshold too."


def test_a_score_above_every_normal_film_says_how_many_might_score_so():
    """Of 201 films the upper bound is z^2 / (201 + z^2); of 67 patients with three each, that of 67."""
    scores, patients = np.r_[np.full(201, 0.1), np.full(201, 0.9)], np.arange(402)
    said = film_words.position(threshold_table(np.repeat([0, 1], 201), scores, patients), 0.95, locked=True)
    assert said == (
        "0 of 201 normal validation films score this high or higher (up to 1.9\u202f%); 201 of 201 "
        "validation films with pneumonia score lower (up to 100.0\u202f%). These films chose the threshold "
        "too."
    )
    clustered = threshold_table(np.repeat([0, 1], 201), scores, patients // 3)
    assert film_words.position(clustered, 0.95, locked=True).startswith(
        "0 of 201 normal validation films score this high or higher (up to 1.9\u202f% by film, 5.4\u202f% by "
        "patient); "
    )


def test_the_shipped_ensemble_says_0_of_201_with_its_upper_bound(tmp_path, package_models, monkeypatch):
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    validation = load_shipped(load_settings(home=tmp_path), "ensemble").table("validation")
    assert film_words.position(validation, 0.9999, locked=True).startswith(
        "0 of 201 normal validation films score this high or higher (up to 1.9\u202f% by film, 3.2\u202f% by "
        "patient); "
    )


def test_a_missing_class_is_a_dash():
    ill = threshold_table([1, 1], [0.2, 0.9])
    said = (
        "– of 0 normal validation films score this high or higher; 1 of 2 validation films with pneumonia "
        "score lower (up to 90.5\u202f%)."
    )
    assert film_words.position(ill, 0.5, locked=False) == said


def test_disagreement_is_no_interval_and_faithful_is_not_right():
    assert "Disagreement between its 3 models: 0.123" in film_words.disagreement(0.1234, 3)
    assert "not how certain the score is" in film_words.disagreement(0.1234, 3)
    assert "doesn't show whether the model is right about the patient" in film_words.faithful(18, 20)


def test_kinds_come_with_their_caveat():
    words = film_words.kinds((("bacterial", 0.713), ("viral", 0.287)), PNEUMONIA).replace("\u202f", " ")
    assert words == f"Bacterial 71.3 %, viral 28.7 %. {film_words.kinds_caveat(PNEUMONIA)}"


# The ensemble's lock: 0.954 reads as 95 % certainty, and means much less where pneumonia is rarer.
@pytest.mark.parametrize(("there", "share"), [(581 / 782, 0.954), (0.1, 0.444), (0.02, 0.128)])
def test_a_calibrated_score_is_moved_to_another_prevalence_by_the_prior_odds(there, share):
    assert film_words.at_prevalence(0.954, 581, 782, there) == pytest.approx(share, abs=5e-4)
    odds = 0.954 / 0.046 * (there / (1 - there)) / (581 / 201)
    assert film_words.at_prevalence(0.954, 581, 782, there) == pytest.approx(odds / (1 + odds))
    words = film_words.probability(0.954, 581, 782, there, calibrated=True)
    assert words.endswith(f"of films have pneumonia, the probability is {share:.3f}.")


def test_an_uncalibrated_score_is_not_moved_and_says_so():
    assert film_words.probability(0.954, 581, 782, 0.1, calibrated=False) == film_words.NOT_MOVED
    assert film_words.NOT_MOVED == "An uncalibrated score can't be moved to another prevalence."


@pytest.mark.parametrize(("positives", "n"), [(0, 0), (0, 5), (5, 5)])
def test_from_one_class_a_score_is_moved_nowhere(positives, n):
    assert math.isnan(film_words.at_prevalence(0.5, positives, n, 0.1))


def films_below():
    """Return 200 films: of 50 below 0.2 one has pneumonia, of 30 up to 0.9 there are 20."""
    scores = np.r_[np.full(50, 0.1), np.full(30, 0.5), np.full(120, 0.95)]
    labels = np.r_[1, np.zeros(49), np.ones(20), np.zeros(10), np.ones(118), 0, 0].astype(int)
    return threshold_table(labels, scores)


def test_below_means_the_pneumonias_among_the_films_below_the_work_of_a_reader_and_an_npv():
    table = films_below()
    low, high = table.interval("npv", 0.2)
    values = predictive_values(table, 0.2, 0.1)
    words = film_words.below(table, 0.9, 0.2, prevalence=0.1, split="test").replace("\u202f", " ")
    assert words == (
        "Of 50 test films below both thresholds, 1 has pneumonia (2.0 %, 95 % interval "
        f"{100 - 100 * high:.1f}–{100 - 100 * low:.1f}). 15.0 % of all test films need a reader. Where "
        f"10.0 % of films have pneumonia, {100 * values.npv:.1f} % of the films below have none (NPV, "
        f"{100 * values.npv_interval[0]:.1f}–{100 * values.npv_interval[1]:.1f})."
    )


def test_without_a_band_the_films_below_the_threshold_are_counted():
    words = film_words.below(films_below(), 0.9, None, prevalence=0.1, split="validation")
    assert words.startswith("Of 80 validation films below the threshold, 21 have pneumonia (26.2")
    assert "need a reader" not in words


def test_without_films_below_nothing_is_known_of_them():
    words = film_words.below(films_below(), 0.05, None, prevalence=0.1, split="validation")
    assert words == "No validation film lies below the threshold, so nothing is known of such films."


def test_almost_all_is_not_all():
    scores = np.r_[np.full(500, 0.1), 0.05, np.full(500, 0.9)]
    labels = np.r_[np.zeros(500), 1, np.ones(500)].astype(int)
    words = film_words.below(threshold_table(labels, scores), 0.5, None, prevalence=0.01, split="test")
    assert "more than 99.9\u202f% of the films below have none" in words
    none = film_words.below(
        threshold_table(labels[[0, -1]], scores[[0, -1]]), 0.5, None, prevalence=0.01, split="test"
    )
    assert "100.0\u202f% of the films below have none" in none
