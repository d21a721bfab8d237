"""The real training archive: its counts are public facts."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.films import encoded
from xraylab.data.datasets import Dataset
from xraylab.data.importing import import_dataset
from xraylab.data.patients import patient_key
from xraylab.data.sources import open_source
from xraylab.imaging import decode, standardise
from xraylab.imaging.fingerprint import Fingerprints
from xraylab.models.films_file import read_films
from xraylab.settings import load_settings

# The import of all films takes a while: they are looked at beside the training on them.
pytestmark = [pytest.mark.acceptance, pytest.mark.real_data]


@pytest.fixture(scope="module")
def archive(reference: Path) -> Path:
    return reference / "data" / "kermany224-train.zip"


@pytest.fixture(scope="module")
def imported(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    settings = load_settings(home=tmp_path_factory.mktemp("home"))
    yield import_dataset(settings, archive, "kermany")
    (settings.datasets / "kermany" / "pixels.npy").unlink()  # 340 MB


def test_the_training_archive_has_its_known_counts(imported):
    info = imported.info
    assert (info.n, info.patients) == (5216, 3654)
    assert info.labels == {"NORMAL": 1341, "PNEUMONIA": 3875}
    assert (info.ignored, info.refused, info.notes) == ({}, [], [])
    assert info.kind == "radiographs"
    assert imported.catalog["subtype"].value_counts().to_dict() == {
        "bacterial": 2530,
        "viral": 1345,
        "": 1341,
    }


def test_no_patient_and_no_picture_is_in_two_splits(imported):
    catalog = imported.catalog
    for unit in ("patient", "group", "pixel_sha256"):
        assert catalog.groupby(unit)["split"].nunique().max() == 1
    assert catalog.groupby("patient")["group"].nunique().max() == 1


def test_the_splits_hold_70_15_15_of_each_label(imported):
    shares = {"train": 0.70, "validation": 0.15, "test": 0.15}
    assert set(imported.info.splits) == set(shares)
    for name, share in shares.items():
        found = imported.info.splits[name]
        assert found["NORMAL"] / 1341 == pytest.approx(share, abs=0.005)
        assert found["PNEUMONIA"] / 3875 == pytest.approx(share, abs=0.005)


def test_pixels_are_those_of_the_archive(imported, archive):
    with zipfile.ZipFile(archive) as opened:
        for row in range(0, 5216, 500):
            data = opened.read(imported.catalog["path"][row])
            np.testing.assert_array_equal(imported.pixels[row], standardise(data).pixels)


@pytest.mark.parametrize(
    ("preset", "patients"), [("prefix-number", 3654), ("merged-normal", 3443), ("number", 2635), ("none", 0)]
)
def test_each_preset_finds_its_known_number_of_patients(archive, preset, patients):
    key = patient_key(preset)
    with open_source(archive) as source:
        found = {key(file.stem) for file in source.files} - {None}
    assert len(found) == patients


def test_the_classes_were_compressed_differently_at_native_resolution(reference):
    sums: dict[int, list[int | None]] = {0: [], 1: []}
    with open_source(reference / "data" / "kermany-fullres-sample.zip") as source:
        for file in source.files:
            sums[file.label].append(standardise(file.read()).facts.quant_sum)
    assert np.mean([one == 330 for one in sums[0]]) > 0.9
    assert np.mean([one == 1858 for one in sums[1]]) > 0.9


def test_the_fast_way_through_a_real_film_is_close_to_the_slow_one(reference):
    with open_source(reference / "data" / "kermany-fullres-sample.zip") as source:
        for file in source.files[::15]:
            data = file.read()
            slow = Image.fromarray(decode(data)).resize((256, 256), Image.Resampling.BILINEAR)
            assert np.abs(standardise(data).pixels.astype(int) - np.asarray(slow)).mean() < 2  # grey levels


def test_the_default_key_puts_films_of_the_shipped_models_into_the_test_split(imported, package_models):
    films = read_films(package_models / "mobilenet_v2" / "films.parquet")
    uses = films.uses(imported.fingerprints("test"))
    assert uses.size == 782
    assert (uses == "train").sum() == 566
    assert (uses == "validation").sum() == 95


def test_films_encoded_again_are_recognised_and_held_out_ones_are_never_taken_for_others(
    imported, archive, package_models
):
    films = read_films(package_models / "mobilenet_v2" / "films.parquet")
    held_out = imported.fingerprints().find(films.test.fingerprints) >= 0
    assert held_out.sum() == 782
    assert (films.uses(imported.fingerprints())[held_out] == "").all()
    paths = imported.catalog["path"].to_numpy()[held_out][::8]
    with zipfile.ZipFile(archive) as opened:
        again = [encoded(Image.open(opened.open(path)).convert("L"), "JPEG", quality=90) for path in paths]
    prints = Fingerprints.of_pixels(np.stack([standardise(film).pixels for film in again]))
    assert (prints.find(films.test.fingerprints) >= 0).all()
    assert (films.uses(prints) == "").all()
