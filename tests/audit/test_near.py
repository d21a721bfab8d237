"""Near duplicates: one picture in several versions is found, and no two films are taken for one."""

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.changed import WAYS, changed
from tests.support.many_films import try_search
from tests.support.sizes import draws
from xraylab.audit.alignment import Texture
from xraylab.audit.near import near_duplicates
from xraylab.audit.neighbours import pairs_of_neighbours
from xraylab.data.phantoms import phantom
from xraylab.imaging import IMAGE_SUFFIXES, standardise

FILMS = 60


@pytest.fixture(scope="module")
def phantoms():
    return np.stack([phantom(patient, 1, seed=8).pixels for patient in range(FILMS)])


@pytest.fixture(scope="module")
def radiographs(reference):
    with zipfile.ZipFile(reference / "data" / "kermany-fullres-sample.zip") as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(tuple(IMAGE_SUFFIXES))][:FILMS]
        return np.stack([standardise(archive.read(name)).pixels for name in names])


def pairs_with_versions(films):
    """Find pairs among films and one changed version of each of the first."""
    versions = [changed(film, names) for film, names in zip(films, WAYS, strict=False)]
    pairs = near_duplicates(np.concatenate([films, versions]))
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


@pytest.fixture(scope="module")
def pairs(phantoms):
    return pairs_with_versions(phantoms)


@pytest.mark.parametrize("way", range(len(WAYS)), ids=[" and ".join(names) for names in WAYS])
def test_a_changed_film_is_found(pairs, way):
    assert (way, FILMS + way) in pairs


def test_films_of_different_patients_are_no_pair(pairs):
    assert len(pairs) == len(WAYS)


@pytest.mark.real_data
def test_every_changed_radiograph_is_found_and_nothing_else(radiographs):
    assert pairs_with_versions(radiographs) == [(way, FILMS + way) for way in range(len(WAYS))]


def test_only_the_rows_that_were_asked_for_are_compared(phantoms):
    films = np.concatenate([phantoms[:6], phantoms[:2]])  # exact copies of the first two
    assert near_duplicates(films).first.tolist() == [0, 1]
    pairs = near_duplicates(films, np.array([1, 2, 3, 7]))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([1], [7])
    assert pairs.likeness == pytest.approx(1)


def test_a_picture_in_many_versions_stays_connected(phantoms):
    draw = np.random.default_rng(0)
    versions = [phantoms[0] // 2 + draw.integers(0, 3, phantoms[0].shape, np.uint8) for _ in range(30)]
    pairs = near_duplicates(np.concatenate([phantoms, versions]))
    reached = {0}
    for _ in range(len(versions)):
        for first, second in zip(pairs.first, pairs.second, strict=True):
            if {first, second} & reached:
                reached |= {int(first), int(second)}
    assert reached == {0, *range(FILMS, FILMS + 30)}


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_films_have_no_pair(phantoms, n):
    assert len(near_duplicates(phantoms[:n])) == 0


def test_two_films_are_compared_too(phantoms):
    assert len(near_duplicates(phantoms[:2])) == 0
    assert len(near_duplicates(np.stack([phantoms[0], changed(phantoms[0], ["turned"])]))) == 1


def test_films_without_structure_are_not_taken_for_one_picture(phantoms):
    flat = np.stack([np.full((256, 256), grey, np.uint8) for grey in (0, 7, 255)])
    assert len(near_duplicates(flat)) == 0
    assert len(near_duplicates(np.concatenate([flat, phantoms[:3]]))) == 0
    assert Texture(flat[0]).likeness(Texture(phantoms[0])) == 0
    assert Texture(phantoms[0]).likeness(Texture(flat[0])) == pytest.approx(0, abs=1e-6)


def test_progress_reaches_the_end(phantoms):
    told = []
    films = np.concatenate([phantoms[:12], [changed(film, ["cut"]) for film in phantoms[:3]]])
    near_duplicates(films, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == len(told)


@given(st.integers(0, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_neighbours_are_those_of_all_distances(n, k, seed):
    points = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = {(i, int(j)) for i in range(n) for j in np.argsort(apart[i])[: min(k, n - 1)]}
    first, second = pairs_of_neighbours(points, k)
    expected = sorted({(min(pair), max(pair)) for pair in nearest})
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == expected


def test_neighbours_in_cells_are_nearly_all_of_them(monkeypatch):
    draw = np.random.default_rng(1)
    points = draw.normal(size=(3000, 12)).astype(np.float32)
    points[1500:] = points[:1500] + 0.3 * draw.normal(size=(1500, 12)).astype(np.float32)
    every = set(zip(*pairs_of_neighbours(points, 1), strict=True))
    monkeypatch.setattr("xraylab.audit.neighbours._ONE_CELL", 1000)
    monkeypatch.setattr("xraylab.audit.neighbours._PROBES", 5)
    in_cells = set(zip(*pairs_of_neighbours(points, 1), strict=True))
    assert in_cells != every  # cells were used
    assert len(every & in_cells) >= 0.98 * len(every)


@pytest.mark.sampled
def test_among_thousands_of_films_every_changed_copy_is_found_and_nothing_else(tmp_path):
    films = draws(5000, brief=1000)
    found = try_search(tmp_path, films)
    assert found.failures == []
    assert found.counts["found"] == found.counts["changed copies"] == films // 50
