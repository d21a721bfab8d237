import numpy as np
import pytest

from benchmarks.apart import ImportApart, ReadApart
from benchmarks.augment import Augment
from benchmarks.decode import DecodeDraft, DecodeMemmap
from benchmarks.evaluation import Intervals, Thresholds, _apart
from benchmarks.frozen import Frozen
from benchmarks.gpu import GpuEpoch
from benchmarks.infer import Infer
from benchmarks.libraries import Libraries
from benchmarks.material import NATIVE, Material
from benchmarks.near import NearDuplicates
from benchmarks.read import ReadBatch, ReadCam
from benchmarks.step import StepBf16
from benchmarks.tail import Tail
from tests.support.films import film
from xraylab.imaging import standardise


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return Material(films=10, folder=tmp_path_factory.mktemp("benchmarks"))


ROWS = [
    DecodeDraft(),
    DecodeMemmap(),
    Augment(),
    Frozen("frozen", "small_cnn", 1.0),
    Tail("small_cnn", batch=4),
    StepBf16(batch=4),  # bf16 moves the maxima that a small CNN with random weights takes by more
    Thresholds("thresholds", 624),
    Intervals(resamples=200),
    NearDuplicates(10),
    pytest.param(Libraries(), marks=pytest.mark.slow),
    ReadCam("phantom"),
    ReadBatch(3, "phantom"),
    ReadApart(3, "phantom"),
    ImportApart(4),
    GpuEpoch("small_cnn", device="cpu", films=6),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_both_ways_of_a_row_do_the_same_on_few_films_and_run(row, material, monkeypatch, package_models):
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)  # films are read with a shipped model
    if reason := row.unavailable():
        pytest.skip(reason)
    row.prepare(material)
    differences = row.check()
    assert differences
    for difference in differences:
        assert 0 <= difference.largest <= difference.allowed, difference
    row.baseline()
    row.ours()


def test_the_quickest_backend_that_keeps_the_logits_is_compared(material, monkeypatch):
    monkeypatch.setattr("benchmarks.infer._BACKENDS", ("bf16",))  # the others take long to start
    row = Infer(2, "small_cnn")
    row.prepare(material)
    (difference,) = row.check()
    assert difference.largest <= difference.allowed
    assert f"quickest backend, here {row.chosen}" in row.compared
    assert row.ours().shape == row.baseline().shape == (2, 2)


def test_a_backend_that_moves_the_logits_is_not_chosen(material, monkeypatch):
    monkeypatch.setattr("benchmarks.infer._BACKENDS", ("bf16",))
    monkeypatch.setattr("benchmarks.infer._apart", lambda *_: 1.0)
    row = Infer(2, "small_cnn")
    row.prepare(material)
    assert row.chosen == "fp32"


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ([np.inf, 0.5], [np.inf, 0.25], 0.25),
        ([np.inf, 0.5], [1.0, 0.5], np.inf),
        ([0.5, 0.5], [0.5], np.inf),  # a row too few
    ],
)
def test_columns_are_compared_value_by_value(one, other, apart):
    assert _apart(np.array(one), np.array(other)) == apart


def test_phantom_files_are_of_a_films_size_and_of_both_classes(material):
    files = material.files
    facts = standardise(files.raw[0]).facts
    assert (facts.format, facts.width, facts.height) == ("JPEG", *NATIVE)
    assert sorted(files.labels) == [0] * 5 + [1] * 5
    assert sorted([*files.train, *files.validation]) == list(range(10))
    for rows in (files.train, files.validation):
        assert set(files.labels[rows]) == {0, 1}


def test_given_films_take_the_place_of_phantoms(tmp_path):
    for label in ("NORMAL", "PNEUMONIA"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "data" / label / f"{number}.png").write_bytes(film(number))
    files = Material(films=4, folder=tmp_path, data=tmp_path / "data").files
    assert len(files.raw) == 4
    assert sorted(files.labels) == [0, 0, 1, 1]
