"""The page that holds heatmaps against known lesions."""

import dataclasses
from itertools import islice

import numpy as np
import pytest

from scripts import heatmaps
from tests.support.brief import MODEL
from xraylab.models import load_model
from xraylab.reading.heatmap import Heatmap
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels

pytest_plugins = ["tests.support.trained"]


@pytest.fixture(scope="module")
def focal():
    return list(islice(heatmaps.ill("focal"), 4))


def test_phantoms_of_the_pattern_are_drawn_one_a_patient_and_the_same_again(focal):
    assert [film.pattern for film in focal] == ["focal"] * 4
    assert len({film.patient for film in focal}) == 4
    assert all(film.mask.sum() < heatmaps.LARGEST * film.lungs.sum() for film in focal)
    again = next(heatmaps.ill("focal"))
    np.testing.assert_array_equal(again.pixels, focal[0].pixels)
    assert {film.pattern for film in islice(heatmaps.ill("interstitial"), 2)} == {"interstitial"}


def test_films_are_drawn_until_so_many_are_called_positive(trained, focal):
    loaded = load(load_model(trained, MODEL))
    scores = score_pixels(loaded, np.stack([film.pixels for film in focal])).score
    first, second = np.argsort(-scores)[:2]
    threshold = float(scores[second])
    drawn, positive = heatmaps.called_positive(loaded, iter(focal), threshold, 2)
    assert drawn == max(first, second) + 1
    assert {film.patient for film in positive} == {focal[first].patient, focal[second].patient}


@pytest.mark.parametrize("inside", [True, False])
def test_a_map_points_into_a_lesion_where_its_brightest_point_lies_in_it(trained, focal, monkeypatch, inside):
    """Maps of 8 × 8 on masks of 256 × 256."""
    values = np.zeros((8, 8), dtype=np.float32)
    values[2, 5] = 1.0
    mask = np.zeros((256, 256), dtype=bool)
    mask[64:96, 160:192] = inside
    mask[:32, :32] = not inside
    films = [dataclasses.replace(film, mask=mask) for film in focal]
    monkeypatch.setattr(
        heatmaps, "heatmaps", lambda *_: (Heatmap("grad-cam", values, ((8, 8),), fixed=True),)
    )
    found = heatmaps.point(load(load_model(trained, MODEL)), films, 9)
    assert (found.drawn, found.positive) == (9, 4)
    assert found.own == (4 if inside else 0)
    assert found.area == pytest.approx(1 / 64)
    # The other films have the same map, so it points into this lesion as well.
    assert found.others == (1.0 if inside else 0.0)
    assert found.average == found.own


def test_chance_is_what_the_maps_of_other_films_hit():
    maps = np.zeros((3, 2, 2), dtype=np.float32)
    maps[0, 0, 0] = maps[1, 0, 0] = maps[2, 1, 1] = 1
    masks = np.zeros((3, 4, 4), dtype=bool)
    masks[:, :2, :2] = True  # every lesion is at the top left
    into = heatmaps.points_into(maps, masks)
    assert into.tolist() == [[True, True, False]] * 3
    # Pairs of different films: the maps of 0 and 1 hit the lesion of two other films each.
    assert heatmaps.share_of_others(into, np.ones(3)) == pytest.approx(4 / 6)
    assert heatmaps.share_of_others(into, np.array([2.0, 1.0, 0.0])) == pytest.approx(1.0)
    average = heatmaps.others_average(maps)
    np.testing.assert_allclose(average[0], [[0.5, 0], [0, 0.5]])
    np.testing.assert_allclose(average[2], [[1, 0], [0, 0]])


def test_an_empty_map_points_nowhere(trained, focal, monkeypatch):
    blank = np.zeros((8, 8), dtype=np.float32)
    drawn = Heatmap("grad-cam", blank, ((8, 8),), fixed=True)
    monkeypatch.setattr(heatmaps, "heatmaps", lambda *_: (drawn,))
    found = heatmaps.point(load(load_model(trained, MODEL)), focal, 4)
    assert found.own == 0
    assert found.cells[2].startswith("0.0 % (0.0–")


def test_the_picture_has_two_films_a_column_and_says_that_they_are_synthetic(trained, focal):
    image = heatmaps.sheet(load(load_model(trained, MODEL)), focal[:2])
    assert image.size[0] == 512
    assert image.size[1] > 512
    assert np.asarray(image)[512:].any()


def test_the_page_tells_what_was_counted():
    counted = heatmaps.Pointed(500, 400, 300, 0.125, (0.1, 0.15), 60, 0.02)
    told = heatmaps.page({"focal": counted}, 0.4)
    assert "| focal | 500 | 400 | 75.0 % (" in told
    assert "| 12.5 % (10.0–15.0) | 15.0 % (" in told
    assert "| 2.0 % |" in told
    assert "the own map adds 62.5 points" in told
