"""The action behind subgroups: where columns come from, what is offered, and what the document says."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.support.brief import DATASET, MODEL
from tests.support.grouped_films import HOSTILE, frame_of, held_out, store, write_catalog
from xraylab import actions
from xraylab.__main__ import main
from xraylab.actions.subgroups import Source, film_columns, source_of
from xraylab.data.datasets import KEPT, load_dataset
from xraylab.errors import HonestOrderError, NotFoundError
from xraylab.evaluation.subgroup_columns import age_bands
from xraylab.evaluation.thresholds import threshold_table
from xraylab.formats import visible
from xraylab.models import load_model

pytest_plugins = ["tests.support.grouped"]


def columns(settings, split="validation"):
    model = load_model(settings, MODEL)
    return film_columns(model.films(split).scored.frame, source_of(settings, model))


def test_columns_are_those_of_the_dataset_by_the_film_s_name_in_words(grouped):
    found = columns(grouped)
    assert list(found.values) == ["age", "sex", "kind", "Site", "sex (table)", "Scanner"]
    assert found.why == ""
    _, _, people, facts = held_out()
    validation = facts[people < 0.8 * people.max()]
    assert found.values["age"].tolist() == age_bands(validation["age"]).tolist()
    assert found.values["sex"].tolist() == [
        {"F": "female", "M": "male"}.get(sex, "") for sex in validation["sex"]
    ]
    assert found.values["Site"].tolist() == [visible(site).strip() for site in validation[f"{KEPT}Site"]]
    assert found.values["sex (table)"].tolist() == validation[f"{KEPT}sex"].tolist()


def test_a_column_with_one_value_or_with_values_of_single_patients_is_not_offered(grouped):
    offered = columns(grouped).values
    assert "view" not in offered  # all films are PA
    assert "Patient ID" not in offered


def test_a_document_has_the_figures_of_each_group_at_the_lock(grouped):
    document = actions.subgroups(grouped, MODEL, "Site")
    frame = load_model(grouped, MODEL).films("validation").scored.frame
    sites = columns(grouped).values["Site"]
    assert [group.name for group in document.groups] == sorted(set(sites))
    assert document.n == sum(group.films for group in document.groups) == len(frame)
    for group in document.groups:
        rows = frame[sites == group.name]
        table = threshold_table(rows["label"], rows["score"], rows["group"])
        point = table.at(document.threshold)
        assert (group.tp, group.fp, group.tn, group.fn) == (point.tp, point.fp, point.tn, point.fn)
        assert group.patients == rows["group"].nunique()
        assert group.sensitivity.value == pytest.approx(point.sensitivity)
        assert group.specificity.interval == pytest.approx(table.interval("specificity", document.threshold))
        assert group.auc.value == pytest.approx(table.auc)
    worst = min(document.groups, key=lambda group: group.sensitivity.value)
    assert worst.name == "St. Mary’s"
    assert worst.sensitivity.differs
    assert any(
        "St. Mary’s: sensitivity is lower than in the other groups" in line for line in document.verdict
    )


def test_films_without_a_value_are_counted_and_none_is_lost(grouped):
    document = actions.subgroups(grouped, MODEL, "age")
    assert document.not_stated > 0
    assert document.not_stated + sum(group.films for group in document.groups) == document.n
    many = actions.subgroups(grouped, MODEL, "Scanner")
    assert many.groups[-1].name == "6 other values"
    assert sum(group.films for group in many.groups) == many.n


def test_the_test_films_stay_sealed(grouped):
    with pytest.raises(HonestOrderError, match="sealed"):
        actions.subgroups(grouped, MODEL, "Site", split="test")
    actions.open_test(grouped, MODEL, actor="app")
    assert actions.subgroups(grouped, MODEL, "Site", split="test").split == "test"


def test_a_column_that_is_not_there_is_answered_with_those_that_are(grouped):
    with pytest.raises(NotFoundError, match=r"by “weight”.*There are: age, sex, kind, Site"):
        actions.subgroups(grouped, MODEL, "weight")


def _info(settings, **changes):
    file = settings.datasets / DATASET / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_dataset_that_is_gone_leaves_the_kind_and_says_so(grouped):
    (grouped.datasets / DATASET).rename(grouped.home / "elsewhere")
    found = columns(grouped)
    assert list(found.values) == ["kind"]
    assert "“films”, aren’t in this home" in found.why
    with pytest.raises(NotFoundError, match="aren’t in this home"):
        actions.subgroups(grouped, MODEL, "Site")


def test_a_dataset_that_was_replaced_by_other_films_gives_no_column(grouped):
    _info(grouped, pixel_hash="00" * 32)
    found = columns(grouped)
    assert list(found.values) == ["kind"]
    assert "“films” holds other films now" in found.why


def test_the_same_films_are_found_under_another_name(grouped):
    (grouped.datasets / DATASET).rename(grouped.datasets / "renamed")
    assert "Site" in columns(grouped).values


def test_a_damaged_catalog_and_films_under_other_names_are_told(grouped):
    catalog = load_dataset(grouped, DATASET).catalog
    write_catalog(grouped, catalog.assign(image_id="copy/" + catalog["image_id"]))
    assert "“films” has its films under other names" in columns(grouped).why
    (grouped.datasets / DATASET / "catalog.parquet").write_bytes(b"nothing")
    found = columns(grouped)
    assert list(found.values) == ["kind"]
    assert "can’t be shown for this model. " in found.why


def test_a_dataset_of_another_version_is_told(grouped):
    _info(grouped, preprocess_version=99)
    assert "prepared by another version" in columns(grouped).why


def test_a_catalog_of_an_earlier_version_lacks_columns_and_nothing_breaks(grouped):
    catalog = load_dataset(grouped, DATASET).catalog
    write_catalog(grouped, catalog[["image_id", f"{KEPT}Site"]])
    assert list(columns(grouped).values) == ["kind", "Site"]


def test_what_a_stranger_writes_stays_text(grouped, capsys):
    assert main(["subgroups", MODEL, "--by", "Site"]) == 0
    printed = capsys.readouterr().out
    assert "\u202e" not in printed
    assert "<img src=x onerror=alert(1)>" in printed
    assert f"{HOSTILE.strip()[:20]}" in printed


def test_the_command_prints_one_document(grouped, capsys):
    assert main(["subgroups", MODEL, "--by", "sex", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == actions.subgroups(grouped, MODEL, "sex").model_dump(mode="json")
    assert document["groups"][0]["name"] == "female"
    assert main(["subgroups", MODEL, "--by", "kind"]) == 0
    printed = capsys.readouterr().out
    assert "focal: " in printed
    assert "No difference between the groups was shown" in printed


def test_a_model_without_a_lock_is_refused(grouped):
    (grouped.models / MODEL / "lock.json").unlink()
    with pytest.raises(HonestOrderError, match="no locked threshold"):
        actions.subgroups(grouped, MODEL, "Site")


def test_films_that_a_table_does_not_know_are_in_no_group(grouped):
    catalog = load_dataset(grouped, DATASET).catalog
    half = catalog.sort_values("image_id").head(len(catalog) // 2)
    write_catalog(grouped, half)
    document = actions.subgroups(grouped, MODEL, "Site")
    known = load_model(grouped, MODEL).films("validation").frame["image_id"].isin(half["image_id"]).sum()
    assert document.n - document.not_stated == known


def test_no_films_have_no_columns(grouped):
    labels, logits, people, facts = held_out()
    frame = frame_of(labels, logits, people, facts)
    store(grouped, MODEL, frame[frame["split"] == "test"])
    assert columns(grouped).values == {}
    assert film_columns(pd.DataFrame({"subtype": [], "group": [], "image_id": []}), Source(None)).values == {}
    assert np.size(age_bands([])) == 0
