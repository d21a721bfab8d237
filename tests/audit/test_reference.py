"""The audit of the real training archive: its copies and keys are known, and versions of films are found."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.changed import WAYS, changed
from xraylab.audit import duplicates, label_errors, leakage
from xraylab.audit.encoder import features_of
from xraylab.audit.near import near_duplicates
from xraylab.data.datasets import Dataset
from xraylab.data.importing import import_dataset
from xraylab.settings import load_settings

# The import of all films takes a while: they are looked at beside the training on them.
pytestmark = [pytest.mark.acceptance, pytest.mark.real_data]
EACH = 20  # films for each way to change one


@pytest.fixture(scope="module")
def imported(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    settings = load_settings(home=tmp_path_factory.mktemp("home"))
    yield import_dataset(settings, reference / "data" / "kermany224-train.zip", "kermany")
    (settings.datasets / "kermany" / "pixels.npy").unlink()  # 340 MB


def test_the_copies_are_those_that_are_known(imported):
    found = duplicates.check_duplicates(duplicates.exact_pictures(imported.catalog), imported.info.finding)
    assert (found.severity, found.figure) == ("low", 24)
    assert found.sentence == (
        "24 pictures occur more than once, in 50 films: each is of one patient, in one split and under one "
        "label."
    )


def test_no_two_films_are_versions_of_one_picture(imported):
    pairs = duplicates.find_near(imported.catalog, imported.pixels)
    assert duplicates.near_pictures(imported.catalog, pairs) == []


def test_patients_are_divided_by_the_more_cautious_keys_only(imported):
    ways = leakage.straddling(imported.info, imported.catalog, duplicates.exact_pictures(imported.catalog))
    assert [(way.key, way.patients) for way in ways] == [
        ("own", 3654),
        ("shared pictures", 3654),
        ("merged-normal", 3443),
        ("number", 2635),
    ]
    assert [way.divided > 0 for way in ways] == [False, False, True, True]
    assert leakage.check_patient_leakage(ways).severity == "low"


def test_changed_films_are_found_among_all_and_nothing_else(imported):
    unique = np.flatnonzero(~imported.catalog["pixel_sha256"].duplicated().to_numpy())
    films = imported.pixels[unique]
    changes = np.random.default_rng(3).choice(len(films), (len(WAYS), EACH), replace=False)
    versions = [changed(films[n], names) for names, chosen in zip(WAYS, changes, strict=True) for n in chosen]
    pairs = near_duplicates(np.concatenate([films, versions]))
    planted = {(int(n), len(films) + row) for row, n in enumerate(changes.ravel())}
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found <= planted
    assert len(found) >= 0.99 * len(planted)


def test_of_two_percent_of_swapped_labels_four_fifths_are_among_the_first_four_percent(imported):
    labels, groups = (
        imported.catalog["label"].to_numpy(np.int64, copy=True),
        imported.catalog["group"].factorize()[0],
    )
    features = features_of(load_settings(home=imported.folder.parents[1]), imported.pixels)
    swapped = np.random.default_rng(7).choice(labels.size, labels.size // 50, replace=False)
    labels[swapped] = 1 - labels[swapped]
    suspects = label_errors.Suspects.of_features(features, labels, groups)
    assert np.isin(swapped, suspects.order[: labels.size * 4 // 100]).mean() >= 0.8
