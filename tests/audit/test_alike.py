"""Films that look alike: the nearest descriptions, and those that are kept with a dataset."""

import numpy as np
import pytest

from xraylab.audit import features as described
from xraylab.audit.alike import most_alike
from xraylab.audit.encoder import encoder, features_of
from xraylab.audit.features import features_of_dataset, kept_features
from xraylab.data import phantoms
from xraylab.data.importing import import_dataset
from xraylab.settings import load_settings


def test_the_nearest_descriptions_come_first_with_the_distance_of_their_directions():
    rng = np.random.default_rng(1)
    features = rng.normal(3, 1, (20_000, 16)).astype(np.float16)  # more than are compared at once
    features[19_000] = features[7]
    found = most_alike(features, features[7], 5, but=7)
    mean = features[:: 20_000 // 8192].astype(np.float32).mean(axis=0)
    away = features.astype(np.float64) - mean
    cosine = away @ away[7] / np.linalg.norm(away, axis=1) / np.linalg.norm(away[7])
    expected = [row for row in np.argsort(-cosine) if row != 7][:5]
    assert found.rows.tolist() == expected
    assert found.rows[0] == 19_000
    np.testing.assert_allclose(found.distances, 1 - cosine[expected], atol=1e-4)
    assert (np.diff(found.distances) >= 0).all()


def test_of_few_films_all_others_are_returned_and_a_film_without_structure_is_no_error():
    features = np.ones((3, 4), np.float16)
    found = most_alike(features, features[0], 12, but=0)
    assert found.rows.tolist() == [1, 2]
    assert found.distances.tolist() == [1, 1]


@pytest.fixture
def dataset(tmp_path):
    phantoms.write(tmp_path / "films", 30, seed=3)
    return import_dataset(load_settings(home=tmp_path / "home"), tmp_path / "films", "films")


def test_features_of_a_dataset_are_computed_once_and_kept_with_it(dataset, tmp_path, monkeypatch):
    settings = load_settings(home=tmp_path / "home")
    network = encoder(settings)
    assert kept_features(dataset, network) is None
    first = features_of_dataset(settings, dataset)
    np.testing.assert_allclose(first, features_of(settings, dataset.pixels), rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(described, "features_of", None)  # not called again
    np.testing.assert_array_equal(features_of_dataset(settings, dataset), first)


@pytest.mark.parametrize("kept", [b"", b"\x93NUMPY", "other films", "objects"])
def test_kept_features_that_cannot_be_used_are_as_none(dataset, tmp_path, kept):
    network = encoder(load_settings(home=tmp_path / "home"))
    file = dataset.folder / f"features-{network.name}.npy"
    if kept == "other films":
        np.save(file, np.zeros((7, 3), np.float16))
    elif kept == "objects":
        np.save(file, np.array([{}] * 30, object), allow_pickle=True)
    else:
        file.write_bytes(kept)
    assert kept_features(dataset, network) is None
