"""The trainings behind a split by image: one pass over the films, the usual loop, a leak that shows."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from xraylab.audit.naive import PARTS, TRAINING
from xraylab.data import phantoms
from xraylab.data.importing import import_dataset
from xraylab.errors import DatasetError, WeightsError
from xraylab.networks.inputs import to_input
from xraylab.networks.passes import activations
from xraylab.networks.registry import build, network
from xraylab.settings import load_settings
from xraylab.training import naive
from xraylab.training.contract import Films
from xraylab.training.loop import fit
from xraylab.training.naive import naive_split
from xraylab.training.recipe import Recipe, Stage
from xraylab.training.seen import Seen

CPU = torch.device("cpu")
ENTRY = dataclasses.replace(network("small_cnn"), side=32)
HEAD = Stage(trains="head", epochs=3, learning_rate=2e-2)


@pytest.fixture(scope="module")
def films():
    rng = np.random.default_rng(4)
    labels = np.tile([0, 1, 1], 14).astype(np.int64)
    pixels = (rng.integers(40, 120, (42, 256, 256)) + 60 * labels[:, None, None]).astype(np.uint8)
    return Films(pixels=pixels, labels=labels, train=np.arange(25), validation=np.arange(25, 42))


def recipe(*stages):
    return Recipe(name="test", stages=stages, batch_size=8, augmentation=0)


def known_of(net, films):
    with torch.no_grad():
        return activations(net.eval(), ENTRY, 0, to_input(torch.from_numpy(films.pixels), ENTRY))


def test_a_head_on_known_activations_is_trained_as_on_the_films(films):
    torch.manual_seed(0)
    first = build(ENTRY)
    usual = fit(copy.deepcopy(first), ENTRY, films, recipe(HEAD), device=CPU, monitor=naive.Monitor())
    blind = dataclasses.replace(films, pixels=np.empty(0, np.uint8))
    given = fit(
        copy.deepcopy(first),
        ENTRY,
        blind,
        recipe(HEAD),
        device=CPU,
        monitor=naive.Monitor(),
        known=known_of(first, films),
    )
    for one, other in zip(usual.net.parameters(), given.net.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert [e.validation_auc for e in usual.history] == [e.validation_auc for e in given.history]


def test_what_is_known_of_films_is_for_heads_alone(films):
    more = recipe(HEAD, Stage(trains="all", epochs=1, learning_rate=1e-3))
    with pytest.raises(ValueError, match="heads alone"):
        fit(build(ENTRY), ENTRY, films, more, device=CPU, monitor=naive.Monitor(), known=torch.zeros(42, 8))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    home = tmp_path_factory.mktemp("naive")
    phantoms.write(home / "films", 150, seed=3)
    return import_dataset(load_settings(home=home / "home"), home / "films", "films")


@pytest.mark.slow
def test_a_patient_that_is_on_both_sides_is_claimed_as_skill(dataset, monkeypatch, tmp_path):
    """Features that show the patient and nothing of the label: only a split by image can tell the label."""
    rows = np.flatnonzero(dataset.catalog["split"].isin(["train", "validation"]))
    code, names = dataset.catalog["group"].iloc[rows].factorize()
    rng, seen = np.random.default_rng(0), []
    shown = rng.normal(0, 1, (len(names), 1280))[code] + 0.1 * rng.normal(0, 1, (rows.size, 1280))

    def see(_net, _entry, _pixels, given, **_):
        seen.append(given)
        return Seen(torch.from_numpy(shown.astype(np.float32)), np.empty(0, np.float32))

    monkeypatch.setattr(naive, "see", see)
    steps = []
    result = naive_split(
        load_settings(home=tmp_path), dataset, draws=1, on_step=lambda *step: steps.append(step)
    )
    assert len(seen) == 1  # one pass for all trainings
    np.testing.assert_array_equal(seen[0], rows)
    assert result.n == rows.size < dataset.info.n  # the test films took no part
    assert result.trainings == PARTS
    assert result.recipe == "quick"
    assert result.by_image.auc.value > 0.65
    assert 0.3 < result.by_patient.auc.value < 0.65
    assert result.auc.value > 0.1
    assert result.by_image.accuracy.value > result.by_patient.accuracy.value
    counts = [done for doing, done, total in steps if doing == TRAINING and total == 2 * PARTS]
    assert counts == sorted(counts)
    assert set(counts) == set(range(2 * PARTS))


def test_a_stop_comes_through(dataset, monkeypatch, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(doing, done, _):
        if doing == TRAINING and done == 1:
            raise StoppedError

    known = torch.zeros(int(dataset.catalog["split"].isin(["train", "validation"]).sum()), 1280)
    monkeypatch.setattr(naive, "see", lambda *_, **__: Seen(known, np.empty(0, np.float32)))
    with pytest.raises(StoppedError):
        naive_split(load_settings(home=tmp_path), dataset, draws=1, on_step=stop)


def test_without_patients_or_weights_there_is_a_sentence(tmp_path, dataset, no_packaged_weights):
    settings = load_settings(home=tmp_path)
    with pytest.raises(WeightsError, match="No ImageNet weights"):
        naive_split(settings, dataset)
    phantoms.write(tmp_path / "few", 20, seed=3)
    few = import_dataset(settings, tmp_path / "few", "few")
    with pytest.raises(DatasetError, match="can't be told from the films of “few”"):
        naive_split(settings, few)
