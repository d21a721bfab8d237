"""The average film of each class."""

import numpy as np
import pandas as pd
import pytest

from xraylab.data import averages
from xraylab.data.averages import average_films
from xraylab.findings import PNEUMONIA


class Films:
    """A dataset in memory, as far as averages need one."""

    def __init__(self, labels, pixels):
        self.catalog, self.pixels = pd.DataFrame({"label": labels}), pixels
        self.info = type("Info", (), {"finding": PNEUMONIA})


@pytest.fixture
def films():
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 1] * 200)
    return Films(labels, rng.integers(0, 256, (600, 256, 256), dtype=np.uint8))


def test_an_average_is_the_mean_of_all_films_of_a_class(films):
    normal, ill = average_films(films)
    assert (normal.name, normal.films, ill.name, ill.films) == ("NORMAL", 200, "PNEUMONIA", 400)
    for average, label in ((normal, 0), (ill, 1)):
        mean = films.pixels[films.catalog["label"] == label].mean(axis=0)
        assert np.abs(average.picture - mean).max() <= 0.5


def test_of_many_films_some_are_taken_from_all_over(films, monkeypatch):
    monkeypatch.setattr(averages, "MOST", 10)
    [average, _] = average_films(films)
    rows = np.flatnonzero(films.catalog["label"] == 0)[np.linspace(0, 199, 10).round().astype(int)]
    assert average.films == 10
    assert np.abs(average.picture - films.pixels[rows].mean(axis=0)).max() <= 0.5


def test_a_class_without_films_has_no_average(films):
    [only] = average_films(Films(np.ones(600, int), films.pixels))
    assert only.name == "PNEUMONIA"
