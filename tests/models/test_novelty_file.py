"""The file that tells what a model's training films are like."""

from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

from xraylab.evaluation.novelty import fit_novelty
from xraylab.models.novelty_file import novelty_bytes, read_novelty

MADE_FOR = {"model_sha256": "ab" * 32, "layer": "features.13"}


@pytest.fixture(scope="module")
def novelty():
    rng = np.random.default_rng(0)
    return fit_novelty(rng.normal(size=(200, 40)), rng.normal(size=(200, 40)))


@pytest.fixture
def file(tmp_path, novelty):
    file = tmp_path / "novelty.safetensors"
    file.write_bytes(novelty_bytes(novelty, **MADE_FOR))
    return file


def test_it_comes_back_as_it_was_written_and_tells_the_same(file, novelty):
    found = read_novelty(file, **MADE_FOR)
    films = np.random.default_rng(1).normal(size=(30, 40))
    np.testing.assert_array_equal(found.ratio(films), novelty.ratio(films))


@pytest.mark.parametrize("change", [{"model_sha256": "cd" * 32}, {"layer": "features.17"}])
def test_for_other_weights_or_another_layer_it_tells_nothing(file, change):
    assert read_novelty(file, **(MADE_FOR | change)) is None


@pytest.mark.parametrize("damage", [b"", b"text", b"\xff" * 5000, "cut", "folder", "absent"])
def test_what_is_missing_or_damaged_is_as_if_it_were_not_there(file, damage):
    raw = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage == "cut":
        file.write_bytes(raw[: len(raw) // 2])
    elif damage != "absent":
        file.write_bytes(damage)
    assert read_novelty(file, **MADE_FOR) is None


@pytest.mark.parametrize(
    "change",
    [
        {"mean": np.full(40, np.nan, np.float32)},
        {"mean": np.zeros(39, np.float32)},
        {"scale": np.zeros(40, np.float32)},
        {"axes": np.zeros((3, 40), np.float32)},
        {"variance": np.zeros(32, np.float32)},
        {"axes": np.zeros((0, 40), np.float32), "variance": np.zeros(0, np.float32)},
        {"rest": 0.0},
        {"limit": float("inf")},
        {"limit": -1.0},
    ],
)
def test_numbers_that_cannot_be_are_not_used(file, novelty, change):
    file.write_bytes(novelty_bytes(replace(novelty, **change), **MADE_FOR))
    assert read_novelty(file, **MADE_FOR) is None


def test_a_file_without_its_arrays_is_not_used(file):
    metadata = {"schema": "xraylab.novelty/1", **MADE_FOR}
    file.write_bytes(safetensors.numpy.save({"mean": np.zeros(3, np.float32)}, metadata))
    assert read_novelty(file, **MADE_FOR) is None
