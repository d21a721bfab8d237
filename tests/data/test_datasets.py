"""Datasets: pixels row for row with the catalog, whole or not at all, and a lineage that is never lost."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.support.bad_decoder import harmful
from tests.support.films import encoded, film, grey, kermany, write_folder, write_zip
from xraylab.data import datasets, importing, phantoms
from xraylab.data.datasets import (
    DatasetInfo,
    RefusedFile,
    list_datasets,
    load_dataset,
)
from xraylab.data.importing import import_dataset, read_labelled, sharpness
from xraylab.errors import DatasetError, NameTakenError, NotFoundError, StorageError
from xraylab.files import read_lines, write_json
from xraylab.imaging import PREPROCESS_VERSION, standardise
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.harmful"]

COLUMNS = {
    *("image_id", "path", "label", "subtype", "patient", "group", "split", "sha256", "pixel_sha256"),
    *("format", "bytes", "width", "height", "bits", "quant_sum", "synthetic", "sharpness"),
    *("colour", "modality", "view", "body_part", "age", "raw"),
}
# A process that may not write files of more than 400 KB: a full disk, seen from inside.
SMALL_DISK = """
import resource, sys
from pathlib import Path
from xraylab.data.importing import import_dataset
from xraylab.errors import StorageError
from xraylab.settings import load_settings
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    import_dataset(load_settings(home=Path(sys.argv[1])), Path(sys.argv[2]), "films", replace=True)
except StorageError as error:
    print(error)
"""


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


@pytest.fixture
def archive(tmp_path):
    return write_zip(tmp_path / "films.zip", kermany(10, 12))


@pytest.fixture
def state(settings):
    """Everything that lies in the home, to compare with what lies there later."""

    def look() -> dict[str, bytes]:
        return {str(f): f.read_bytes() if f.is_file() else b"" for f in settings.home.rglob("*")}

    return look


# What is imported


def test_pixels_are_row_for_row_those_of_the_catalog(settings, archive):
    films = kermany(10, 12)
    dataset = load_dataset(settings, import_dataset(settings, archive, "films").info.name)
    catalog = dataset.catalog
    assert catalog["path"].tolist() == sorted(films)
    assert isinstance(dataset.pixels, np.memmap)
    assert not dataset.pixels.flags.writeable
    assert dataset.pixels.shape == (22, 256, 256)
    for row, path in enumerate(catalog["path"]):
        np.testing.assert_array_equal(dataset.pixels[row], standardise(films[path]).pixels)
    whole = hashlib.sha256(np.asarray(dataset.pixels).tobytes()).hexdigest()
    assert dataset.info.pixel_hash == whole


def test_the_catalog_keeps_what_only_the_file_knew(settings, archive):
    films = kermany(10, 12)
    dataset = import_dataset(settings, archive, "films")
    catalog = dataset.catalog
    assert set(catalog.columns) == COLUMNS
    assert catalog["image_id"].tolist() == catalog["path"].tolist()
    assert not catalog["image_id"].duplicated().any()
    for row in catalog.itertuples():
        facts = standardise(films[row.path]).facts
        assert row.sha256 == hashlib.sha256(films[row.path]).hexdigest()
        for name in ("format", "bytes", "width", "height", "bits", "synthetic"):
            assert getattr(row, name) == getattr(facts, name)
        assert (None if facts.format == "PNG" else row.quant_sum) == facts.quant_sum
        assert row.label == ("PNEUMONIA" in row.path)
        assert row.subtype == ("bacterial" * ("bacteria" in row.path) or "viral" * ("virus" in row.path))
    assert catalog["quant_sum"].isna().sum() == 10
    assert catalog["quant_sum"].dtype == "Int64"
    assert catalog["patient"][0] == "IM-0"
    assert pq.read_schema(dataset.folder / "catalog.parquet").metadata[b"schema"] == b"xraylab.catalog/1"


def test_an_import_says_what_it_found(settings, archive):
    info = import_dataset(settings, archive, "films", seed=7).info
    assert (info.n, info.patients, info.labels) == (22, 22, {"NORMAL": 10, "PNEUMONIA": 12})
    assert (info.name, info.kind, info.source, info.seed) == ("films", "radiographs", str(archive), 7)
    assert (info.patient_key, info.preprocess_version) == ("prefix-number", PREPROCESS_VERSION)
    assert (info.ignored, info.refused, info.notes) == ({}, [], [])
    assert list(info.splits) == ["train", "validation", "test"]
    assert sum(split["films"] for split in info.splits.values()) == 22
    for split in info.splits.values():
        assert split["NORMAL"] + split["PNEUMONIA"] == split["films"] == split["patients"]


def test_the_rows_of_a_split_are_its_own(settings, archive):
    dataset = import_dataset(settings, archive, "films")
    rows = {name: dataset.rows(name) for name in ("train", "validation", "test")}
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(22))
    for name, found in rows.items():
        assert len(found) == dataset.info.splits[name]["films"]
        assert set(dataset.catalog["split"][found]) == {name}


def test_the_rows_of_films_keep_the_order_of_the_films_without_those_that_are_not_here(settings, archive):
    dataset = import_dataset(settings, archive, "films")
    films = dataset.catalog["image_id"]
    assert dataset.rows_of([films[7], "gone.png", films[2], films[7]]).tolist() == [7, 2]
    assert dataset.rows_of([]).dtype == np.intp


def test_files_say_which_schema_they_have(settings, archive):
    dataset = import_dataset(settings, archive, "films", seed=3)
    info = json.loads((dataset.folder / "dataset.json").read_text())
    assert info["schema"] == "xraylab.dataset/1"
    assert "schema_" not in info
    split = json.loads((dataset.folder / "split.json").read_text())
    assert {key: split[key] for key in ("schema", "patient_key", "seed")} == {
        "schema": "xraylab.split/1",
        "patient_key": "prefix-number",
        "seed": 3,
    }
    assert split["groups"] == dict(zip(dataset.catalog["group"], dataset.catalog["split"], strict=True))


def test_what_is_read_back_is_what_was_written(settings, archive):
    dataset = import_dataset(settings, archive, "films")
    assert load_dataset(settings, "films").info == dataset.info
    assert list_datasets(settings) == [dataset.info]


def test_the_same_films_and_seed_give_the_same_dataset(settings, archive):
    first, again = (import_dataset(settings, archive, name) for name in ("first", "again"))
    other = import_dataset(settings, archive, "other", seed=1)
    assert first.catalog.equals(again.catalog)
    assert first.info.pixel_hash == again.info.pixel_hash == other.info.pixel_hash
    assert not first.catalog["split"].equals(other.catalog["split"])


def test_a_folder_gives_the_same_dataset_as_its_archive(settings, archive, tmp_path):
    folder = write_folder(tmp_path / "unpacked", kermany(10, 12))
    one, other = import_dataset(settings, archive, "one"), import_dataset(settings, folder, "other")
    assert one.catalog.equals(other.catalog)


def test_a_labelled_source_reads_as_its_import_does(settings, archive):
    seen = []
    catalog, pixels, refused = read_labelled(archive, on_progress=lambda done, of: seen.append((done, of)))
    dataset = import_dataset(settings, archive, "films")
    np.testing.assert_array_equal(pixels, dataset.pixels)
    assert catalog.equals(dataset.catalog.drop(columns="split"))
    assert refused == []
    assert seen == [(n, 22) for n in range(1, 23)]


def test_progress_counts_every_file_once(settings, archive):
    seen = []
    import_dataset(settings, archive, "films", on_progress=lambda done, of: seen.append((done, of)))
    assert seen == [(n, 22) for n in range(1, 23)]


def test_identical_pixels_under_two_patients_are_one_group(settings, tmp_path):
    films = kermany(10, 12)
    films["chest_xray/train/NORMAL/IM-0001-0001.png"] = films["chest_xray/train/NORMAL/IM-0000-0001.png"]
    dataset = import_dataset(settings, write_zip(tmp_path / "films.zip", films), "films")
    pair = dataset.catalog[dataset.catalog["patient"].isin(["IM-0", "IM-1"])]
    assert pair["group"].nunique() == pair["split"].nunique() == 1
    assert pair["patient"].nunique() == 2
    assert dataset.catalog["group"].nunique() == 21


@pytest.mark.parametrize(
    ("twice", "said"),
    [
        ((), None),
        ((1,), "1 picture has both labels, NORMAL and PNEUMONIA, in 2 films. One of its labels is wrong."),
        (
            (1, 2),
            "2 pictures have both labels, NORMAL and PNEUMONIA, in 5 films. One of their labels is wrong.",
        ),
    ],
)
def test_a_picture_under_both_labels_is_counted_in_a_note(settings, tmp_path, twice, said):
    films = kermany(10, 12)
    films |= {f"NORMAL/IM-000{number}-0001.png": film(200 + number) for number in (1, 2)}
    films |= {f"PNEUMONIA/person90{number}_virus_1.png": film(200 + number) for number in twice}
    films["PNEUMONIA/person81_virus_1.png"] = film(202 if 2 in twice else 300)
    # The same picture twice under one label is no contradiction.
    films |= {f"PNEUMONIA/person8{number}_virus_1.png": film(300) for number in (2, 3)}
    dataset = import_dataset(settings, write_zip(tmp_path / "films.zip", films), "films")
    told = [note for note in dataset.info.notes if "both labels" in note]
    assert [note.partition(" The films stay")[0] for note in told] == ([said] if said else [])


def test_films_whose_names_say_nothing_are_patients_of_their_own_and_it_is_said(settings, tmp_path):
    films = {
        f"{label}/{n}.png": film(n + 50 * len(label))
        for label in ("NORMAL", "PNEUMONIA")
        for n in range(40, 50)
    }
    source = write_zip(tmp_path / "films.zip", films)
    dataset = import_dataset(settings, source, "films")
    assert dataset.info.patients == 20
    assert dataset.info.notes == [
        "20 file names don't name the patient; each of these films was treated as a separate patient."
    ]
    assert import_dataset(settings, source, "asked-for", patient_key="none").info.notes == []


def test_phantoms_are_known_as_such_and_mixtures_are_said(settings, tmp_path):
    phantoms.write(tmp_path / "phantoms", 20)
    assert import_dataset(settings, tmp_path / "phantoms", "phantoms").info.kind == "phantoms"
    write_folder(tmp_path / "phantoms", kermany(3, 3))
    info = import_dataset(settings, tmp_path / "phantoms", "mixed").info
    assert info.kind == "radiographs"
    assert info.notes == ["20 of the 26 films are teaching phantoms, mixed with radiographs."]


def test_an_official_split_is_kept_in_catalog_and_files(settings, tmp_path):
    films = kermany(10, 12) | {
        f"chest_xray/test/NORMAL/IM-{n:04d}-0002.png": film(500 + n) for n in (0, 100, 101)
    }
    films["chest_xray/test/PNEUMONIA/person900_virus_1.png"] = film(900)
    dataset = import_dataset(settings, write_zip(tmp_path / "films.zip", films), "films")
    official = dataset.catalog["path"].str.contains("/test/")
    assert (official == (dataset.catalog["split"] == "test")).all()
    left_out = dataset.catalog[dataset.catalog["split"] == "left out"]
    assert left_out["path"].tolist() == ["chest_xray/train/NORMAL/IM-0000-0001.png"]
    assert dataset.info.splits["left out"]["films"] == 1
    groups = json.loads((dataset.folder / "split.json").read_text())["groups"]
    assert groups[left_out["group"].item()] == "test"  # where the group is, not what was left out of it


def test_sharpness_is_the_mean_absolute_laplacian():
    spike = np.zeros((256, 256), np.uint8)
    spike[100, 100] = 200
    assert sharpness(spike) == pytest.approx((4 * 200 + 4 * 200) / 254**2)
    assert sharpness(np.full((256, 256), 255, np.uint8)) == 0
    blurred = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8))
    assert sharpness(np.asarray(blurred.resize((256, 256)))) < sharpness(
        np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8)
    )


# What can't be read


def test_a_refused_file_is_listed_and_shifts_no_row(settings, tmp_path):
    films = kermany(10, 12)
    bad = {
        "chest_xray/train/NORMAL/IM-0004-0001.png": b"",
        "chest_xray/train/PNEUMONIA/aa.png": b"text",
        "chest_xray/train/PNEUMONIA/zz.jpeg": film(kind="JPEG")[:200],
    }
    source = write_folder(tmp_path / "films", films | bad)
    dataset = import_dataset(settings, source, "films")
    assert [refused.file for refused in dataset.info.refused] == sorted(bad)
    assert [refused.reason.split(" ")[1] for refused in dataset.info.refused] == ["file", "is", "image"]
    assert dataset.info.n == len(dataset.catalog) == len(dataset.pixels) == 21
    for row, path in enumerate(dataset.catalog["path"]):
        np.testing.assert_array_equal(dataset.pixels[row], standardise(films[path]).pixels)
    _, pixels, refused = read_labelled(source)
    np.testing.assert_array_equal(pixels, dataset.pixels)
    assert refused == dataset.info.refused


def test_a_refusal_may_change_the_number_of_digits_in_the_header(settings, tmp_path):
    films = kermany(5, 5)
    films["chest_xray/train/NORMAL/IM-0004-0001.png"] = b""
    dataset = import_dataset(settings, write_zip(tmp_path / "films.zip", films), "films")
    assert np.load(dataset.folder / "pixels.npy").shape == (9, 256, 256)


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
def test_films_that_break_their_decoder_are_refused_and_the_rest_is_imported(settings, tmp_path, worn):
    files = kermany(8, 8)
    names = sorted(files)
    harms = {names[2]: "crash", names[5]: "hoard", names[9]: "noise"}
    for name, harm in harms.items():
        files[name] = harmful(files[name], harm)
    info = import_dataset(settings, write_folder(tmp_path / "films", files), "films").info
    assert info.n == 13
    assert [refused.file for refused in info.refused] == sorted(harms)
    assert [refused.reason.partition(".")[0] for refused in info.refused] == [
        "The program that decodes films stopped at this file, so it was left out",
        "The image is too large for this machine's memory",
        "The program that decodes films stopped at this file, so it was left out",
    ]


def test_a_damaged_member_is_refused_and_the_rest_goes_on(settings, archive):
    broken = kermany(10, 12)["chest_xray/train/NORMAL/IM-0003-0001.png"]
    archive.write_bytes(archive.read_bytes().replace(broken, broken[:50] + bytes(20) + broken[70:]))
    info = import_dataset(settings, archive, "films").info
    assert info.n == 21
    assert info.refused == [
        RefusedFile(
            file="chest_xray/train/NORMAL/IM-0003-0001.png",
            reason="This part of the archive is damaged. Download or copy the archive again.",
        )
    ]


@pytest.mark.parametrize(
    ("files", "key", "sentence"),
    [
        (
            {"NORMAL/a.png": b"", "PNEUMONIA/b.png": b"text"},
            "number",
            "None of the 2 labelled files could be read",
        ),
        (kermany(5, 0), "number", "There are no PNEUMONIA films"),
        (kermany(1, 1), "number", "of only 1 patient"),
        ({"readme.txt": b""}, "number", "contains no labelled radiographs"),
        (kermany(5, 5) | {"../x.png": film()}, "number", "leads outside the archive"),
        (kermany(5, 5), "re:(", "not a valid regular expression"),
    ],
)
def test_what_cannot_be_imported_is_a_sentence_and_leaves_the_home_as_it_was(
    settings, archive, tmp_path, state, files, key, sentence
):
    import_dataset(settings, archive, "films")
    before = state()
    bad = write_zip(tmp_path / "bad.zip", files)
    for name in ("films", "other"):
        with pytest.raises(DatasetError, match=sentence):
            import_dataset(settings, bad, name, patient_key=key, replace=True)
    assert state() == before


def test_a_source_of_which_nothing_can_be_read_is_a_sentence_for_reading_too(tmp_path):
    source = write_zip(tmp_path / "bad.zip", {"NORMAL/a.png": b""})
    with pytest.raises(DatasetError, match=r"The first one is NORMAL/a.png: The file is empty"):
        read_labelled(source)


def test_a_missing_source_is_a_sentence(settings, tmp_path, state):
    with pytest.raises(NotFoundError, match="doesn't exist"):
        import_dataset(settings, tmp_path / "nowhere.zip", "films")
    assert state() == {}


# Names


def test_a_taken_name_is_a_sentence_unless_it_is_replaced_on_purpose(settings, archive, tmp_path, state):
    import_dataset(settings, archive, "films")
    before = state()
    with pytest.raises(NameTakenError, match="There is already a dataset “films”"):
        import_dataset(settings, archive, "films")
    assert state() == before
    smaller = write_zip(tmp_path / "smaller.zip", kermany(5, 5))
    assert import_dataset(settings, smaller, "films", replace=True).info.n == 10
    assert load_dataset(settings, "films").pixels.shape[0] == 10


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b", "nul", "x" * 65])
def test_a_bad_name_is_a_sentence(settings, archive, state, name):
    with pytest.raises(NameTakenError, match="can't be the name of a dataset"):
        import_dataset(settings, archive, name)
    with pytest.raises(NameTakenError, match="can't be the name of a dataset"):
        load_dataset(settings, name)
    assert state() == {}


def test_an_unknown_name_is_a_sentence_that_tells_the_known_ones(settings, archive):
    with pytest.raises(NotFoundError, match=r"There is no dataset “films”. There are: none yet."):
        load_dataset(settings, "films")
    import_dataset(settings, archive, "others")
    with pytest.raises(NotFoundError, match=r"There are: others."):
        load_dataset(settings, "films")


def test_a_folder_renamed_by_hand_is_called_as_it_is(settings, archive):
    import_dataset(settings, archive, "films").folder.rename(settings.datasets / "renamed")
    assert [info.name for info in list_datasets(settings)] == ["renamed"]
    assert load_dataset(settings, "renamed").info.name == "renamed"


# Lineage


def test_the_lineage_outlives_a_new_import(settings, archive):
    dataset = import_dataset(settings, archive, "films")
    dataset.log("test opened", model="first")
    again = import_dataset(settings, archive, "films", replace=True)
    assert [event["event"] for event in again.lineage] == ["imported", "test opened", "imported"]
    assert [event["model"] for event in again.earlier_openings] == ["first"]
    assert all("at" in event for event in again.lineage)
    assert again.lineage[0]["pixel_hash"] == again.info.pixel_hash


def test_a_torn_line_in_the_lineage_costs_only_itself(settings, archive):
    dataset = import_dataset(settings, archive, "films")
    with (dataset.folder / "lineage.jsonl").open("ab") as file:
        file.write(b'{"event": "test op')
    dataset.log("test opened", model="first")
    assert [event["event"] for event in dataset.lineage] == ["imported", "test opened"]


# What goes wrong on the way


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit to set")
def test_a_full_disk_leaves_the_old_dataset(settings, archive, tmp_path, state):
    small = write_zip(tmp_path / "small.zip", kermany(3, 3))
    import_dataset(settings, small, "films")
    before = state()
    done = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(settings.home), str(archive)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.startswith(f"The disk that holds {settings.datasets} is full, so nothing was saved.")
    assert state() == before


@pytest.mark.parametrize("step", ["_write_catalog", "_write_split", "write_text", "standardise"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failure_at_any_step_leaves_the_old_dataset(settings, archive, state, monkeypatch, step, failure):
    import_dataset(settings, archive, "films").log("test opened", model="first")
    before = state()

    def fail(*_):
        raise failure

    monkeypatch.setattr(importing, step, fail)
    expected = StorageError if isinstance(failure, OSError) else KeyboardInterrupt
    for name in ("films", "other"):
        with pytest.raises(expected):
            import_dataset(settings, archive, name, replace=True)
    assert state() == before


def test_a_stop_in_the_middle_leaves_the_old_dataset(settings, archive, state):
    import_dataset(settings, archive, "films")
    before = state()

    def stop(done: int, total: int) -> None:
        if done == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(settings, archive, "films", replace=True, on_progress=stop)
    assert state() == before


def test_a_film_that_vanishes_on_the_way_is_refused_and_blames_no_disk(settings, tmp_path):
    # a source may be on a share; what it does must not look like a fault of the home
    source = write_folder(tmp_path / "films", kermany(40, 40))
    last = source / "chest_xray/train/PNEUMONIA/person9_virus_9.jpeg"
    info = import_dataset(settings, source, "films", on_progress=lambda *_: last.unlink(missing_ok=True)).info
    assert [refused.reason.split(".")[0] for refused in info.refused] == ["The file can't be opened"]


# A dataset that is damaged


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"schema": "xraylab.dataset/1"}', "other schema"],
)
def test_a_damaged_dataset_is_a_sentence_and_hides_no_other(settings, archive, content):
    good = import_dataset(settings, archive, "good")
    damaged = import_dataset(settings, archive, "damaged").folder / "dataset.json"
    if content == "other schema":
        write_json(damaged, json.loads(damaged.read_text()) | {"schema": "xraylab.dataset/2"})
    else:
        damaged.write_bytes(content)
    with pytest.raises(DatasetError, match="another version of XRayLab, or is damaged"):
        load_dataset(settings, "damaged")
    assert list_datasets(settings) == [good.info]
    assert import_dataset(settings, archive, "damaged", replace=True).info.n == 22


def test_clutter_in_the_home_is_no_dataset(settings, archive):
    assert list_datasets(settings) == []
    info = import_dataset(settings, archive, "films").info
    (settings.datasets / ".films.0.partial").mkdir()
    (settings.datasets / ".films.0.partial" / "dataset.json").write_text(info.model_dump_json())
    (settings.datasets / "empty").mkdir()
    (settings.datasets / "file").write_text("")
    (settings.datasets / "odd" / "dataset.json").mkdir(parents=True)
    assert list_datasets(settings) == [info]


@pytest.mark.parametrize("look", ["list", "load", "import"])
def test_a_dataset_that_a_killed_replacement_moved_aside_is_there_for_everyone_who_looks(
    settings, archive, look
):
    made = import_dataset(settings, archive, "films")
    made.folder.rename(settings.datasets / f".films.{'0' * 32}.retired")
    (settings.datasets / f".films.{'1' * 32}.partial").mkdir()
    if look == "list":
        assert list_datasets(settings) == [made.info]
    elif look == "load":
        assert load_dataset(settings, "films").info == made.info
    else:
        with pytest.raises(NameTakenError, match="already a dataset"):
            import_dataset(settings, archive, "films")
    assert load_dataset(settings, "films").lineage == made.lineage


def test_datasets_are_listed_newest_first(settings, archive):
    for name in ("b", "a", "c"):
        import_dataset(settings, archive, name)
    assert [info.name for info in list_datasets(settings)] == ["c", "a", "b"]


def test_pixels_prepared_otherwise_are_a_sentence(settings, archive, monkeypatch):
    import_dataset(settings, archive, "films")
    monkeypatch.setattr(datasets, "PREPROCESS_VERSION", PREPROCESS_VERSION + 1)
    with pytest.raises(DatasetError, match="was prepared by another version of XRayLab"):
        load_dataset(settings, "films")


@pytest.mark.parametrize("name", ["catalog.parquet", "pixels.npy"])
@pytest.mark.parametrize("content", [None, b"", b"damaged", "half"])
def test_a_damaged_file_of_a_dataset_is_a_sentence(settings, archive, name, content):
    dataset = import_dataset(settings, archive, "films")
    file = dataset.folder / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if content == "half" else content)
    with pytest.raises(DatasetError, match=f"{name} is missing or damaged"):
        getattr(load_dataset(settings, "films"), name.split(".")[0])


def test_pixels_of_another_dataset_are_not_taken_for_its_own(settings, archive, tmp_path):
    dataset = import_dataset(settings, archive, "films")
    np.save(dataset.folder / "pixels.npy", np.zeros((3, 256, 256), np.uint8))
    with pytest.raises(DatasetError, match="damaged"):
        _ = load_dataset(settings, "films").pixels


def test_a_record_is_read_from_what_it_writes(settings, archive):
    info = import_dataset(settings, archive, "films").info
    assert DatasetInfo.model_validate_json(info.model_dump_json()) == info
    lines = read_lines(settings.datasets / "films" / "lineage.jsonl")
    assert [line["event"] for line in lines] == ["imported"]


def test_a_film_of_another_shape_is_stored_as_the_square(settings, tmp_path):
    films = kermany(5, 5)
    films["chest_xray/train/NORMAL/IM-0009-0001.jpeg"] = encoded(grey(width=700, height=300), "JPEG")
    dataset = import_dataset(settings, write_zip(tmp_path / "films.zip", films), "films")
    row = dataset.catalog.set_index("patient").loc["IM-9"]
    assert (row["width"], row["height"]) == (700, 300)


def test_targets_are_the_labels_or_the_kind_by_file_name(settings, archive):
    dataset = import_dataset(settings, archive, "films")
    labels = dataset.catalog["label"].to_numpy()
    binary, three = dataset.targets("finding"), dataset.targets("subtype")
    assert (binary.dtype, three.dtype) == (np.int64, np.int64)
    assert (binary == labels).all()
    expected = [{"": 0, "bacterial": 1, "viral": 2}[kind] for kind in dataset.catalog["subtype"]]
    assert three.tolist() == expected
    assert set(expected) == {0, 1, 2}


@pytest.mark.parametrize(
    ("unnamed", "said"),
    [
        (1, "For 1 pneumonia film of “films”, the file name doesn't say"),
        (7, "For 7 pneumonia films of “films”, the file names don't say"),
    ],
)
def test_films_whose_kind_is_not_known_are_a_sentence(settings, tmp_path, unnamed, said):
    films = kermany(10, 20) | {f"PNEUMONIA/other{n}.png": film(500 + n) for n in range(unnamed)}
    films = {path.removeprefix("chest_xray/train/"): data for path, data in films.items()}
    dataset = import_dataset(settings, write_zip(tmp_path / "films.zip", films), "films")
    assert set(dataset.targets("finding")) == {0, 1}
    with pytest.raises(DatasetError, match=said):
        dataset.targets("subtype")


def test_a_split_without_a_class_is_a_sentence(settings, tmp_path):
    films = {path: data for path, data in kermany(10, 20).items() if "virus" not in path}
    dataset = import_dataset(settings, write_zip(tmp_path / "films.zip", films), "films")
    with pytest.raises(DatasetError, match="There is no viral film among the train films of “films”"):
        dataset.targets("subtype")


def test_a_film_left_out_needs_no_kind(settings, archive):
    dataset = import_dataset(settings, archive, "films")
    row = int(np.flatnonzero(dataset.catalog["label"] == 1)[0])
    dataset.catalog.loc[row, ["split", "subtype"]] = ["left out", ""]
    assert dataset.targets("subtype")[row] == -1
