"""The audit of films that were imported: a clean set raises nothing, and what was planted in it is found."""

import pytest
from PIL import Image

from tests.support.changed import changed
from tests.support.films import encoded, write_folder
from xraylab.audit import counts, duplicates, leakage
from xraylab.data.importing import import_dataset
from xraylab.data.phantoms import phantom
from xraylab.settings import load_settings

FILMS, TEST = 60, 15  # the last ones are for the test


@pytest.fixture(scope="module")
def phantoms():
    return [phantom(patient, 1, seed=6) for patient in range(FILMS)]


def files_of(phantoms):
    """Return the files of phantoms, in folders of a split that is given."""
    return {
        f"{'test' if made.patient >= FILMS - TEST else 'train'}/"
        f"{'PNEUMONIA' if made.label else 'NORMAL'}/{made.stem}.png": encoded(made.pixels)
        for made in phantoms
    }


def audited(tmp_path, files):
    """Import files and return each result of the audit by its check."""
    source = write_folder(tmp_path / "films", files)
    dataset = import_dataset(load_settings(home=tmp_path / "home"), source, "films")
    catalog, finding = dataset.catalog, dataset.info.finding
    exact = duplicates.exact_pictures(catalog)
    near = duplicates.near_pictures(catalog, duplicates.find_near(catalog, dataset.pixels))
    results = [
        counts.check_unreadable(dataset.info),
        counts.check_class_balance(catalog, finding),
        duplicates.check_duplicates(exact, finding),
        duplicates.check_near_duplicates(near, finding),
        leakage.check_patient_leakage(leakage.straddling(dataset.info, catalog, [*exact, *near])),
    ]
    return {found.check: found for found in results}


def test_a_clean_set_raises_nothing(tmp_path, phantoms):
    assert {check: found.severity for check, found in audited(tmp_path, files_of(phantoms)).items()} == {
        "unreadable": "none",
        "class_balance": "none",
        "duplicates": "none",
        "near_duplicates": "none",
        "patient_leakage": "none",
    }


def test_a_version_in_another_split_is_a_near_duplicate_and_leakage(tmp_path, phantoms):
    first = phantoms[0]
    folder = "PNEUMONIA" if first.label else "NORMAL"
    version = Image.fromarray(changed(first.pixels, ["cut", "darker"])).resize((300, 280))
    planted = {f"test/{folder}/another.jpeg": encoded(version, "JPEG", quality=70)}
    found = audited(tmp_path, files_of(phantoms) | planted)
    films = {f"train/{folder}/{first.stem}.png", *planted}
    for check in ("near_duplicates", "patient_leakage"):
        assert found[check].severity == "high"
        assert found[check].figure == 1
        assert set(found[check].films) == films
    assert found["duplicates"].severity == "none"


def test_a_picture_under_two_labels_is_found(tmp_path, phantoms):
    well = next(made for made in phantoms if not made.label)
    planted = {"train/PNEUMONIA/again.png": encoded(well.pixels)}
    found = audited(tmp_path, files_of(phantoms) | planted)
    assert found["duplicates"].severity == "high"
    assert "1 is labelled NORMAL and PNEUMONIA" in found["duplicates"].sentence
    assert set(found["duplicates"].films) == {f"train/NORMAL/{well.stem}.png", *planted}
    assert found["near_duplicates"].severity == "none"


def test_a_file_that_cannot_be_read_is_told(tmp_path, phantoms):
    found = audited(tmp_path, files_of(phantoms) | {"train/NORMAL/broken.png": b"no film"})
    assert (found["unreadable"].severity, found["unreadable"].films) == ("low", ("train/NORMAL/broken.png",))
