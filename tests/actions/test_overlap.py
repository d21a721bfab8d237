"""Films that made a model give no figures in silence, whatever name or file they come in."""

import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import xraylab
from tests.support.brief import BOTH, DATASET
from xraylab import actions
from xraylab.actions.overlap import overlap
from xraylab.data.datasets import load_dataset
from xraylab.data.openings import read_openings
from xraylab.errors import HonestOrderError
from xraylab.imaging import CAPTION_ROWS
from xraylab.models import load_model, opened_before, openings_of

pytest_plugins = ["tests.support.averaged"]


@pytest.fixture
def dataset(members):
    return load_dataset(members, DATASET)


def films_of(dataset, split):
    catalog = dataset.catalog
    return catalog[catalog["split"] == split]


def folder_of(phantom_folder, rows, target, change=shutil.copy):
    """Copy films into a labelled folder."""
    for path, label in zip(rows["path"], rows["label"], strict=True):
        file = target / ("NORMAL", "PNEUMONIA")[label] / path.replace("/", "-")
        file.parent.mkdir(parents=True, exist_ok=True)
        change(phantom_folder / path, file)
    return target


def as_jpeg(source, target):
    with Image.open(source) as film:
        # A JPEG doesn't carry the mark of a phantom, by which its caption is cut off.
        picture = film.convert("L").crop((0, 0, film.width, film.height - CAPTION_ROWS))
    picture.save(target.with_suffix(".jpeg"), quality=90)


def zipped(folder):
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, file.relative_to(folder))
    return target


@pytest.mark.parametrize("change", [shutil.copy, as_jpeg])
@pytest.mark.parametrize("packed", [False, True])
def test_training_films_from_a_folder_or_an_archive_are_left_out(
    members, dataset, phantom_folder, other_phantoms, tmp_path, change, packed
):
    trained, test = films_of(dataset, "train").head(5), films_of(dataset, "test")
    source = folder_of(phantom_folder, trained, tmp_path / "films", change)
    folder_of(phantom_folder, test, source, change)
    source = zipped(source) if packed else source
    document = actions.evaluate(members, "one", str(source), actor="test")
    assert document.n == len(test)
    assert (document.overlap.films, document.overlap.used) == (len(test) + 5, 5)
    assert (document.overlap.trained_on, document.overlap.included) == (5, False)
    assert document.overlap.sentence == (
        f"5 of these {len(test) + 5} films were used to make “one” (5 trained on)."
    )
    assert not document.is_test
    everything = actions.evaluate(members, "one", str(source), include_used=True, actor="test")
    assert everything.n == len(test) + 5
    assert everything.overlap.included


def test_nothing_but_training_films_is_a_sentence_and_no_opening(members, dataset, phantom_folder, tmp_path):
    source = folder_of(phantom_folder, films_of(dataset, "train"), tmp_path / "films")
    n = len(films_of(dataset, "train"))
    with pytest.raises(HonestOrderError, match=rf"All of these {n} films were used to make “one” \({n} "):
        actions.evaluate(members, "one", str(source), actor="test")
    with pytest.raises(HonestOrderError, match="say nothing about new films"):
        actions.shift(members, "one", str(source))
    assert read_openings(members) == []


def test_other_films_have_no_overlap(members, other_phantoms):
    document = actions.evaluate(members, "one", str(other_phantoms), actor="test")
    assert (document.overlap.used, document.overlap.known, document.overlap.sentence) == (0, "all", "")


def test_an_import_by_another_key_is_no_test_and_its_training_films_are_left_out(
    members, dataset, phantom_folder
):
    actions.import_dataset(members, phantom_folder, "again", patient_key="none")
    again = load_dataset(members, "again")
    test = again.catalog[again.catalog["split"] == "test"]
    use = dataset.catalog.set_index("path")["split"].loc[test["path"]]
    document = actions.evaluate(members, "one", "again", actor="test")
    assert document.overlap.trained_on == (use == "train").sum() > 0
    assert document.overlap.used == (use != "test").sum()
    assert document.n == (use == "test").sum()
    assert not document.is_test


def test_a_replaced_dataset_does_not_pass_its_old_test_films_off_as_the_new_split(members, phantom_folder):
    actions.import_dataset(members, phantom_folder, DATASET, patient_key="none", replace=True)
    own = load_model(members, "one").unsealed.of_split("test")
    document = actions.evaluate(members, "one", DATASET, actor="test")
    assert document.overlap.used > 0
    assert document.n < len(own)
    assert not document.is_test


def test_the_same_split_under_another_name_is_the_models_own(members, phantom_folder):
    actions.import_dataset(members, phantom_folder, "again")
    document = actions.evaluate(members, "one", "again", actor="test")
    assert document.is_test
    assert document.overlap is None
    assert load_model(members, "one").test_opened


def test_test_films_as_a_folder_are_an_opening(members, dataset, phantom_folder, tmp_path):
    source = folder_of(phantom_folder, films_of(dataset, "test"), tmp_path / "films")
    model = load_model(members, "one")
    assert openings_of(members, model) == []
    assert actions.evaluate(members, "two", str(source), actor="test").test_openings == 1
    assert [opening.model for opening in openings_of(members, model)] == ["two"]
    assert not opened_before(members, model)
    assert actions.lock(members, "one", "f1", actor="test").after_opening is False
    assert load_model(members, "one").lock.openings_before == 1
    actions.evaluate(members, "one", str(source), actor="test")
    assert opened_before(members, model)
    assert actions.lock(members, "one", "f1", actor="test").after_opening


def test_openings_follow_the_films_through_a_new_import(members, phantom_folder):
    actions.open_test(members, "one", actor="test")
    actions.import_dataset(members, phantom_folder, "again", patient_key="none")
    rows = {row.name: row.test_openings for row in actions.list_datasets(members)}
    assert rows == {DATASET: 1, "again": 1}
    shutil.rmtree(members.datasets / DATASET)
    assert actions.lock(members, "one", "f1", actor="test").after_opening


def test_an_ensemble_was_made_from_the_films_of_its_members(averaged, phantom_folder):
    dataset = load_dataset(averaged, DATASET)
    shared = overlap(averaged, load_model(averaged, BOTH), dataset.fingerprints())
    splits = dataset.catalog["split"].to_numpy(object)
    assert (shared.uses == np.where(splits == "test", "", splits)).all()


def test_a_model_of_an_earlier_version_says_what_is_not_known(members, other_phantoms):
    model = load_model(members, "one")
    (model.folder / "films.parquet").unlink()
    assert actions.evaluate(members, "one", str(other_phantoms), actor="test").overlap.known == "all"
    shutil.rmtree(members.datasets / DATASET)
    document = actions.evaluate(members, "one", str(other_phantoms), actor="test")
    assert document.overlap.known == "none"
    assert document.overlap.sentence == (
        "It isn't known which films “one” was made from: these may be among them."
    )


def test_a_network_inherits_the_films_behind_its_first_weights(members, phantom_folder, brief_recipe):
    recipe = json.loads(brief_recipe.read_text()) | {"rule": "value:0.5"}  # few films are left to choose by
    brief_recipe = members.home / "recipe.json"
    brief_recipe.write_text(json.dumps(recipe))
    actions.import_dataset(members, phantom_folder, "again", patient_key="none")
    again = load_dataset(members, "again")
    request = actions.request_training(
        members, dataset="again", arch="small_cnn", recipe=str(brief_recipe), weights="one", name="child"
    )
    actions.train(members, request)
    child = load_model(members, "child")
    use = load_dataset(members, DATASET).catalog.set_index("path")["split"]
    for split, counted in (("validation", {"train"}), ("test", {"train", "validation"})):
        rows = again.catalog[again.catalog["split"] == split]
        seen = set(rows["image_id"][use.loc[rows["path"]].isin(counted).to_numpy()])
        assert seen
        frame = child.unsealed.of_split(split).frame
        assert set(child.made_from.used_before) >= seen
        assert len(frame) == len(rows)
        if split == "validation":
            assert set(child.films(split).frame["image_id"]) == set(rows["image_id"]) - seen
            assert len(replace(child, include_used=True).films(split)) == len(rows)
            assert child.table(split).n == len(rows) - len(seen)
    # The films of the first model count as its own, also where this training never saw them.
    shared = overlap(members, child, load_dataset(members, DATASET).fingerprints("train"))
    assert shared.used.all()


def test_weights_of_unknown_origin_are_said_to_be(members, other_phantoms, brief_recipe, tmp_path):
    shutil.copy(load_model(members, "one").weights, tmp_path / "found.safetensors")
    request = actions.request_training(
        members,
        dataset=DATASET,
        arch="small_cnn",
        recipe=str(brief_recipe),
        weights=str(tmp_path / "found.safetensors"),
        name="copied",
    )
    actions.train(members, request)
    assert not load_model(members, "copied").made_from.incomplete  # the hash tells whose weights they are
    shutil.rmtree(members.models / "one")
    request = actions.request_training(
        members,
        dataset=DATASET,
        arch="small_cnn",
        recipe=str(brief_recipe),
        weights=str(tmp_path / "found.safetensors"),
        name="unknown",
    )
    actions.train(members, request)
    document = actions.evaluate(members, "unknown", str(other_phantoms), actor="test")
    assert document.overlap.known == "some"
    assert document.overlap.sentence == (
        "“unknown” started from weights whose films aren't known: these may be among them."
    )


def test_python_gets_the_sentence_and_the_numbers(members, dataset, phantom_folder, tmp_path):
    source = folder_of(phantom_folder, films_of(dataset, "train").head(4), tmp_path / "films")
    folder_of(phantom_folder, films_of(dataset, "test"), source)
    result = xraylab.evaluate("one", source, settings=members)
    n = len(films_of(dataset, "test"))
    assert (result.used, result.is_test, result.counts.films) == (4, False, n)
    assert f"4 of these {n + 4} films were used to make “one” (4 trained on)." in result.lines()
    everything = xraylab.evaluate("one", source, include_used=True, settings=members)
    assert everything.counts.films == n + 4


def test_the_command_line_leaves_them_out_unless_asked(members, dataset, phantom_folder, tmp_path, run):
    source = folder_of(phantom_folder, films_of(dataset, "train").head(4), tmp_path / "films")
    folder_of(phantom_folder, films_of(dataset, "test"), source)
    n = len(films_of(dataset, "test"))
    command = ("evaluate", "--model", "one", "--data", source)
    assert run(*command)["n"] == n
    assert run(*command, "--include-used")["n"] == n + 4


def test_an_import_says_which_models_were_made_from_its_test_films(members, dataset, phantom_folder):
    imported = actions.import_dataset(members, phantom_folder, "again", patient_key="none")
    again = load_dataset(members, "again").catalog
    test = again[again["split"] == "test"]
    use = dataset.catalog.set_index("path")["split"].loc[test["path"]]
    used, trained = (use != "test").sum(), (use == "train").sum()
    [sentence] = imported.overlaps
    assert sentence.startswith(f"{used} of these {len(test)} test films were used to make ")
    assert "“one”" in sentence
    assert "“two”" in sentence
    assert f"({trained} trained on)" in sentence
