"""Label errors: swapped labels come first, and what can't be told is said."""

import numpy as np
import pytest

from xraylab.audit.encoder import encoder, features_of
from xraylab.audit.label_errors import Suspects, found
from xraylab.data.phantoms import generate
from xraylab.errors import WeightsError
from xraylab.settings import load_settings


def films(n=1000, patients=400, apart=3.0, seed=3):
    """Features of films of patients, whose classes lie apart in a few of many directions."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, patients, n)
    labels = rng.integers(0, 2, patients)[groups]
    features = rng.normal(0, 1, (patients, 40))[groups] + rng.normal(0, 1, (n, 40))
    features[:, :8] += apart * (labels[:, None] - 0.5)
    return features.astype(np.float32), labels, groups


@pytest.mark.parametrize("seed", range(3))
def test_of_two_percent_of_swapped_labels_four_fifths_are_among_the_first_four_percent(seed):
    features, labels, groups = films(seed=seed)
    rng = np.random.default_rng(seed)
    swapped = rng.choice(labels.size, labels.size // 50, replace=False)
    labels[swapped] = 1 - labels[swapped]
    suspects = Suspects.of_features(features, labels, groups)

    first = suspects.order[: labels.size * 4 // 100]
    assert np.isin(swapped, first).mean() >= 0.8
    assert sorted(suspects.order) == list(range(labels.size))
    assert 0 < suspects.number <= labels.size * 4 // 100


def test_without_swapped_labels_hardly_any_film_is_suspected():
    features, labels, groups = films(apart=4.0)
    assert Suspects.of_features(features, labels, groups).number <= labels.size // 200


def test_a_film_is_scored_by_a_classifier_that_saw_none_of_its_group():
    rng = np.random.default_rng(1)
    labels = np.repeat(rng.integers(0, 2, 60), 5)
    groups = np.repeat(np.arange(60), 5)
    # What tells a patient apart tells the label too, but only to a classifier that has seen the patient.
    features = np.eye(60, dtype=np.float32)[groups] * 30
    suspects = Suspects.of_features(features, labels, groups)
    assert suspects.number > labels.size // 20


def test_few_patients_cannot_tell():
    features, labels, groups = films(n=60, patients=12)
    with pytest.raises(ValueError, match="10 groups"):
        Suspects.of_features(features, labels, groups)
    told = found(None, ["a"] * 60)
    assert (told.severity, told.figure, told.films) == ("none", None, ())
    assert "can't be told" in told.sentence


def test_suspects_are_counted_and_the_first_are_named():
    images = [f"{number}.png" for number in range(1000)]
    order = np.arange(1000)[::-1]
    told = found(Suspects(order, 20), images)
    assert (told.check, told.severity, told.figure) == ("label_errors", "low", 0.02)
    assert told.films == tuple(f"{number}.png" for number in range(999, 979, -1))
    assert told.sentence.startswith("20 of 1\u2009000 films (2.0\u202f%) look unlike their label")
    assert told.mend is not None
    assert told.mend_by == ("leave out",)
    assert found(Suspects(order, 1), images).films == ("999.png",)
    assert "films (0.1\u202f%) looks unlike its label" in found(Suspects(order, 1), images).sentence
    none = found(Suspects(order, 0), images)
    assert (none.severity, none.figure, none.films) == ("none", 0, ())


def test_features_come_from_a_network_of_photographs_that_lies_here(tmp_path):
    settings = load_settings(home=tmp_path)
    entry = encoder(settings)
    assert entry is not None
    pixels = np.stack([film.pixels for film in generate(5, seed=2)])
    seen = []
    features = features_of(settings, pixels, seen.append)
    assert features.shape[0] == 5
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=0).max() > 0
    assert seen == [5]
    np.testing.assert_array_equal(features_of(settings, pixels), features)


def test_without_such_weights_there_is_a_sentence(tmp_path, no_packaged_weights):
    settings = load_settings(home=tmp_path)
    assert encoder(settings) is None
    with pytest.raises(WeightsError, match="No ImageNet weights are on this machine"):
        features_of(settings, np.zeros((1, 256, 256), np.uint8))
