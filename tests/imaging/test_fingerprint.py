"""Fingerprints: a film is recognised after re-encoding and rescaling, and no other film is taken for it."""

import numpy as np
import pytest
from PIL import Image

from tests.support.films import encoded, grey
from xraylab.data.datasets import load_dataset
from xraylab.imaging import standardise
from xraylab.imaging.fingerprint import FINGERPRINT_BYTES, Fingerprints

pytest_plugins = ["tests.support.trained"]


def prints(*files):
    return Fingerprints.of_pixels(np.stack([standardise(file).pixels for file in files]))


@pytest.fixture(scope="module")
def films():
    return [grey(seed, width=300, height=240) for seed in range(40)]


@pytest.fixture(scope="module")
def known(films):
    return prints(*map(encoded, films)).stored


def test_sixteen_bytes_are_stored_per_film(known):
    assert known.dtype == np.uint8
    assert known.shape == (40, FINGERPRINT_BYTES)


@pytest.mark.parametrize("quality", [60, 90])
def test_a_film_is_recognised_after_it_was_encoded_again(films, known, quality):
    again = prints(*(encoded(film, "JPEG", quality=quality) for film in films))
    assert again.find(known).tolist() == list(range(40))


@pytest.mark.parametrize("size", [(150, 120), (600, 480), (256, 256)])
def test_a_film_is_recognised_in_another_size(films, known, size):
    again = prints(*(encoded(Image.fromarray(film).resize(size, Image.Resampling.LANCZOS)) for film in films))
    assert again.find(known).tolist() == list(range(40))


def test_a_film_is_recognised_with_less_contrast(films, known):
    again = prints(*(encoded((film * 0.4 + 60).astype(np.uint8)) for film in films))
    assert again.find(known).tolist() == list(range(40))


def test_no_other_film_is_taken_for_a_known_one(known):
    others = prints(*(encoded(grey(seed, width=300, height=240)) for seed in range(100, 140)))
    assert (others.find(known) == -1).all()


def test_phantoms_of_another_seed_are_other_films(imported, other_phantoms):
    dataset = load_dataset(imported, "films")
    others = prints(*(file.read_bytes() for file in sorted(other_phantoms.rglob("*.png"))))
    assert (others.find(dataset.fingerprints().stored) == -1).all()


def test_a_film_without_structure_is_never_recognised(known):
    flat = Fingerprints.of_pixels(np.full((2, 256, 256), 77, np.uint8))
    assert (flat.find(np.concatenate([known, flat.stored])) == -1).all()


def test_stored_fingerprints_are_recognised_only_as_they_are(known):
    stored = Fingerprints.of_stored(known)
    assert (stored.stored == known).all()
    assert stored.find(known).tolist() == list(range(40))
    changed = known.copy()
    changed[:, 3] ^= 1
    assert (stored.find(changed) == -1).all()


def test_none_among_none():
    none = Fingerprints.of_pixels(np.empty((0, 256, 256), np.uint8))
    assert len(none) == 0
    assert none.stored.shape == (0, FINGERPRINT_BYTES)
    assert none.find(none.stored).tolist() == []


def test_stored_films_are_found_by_equal_signs_as_by_their_agreement(known):
    flipped = known.copy()
    flipped[::2, 3] ^= 1
    asked = np.concatenate([flipped, known[:5]])
    stored = Fingerprints.of_stored(asked)
    assert stored.find(known).tolist() == Fingerprints(stored.waves).find(known).tolist()
    assert (stored.find(known)[:40:2] == -1).all()
    assert stored.find(np.concatenate([known, known])).max() < 40  # the first of several
