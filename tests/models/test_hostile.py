"""A twentieth of ``.ci/stress/bundles.py``, and what it found."""

import pytest

from tests.support.brief import DATASET, MODEL
from tests.support.hostile import hostile_archive, hostile_bundle, use_archive, use_bundle

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def films(phantom_folder, tmp_path):
    """A folder with one film."""
    film = tmp_path / "film" / "film.png"
    film.parent.mkdir()
    film.write_bytes(next(iter(sorted(phantom_folder.rglob("NORMAL/*.png")))).read_bytes())
    return film.parent


@pytest.mark.parametrize("number", range(5))
def test_a_hostile_bundle_gives_results_and_sentences_only(trained, films, number):
    kind, name = hostile_bundle(number, trained, MODEL, DATASET)
    assert use_bundle(trained, kind, name, MODEL, films) == []


@pytest.mark.parametrize("number", [0, 5, 8])  # a bomb, a wrong checksum, a thousand entries that overlap
def test_a_hostile_archive_gives_results_and_sentences_only(trained, films, tmp_path, number):
    archive = hostile_archive(number, tmp_path, next(films.iterdir()).read_bytes())
    assert use_archive(trained, MODEL, archive) == []
