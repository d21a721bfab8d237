"""Properties of files: what is read, what is left out, and the width of a border."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from xraylab.audit.file_properties import FileProperty, border_widths, file_properties


def films(*frames, side=256):
    """Noisy films, each in a plain frame of (top, bottom, left, right) pixels."""
    rng = np.random.default_rng(0)
    pixels = np.full((len(frames), side, side), 20, np.uint8)
    for film, (top, bottom, left, right) in zip(pixels, frames, strict=True):
        inside = film[top : side - bottom, left : side - right]
        inside[:] = rng.integers(0, 256, inside.shape)
    return pixels


@pytest.mark.parametrize(
    ("frame", "width"), [((0, 0, 0, 0), 0), ((8, 8, 8, 8), 8), ((40, 0, 0, 0), 10), ((0, 3, 10, 7), 5)]
)
def test_a_border_is_averaged_over_the_four_edges(frame, width):
    assert border_widths(films(frame))[0] == width


def test_an_even_film_is_all_border_and_a_little_noise_leaves_it_plain():
    noise = np.random.default_rng(0).integers(100, 113, (1, 256, 256)).astype(np.uint8)
    assert border_widths(np.concatenate([films((256, 0, 0, 0)), noise])).tolist() == [256, 256]
    assert border_widths(np.empty((0, 256, 256), np.uint8)).size == 0


def test_films_are_measured_in_parts_in_their_order():
    frames = [(n % 7, n % 7, n % 7, n % 7) for n in range(300)]
    assert border_widths(films(*frames, side=32)).tolist() == [n % 7 for n in range(300)]


def test_numbers_are_computed_from_the_facts_of_the_file():
    found = file_properties(pd.DataFrame({"bytes": [1000, 4000], "width": [100, 200], "height": [50, 50]}))
    assert found["bits_per_pixel"].values.tolist() == [1.6, 3.2]
    assert found["aspect"].values.tolist() == [2, 4]
    assert [name for name, each in found.items() if each.trace] == ["width"]


def test_what_is_the_same_for_all_films_is_left_out():
    catalog = pd.DataFrame({"bytes": [1000, 4000], "width": [100, 200], "height": [50, 100], "bits": [8, 8]})
    assert [*file_properties(catalog)] == ["width", "height"]  # neither their ratio nor the bits per pixel


def test_a_value_that_is_missing_for_some_films_is_a_difference():
    found = file_properties(pd.DataFrame({"age": [4.0, None, 4.0], "view": [None, "PA", "PA"]}))
    assert np.isnan(found["age"].values[1])
    assert found["view"].values.tolist() == [1, 0, 0]  # in the order of the words, “PA” and “not stated”
    assert set(np.unique(found["age_stated"].values)) == {0, 1}


def test_columns_hold_the_rank_the_parts_of_the_range_and_what_is_missing():
    values = np.array([5.0, 1e9, np.nan, 7.0, 7.0])
    columns = FileProperty("age", "the age", values, False, False).columns
    ranks = rankdata(values[[0, 1, 3, 4]], "min")
    assert columns[[0, 1, 3, 4], 0] == pytest.approx((ranks - ranks.mean()) / ranks.std())
    assert columns[2, 0] == 0
    assert sorted(columns[:, 1:].sum(axis=0)) == [1, 1, 1, 2]  # 5, 1e9, missing, 7
    assert columns[:, 1:].sum(axis=1).tolist() == [1] * 5


def test_many_values_are_cut_into_eight_parts_of_equal_size():
    columns = FileProperty("age", "the age", np.random.default_rng(0).random(800), False, False).columns
    assert columns.shape == (800, 9)
    assert columns[:, 1:].sum(axis=0).tolist() == [100] * 8


def test_a_category_has_columns_for_its_ten_most_frequent_values():
    codes = np.repeat(np.arange(30.0), np.arange(30, 0, -1))
    columns = FileProperty("view", "the view", codes, True, False).columns
    assert columns.sum(axis=0).tolist() == list(range(30, 20, -1))
