"""Shortcuts by file properties: known answers, what may be blamed, and how often a clean set is accused."""

import io
import math
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from tests.support.films import write_zip
from tests.support.sizes import draws, three_errors
from xraylab.audit.acquisition import (
    FEWEST_PATIENTS,
    ROBUST,
    SAME_FILES,
    _folds,
    acquisition_shortcut,
    measure_acquisition,
)
from xraylab.audit.found import MOST_EXAMPLES
from xraylab.data.importing import import_dataset
from xraylab.evaluation.intervals import auc_interval
from xraylab.findings import state_finding
from xraylab.settings import load_settings

N = 120


def catalog(n=N, *, groups=None, **columns):
    """Films of which every other one is ill, all with the same file unless a column says otherwise."""
    same = {"format": "JPEG", "quant_sum": 330, "bits": 8, "width": 1024, "height": 1024, "bytes": 100_000}
    frame = pd.DataFrame({"image_id": [f"f{i}.jpeg" for i in range(n)], "label": np.arange(n) % 2})
    frame["group"] = [f"g{i}" for i in (np.arange(n) if groups is None else groups)]
    return frame.assign(**{**same, "sharpness": 4.0, "colour": 0.0, **columns})


def apart(seed=0, n=N, *, by=2.0):
    """Numbers that are higher for films with label 1."""
    return np.random.default_rng(seed).normal(0, 1, n) + by * (np.arange(n) % 2)


def by_label(absent, present, n=N):
    return np.where(np.arange(n) % 2, present, absent)


def test_the_area_of_a_property_is_scikit_learns_with_the_interval_by_group():
    groups = np.arange(N) // 3
    by = groups % 2
    films = catalog(groups=groups, label=by, sharpness=apart(by=0) - 0.8 * by)
    found = measure_acquisition(films).by_property["sharpness"].area
    falling = -films["sharpness"]

    assert found.value == pytest.approx(roc_auc_score(by, falling), abs=1e-12)
    assert (found.low, found.high) == pytest.approx(auc_interval(by, falling, groups), abs=1e-12)
    assert found.value > 0.5


@pytest.mark.parametrize(
    ("columns", "severity", "mend"),
    [
        ({"quant_sum": by_label(330, 1858)}, "high", SAME_FILES),
        ({"format": by_label("JPEG", "PNG")}, "high", SAME_FILES),
        ({"bits": by_label(8, 16)}, "high", SAME_FILES),
        ({"width": 1000 + 50 * apart()}, "high", SAME_FILES),
        ({"sharpness": apart(by=6)}, "low", ROBUST),  # not even complete separation is a trace
        ({"bytes": 100_000 + 5000 * apart(by=6)}, "low", ROBUST),
        ({"colour": apart().clip(min=0)}, "low", ROBUST),
        ({"age": 4 + apart()}, "low", ROBUST),
        ({"view": by_label("PA", "AP")}, "low", ROBUST),
        ({"age": by_label(None, 4.0)}, "low", ROBUST),  # whether it is stated
        ({"sharpness": apart(by=0)}, "none", None),
        ({"quant_sum": np.random.default_rng(0).choice([330, 1858], N)}, "none", None),
    ],
)
def test_only_traces_of_how_a_file_was_made_are_a_shortcut(columns, severity, mend):
    found = acquisition_shortcut(catalog(**columns))
    assert (found.severity, found.mend) == (severity, mend)
    assert found.mend_by == (("one encoding",) if mend == SAME_FILES else ())
    assert len(found.films) == (0 if severity == "none" else MOST_EXAMPLES)


def test_traces_that_separate_the_classes_weakly_are_no_shortcut_but_worth_a_sentence():
    films = catalog(900, width=1000 + 50 * apart(2, 900, by=0.6))
    measured = measure_acquisition(films)
    assert 0.6 < measured.by_property["width"].area.value < 0.7
    assert measured.by_property["width"].adjusted_p < 1e-6
    found = acquisition_shortcut(films)
    assert (found.severity, found.mend) == ("low", SAME_FILES)


def test_a_difference_that_only_many_films_show_is_none():
    measured = measure_acquisition(catalog(6000, sharpness=apart(0, 6000, by=0.15)))
    assert measured.by_property["sharpness"].adjusted_p < 0.001
    assert measured.severity == "none"


@pytest.mark.parametrize(("table", "trace"), [(330, False), (by_label(330, 1858), True)])
def test_bits_per_pixel_are_a_trace_only_if_the_tables_differ(table, trace):
    measured = measure_acquisition(catalog(bytes=100_000 + 5000 * apart(), quant_sum=table))
    assert measured.by_property["bits_per_pixel"].trace == trace


def test_tables_that_differ_between_films_but_not_between_classes_blame_nothing_on_bits_per_pixel():
    tables = np.repeat([330, 1858], N // 2)
    measured = measure_acquisition(catalog(bytes=100_000 + 5000 * apart(), quant_sum=tables))
    assert not measured.by_property["bits_per_pixel"].trace
    assert measured.severity == "low"


def test_a_size_that_no_direction_separates_is_found_by_the_classifier():
    sizes = by_label(np.where(np.arange(N) % 4, 800, 1600), 1200)
    measured = measure_acquisition(catalog(width=sizes))
    assert measured.by_property["width"].area.value == pytest.approx(0.5, abs=0.02)
    assert measured.traces.area.value == 1
    assert measured.severity == "high"


def test_a_category_is_judged_by_the_films_of_other_folds():
    rare = [f"view {i}" for i in range(N)]  # each film has its own value, which no other film can tell
    area = measure_acquisition(catalog(view=rare)).by_property["view"].area
    assert area.value < 0.6


def test_what_no_film_differs_in_is_left_out():
    films = catalog(sharpness=apart())
    assert list(measure_acquisition(films).by_property) == ["sharpness"]


def test_missing_values_and_missing_columns_break_nothing():
    most = np.where(np.arange(N) < 100, np.nan, 400.0)
    some = np.where(np.arange(N) < 60, np.nan, apart())
    films = catalog(quant_sum=pd.array(most).astype("Int64"), sharpness=some, modality=None, age="unknown")
    measured = measure_acquisition(films.drop(columns=["colour", "bits", "bytes"]))
    assert measured.by_property["quant_sum"].area.value == 0.5  # all that have one have the same
    known = ~np.isnan(some)
    expected = roc_auc_score(films["label"][known], some[known])
    assert measured.by_property["sharpness"].area.value == pytest.approx(expected, abs=1e-12)
    assert measured.severity == "low"


def test_a_number_that_most_films_lack_is_not_judged_by_the_rest():
    few = np.where(np.arange(N) < 102, np.nan, apart())
    assert math.isnan(measure_acquisition(catalog(age=few)).by_property["age"].area.value)


@pytest.mark.parametrize(
    ("ill", "well", "told"), [(9, 40, False), (40, 9, False), (10, 10, True), (0, 0, False)]
)
def test_with_few_patients_of_a_class_nothing_can_be_told(ill, well, told):
    labels = np.repeat([1, 0], [ill, well])
    films = catalog(ill + well, label=labels, quant_sum=np.where(labels, 1858, 330))
    found = acquisition_shortcut(films)
    assert (found.severity, found.figure is None) == (("high", False) if told else ("none", True))
    assert ("can't be told" in found.sentence) == (not told)


def test_patients_are_counted_and_not_films():
    films = catalog(groups=np.arange(N) % 18, quant_sum=by_label(330, 1858))  # nine patients of each class
    assert acquisition_shortcut(films).sentence == (
        "Whether the files give the label away can't be told from 120 films of 18 patients: it takes at "
        f"least {FEWEST_PATIENTS} patients with pneumonia and 10 without pneumonia, and there are 9 and 9."
    )


def test_a_shortcut_is_said_with_its_numbers():
    found = acquisition_shortcut(catalog(quant_sum=by_label(330, 1858)))
    assert found.figure == 1
    assert found.sentence == (
        "Without a look at the picture, properties of the files tell normal films from films with pneumonia "
        "with an AUC of 1.000 (0.940–1.000) on 120 films of 120 patients, where 0.5 is chance; the clearest "
        "is the JPEG compression table (1.000), so a network may learn how the files were made in place of "
        "pneumonia."
    )


def test_an_association_is_said_without_blame_and_in_the_words_of_the_finding():
    finding = state_finding("tuberculosis", ["TB"], ["clear"])
    found = acquisition_shortcut(catalog(sharpness=apart(by=8)), finding=finding)
    assert found.sentence == (
        "Without a look at the picture, properties of the files tell films without tuberculosis from films "
        "with tuberculosis with an AUC of 1.000 (0.940–1.000) on 120 films of 120 patients, where 0.5 is "
        "chance; the clearest is the sharpness (1.000), which may come from tuberculosis itself or from the "
        "way the films were made."
    )


def test_a_clean_dataset_is_told_its_figure():
    found = acquisition_shortcut(catalog(sharpness=apart(by=0)))
    assert found.figure == pytest.approx(0.5, abs=0.12)
    assert found.sentence.startswith(
        "No file property was shown to tell normal films from films with pneumonia"
    )
    assert "of 120 patients, where 0.5 is chance." in found.sentence


def test_files_without_any_difference_have_no_figure():
    found = acquisition_shortcut(catalog())
    assert (found.severity, found.figure, found.films) == ("none", None, ())
    assert found.sentence == (
        "The files of these 120 films of 120 patients don't differ in any property, so they can't tell "
        "normal films from films with pneumonia."
    )


def test_examples_are_the_films_that_their_files_give_away_most():
    films = catalog(quant_sum=by_label(330, 1858))
    found = acquisition_shortcut(films)
    labels = films.set_index("image_id")["label"]
    assert [labels[name] for name in found.films] == [1, 0] * 6


def test_no_fold_divides_a_group_and_every_fold_has_both_classes():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 300)
    labels = (groups % 3 == 0).astype(int)
    folds = _folds(labels, np.unique(groups, return_inverse=True)[1])
    assert all(len({*folds[groups == group]}) == 1 for group in set(groups))
    assert all({*labels[folds == fold]} == {0, 1} for fold in range(5))


@pytest.mark.parametrize("healthy", [0, 3, 5])
def test_patients_with_films_of_both_classes_can_be_divided_too(healthy):
    people = np.repeat(np.arange(30), 4)
    labels = np.where(people < healthy, 0, np.arange(120) % 2)
    folds = _folds(labels, people)
    assert all({*labels[folds == fold]} == {0, 1} for fold in range(5))
    films = catalog(groups=people, label=labels, quant_sum=np.where(labels, 1858, 330))
    assert acquisition_shortcut(films).severity == "high"


def test_a_classifier_never_sees_the_patient_that_it_scores():
    groups = (
        np.arange(400) // 20
    )  # 20 patients, each with a sharpness of their own that says nothing of others
    own = np.random.default_rng(1).permutation(20).astype(float)[groups]
    films = catalog(400, groups=groups, sharpness=own)
    films["label"] = groups % 2
    assert measure_acquisition(films).together.value < 0.75  # 1 if films of one patient were divided


def _mixed(rng, patients):
    """Films with every property, none of which has to do with the label; films of a patient are alike."""
    groups = np.repeat(np.arange(patients), rng.choice([1, 2, 5], patients))
    n, width, height = (
        groups.size,
        rng.choice([1024, 2048], groups.size),
        rng.integers(800, 2500, groups.size),
    )
    own = rng.normal(0, 1, patients)[groups]
    return catalog(
        n,
        groups=groups,
        label=rng.permutation(np.arange(patients) % 2)[groups],
        format=rng.choice(["JPEG", "PNG", "DICOM"], patients)[groups],
        quant_sum=np.where(own > 0, rng.choice([330.0, 500.0, 1858.0], n), np.nan),
        width=width,
        height=height,
        bytes=(width * height * np.exp(own / 3) / 4).astype(int),
        sharpness=own + rng.normal(0, 1, n),
        age=np.where(rng.random(n) < 0.5, rng.gamma(2, 20, n), np.nan),
        modality=rng.choice(["CR", "DX"], patients)[groups],
        view=rng.choice(["PA", "AP"], n),
    )


@pytest.mark.slow
@pytest.mark.sampled
@pytest.mark.parametrize("patients", [24, 60, 150])
def test_a_dataset_without_a_shortcut_is_accused_at_most_five_times_in_a_hundred(patients):
    rng, n = np.random.default_rng(patients), draws(200, brief=20)
    fired = sum(measure_acquisition(_mixed(rng, patients)).severity != "none" for _ in range(n))
    assert fired <= (0.05 + three_errors(0.05, n)) * n


@pytest.fixture(scope="module")
def native(reference, tmp_path_factory):
    """90 films of the Kermany set as they were published."""
    settings = load_settings(home=tmp_path_factory.mktemp("home"))
    return import_dataset(settings, reference / "data" / "kermany-fullres-sample.zip", "native")


@pytest.mark.real_data
def test_the_compression_shortcut_of_the_native_films_is_found(native):
    found = acquisition_shortcut(native.catalog, native.pixels, finding=native.info.finding)
    assert found.severity == "high"
    assert found.figure >= 0.99
    assert "the JPEG compression table (1.000)" in found.sentence
    measured = measure_acquisition(native.catalog, native.pixels)
    assert measured.traces.area.value >= 0.99
    assert measured.by_property["bits_per_pixel"].area.value >= 0.99


@pytest.mark.slow
@pytest.mark.sampled
@pytest.mark.real_data
def test_real_files_under_random_labels_are_accused_at_most_five_times_in_a_hundred(native):
    rng, n = np.random.default_rng(0), draws(200, brief=20)
    labels = native.catalog["label"].to_numpy()
    random = (native.catalog.assign(label=rng.permutation(labels)) for _ in range(n))
    fired = sum(measure_acquisition(films, native.pixels).severity != "none" for films in random)
    assert native.catalog["group"].is_unique  # so each patient's label is drawn
    assert fired <= (0.05 + three_errors(0.05, n)) * n


@pytest.mark.real_data
def test_after_one_encoding_and_one_size_no_shortcut_is_left(native, reference, tmp_path):
    with zipfile.ZipFile(reference / "data" / "kermany-fullres-sample.zip") as archive:
        films = {name: _again(archive.read(name)) for name in archive.namelist() if name.endswith(".jpeg")}
    settings = load_settings(home=tmp_path)
    again = import_dataset(settings, write_zip(tmp_path / "again.zip", films), "again")
    measured = measure_acquisition(again.catalog, again.pixels)
    assert again.info.n == native.info.n
    assert measured.traces is None
    assert not any(each.trace for each in measured.by_property.values())
    # The pictures themselves were smoothed by their first compression, which no second one takes back.
    assert acquisition_shortcut(again.catalog, again.pixels).severity == "low"


def _again(data):
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("L").resize((512, 512)).save(out, "JPEG", quality=85)
    return out.getvalue()


@pytest.mark.acceptance  # the import of all films takes a while
@pytest.mark.real_data
def test_the_224_copy_has_no_shortcut_but_its_sharpness_is_said(reference, tmp_path):
    settings = load_settings(home=tmp_path)
    films = import_dataset(settings, reference / "data" / "kermany224-train.zip", "kermany")
    found = acquisition_shortcut(films.catalog, films.pixels)
    assert films.info.n == 5216
    assert found.severity == "low"
    assert found.figure == pytest.approx(0.91, abs=0.02)
    assert "the sharpness (0.879)" in found.sentence
    films.folder.joinpath("pixels.npy").unlink()
