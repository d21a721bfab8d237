"""The last audit of a dataset: kept with it, gone with it, and made again if it can't be read."""

import shutil
from datetime import UTC, datetime

import pytest

from xraylab.audit.found import Found
from xraylab.audit.kept import keep, last_audit
from xraylab.data import phantoms
from xraylab.data.importing import import_dataset
from xraylab.errors import StorageError
from xraylab.settings import load_settings

FOUND = [Found(check="duplicates", severity="high", figure=2, sentence="Two are the same.", films=("a", "b"))]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    phantoms.write(folder, 40, seed=3)
    return folder


@pytest.fixture
def dataset(source, tmp_path):
    return import_dataset(load_settings(home=tmp_path), source, "films")


def test_what_was_found_is_kept_with_the_dataset_until_it_is_replaced(dataset, source, tmp_path):
    assert last_audit(dataset) is None
    kept = keep(dataset, FOUND)
    assert last_audit(dataset) == kept
    assert kept.findings == tuple(FOUND)
    again = import_dataset(load_settings(home=tmp_path), source, "films", replace=True)
    assert last_audit(again) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": "xraylab.audit/2"}',
        '{"findings": [{"figure": NaN}]}',
        "null",
        "[" * 100_000,
    ],
)
def test_a_damaged_audit_counts_as_none(dataset, text):
    (dataset.folder / "audit.json").write_text(text)
    assert last_audit(dataset) is None


def test_a_disk_that_cannot_be_written_to_loses_only_the_copy(dataset, monkeypatch):
    def full(*_):
        raise StorageError("The disk is full.")

    monkeypatch.setattr("xraylab.audit.kept.write_text", full)
    assert keep(dataset, FOUND).findings == tuple(FOUND)
    assert last_audit(dataset) is None


def test_what_is_found_in_films_that_were_replaced_or_removed_is_not_kept(dataset, source, tmp_path):
    after = import_dataset(load_settings(home=tmp_path), source, "films", replace=True)
    assert (dataset.still_there, after.still_there) == (False, True)
    keep(dataset, FOUND)
    assert last_audit(after) is None
    shutil.rmtree(after.folder)
    keep(after, FOUND)
    assert not after.folder.exists()


def test_a_finding_replaces_the_earlier_one_of_its_check_and_the_worst_come_first(dataset):
    other = Found(check="unreadable", severity="none", figure=0, sentence="All could be read.")
    again = FOUND[0].model_copy(update={"severity": "low", "sentence": "One is the same."})
    keep(dataset, [other])
    keep(dataset, FOUND)
    assert [found.check for found in last_audit(dataset).findings] == ["duplicates", "unreadable"]
    keep(dataset, [again])
    assert last_audit(dataset).findings == (again, other)


def test_an_audit_of_another_import_is_not_shown(dataset):
    audit = keep(dataset, FOUND).model_copy(update={"imported_at": datetime(2020, 1, 1, tzinfo=UTC)})
    (dataset.folder / "audit.json").write_text(audit.model_dump_json(by_alias=True))
    assert last_audit(dataset) is None
    older = audit.model_copy(update={"imported_at": None})  # of a version that didn't note it
    (dataset.folder / "audit.json").write_text(older.model_dump_json(by_alias=True))
    assert last_audit(dataset) == older
