"""
Homes that earlier versions left, kept in ``tests/homes``: every list, lock, evaluation and the trail work.

``scripts/kept_home.py`` makes one for each release. Films and weights were taken out, since they are large.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import old_databases
from xraylab import actions, chain, copies, database, records, trail
from xraylab.actions import deep
from xraylab.errors import HonestOrderError, StorageError
from xraylab.records import NewCase
from xraylab.settings import load_settings

HOMES = sorted((Path(__file__).parent / "homes").iterdir())


@pytest.fixture(params=HOMES, ids=lambda home: home.name)
def settings(request, tmp_path):
    return load_settings(home=shutil.copytree(request.param, tmp_path / "home"))


def schema(settings):
    return database._version(database._engine(settings.database))


def test_there_is_a_home_of_each_release():
    assert [home.name for home in HOMES] == ["0.1.0"]


def test_every_list_shows_what_was_made(settings):
    assert [row.name for row in actions.model_rows(settings)] == ["both", "two", "one"]
    [dataset] = actions.list_datasets(settings)
    assert (dataset.name, dataset.n, dataset.test_openings) == ("films", 120, 1)
    assert {(run.name, run.state) for run in actions.list_runs(settings)} == {
        ("one", "done"),
        ("two", "done"),
    }
    cases = actions.list_cases(settings)
    assert [(case.number, case.pixels_kept, case.content is None) for case in cases] == [
        (1, True, False),
        (2, False, False),
        (3, False, True),
    ]
    assert cases[1].content.note == "a phantom, seen"
    assert actions.reading_model(settings) == "one"
    [pair] = actions.named_pairs(settings)
    assert (pair.first, pair.second) == ("one", "two")


def test_locks_and_openings_are_those_that_were_made(settings):
    result = actions.test_result(settings, "one")
    assert (result.threshold, result.band.review_from, result.test_openings) == (0.5, 0.25, 1)
    assert not result.lock_after_opening
    with pytest.raises(HonestOrderError):
        actions.test_result(settings, "two")
    again = actions.lock(settings, "one", "youden", actor="app")
    assert again.after_opening
    assert actions.open_test(settings, "two", actor="app").test_openings == 2


def test_a_model_is_evaluated_reported_and_described(settings):
    for name in ("one", "two", "both"):
        assert actions.evaluate_validation(settings, name).n > 0
        assert actions.evaluation_report(settings, name).model == name
        assert actions.model_card(settings, name).startswith("#")
    assert actions.compare_models(settings, ["one", "two"]).pairs


def test_its_database_is_upgraded_with_a_copy_and_its_trail_is_in_the_chain(settings):
    before = schema(settings)
    entries = trail.entries(settings)
    assert [entry.action for entry in entries if entry.origin] == [
        *("created", "created", "created", "call", "note", "deleted", "exported"),
    ]
    assert chain.check([entry.plain() for entry in entries]).faults == ()
    assert (before, schema(settings)) == ("0002", database.HEAD)
    [copy] = copies.kept_copies(settings.database)
    assert before in copy.name
    assert deep.looks()["database content"](settings)[0]


def test_a_backup_of_it_can_be_restored(settings, tmp_path):
    actions.backup(settings, tmp_path / "old.zip")
    fresh = load_settings(home=tmp_path / "fresh")
    actions.restore_backup(fresh, tmp_path / "old.zip")
    assert actions.list_runs(fresh) == actions.list_runs(settings)
    assert records.all_cases(fresh) == records.all_cases(settings)


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004"])
def test_the_database_of_each_migration_opens(settings, revision):
    settings.database.unlink()
    old_databases.make(settings, revision)
    assert actions.list_cases(settings) == []
    assert schema(settings) == database.HEAD
    assert len(actions.list_runs(settings, rebuild=True)) == 2  # the folders of the runs are still there


def test_a_case_kept_before_calls_were_blind_stays_as_it_is_and_can_be_worked_with(settings):
    settings.database.unlink()
    old_databases.make(settings, "0004", old_databases.CASE_OF_0004, old_databases.FINDING_OF_0004)
    kept = NewCase(
        "cnn", "ab", 0.5, "positive", 0.4, call="pneumonia", note="seen", finding="tuberculosis", blind=False
    )
    assert records.find(settings, 1).content == kept
    number = records.keep(settings, replace(kept, blind=True), actor="app")
    assert [case.content.blind for case in records.all_cases(settings)] == [False, True]
    gone = actions.delete_object(settings, "case", "1", actor="app")
    [copy] = copies.kept_copies(settings.database)
    assert b"tuberculosis" not in copy.read_bytes()
    actions.restore_object(settings, gone.id, actor="app")
    assert records.find(settings, 1).content == kept
    assert records.find(settings, number).content.blind


def test_a_newer_database_is_left_as_it_is(settings):
    trail.entries(settings)
    with database.writing(settings) as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database._ready.clear()
    before = settings.database.read_bytes()
    with pytest.raises(StorageError, match="newer XRayLab"):
        actions.list_runs(settings)
    assert settings.database.read_bytes() == before
