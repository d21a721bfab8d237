"""
The database: one SQLite file in the home, its tables, and short transactions on it.

- ``reading`` sees one consistent state; ``writing`` takes the write lock at its start (``BEGIN IMMEDIATE``),
  so that nothing changes between its reads and its writes
- a connection ends with its transaction, so nothing is shared between threads or processes
- a transaction that has ended survives a power cut: the write-ahead log is flushed at each (``FULL``)
- the file is copied and upgraded to the newest schema when a process first uses it
- a home that may not be written is only read; errors of SQLite reach the user as a ``StorageError``
"""

import contextlib
import functools
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DDL,
    URL,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    NullPool,
    StaticPool,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError

from xraylab import system
from xraylab.copies import forget_in_copies, keep_copy, kept_copies
from xraylab.errors import StorageError
from xraylab.files import make_folder, storage_errors
from xraylab.settings import Settings

HEAD = "0005"  # the newest migration; named here, so that a current file opens without loading Alembic
_MIGRATIONS = Path(__file__).with_name("migrations")
_PATIENCE = 15.0  # seconds to wait for another process's write
_ROOM = 2**20  # bytes; SQLite calls a disk with less than this damaged rather than full

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# The state of every run. Times are Unix seconds; the facts (recipe, history) are in the run's folder.
runs = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),  # of the model that it will make
    Column("dataset", String, nullable=False),
    Column("arch", String, nullable=False),
    Column("recipe", String, nullable=False),
    Column("device", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("host", String),
    Column("pid", Integer),
    Column("process_start", Float),
    Column("heartbeat", Integer, nullable=False, default=0),
    Column("cancel", Boolean, nullable=False, default=False),
    Column("error", String),
    CheckConstraint("state IN ('queued', 'running', 'cancelled', 'failed', 'done')", name="state"),
)
Index(None, runs.c.state, runs.c.created_at)

# The process that trains on a device. The token tells two leases of one process apart.
leases = Table(
    "lease",
    metadata,
    Column("device", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", Float, nullable=False),
    Column("heartbeat", Integer, nullable=False, default=0),
    Column("token", String, nullable=False),
)

# Films that a reader kept, without anything that names a patient. A deleted case keeps its number and times.
cases = Table(
    "kept_case",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("model", String),
    Column("model_sha256", String),
    Column("score", Float),
    Column("decision", String),
    Column("threshold", Float),
    Column("review_from", Float),
    Column("warnings", String),  # a JSON list of sentences
    Column("overridden", Boolean),
    Column("synthetic", Boolean),
    Column("call", String),  # the reader's own opinion
    Column("note", String),
    Column("pixels_kept", Boolean),
    Column("made_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("deleted_at", Float),
    CheckConstraint("decision IN ('positive', 'negative', 'review')", name="decision"),
    CheckConstraint("call IN ('pneumonia', 'no pneumonia', 'unsure')", name="call"),
    CheckConstraint(
        "deleted_at IS NULL OR coalesce(model, model_sha256, score, decision, threshold, review_from, "
        "warnings, overridden, synthetic, call, note, pixels_kept) IS NULL",
        name="tombstone",
    ),
)

# What the model of a case looked for; without a row pneumonia, the only finding of older versions.
case_findings = Table(
    "case_finding",
    metadata,
    Column("number", Integer, ForeignKey(cases.c.number, name="fk_case_finding_number"), primary_key=True),
    Column("finding", String, nullable=False),
)

# Cases whose call was made before the score was shown; older versions didn't keep that.
blind_calls = Table(
    "blind_call",
    metadata,
    Column("number", Integer, ForeignKey(cases.c.number, name="fk_blind_call_number"), primary_key=True),
)
beside_cases = (case_findings, blind_calls)  # with rows that a case loses when it is deleted

# The chain of all that was done, see ``xraylab.trail``. SQLite itself refuses to change or remove a row.
trail = Table(
    "trail",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("at", String, nullable=False),  # ISO 8601, in UTC
    Column("actor", String, nullable=False),
    Column("account", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("action", String, nullable=False),
    Column("name", String),
    Column("case", Integer, ForeignKey(cases.c.number, name="fk_trail_case")),
    Column("objects", String, nullable=False),  # a JSON object of hashes
    Column("changed", String, nullable=False),  # in words; never the text of a note
    Column("origin", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("sha256", String, nullable=False),
)
_KEPT_FOR_GOOD = (
    "CREATE TRIGGER {name} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
for _name, _what, _table in (
    ("trail_no_update", "UPDATE", trail),
    ("trail_no_delete", "DELETE", trail),
    ("kept_case_no_delete", "DELETE", cases),
):
    _ddl = _KEPT_FOR_GOOD.format(name=_name, what=_what, table=_table.name)
    event.listen(_table, "after_create", DDL(_ddl))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """Open a transaction that only reads; a home that may not be written is read as it is.

    Raises
    ------
    StorageError
        If the database can't be opened or read.
    """
    with _sentences(settings.database), _for_reading(settings).begin() as connection:
        yield connection


@contextlib.contextmanager
def writing(settings: Settings) -> Iterator[Connection]:
    """Open a transaction that holds the write lock from its start, and is undone if the block raises.

    Raises
    ------
    StorageError
        If the database can't be opened or written, or stays locked by another program.
    """
    with (
        _sentences(settings.database),
        engine(settings).execution_options(begin="BEGIN IMMEDIATE").begin() as connection,
    ):
        yield connection


def forget(settings: Settings) -> None:
    """Make deleted text disappear from the write-ahead log and from the copies too.

    The log is emptied into the database file. Another transaction can prevent this; the last connection to
    close does it then.
    """
    path = settings.database
    with _sentences(path):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        forget_in_copies(path)


def may_write(settings: Settings) -> bool:
    """Return whether the system lets this process write into the home, or make the home if it is missing."""
    return _may_write(settings.database)


def engine(settings: Settings) -> Engine:
    """Return the engine of the database in the home folder, after an upgrade to the newest schema."""
    path = settings.database.absolute()
    with storage_errors(path.parent):
        if _identity(path) != _ready.get(path):
            with _preparing:
                _prepare(path)
                _ready[path] = _identity(path)
    return _engine(path)


# A file that was removed or replaced while this process runs has another identity, and is prepared again.
_ready: dict[Path, tuple[int, int]] = {}
_preparing = threading.Lock()


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return 0, 0  # no file has this identity
    return status.st_dev, status.st_ino


def _may_write(path: Path) -> bool:
    # On Windows a drive that is missing has no folder at all. Then the writer says what is wrong.
    folder = next((parent for parent in path.parents if parent.exists()), None)
    return folder is None or all(os.access(place, os.W_OK) for place in (folder, path) if place.exists())


def _for_reading(settings: Settings) -> Engine:
    path = settings.database.absolute()
    with storage_errors(path.parent):
        may_write = _may_write(path)
    if may_write:
        return engine(settings)
    # Without permission to write, SQLite can't make the files that go with a write-ahead log.
    if not path.exists():
        return _empty()
    made = _read_only(path)
    if _version(made) != HEAD:
        raise StorageError(
            f"{path} was written by another version of XRayLab, and may not be written, so it can't be "
            "upgraded. Give XRayLab permission to write there, or choose another folder with XRAYLAB_HOME."
        )
    return made


@functools.lru_cache(maxsize=16)
def _engine(path: Path) -> Engine:
    # Built from its parts: in a text, signs such as % and # in the path would mean something.
    url = URL.create("sqlite", database=str(path))
    made = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})
    event.listen(made, "connect", _configure)
    event.listen(made, "begin", _begin)
    return made


def _read_only(path: Path) -> Engine:
    """Return an engine that writes nothing, not even the files of the write-ahead log."""
    log = path.with_name(f"{path.name}-wal")
    # An immutable file is read without its log, so transactions that are still in the log would be missing.
    immutable = {} if log.exists() and log.stat().st_size else {"immutable": "1"}
    query = {"uri": "true", "mode": "ro", **immutable}
    return create_engine(URL.create("sqlite", database=path.as_uri(), query=query), poolclass=NullPool)


def _empty() -> Engine:
    """Return a database without rows, in memory, for a home that has none and can't get one."""
    made = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(made)
    return made


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3 would begin by itself, too late for BEGIN IMMEDIATE
    connection.execute("PRAGMA foreign_keys = ON")
    # FULL flushes the log at each transaction: with NORMAL a power cut could lose the end of the trail.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA recursive_triggers = ON")  # otherwise REPLACE avoids a trigger on DELETE
    connection.execute("PRAGMA secure_delete = ON")  # deleted content is overwritten, not only unlinked


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _prepare(path: Path) -> None:
    """Upgrade the file to the newest schema; if several processes try, one does it and the others wait."""
    make_folder(path.parent)
    if _version(_engine(path)) == HEAD:
        return
    _use_wal(path)
    with _engine(path).execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        _copy_first(path, connection)
        _upgrade(connection)
    # SQLite flushes the folder for its log, but not for the database file itself.
    for folder in (path.parent, path.parent.parent):
        system.flush_folder(folder)


def _copy_first(path: Path, connection: Connection) -> None:
    """Keep a copy of a file that is about to be upgraded."""
    version = _version_in(connection)
    # The write lock is held, so the copy is what the upgrade starts from, and only one process makes it.
    if version is not None and version < HEAD:
        with storage_errors(path.parent):
            keep_copy(path, version)


def _version(engine: Engine) -> str | None:
    with engine.begin() as connection:
        return _version_in(connection)


def _version_in(connection: Connection) -> str | None:
    table = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    if connection.exec_driver_sql(table).first() is None:
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def _use_wal(path: Path) -> None:
    """Turn on the write-ahead log, so that readers and a writer can work at the same time."""
    # Two processes that switch at the same time block each other for as long as both wait. So neither waits:
    # each closes its connection and tries again.
    deadline = time.monotonic() + _PATIENCE
    while True:
        connection = sqlite3.connect(path, timeout=0)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:  # the file has a revision that this version doesn't know
        raise StorageError(
            "The database in the home folder was written by a newer XRayLab. Update XRayLab, or choose "
            "another folder with XRAYLAB_HOME."
        ) from error


def _code(error: BaseException | None) -> int | None:
    """Return SQLite's primary result code."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


@contextlib.contextmanager
def _sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        sentence = _sentence(path, _code(error.orig if isinstance(error, DBAPIError) else error))
        if sentence is None:
            raise
        raise StorageError(sentence) from error


def _sentence(path: Path, code: int | None) -> str | None:
    home = path.parent
    full = f"The disk that holds {home} is full, so nothing was saved. Free some space and try again."
    failed = f"The disk failed while {path} was in use. Check the disk and try again."
    forbidden = (
        f"XRayLab may not write to {path}. Give it permission, or choose another folder with XRAYLAB_HOME."
    )
    unopened = (
        f"{path} can't be opened. Check that {home} is a folder XRayLab may write to, or choose another with "
        "XRAYLAB_HOME."
    )
    return {
        sqlite3.SQLITE_FULL: full,
        sqlite3.SQLITE_BUSY: f"Another program keeps {path} locked. Close it and try again.",
        sqlite3.SQLITE_READONLY: forbidden,
        sqlite3.SQLITE_CANTOPEN: unopened if _may_write(path) else forbidden,
        # The log is mapped into memory, and a disk in memory without room for it fails instead of being full.
        sqlite3.SQLITE_IOERR: full if _free(home) < _ROOM else failed,
        sqlite3.SQLITE_CORRUPT: _damaged(path),
        sqlite3.SQLITE_NOTADB: _damaged(path),
    }.get(code or 0)


def _free(home: Path) -> int:
    try:
        return shutil.disk_usage(home).free
    except OSError:
        return _ROOM  # unknown, so nothing is claimed


def _damaged(path: Path) -> str:
    """Say what a damaged database holds, and the ways back; nothing is deleted."""
    copies = kept_copies(path)
    newest = f" The newest copy, from before an upgrade, is {copies[0]}." if copies else ""
    return (
        f"{path} is damaged. Don't delete it: it holds the case log and the trail, which exist nowhere else. "
        "“doctor --mend” keeps the damaged file under another name, saves every row that can be read, and "
        f"makes the list of runs again from the run folders.{newest}"
    )
