"""Copies before an upgrade: whole, few, and without what was deleted since."""

import contextlib
import sqlite3

import pytest

from tests.support import old_databases
from xraylab import copies, database, records
from xraylab.errors import StorageError
from xraylab.settings import load_settings

RUN = (
    "INSERT INTO run (id, name, dataset, arch, recipe, device, state, created_at, heartbeat, cancel) "
    "VALUES ('{0}', 'm', 'd', 'cnn', 'r', 'cpu', 'done', 1.0, 0, 0)"
)

BLIND = records.NewCase("m", "h", 0.5, "positive", 0.4, call="pneumonia", finding="tuberculosis", blind=True)


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


def rows(file, query):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def test_an_upgrade_keeps_a_copy_of_what_it_starts_from(settings):
    old_databases.make(settings, "0001", RUN.format("one"))
    with database.reading(settings):
        pass
    [copy] = copies.kept_copies(settings.database)
    assert copy.name.startswith("xraylab-0001-")
    assert rows(copy, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert rows(copy, "SELECT id FROM run") == [("one",)]
    assert rows(settings.database, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]


def test_a_new_home_and_a_current_one_need_no_copy(settings):
    for _ in range(2):
        database._ready.clear()
        with database.reading(settings):
            pass
    assert not (settings.home / "copies").exists()


def test_the_newest_copies_stay(settings):
    old_databases.make(settings, "0001")
    kept = [
        copies.keep_copy(settings.database, version) for version in ("0009", "0001", "0002", "0003", "0001")
    ]
    assert copies.kept_copies(settings.database) == kept[: -copies.MOST - 1 : -1]
    assert len(list((settings.home / "copies").iterdir())) == copies.MOST


def test_without_room_for_a_copy_nothing_is_upgraded(settings):
    old_databases.make(settings, "0001")
    (settings.home / "copies").write_text("a file in its place")
    with pytest.raises(StorageError, match="is not a folder"), database.reading(settings):
        pass
    assert rows(settings.database, "SELECT version_num FROM alembic_version") == [("0001",)]


def test_what_is_deleted_or_changed_later_is_gone_from_the_copies_too(settings):
    notes = [old_databases.CASE_OF_0002.format(note=note) for note in ("secret one", "secret two", "plain")]
    old_databases.make(settings, "0002", *notes)
    copy = copies.keep_copy(settings.database, "0002")
    assert b"secret one" in copy.read_bytes()
    records.delete(settings, 1, actor="app")
    records.change(settings, 2, call=None, note="other", actor="app")
    assert b"secret" not in copy.read_bytes()
    assert rows(copy, "SELECT number, note, deleted_at IS NULL FROM kept_case") == [
        (1, None, 0),
        (2, "", 1),
        (3, "plain", 1),
    ]


def test_what_else_is_known_of_a_deleted_case_is_gone_from_the_copies_too(settings):
    for _ in range(2):
        records.keep(settings, BLIND, actor="app")
    copy = copies.keep_copy(settings.database, database.HEAD)
    records.delete(settings, 1, actor="app")
    assert rows(copy, "SELECT * FROM case_finding") == [(2, "tuberculosis")]
    assert rows(copy, "SELECT * FROM blind_call") == [(2,)]


def test_a_damaged_copy_and_one_without_a_case_log_keep_nobody_from_deleting(settings):
    old_databases.make(settings, "0001")
    copies.keep_copy(settings.database, "0001")
    (settings.home / "copies" / "xraylab-0001-x.db").write_bytes(b"no database" * 100)
    number = records.keep(settings, records.NewCase("m", "h", 0.5, None, None), actor="app")
    records.delete(settings, number, actor="app")
    assert [case.content for case in records.all_cases(settings)] == [None]
