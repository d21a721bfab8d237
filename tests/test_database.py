import contextlib
import errno
import os
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import pytest
import sqlalchemy.exc
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, select

from tests.support import old_databases
from xraylab import database
from xraylab.copies import keep_copy
from xraylab.database import leases, metadata, reading, writing
from xraylab.errors import StorageError
from xraylab.settings import load_settings

OPEN = """
import sys
from xraylab.database import reading
from xraylab.settings import load_settings
with reading(load_settings()) as db:
    db.exec_driver_sql("SELECT * FROM run")
print("alembic" in sys.modules)
"""
FULL = 2  # of the pragma ``synchronous``
LEASE = {"device": "cpu", "host": "here", "pid": 1, "process_start": 0.0, "token": "t"}


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


def fill(db):
    pages = db.exec_driver_sql("PRAGMA page_count").scalar()
    db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    db.execute(insert(leases).values(**LEASE | {"token": "t" * 100_000}))


def open_elsewhere(settings):
    return subprocess.Popen(
        [sys.executable, "-c", OPEN],
        env=os.environ | {"XRAYLAB_HOME": str(settings.home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_migrations_make_exactly_the_schema_of_the_tables(settings):
    with reading(settings) as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []
        migrated = set(db.exec_driver_sql("SELECT name, sql FROM sqlite_master").fetchall())
    direct = create_engine("sqlite://")
    metadata.create_all(direct)
    with direct.connect() as db:
        created = set(db.exec_driver_sql("SELECT name, sql FROM sqlite_master").fetchall())
    assert {name for name, _ in migrated - created} == {
        "alembic_version",
        "sqlite_autoindex_alembic_version_1",
    }
    assert created <= migrated
    direct.dispose()


def test_the_head_is_the_newest_migration():
    assert ScriptDirectory(str(database._MIGRATIONS)).get_current_head() == database.HEAD


def test_a_file_at_the_newest_schema_opens_without_alembic(settings):
    with reading(settings):
        pass
    answer, _ = open_elsewhere(settings).communicate()
    assert answer.strip() == "False"


def test_processes_that_start_at_once_migrate_once(settings):
    processes = [open_elsewhere(settings) for _ in range(4)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0, 0]


def test_readers_are_not_kept_waiting_by_a_writer(settings):
    with writing(settings) as db:
        db.execute(insert(leases).values(**LEASE))
        with reading(settings) as other:
            assert other.execute(select(leases)).all() == []
            assert other.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert other.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_failed_transaction_leaves_nothing(settings):
    with pytest.raises(sqlalchemy.exc.IntegrityError), writing(settings) as db:
        db.execute(insert(leases), [LEASE, LEASE])
    with reading(settings) as db:
        assert db.execute(select(leases)).all() == []


def test_a_second_writer_waits_from_the_start(settings, monkeypatch):
    monkeypatch.setattr(database, "_PATIENCE", 0.05)
    with writing(settings), pytest.raises(StorageError, match="locked"), writing(settings):
        pass


def test_a_removed_file_is_made_anew(settings):
    with writing(settings) as db:
        db.execute(insert(leases).values(**LEASE))
    for file in settings.home.glob("xraylab.db*"):
        file.unlink()
    with reading(settings) as db:
        assert db.execute(select(leases)).all() == []


def test_a_damaged_file_is_a_sentence_and_is_left_as_it_is(settings):
    settings.home.mkdir()
    settings.database.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="is damaged") as caught, reading(settings):
        pass
    assert settings.database.read_bytes() == b"not a database" * 100
    assert "holds the case log and the trail, which exist nowhere else" in str(caught.value)
    assert "doctor --mend" in str(caught.value)
    assert "copy" not in str(caught.value)


def test_the_sentence_on_a_damaged_file_names_the_newest_copy(settings):
    old_databases.make(settings, "0001")
    copy = keep_copy(settings.database, "0001")
    settings.database.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError) as caught, reading(settings):
        pass
    assert str(caught.value).endswith(f"The newest copy, from before an upgrade, is {copy}.")


def test_every_transaction_is_flushed_to_the_disk(settings):
    with writing(settings) as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_new_database_is_in_its_folder_for_good(settings, monkeypatch):
    flushed = []
    monkeypatch.setattr(database.system, "flush_folder", flushed.append)
    with reading(settings):
        pass
    assert flushed[-2:] == [settings.home, settings.home.parent]


@pytest.fixture
def read_only(settings, monkeypatch):
    """Make a home that this process may not write; nothing here may try."""

    def seal():
        monkeypatch.setattr(database.os, "access", lambda place, mode: mode != os.W_OK)
        return {file: file.stat().st_mtime_ns for file in settings.home.rglob("*")}

    return seal


@pytest.mark.parametrize("open_elsewhere", [False, True])
def test_a_home_that_may_not_be_written_is_read_with_all_that_was_written(
    settings, read_only, open_elsewhere
):
    with contextlib.ExitStack() as stack:
        if open_elsewhere:  # then the row is still in the write-ahead log
            with reading(settings):
                pass
            stack.enter_context(contextlib.closing(sqlite3.connect(settings.database))).execute(
                "SELECT * FROM run"
            )
        with writing(settings) as db:
            db.execute(insert(leases).values(**LEASE))
        before = read_only()
        with reading(settings) as db:
            assert [row.token for row in db.execute(select(leases))] == ["t"]
            with pytest.raises(sqlalchemy.exc.OperationalError, match="readonly"):
                db.execute(insert(leases).values(**LEASE | {"device": "cuda"}))
        assert {file: file.stat().st_mtime_ns for file in settings.home.rglob("*")} == before


def test_a_home_that_is_missing_and_cannot_be_made_has_no_rows(settings, read_only):
    read_only()
    with reading(settings) as db:
        assert db.execute(select(leases)).all() == []
    assert not settings.home.exists()


@pytest.mark.parametrize("name", ["%41", "a#b", "100% sure", "a b&c=d;e", "胸片 ü", "x%20y%3f", "[1]{2}"])
def test_a_home_may_have_any_name(tmp_path, read_only, name):
    settings = load_settings(home=tmp_path / name)
    with writing(settings) as db:
        db.execute(insert(leases).values(**LEASE))
    assert {file.parent for file in tmp_path.rglob("*.db*")} == {settings.home}
    read_only()
    with reading(settings) as db:
        assert [row.token for row in db.execute(select(leases))] == ["t"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no “?” in a name")
def test_a_home_may_have_a_question_mark_in_its_name(tmp_path, read_only):
    test_a_home_may_have_any_name(tmp_path, read_only, "a?b=c?")


@pytest.mark.parametrize("parts", [1, 2])
def test_a_home_on_a_drive_that_is_missing_is_a_sentence(settings, monkeypatch, parts):
    def missing(folder, *_, **__):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))

    # On Windows the root of such a path is missing; below a mount point the root exists and takes no folder.
    roots = [] if parts == 1 else [settings.home.parent]
    monkeypatch.setattr(database.Path, "exists", lambda path, **_: path in roots)
    monkeypatch.setattr(database.Path, "mkdir", missing)
    for use in (reading, writing):
        with pytest.raises(StorageError, match=r"can't be made, as on a drive that is missing.*XRAYLAB_HOME"):
            use(settings).__enter__()


def test_a_home_on_a_drive_that_went_away_is_a_sentence(settings, monkeypatch):
    def away(path, **_):
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(path))

    with reading(settings):
        pass
    monkeypatch.setattr(database.Path, "stat", away)
    with pytest.raises(StorageError, match=r"The drive that holds .* can't be reached"):
        reading(settings).__enter__()


def test_an_old_database_that_cannot_be_upgraded_is_a_sentence(settings, read_only):
    old_databases.make(settings, "0001")
    read_only()
    with pytest.raises(StorageError, match="can't be upgraded"), reading(settings):
        pass


@pytest.mark.parametrize(
    ("code", "free", "words"),
    [
        (sqlite3.SQLITE_FULL, 2**40, "is full"),
        (sqlite3.SQLITE_IOERR, 0, "is full"),  # as a full tmpfs answers
        (sqlite3.SQLITE_IOERR, 2**40, "The disk failed"),
        (sqlite3.SQLITE_READONLY, 2**40, "may not write"),
        (sqlite3.SQLITE_CANTOPEN, 2**40, "can't be opened"),
        (sqlite3.SQLITE_BUSY, 2**40, "keeps .* locked"),
    ],
)
def test_what_the_disk_answers_is_the_right_sentence(settings, monkeypatch, code, free, words):
    settings.home.mkdir()
    monkeypatch.setattr(database.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    with pytest.raises(StorageError, match=words), reading(settings):
        raise error


def test_writing_where_nothing_may_be_written_is_a_sentence(settings, read_only):
    with reading(settings):
        pass
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    read_only()
    with pytest.raises(StorageError, match="may not write"), writing(settings):
        raise error


def test_a_file_of_a_newer_version_is_a_sentence(settings):
    with writing(settings) as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database._ready.clear()
    with pytest.raises(StorageError, match="newer XRayLab"), reading(settings):
        pass


def test_a_full_disk_is_a_sentence(settings):
    with pytest.raises(StorageError, match="is full"), writing(settings) as db:
        fill(db)


def test_a_home_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "home").write_text("")
    for home in (tmp_path / "home", tmp_path / "home" / "below"):
        with pytest.raises(StorageError, match="is not a folder"), reading(load_settings(home=home)):
            pass


def test_errors_that_are_our_own_stay_errors(settings):
    with pytest.raises(Exception, match="no such table") as caught, reading(settings) as db:
        db.exec_driver_sql("SELECT * FROM nowhere")
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
