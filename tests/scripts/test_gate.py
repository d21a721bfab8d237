"""The page that tells what the gate lets pass and what it warns of."""

import numpy as np
import pytest

from scripts import gate
from tests.support.brief import DATASET
from xraylab.data.datasets import load_dataset
from xraylab.reading.gate import Unusual

pytest_plugins = ["tests.support.trained"]
UNLIKE = Unusual("unlike", "It is.")


def test_noise_and_electrocardiograms_are_drawn_large_and_differ_and_blanks_are_warned_of():
    random = np.random.default_rng(1)
    for draw in (gate.noise, gate.ecg, gate.blank):
        pictures = [draw(random) for _ in range(12)]
        assert min(min(picture.shape) for picture in pictures) >= 224
        assert len({picture.tobytes() for picture in pictures}) == 12
    blanks = [gate.standardise(gate._png(picture)) for picture in pictures]
    assert gate.passed(blanks, np.full(12, 0.5)).reasons == {"blank": 12}


def test_a_picture_is_shown_as_it_is_first_and_then_varied():
    random = np.random.default_rng(1)
    picture = np.tile(np.arange(256, dtype=np.uint8), (200, 1))
    varied = gate._varied([picture], random)
    first, *others = (next(varied) for _ in range(6))
    assert np.abs(np.diff(first.astype(int), axis=0)).max() == 0  # columns of one grey, scaled
    assert all(min(one.shape) >= 224 for one in others)
    assert len({one.tobytes() for one in others}) == 5


def test_films_are_told_by_class_and_subtype(imported):
    films = load_dataset(imported, DATASET)
    rows = films.rows("train")
    told = gate.subtypes(films, rows)
    assert list(told) == ["all", "normal", "bacterial", "viral"]
    assert (films.catalog["label"].to_numpy()[told["normal"]] == 0).all()
    assert len(told["all"]) == len(rows)


@pytest.mark.parametrize(("n", "warned", "cell"), [(0, 0, "–"), (4, 1, "1 of 4, 25.0 % (4.6–69.9)")])
def test_a_share_stands_with_its_counts_and_its_interval(n, warned, cell):
    found = [(UNLIKE,)] * warned + [()] * (n - warned)
    assert gate.Passed(tuple(found)).cell == cell


def test_the_page_tells_what_was_counted():
    passed = gate.Passed(((UNLIKE,), (), ()))
    groups = dict.fromkeys(("all", "normal", "bacterial", "viral"), passed)
    told = gate.page(
        {"ensemble": groups, "cnn": groups}, {"ensemble": {"CT": passed}, "cnn": {"CT": passed}}, {}
    )
    assert "| `cnn` | 1 of 3, 33.3 % (6.1–79.2) |" in told
    assert "| CT | 3 | 1 (33.3 %) | 1 (33.3 %) |" in told
    assert "`cnn`: unlike 1." in told
