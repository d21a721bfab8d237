"""Films that are too few to judge a model by, counted by patients of each class."""

import numpy as np
import pytest

from xraylab.evaluation.few import FEWEST_PATIENTS, too_few
from xraylab.evaluation.thresholds import threshold_table


def table_of(ill, well, *, films_each=1):
    labels = np.repeat([1] * ill + [0] * well, films_each)
    groups = np.repeat(np.arange(ill + well), films_each)
    return threshold_table(labels, np.linspace(0, 1, labels.size), groups)


@pytest.mark.parametrize(
    ("ill", "well", "films_each", "words"),
    [
        (7, 7, 1, "14 validation films: too few to judge"),
        (1, 0, 1, "1 validation film: too few to judge"),
        (0, 0, 1, "0 validation films: too few to judge"),
        (99, 99, 1, "198 validation films: too few to judge"),
        (10, 10, 20, "400 validation films, only 10 patients without pneumonia: too few to judge"),
        (400, 40, 1, "440 validation films, only 40 patients without pneumonia: too few to judge"),
        (1, 300, 1, "301 validation films, only 1 patient with pneumonia: too few to judge"),
        (99, 100, 1, "199 validation films: too few to judge"),
        (99, 101, 1, "200 validation films, only 99 patients with pneumonia: too few to judge"),
        (101, 99, 1, "200 validation films, only 99 patients without pneumonia: too few to judge"),
        (FEWEST_PATIENTS, FEWEST_PATIENTS, 1, None),
        (FEWEST_PATIENTS + 20, FEWEST_PATIENTS + 50, 1, None),
    ],
)
def test_the_class_with_fewer_patients_decides(ill, well, films_each, words):
    assert too_few(table_of(ill, well, films_each=films_each)) == words


def test_the_split_is_named():
    assert too_few(table_of(3, 3), split="test") == "6 test films: too few to judge"
