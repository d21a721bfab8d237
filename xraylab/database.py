"""
The database: one SQLite file in the home, its tables, and short transactions on it.

- ``reading`` sees one consistent state; ``writing`` takes the write lock at its start (``BEGIN IMMEDIATE``),
  so that nothing changes between its reads and its writes
- a connection ends with its transaction, so nothing is shared between threads or processes
- the file is upgraded to the newest schema when a process first uses it
- errors of SQLite reach the user as a ``StorageError``
"""

import contextlib
import functools
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DDL,
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
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError

from xraylab.errors import StorageError
from xraylab.files import storage_errors
from xraylab.settings import Settings

HEAD = "0002"  # the newest migration; named here, so that a current file opens without loading Alembic
_MIGRATIONS = Path(__file__).with_name("migrations")
_PATIENCE = 15.0  # seconds to wait for another process's write

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

# Every change of a case, with its actor and time. SQLite itself refuses to change or remove a row.
trail = Table(
    "case_trail",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_number", Integer, ForeignKey(cases.c.number, name="fk_case_trail_case_number")),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("changed", String, nullable=False),  # in words; never the text of a note
    Column("at", Float, nullable=False),
    CheckConstraint("action IN ('created', 'call', 'note', 'exported', 'deleted')", name="action"),
)
_KEPT_FOR_GOOD = (
    "CREATE TRIGGER {name} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
for _name, _what, _table in (
    ("case_trail_no_update", "UPDATE", trail),
    ("case_trail_no_delete", "DELETE", trail),
    ("kept_case_no_delete", "DELETE", cases),
):
    _ddl = _KEPT_FOR_GOOD.format(name=_name, what=_what, table=_table.name)
    event.listen(_table, "after_create", DDL(_ddl))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """Open a transaction that only reads.

    Raises
    ------
    StorageError
        If the database can't be opened or read.
    """
    with _sentences(settings.database), engine(settings).begin() as connection:
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
    """Empty the write-ahead log into the database file, so that deleted text doesn't remain in the log.

    Another transaction can prevent this; the last connection to close does it then.
    """
    with _sentences(settings.database), contextlib.closing(sqlite3.connect(settings.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def engine(settings: Settings) -> Engine:
    """Return the engine of the database in the home folder, after an upgrade to the newest schema."""
    path = settings.database.absolute()
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


@functools.lru_cache(maxsize=16)
def _engine(path: Path) -> Engine:
    made = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": _PATIENCE})
    event.listen(made, "connect", _configure)
    event.listen(made, "begin", _begin)
    return made


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3 would begin by itself, too late for BEGIN IMMEDIATE
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log a power cut can lose the last transactions, but never damage the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA recursive_triggers = ON")  # otherwise REPLACE avoids a trigger on DELETE
    connection.execute("PRAGMA secure_delete = ON")  # deleted content is overwritten, not only unlinked


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _prepare(path: Path) -> None:
    """Upgrade the file to the newest schema; if several processes try, one does it and the others wait."""
    try:
        with storage_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StorageError(
            f"{path.parent} is not a folder. Choose another home with XRAYLAB_HOME."
        ) from error
    if _version(path) == HEAD:
        return
    _use_wal(path)
    with _engine(path).execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        _upgrade(connection)


def _version(path: Path) -> str | None:
    with _engine(path).begin() as connection:
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
    return {
        sqlite3.SQLITE_FULL: f"The disk that holds {home} is full, so nothing was saved. "
        "Free some space and try again.",
        sqlite3.SQLITE_BUSY: f"Another program keeps {path} locked. Close it and try again.",
        sqlite3.SQLITE_READONLY: f"XRayLab may not write to {path}. Give it permission, or choose another "
        "folder with XRAYLAB_HOME.",
        sqlite3.SQLITE_CANTOPEN: f"{path} can't be opened. Check that {home} is a folder XRayLab may write "
        "to, or choose another with XRAYLAB_HOME.",
        sqlite3.SQLITE_IOERR: f"The disk failed while {path} was in use. Check the disk and try again.",
        sqlite3.SQLITE_CORRUPT: _DAMAGED.format(path=path),
        sqlite3.SQLITE_NOTADB: _DAMAGED.format(path=path),
    }.get(code or 0)


_DAMAGED = "{path} is damaged. Move it away: the list of runs can be rebuilt from the run folders."
