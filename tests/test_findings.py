import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import xraylab
from tests.support.films import film
from xraylab import actions
from xraylab.data.datasets import DatasetInfo, load_dataset
from xraylab.data.importing import read_labelled
from xraylab.errors import DatasetError
from xraylab.files import write_bytes
from xraylab.findings import LONGEST_LABEL, PNEUMONIA, Finding, fold, state_finding
from xraylab.models import list_models
from xraylab.settings import load_settings
from xraylab.training.recipe import Recipe

HOMES = sorted((Path(__file__).parent / "homes").iterdir())
TUBERCULOSIS = state_finding("tuberculosis", ["TB", "TB, healed"], ["clear"], ["Cavitary"])


@pytest.mark.parametrize(
    ("labels", "number", "subtype"),
    [
        (["TB"], 1, ""),
        ([" tb\t"], 1, ""),
        (["TB,  Healed"], 1, ""),
        (["cavitary"], 1, "cavitary"),
        (["CLEAR"], 0, ""),
        (["clear", "TB"], 1, ""),
        (["rib fracture", "clear"], 0, ""),
        (["rib fracture"], None, ""),
        ([], None, ""),
        ([""], None, ""),
    ],
)
def test_a_label_counts_as_present_as_absent_or_not_at_all(labels, number, subtype):
    assert (TUBERCULOSIS.number(labels), TUBERCULOSIS.subtype(labels)) == (number, subtype)


def test_accents_are_compared_however_they_are_written():
    finding = state_finding("œdème", ["Œde\u0301me"], ["sain"])
    assert finding.number(["œdéme"]) == 1


def test_pneumonia_is_the_default_and_has_its_words():
    assert PNEUMONIA.classes == ("NORMAL", "PNEUMONIA")
    assert PNEUMONIA.classes_by_kind == ("NORMAL", "BACTERIAL", "VIRAL")
    words = (PNEUMONIA.score, PNEUMONIA.ill, PNEUMONIA.well, PNEUMONIA.case, PNEUMONIA.cases)
    assert words == (*("Pneumonia score", "with pneumonia", "without pneumonia", "pneumonia", "pneumonias"),)
    assert (PNEUMONIA.well_films, PNEUMONIA.contrast) == ("normal films", "normal against pneumonia")


def test_another_finding_has_its_own_words():
    finding = state_finding("tuberculosis", ["TB"], ["clear"])
    assert finding.classes == ("clear", "TB")
    assert (finding.score, finding.ill, finding.well) == (
        *("Tuberculosis score", "with tuberculosis", "without tuberculosis"),
    )
    assert (finding.case, finding.cases) == ("case of tuberculosis", "cases of tuberculosis")
    assert (finding.well_films, finding.well_film) == (
        *("films without tuberculosis", "film without tuberculosis"),
    )


@pytest.mark.parametrize(
    ("name", "present", "absent", "classes"),
    [
        (
            "Pleural_Thickening",
            ["Pleural_Thickening"],
            ["No_Finding"],
            ("No Finding", "Pleural Thickening"),
        ),
        ("effusion", ["Effusion", "hemothorax"], ["none", "clear"], ("no effusion", "effusion")),
        ("COVID-19", ["=1+1"], ["@clear"], ("clear", "1+1")),
        ("œdème", ["films"], ["patients"], ("no œdème", "œdème")),
        ("nodule", ["a*b"], ["a b"], ("no nodule", "nodule")),
        ("结核", ["<b>x</b>"], ["`"], ("no 结核", "b x b")),
    ],
)
def test_the_names_of_classes_are_the_labels_where_they_can_be(name, present, absent, classes):
    finding = state_finding(name, present, absent)
    assert finding.classes == classes


@pytest.mark.parametrize(
    ("name", "present", "absent", "subtypes"),
    [
        ("", ["a"], ["b"], []),
        (" \t", ["a"], ["b"], []),
        ("**", ["a"], ["b"], []),
        ("19", ["a"], ["b"], []),
        ("patients", ["a"], ["b"], []),
        ("x" * 61, ["a"], ["b"], []),
        ("x", [], ["b"], []),
        ("x", ["a"], [], []),
        ("x", ["a"], [" A "], []),
        ("x", ["a"], ["b"], ["B"]),
        ("x", ["a", "A "], ["b"], []),
        ("x", [" "], ["b"], []),
        ("x", ["a\x00"], ["b"], []),
        ("x", ["a\u202e"], ["b"], []),
        ("x", ["a"], ["b" * (LONGEST_LABEL + 1)], []),
        ("x", [str(n) for n in range(500)], ["b"], []),
    ],
)
def test_a_finding_that_cannot_be_used_is_one_sentence(name, present, absent, subtypes):
    with pytest.raises(DatasetError, match=r"^This finding can't be used: .*\. Give it a name"):
        state_finding(name, present, absent, subtypes)


@given(st.text(), st.text(), st.text())
def test_the_words_of_any_finding_are_safe_in_every_document(name, present, absent):
    try:
        finding = Finding(name=name, present=(present,), absent=(absent,))
    except ValidationError:
        return
    assert finding.number([present.upper()]) in (1, None)  # ẞ and İ have no single upper case
    assert (finding.number([present]), finding.number([absent])) == (1, 0)
    for word in (*finding.classes, finding.score, finding.ill, finding.contrast, finding.cases):
        assert word.isprintable()
        assert not set(word) & set('<>&*_`$[]{}#|\\/:;=@~^"')
        assert word[0] not in "+-=@'"
    assert len({fold(word) for word in finding.classes}) == 2


@pytest.fixture
def films(tmp_path):
    """Write films in folders called TB, cavitary, Clear and other."""
    for n in range(24):
        folder = ("TB", "cavitary", "Clear", "clear ", "other")[n % 5]
        write_bytes(tmp_path / "films" / folder / f"{n}.png", film(n))
    return tmp_path / "films"


def test_a_dataset_states_its_finding_and_counts_by_it(tmp_path, films):
    settings = load_settings(home=tmp_path / "home")
    finding = state_finding("tuberculosis", ["TB"], ["clear"], ["Cavitary"])
    imported = xraylab.import_dataset(films, "chests", finding=finding, settings=settings)
    assert imported.finding == "tuberculosis"
    assert imported.labels == {"clear": 10, "TB": 10}
    assert imported.ignored == {"labelled “other”, which is neither present nor absent": 4}
    dataset = load_dataset(settings, "chests")
    assert dataset.info.finding == finding
    assert set(dataset.catalog["subtype"]) == {"", "cavitary"}
    assert dataset.targets("finding").sum() == 10
    with pytest.raises(DatasetError, match="doesn't state two kinds of tuberculosis"):
        dataset.targets("subtype")
    catalog, _, _ = read_labelled(films, finding=finding)
    assert catalog["label"].sum() == 10


def test_films_of_no_label_of_the_finding_are_a_sentence_with_its_words(tmp_path, films):
    with pytest.raises(DatasetError, match="No label of the source says pneumonia"):
        actions.import_dataset(load_settings(home=tmp_path), films, "chests")
    finding = state_finding("effusion", ["effusion"], ["no effusion"])
    with pytest.raises(DatasetError, match="effusion"):
        actions.import_dataset(load_settings(home=tmp_path), films, "chests", finding=finding)


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home.name)
def test_datasets_and_models_of_earlier_versions_are_about_pneumonia(home):
    infos = [
        DatasetInfo.model_validate_json(file.read_text()) for file in home.glob("datasets/*/dataset.json")
    ]
    models = list_models(load_settings(home=home))
    assert infos
    assert models
    assert {info.finding for info in infos} == {model.card.finding for model in models} == {PNEUMONIA}
    assert all(model.card.dataset.is_of(infos[0]) for model in models)


def test_a_recipe_of_an_earlier_version_asks_for_the_finding_of_its_films():
    stage = {"trains": "all", "epochs": 1, "learning_rate": 1}
    recipe = json.loads(Recipe(name="r", stages=[stage]).model_dump_json())
    assert recipe["task"] == "finding"
    assert Recipe.model_validate({**recipe, "task": "pneumonia"}).task == "finding"
