"""Derived datasets: the parent stays, each step does what it says, and the chain of manifests is whole."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from tests.support.films import encoded, film, grey, kermany, write_zip
from xraylab.data import derived, importing, mends, patients
from xraylab.data.catalog import manifest_sha256
from xraylab.data.datasets import list_datasets, load_dataset
from xraylab.data.derived import QUALITY, derive_dataset
from xraylab.data.importing import import_dataset, sharpness
from xraylab.data.mends import Mends
from xraylab.data.split import LEFT_OUT
from xraylab.errors import DatasetError, NameTakenError, NotFoundError, StorageError
from xraylab.files import append_line
from xraylab.imaging import standardise
from xraylab.settings import load_settings

ALL = Mends(one_encoding=True, split_again=True)


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


@pytest.fixture
def films(settings, tmp_path):
    return import_dataset(settings, write_zip(tmp_path / "films.zip", kermany(20, 24)), "films")


@pytest.fixture
def state(settings):
    """Everything that lies in the home, to compare with what lies there later."""

    def look():
        return {str(f): f.read_bytes() if f.is_file() else b"" for f in settings.home.rglob("*")}

    return look


def derive(settings, what, new="new", *, shown=None, **options):
    made, steps = derive_dataset(settings, "films", new, what, pictures=lambda *_: shown or {}, **options)
    return load_dataset(settings, made.info.name), steps


def in_split(dataset, name):
    return dataset.catalog.loc[dataset.catalog["split"] == name, "image_id"].tolist()


# What stays


@pytest.mark.parametrize(
    "what", [Mends(left_out={"chest_xray/train/NORMAL/IM-0003-0001.png": "blurred"}), ALL, Mends({}, True)]
)
def test_the_dataset_it_starts_from_is_not_changed(settings, films, state, what):
    before = state()
    derive(settings, what)
    after = state()
    assert {path: after.get(path) for path in before} == before


def test_only_what_a_step_names_differs_in_the_new_dataset(settings, films):
    new, _ = derive(settings, Mends(split_again=True))
    assert (new.pixels == films.pixels).all()
    assert new.info.pixel_hash == films.info.pixel_hash
    same = films.catalog.columns.difference(["group", "split"])
    pd.testing.assert_frame_equal(new.catalog[same], films.catalog[same])
    kept = {"finding", "source", "kind", "patient_key", "patients_from", "labels", "ignored", "refused", "n"}
    assert new.info.model_dump(include=kept) == films.info.model_dump(include=kept)
    assert new.info.sequence > films.info.sequence


# Films left out


def test_films_are_left_out_with_their_reasons(settings, films):
    out = dict.fromkeys(in_split(films, "test")[:2], "wrong label") | {in_split(films, "train")[0]: "lateral"}
    new, (step,) = derive(settings, Mends(left_out=out), opened=3)
    kept = ~films.catalog["image_id"].isin(list(out)).to_numpy()
    pd.testing.assert_frame_equal(new.catalog, films.catalog[kept].reset_index(drop=True))
    assert (new.pixels == films.pixels[kept]).all()
    assert hashlib.sha256(new.pixels.tobytes()).hexdigest() == new.info.pixel_hash
    assert step.note == (
        "3 films were left out by hand. 2 of them were in the test split, after results on the test films "
        "had been revealed 3 times."
    )
    assert {reason: set(names) for reason, names in step.reasons.items()} == {
        "wrong label": set(list(out)[:2]),
        "lateral": set(list(out)[2:]),
    }
    assert new.info.notes == [f"From “films”: {step.note}"]
    assert (new.info.n, new.info.ignored) == (41, {"left out by hand": 3})
    assert sum(new.info.labels.values()) == sum(split["films"] for split in new.info.splits.values()) == 41
    assert new.info.patients_from == {patients.FILES: 41}
    assert new.lineage[-1]["reasons"]["lateral"] == list(out)[2:]


def test_patients_are_counted_by_where_they_come_from_without_the_films_left_out(settings, tmp_path):
    named = kermany(10, 12) | {f"chest_xray/train/NORMAL/other{n}.png": film(700 + n) for n in range(4)}
    films = import_dataset(settings, write_zip(tmp_path / "films.zip", named), "films")
    assert films.info.patients_from == {patients.FILES: 22, patients.ALONE: 4}
    out = ["other0.png", "other1.png", "IM-0001-0001.png"]
    new, _ = derive(settings, Mends({f"chest_xray/train/NORMAL/{name}": "x" for name in out}))
    assert new.info.patients_from == {patients.FILES: 21, patients.ALONE: 2}
    assert "2 file names don't name the patient" in " ".join(new.info.notes)
    assert "4 file names" not in " ".join(new.info.notes)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (Mends(), "Choose what to mend"),
        (Mends(one_encoding=True, new_test=True), "only if the films are split again"),
        (Mends(one_encoding=True, patient_key="number"), "only if the films are split again"),
        (Mends(split_again=True, patient_key="mine"), "There is no patient key “mine”"),
        (Mends({"a.png": "x"}), "“a.png” can't be left out: “films” has no such film"),
        (Mends(dict.fromkeys("abcde", "x")), "“a”, “b”, “c” and 2 more can't be left out"),
        (
            Mends({f"chest_xray/train/NORMAL/IM-{n:04d}-0001.png": "x" for n in range(20)}),
            "No NORMAL film would be left",
        ),
    ],
)
def test_what_cannot_be_mended_is_a_sentence(settings, films, state, what, words):
    before = state()
    with pytest.raises(DatasetError, match=words):
        derive(settings, what)
    assert state() == before


# One encoding


def test_all_films_get_one_encoding_and_the_facts_of_their_new_files(settings, tmp_path):
    mixed = kermany(10, 12)
    mixed["chest_xray/train/NORMAL/IM-0009-0001.png"] = encoded(grey(9, width=700, height=300))
    films = import_dataset(settings, write_zip(tmp_path / "films.zip", mixed), "films")
    new, (step,) = derive(settings, Mends(one_encoding=True))
    assert (
        len(new.catalog[["format", "width", "height", "bits", "quant_sum", "colour"]].drop_duplicates()) == 1
    )
    for row, facts in new.catalog.iterrows():
        raw = encoded(films.pixels[row], "JPEG", quality=QUALITY)
        again = standardise(raw)
        assert (new.pixels[row] == again.pixels).all()
        assert (facts["sha256"], facts["bytes"]) == (hashlib.sha256(raw).hexdigest(), len(raw))
        assert facts["pixel_sha256"] == hashlib.sha256(again.pixels.tobytes()).hexdigest()
        assert facts["sharpness"] == sharpness(again.pixels)
        assert (facts["width"], facts["height"], facts["format"]) == (256, 256, "JPEG")
        assert facts["quant_sum"] == again.facts.quant_sum
    assert (new.catalog.dtypes == films.catalog.dtypes).all()
    same = ["image_id", "path", "label", "subtype", "patient", "group", "split", "synthetic", "age", "view"]
    pd.testing.assert_frame_equal(new.catalog[same], films.catalog[same])
    assert new.info.splits == films.info.splits
    assert step.note == "All 22 films were brought to 256 × 256 pixels and encoded as JPEG of quality 90."


def test_what_tags_say_of_a_film_outlives_its_new_encoding(settings, films, tmp_path):
    catalog = films.catalog.assign(age=4.0, view="PA", modality="DX", synthetic=True, **{"kept.ward": "b"})
    importing.write_tables(films.folder, films.info, catalog)
    new, _ = derive(settings, Mends(one_encoding=True))
    same = ["age", "view", "modality", "synthetic", "kept.ward"]
    pd.testing.assert_frame_equal(new.catalog[same], catalog[same])


def test_a_catalog_of_an_earlier_version_keeps_its_columns(settings, films):
    catalog = films.catalog.drop(columns=["colour", "modality", "view", "body_part", "age", "raw"])
    importing.write_tables(films.folder, films.info, catalog)
    new, _ = derive(settings, Mends(one_encoding=True))
    assert list(new.catalog) == list(catalog)


# Split again


def test_films_of_one_picture_come_into_one_split_and_test_films_stay(settings, films):
    test, train = in_split(films, "test"), in_split(films, "train")
    validation = in_split(films, "validation")
    shown = {test[0]: "a", train[0]: "a", train[1]: "b", validation[0]: "b"}
    new, (step,) = derive(settings, Mends(split_again=True), shown=shown)
    after = new.catalog.set_index("image_id")
    assert in_split(new, "test") == test
    assert after.loc[train[0], "split"] == LEFT_OUT
    assert after.loc[train[1], "split"] == after.loc[validation[0], "split"] in ("train", "validation")
    assert new.catalog.loc[new.catalog["split"] != LEFT_OUT].groupby("group")["split"].nunique().max() == 1
    assert after.loc[[test[0], train[0]], "group"].nunique() == 1
    moved = int((after["split"].to_numpy() != films.catalog["split"].to_numpy()).sum())
    assert step.films == moved
    assert step.note == (
        f"Films of one picture or patient were brought into one split: {moved} films changed the split. The "
        f"test split kept its {len(test)} films. 1 film was left out of every split: the same patient or "
        "picture is in the test."
    )
    groups = json.loads((new.folder / "split.json").read_text())["groups"]
    assert groups == dict(
        new.catalog.loc[new.catalog["split"] != LEFT_OUT, ["group", "split"]].itertuples(index=False)
    )


def test_films_that_a_split_had_left_out_come_back_when_nothing_keeps_them_out(settings, films):
    out = in_split(films, "train")[:3]
    catalog = films.catalog
    catalog.loc[catalog["image_id"].isin(out), "split"] = LEFT_OUT
    importing.write_tables(films.folder, films.info, catalog)
    new, _ = derive(settings, Mends(split_again=True))
    assert LEFT_OUT not in new.info.splits


def test_a_test_split_that_is_drawn_anew_says_so(settings, films):
    test = set(in_split(films, "test"))
    what = Mends(split_again=True, new_test=True)
    shown = dict.fromkeys([*test, *in_split(films, "train")[:30]], "one large picture")
    new, (step,) = derive(settings, what, shown=shown, opened=1)
    gone = len(test - set(in_split(new, "test")))
    assert gone
    assert (
        f"The test split was drawn anew, and {gone} of its {len(test)} films went to training or validation, "
        "after results on the test films had been revealed once."
    ) in step.note
    assert LEFT_OUT not in new.info.splits


def test_a_more_cautious_key_joins_patients(settings, films):
    new, (step,) = derive(settings, Mends(split_again=True, patient_key="number"))
    numbers = new.catalog["path"].str.extract(r"(?:IM-|person)0*(\d+)[-_]")[0]
    together = [kind.startswith("person") for kind in new.catalog["path"].str.rpartition("/")[2]]
    by_number = new.catalog["group"][together].groupby(numbers[together]).nunique()
    assert (by_number == 1).all()
    assert "or that may be of one by the number in names of files alone (cautious)," in step.note
    assert new.info.patient_key == films.info.patient_key
    assert (new.catalog["patient"] == films.catalog["patient"]).all()


def test_the_films_of_a_key_that_joins_two_counters_share_a_group(settings, tmp_path):
    both = kermany(12, 12) | {
        f"chest_xray/train/PNEUMONIA/person{n}_virus_{50 + n}.jpeg": film(2000 + n, "JPEG")
        for n in range(0, 12, 2)
    }  # even numbers are bacterial in the others
    films = import_dataset(settings, write_zip(tmp_path / "films.zip", both), "films")
    new, _ = derive(settings, Mends(split_again=True, patient_key="number", new_test=True))
    for n in range(0, 12, 2):
        of_number = [f"person{n}_" in path for path in films.catalog["path"]]
        assert films.catalog["group"][of_number].nunique() == 2
        assert new.catalog["group"][of_number].nunique() == new.catalog["split"][of_number].nunique() == 1


def test_too_few_patients_are_a_sentence(settings, films, state):
    before = state()
    shown = dict.fromkeys([*in_split(films, "train"), *in_split(films, "validation")], "one")
    with pytest.raises(DatasetError, match="films of only 1 patient to split"):
        derive(settings, Mends(split_again=True), shown=shown)
    assert state() == before


# The chain


def written_down(catalog):
    """The manifest as the guide describes it, made by other means."""
    names = ["image_id", "label", "patient", "group", "split", "pixel_sha256"]
    lines = [json.dumps([row[name] for name in names]) + "\n" for row in catalog.to_dict("records")]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_each_step_is_a_line_with_the_manifest_before_and_after(settings, films):
    out = {in_split(films, "train")[0]: "blurred"}
    new, steps = derive(settings, Mends(out, one_encoding=True, split_again=True))
    lines = new.lineage
    assert [line.get("step", line["event"]) for line in lines] == [
        "imported",
        "films left out",
        "one encoding",
        "split again",
    ]
    assert lines[:1] == films.lineage
    chain = [lines[0]["manifest"], *(line["manifest_after"] for line in lines[1:])]
    assert [line["manifest_before"] for line in lines[1:]] == chain[:-1]
    assert len(set(chain)) == 4
    assert chain[0] == written_down(films.catalog)
    assert chain[-1] == written_down(new.catalog) == manifest_sha256(new.catalog) == new.manifest
    assert {(line["made_from"], line["n"]) for line in lines[1:]} == {("films", 43)}
    assert [step.films for step in steps] == [line["films"] for line in lines[1:]]


def test_a_mend_of_a_mend_has_the_whole_chain(settings, films):
    derive(settings, Mends(one_encoding=True), "one")
    two, _ = derive_dataset(settings, "one", "two", Mends(split_again=True), pictures=lambda *_: {})
    assert [line.get("step") for line in two.lineage] == [None, "one encoding", "split again"]
    assert two.lineage[2]["manifest_before"] == two.lineage[1]["manifest_after"]
    assert [note.partition(":")[0] for note in two.info.notes] == ["From “films”", "From “one”"]


def test_a_replaced_dataset_keeps_its_lineage_and_the_parents_lines_are_there_once(settings, films):
    first, _ = derive(settings, Mends(one_encoding=True))
    first.log("test opened", model="m")
    again, _ = derive(settings, Mends(split_again=True), replace=True)
    assert [line.get("step", line["event"]) for line in again.lineage] == [
        "imported",
        "one encoding",
        "test opened",
        "split again",
    ]
    assert len(again.earlier_openings) == 1
    assert again.manifest == manifest_sha256(again.catalog)


def test_the_manifest_of_a_dataset_of_an_earlier_version_is_not_known(films):
    (films.folder / "lineage.jsonl").unlink()
    assert films.manifest is None
    append_line(films.folder / "lineage.jsonl", {"event": "imported", "n": 3})
    assert films.manifest is None


# Names, and what goes wrong on the way


def test_a_name_that_is_taken_is_a_sentence(settings, films):
    with pytest.raises(NameTakenError, match="never changes “films” itself"):
        derive(settings, ALL, "films", replace=True)
    derive(settings, ALL)
    with pytest.raises(NameTakenError, match="already a dataset “new”"):
        derive(settings, ALL)
    with pytest.raises(NameTakenError, match="can't be the name of a dataset"):
        derive(settings, ALL, "a/b")
    with pytest.raises(NotFoundError, match="There is no dataset “other”"):
        derive_dataset(settings, "other", "new", ALL, pictures=lambda *_: {})


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (derived, "_encoded"),
        (derived, "_groups"),
        (derived, "_info"),
        (derived, "_write_lineage"),
        (importing, "_write_split"),
        (mends, "told_split"),
    ],
)
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failure_at_any_step_leaves_the_old_dataset(
    settings, films, state, monkeypatch, module, step, failure
):
    derive(settings, ALL, "old")
    before = state()

    def fail(*_):
        raise failure

    for place in (module, derived):
        if hasattr(place, step):
            monkeypatch.setattr(place, step, fail)
    for name in ("old", "other"):
        with pytest.raises(StorageError if isinstance(failure, OSError) else KeyboardInterrupt):
            derive(settings, ALL, name, replace=True)
    assert state() == before
    assert {info.name for info in list_datasets(settings)} == {"films", "old"}


def test_a_stop_in_the_middle_leaves_nothing(settings, films, state):
    before = state()

    def stop(doing, done, total):
        if (doing, done, total) == ("Encoding films", 30, 44):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        derive(settings, ALL, on_step=stop)
    assert state() == before


def test_what_refuses_the_whole_dataset_leaves_nothing(settings, films, state):
    before = state()

    def refuse(info, steps):
        assert (info.n, len(steps)) == (44, 2)
        raise StorageError("no trail")

    with pytest.raises(StorageError, match="no trail"):
        derive(settings, ALL, before=refuse)
    assert state() == before


def test_pixels_that_were_changed_on_the_disk_are_not_mended(settings, films):
    with (films.folder / "pixels.npy").open("rb+") as file:
        file.seek(-1, 2)
        file.write(b"\x01" if np.asarray(films.pixels)[-1, -1, -1] != 1 else b"\x02")
    with pytest.raises(DatasetError, match="changed or damaged"):
        derive(settings, ALL)
