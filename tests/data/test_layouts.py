"""Layouts: a made-up copy of each well-known collection is understood and imported as it must be."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.support.films import film, write_folder
from tests.support.layouts import COPIES, table
from xraylab.data.datasets import load_dataset
from xraylab.data.importing import read_labelled
from xraylab.data.mapping import read_mapping
from xraylab.errors import DatasetError
from xraylab.imaging import is_lateral
from xraylab.settings import load_settings


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """Give each test a home of its own."""
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_a_collection_is_previewed_and_imported(run, tmp_path, name):
    copy = COPIES[name]
    source = copy.make(tmp_path)
    preview = run("import", source, "--preview", *copy.options)
    document = run("import", source, "--name", "copy", *copy.options)
    assert preview["layout"] == copy.name
    assert (document["labels"], document["patients"], document["ignored"]) == (
        copy.labels,
        copy.patients,
        copy.ignored,
    )
    laterals = preview["n"] - document["n"]  # those that only the tags of DICOM tell
    assert laterals == copy.by_tag
    assert preview["patients"] in (copy.patients, None)
    assert document["patients_from"] == copy.patients_from
    # Before the films are read, nobody knows that those of one collection have no tags.
    assert preview["patients_from"].split(",")[0] in (copy.patients_from, "tags of DICOM")
    assert {split: n for split, n in preview["splits"].items() if split != "not stated"} == copy.splits
    catalog = load_dataset(load_settings(), "copy").catalog
    assert not any("mask" in path for path in catalog["path"])
    if test := copy.splits.get("test"):
        assert (catalog["split"] == "test").sum() == test
    assert catalog.groupby("patient")["split"].nunique().max() == 1


def test_facts_and_other_columns_of_a_table_are_kept(run, tmp_path):
    run("import", COPIES["nih"].make(tmp_path), "--name", "copy", "--finding", "effusion")
    catalog = load_dataset(load_settings(), "copy").catalog.set_index("path")
    film = catalog.loc["images_001/images/00000000_001.png"]
    assert (film["age"], film["sex"], film["view"]) == (58, "M", "PA")
    assert (film["kept.Follow-up #"], film["patient"]) == ("1", "0")
    assert catalog["label"].sum() == 8


def test_several_findings_are_questions_over_one_set_of_films(run, tmp_path):
    source = COPIES["nih"].make(tmp_path)
    asked = {
        finding: run("import", source, "--preview", "--finding", finding)["classes"]
        for finding in ("pneumonia", "infiltration", "Effusion")
    }
    assert asked == {
        "pneumonia": {"no pneumonia": 16, "Pneumonia": 8},
        "infiltration": {"no infiltration": 16, "Infiltration": 8},
        "Effusion": {"no Effusion": 16, "Effusion": 8},
    }


def test_a_mapping_corrects_what_was_understood(run, tmp_path):
    source = COPIES["covid"].make(tmp_path)
    mapping = {
        "finding": "COVID-19",
        "present": ["COVID"],
        "absent": ["Normal", "Viral Pneumonia", "Lung opacity"],
        "rename": {"Lung_Opacity": "Lung opacity"},
    }
    (tmp_path / "map.json").write_text(json.dumps(mapping))
    document = run("import", source, "--map", tmp_path / "map.json", "--name", "covid")
    assert document["finding"] == "COVID-19"
    assert document["labels"] == {"no COVID-19": 16, "COVID": 3}


def test_a_mapping_of_columns_splits_and_patients_by_path(run, tmp_path):

    rows = [["nr", "wo", "diagnose", "teil"]]
    files = {}
    for n in range(12):
        rows.append([n, f"bild{n}", ["krank", "gesund"][n % 2], "A" if n < 8 else "B"])
        files[f"kind{n // 2}/bild{n}.png"] = film(n)
    source = write_folder(tmp_path / "klinik", files | {"liste.csv": table(rows, ";")})
    mapping = {
        "finding": "pneumonia",
        "present": ["krank"],
        "absent": ["gesund"],
        "splits": {"A": "train", "B": "test"},
        "patient": r"path:(kind\d+)/",
        "columns": {"path": "wo", "label": ["diagnose"], "split": "teil"},
    }
    (tmp_path / "map.json").write_text(json.dumps(mapping))
    preview = run("import", source, "--preview", "--map", tmp_path / "map.json")
    assert preview["classes"] == {"gesund": 6, "krank": 6}
    assert (preview["splits"], preview["patients"], preview["columns"]) == (
        {"train": 8, "test": 4},
        6,
        ["nr"],
    )


def test_the_level_of_the_labels_can_be_chosen(run, tmp_path):

    files = {
        f"{ward}/{label}/{number}.png": film(10 * w + 5 * n + number)
        for w, ward in enumerate(("east", "west", "south"))
        for n, label in enumerate(("PTX", "clear lungs"))
        for number in range(4)
    }
    source = write_folder(tmp_path / "wards", files)
    (tmp_path / "map.json").write_text('{"label_folder": 1, "present": ["PTX"], "absent": ["clear lungs"]}')
    command = ("import", source, "--preview", "--finding", "pneumothorax")
    preview = run(*command, "--map", tmp_path / "map.json")
    assert preview["classes"] == {"clear lungs": 12, "PTX": 12}
    assert "“east” (films: 8)" in preview["notes"][0]


def test_an_excel_table_is_read_by_its_stored_values(run, tmp_path):

    source = write_folder(tmp_path / "x", {f"{n}.png": film(n) for n in range(8)})
    rows = [
        {"file": f"{n}.png", "label": ["normal", "pneumonia"][n % 2], "patient": f"p{n // 2}"}
        for n in range(8)
    ]
    pd.DataFrame(rows).to_excel(source / "labels.xlsx", index=False)
    preview = run("import", source / "labels.xlsx", "--preview")
    assert (preview["classes"], preview["patients"], preview["manifest"]) == (
        {"NORMAL": 4, "PNEUMONIA": 4},
        4,
        "labels.xlsx",
    )


def test_laterals_are_kept_if_a_person_asks_for_them(run, tmp_path):
    source = COPIES["mimic"].make(tmp_path)
    (tmp_path / "map.json").write_text('{"laterals": "kept"}')
    document = run("import", source, "--name", "copy", "--map", tmp_path / "map.json")
    assert (document["n"], "lateral view" in document["ignored"]) == (17, False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"presnt": []}', "at presnt, Extra inputs are not permitted"),
        ('{"label_folder": 0}', "at label_folder, Input should be greater than or equal to 1"),
        ("[]", "can't be used: at the file"),
        ("{", "can't be used: at the file"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_a_sentence(tmp_path, text, sentence):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(DatasetError) as caught:
        read_mapping(tmp_path / "map.json")
    assert sentence in str(caught.value)


def test_a_missing_mapping_is_a_sentence():
    with pytest.raises(DatasetError, match="can't be opened"):
        read_mapping(Path("nowhere.json"))


@pytest.mark.parametrize(("name", "laterals"), [("chexpert", 6), ("mimic", 1), ("dicom in folders", 2)])
def test_lateral_films_of_a_source_that_is_evaluated_stay_for_the_gate(tmp_path, name, laterals):
    catalog, pixels, refused = read_labelled(COPIES[name].make(tmp_path))
    assert sum(is_lateral(view or "") for view in catalog["view"]) == laterals
    assert (len(pixels), refused) == (len(catalog), [])
