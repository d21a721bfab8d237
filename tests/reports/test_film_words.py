"""What page and documents say of one film's score."""

import numpy as np
import pytest

from xraylab.evaluation.thresholds import threshold_table
from xraylab.reports import film_words


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
        (0.0, "100", "0"),
        (0.25, "75", "0"),
        (0.9985, "Fewer than 1", "99"),
        (0.9995, "0", "more than 99"),
        (1.0, "0", "100"),
    ],
)
def test_a_place_among_the_validation_films_is_a_count_of_them(at, normals, ill):
    with_ill = np.r_[np.linspace(0.5, 0.998, 990), np.linspace(0.999, 0.9994, 7), np.full(3, 0.9996)]
    scores = np.r_[np.arange(999) / 1000, 0.999, with_ill]
    table = threshold_table(np.r_[np.zeros(1000, int), np.ones(1000, int)], scores)
    said = f"{normals} of 100 normals score this high or higher; {ill} of 100 pneumonias score lower."
    assert film_words.position(table, at) == said


def test_a_missing_class_is_a_dash():
    ill = threshold_table([1, 1], [0.2, 0.9])
    said = "– of 100 normals score this high or higher; 50 of 100 pneumonias score lower."
    assert film_words.position(ill, 0.5) == said


def test_disagreement_is_no_interval_and_faithful_is_not_right():
    assert "Disagreement between its 3 models: 0.123" in film_words.disagreement(0.1234, 3)
    assert "not how certain the score is" in film_words.disagreement(0.1234, 3)
    assert "doesn't show whether the model is right about the patient" in film_words.faithful(18, 20)


def test_kinds_come_with_their_caveat():
    words = film_words.kinds((("bacterial", 0.713), ("viral", 0.287))).replace("\u202f", " ")
    assert words == f"Bacterial 71.3 %, viral 28.7 %. {film_words.KINDS_CAVEAT}"
