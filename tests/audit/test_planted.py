"""Faults planted into real films: each is found as one that makes figures wrong, and is gone when mended.

That swapped labels are found is tested on all films, in ``test_reference.py``.
"""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.changed import changed
from tests.support.films import encoded
from xraylab import actions
from xraylab.audit.leakage import check_patient_leakage, straddling
from xraylab.data.datasets import load_dataset
from xraylab.data.importing import write_tables
from xraylab.data.mends import Mends
from xraylab.data.patients import patient_key
from xraylab.imaging import standardise
from xraylab.settings import load_settings

# With the other tests of the real films; these take a minute.
pytestmark = [pytest.mark.acceptance, pytest.mark.real_data]
PATIENTS, EACH = 300, 2  # patients of each label, and films of each at most
LABELS = ("NORMAL", "PNEUMONIA")
TESTED = 5  # every fifth patient is in the test


@pytest.fixture(scope="module")
def clean(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write films of some patients, with a test folder; return the folder."""
    folder, key = tmp_path_factory.mktemp("clean"), patient_key("number")
    with zipfile.ZipFile(reference / "data" / "kermany224-train.zip") as archive:
        names = [Path(name) for name in archive.namelist() if name.endswith(".jpeg")]
        for label in LABELS:
            by_patient: dict[str | None, list[Path]] = {}
            for name in names:
                if name.parent.name == label:
                    by_patient.setdefault(key(name.stem), []).append(name)
            chosen = np.random.default_rng(11).permutation(sorted(map(str, by_patient)))[:PATIENTS]
            for number, patient in enumerate(chosen):
                split = "train" if number % TESTED else "test"
                for name in by_patient[patient][:EACH]:
                    target = folder / split / label / name.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(str(name)))
    return folder


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


@pytest.fixture
def source(clean, tmp_path):
    return shutil.copytree(clean, tmp_path / "source")


def high(settings, name):
    """Return the checks that find something that may make figures wrong, with their examples."""
    findings = actions.audit(settings, name, parts=("quick",)).findings
    return {found.check: found for found in findings if found.severity == "high"}


def films(folder, split, label):
    return sorted((folder / split / label).iterdir())


def mended(settings, **what):
    actions.mend_dataset(settings, "films", "mended", Mends(**what))
    return high(settings, "mended")


def test_a_clean_set_raises_nothing_high_and_neither_does_its_mend(settings, clean):
    actions.import_dataset(settings, clean, "films")
    assert high(settings, "films") == {}
    assert mended(settings, one_encoding=True, split_again=True) == {}


def test_changed_copies_in_another_split_are_found_and_mended(settings, source):
    train, copies = films(source, "train", "PNEUMONIA"), {}
    for number, ways in enumerate([("encoded",), ("cut", "darker"), ("turned", "brighter"), ("resized",)]):
        film = train[50 * number]
        pixels = changed(standardise(film.read_bytes()).pixels, ways)
        copy = source / "test" / "PNEUMONIA" / f"person900{number}_virus_9.jpeg"
        copy.write_bytes(encoded(Image.fromarray(pixels).resize((224, 224)), "JPEG", quality=95))
        copies[film.relative_to(source).as_posix()] = copy.relative_to(source).as_posix()
    actions.import_dataset(settings, source, "films")
    found = high(settings, "films")
    assert set(found) == {"near_duplicates", "patient_leakage"}
    assert set(copies) | set(copies.values()) <= set(found["near_duplicates"].films)
    assert {step for one in found.values() for step in one.mend_by} == {"split again"}
    assert mended(settings, split_again=True) == {}
    split = load_dataset(settings, "mended").catalog.set_index("image_id")["split"]
    assert set(split[list(copies)]) == {"left out"}
    assert set(split[list(copies.values())]) == {"test"}


def test_a_patient_on_both_sides_is_found_and_mended(settings, clean):
    actions.import_dataset(settings, clean, "films")
    dataset = load_dataset(settings, "films")
    catalog = dataset.catalog
    several = catalog[(catalog["split"] == "train") & catalog["patient"].duplicated()]
    moved = several["image_id"].iloc[[0, -1]].tolist()
    # No import makes such a split: a person did, or another program.
    split = catalog["split"].where(~catalog["image_id"].isin(moved), "test")
    write_tables(dataset.folder, dataset.info, catalog.assign(split=split))
    found = high(settings, "films")
    assert set(found) == {"patient_leakage"}
    assert set(moved) <= set(found["patient_leakage"].films)
    assert found["patient_leakage"].figure == 2
    assert mended(settings, split_again=True) == {}
    actions.mend_dataset(settings, "films", "drawn-anew", Mends(split_again=True, new_test=True))
    for name in ("mended", "drawn-anew"):
        after = load_dataset(settings, name).catalog
        after = after[after["split"] != "left out"]
        assert after.groupby("patient")["split"].nunique().max() == 1


def test_one_class_that_was_compressed_again_is_found_and_mended(settings, source):
    for split in ("train", "test"):
        for film in films(source, split, "NORMAL"):
            with Image.open(film) as picture:
                film.write_bytes(encoded(picture.convert("L"), "JPEG", quality=40))
    actions.import_dataset(settings, source, "films")
    found = high(settings, "films")
    assert set(found) == {"acquisition_shortcut"}
    assert found["acquisition_shortcut"].mend_by == ("one encoding",)
    assert mended(settings, one_encoding=True) == {}


def test_the_more_cautious_key_that_the_audit_names_leaves_no_patient_divided(settings, clean):
    def leakage_of(name):
        dataset = load_dataset(settings, name)
        return check_patient_leakage(straddling(dataset.info, dataset.catalog, []))

    actions.import_dataset(settings, clean, "films", patient_key="none")
    found = leakage_of("films")
    assert found.severity == "low"
    assert "split again by the patient key “number”" in found.mend
    actions.mend_dataset(settings, "films", "mended", Mends(split_again=True, patient_key="number"))
    assert leakage_of("mended").figure in (0, None)
    assert leakage_of("mended").severity == "none"
