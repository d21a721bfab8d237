"""
Copies of the database: one is kept in ``copies/`` before every upgrade of its schema.

- SQLite itself writes a copy (``VACUUM INTO``), so it is whole although others read and write meanwhile
- the newest ``MOST`` copies stay; older ones are removed
- what is deleted from the case log is deleted from the copies too, so that a copy brings no note back
"""

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from xraylab import system
from xraylab.files import remove_file

MOST = 3
# A deleted case loses its content here as there; a note that was changed is emptied.
_FORGET = (
    """
    UPDATE kept_case SET model = NULL, model_sha256 = NULL, score = NULL, decision = NULL, threshold = NULL,
        review_from = NULL, warnings = NULL, overridden = NULL, synthetic = NULL, call = NULL, note = NULL,
        pixels_kept = NULL, deleted_at = changed_at
    WHERE deleted_at IS NULL AND EXISTS (
        SELECT 1 FROM now.kept_case AS new
        WHERE new.number = kept_case.number AND new.deleted_at IS NOT NULL)
    """,
    """
    UPDATE kept_case SET note = '' WHERE note != '' AND EXISTS (
        SELECT 1 FROM now.kept_case AS new
        WHERE new.number = kept_case.number AND new.note != kept_case.note)
    """,
)
_BESIDE = ("case_finding", "blind_call")  # more of a case; a copy of an older schema lacks these tables
_FORGET_BESIDE = """
    DELETE FROM {table} WHERE number IN (SELECT number FROM now.kept_case WHERE deleted_at IS NOT NULL)
    """


def keep_copy(database: Path, version: str) -> Path:
    """Copy a database that is about to be upgraded.

    Parameters
    ----------
    database : Path
    version : str
        The newest migration that it has had, for the copy's name.

    Returns
    -------
    Path
        The copy, ``copies/xraylab-<version>-<time>.db``.
    """
    folder = database.parent / "copies"
    folder.mkdir(exist_ok=True)
    place = folder / f"xraylab-{version}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.db"
    half = place.with_suffix(".partial")
    write_copy(database, half)
    half.replace(place)
    system.flush_folder(folder)
    for old in kept_copies(database)[MOST:]:
        remove_file(old)
    return place


def write_copy(database: Path, target: Path) -> None:
    """Write the present state of a database into a new file; other processes may go on writing."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def kept_copies(database: Path) -> list[Path]:
    """Return the copies of a database, newest first."""
    return sorted((database.parent / "copies").glob("xraylab-*.db"), key=_made_at, reverse=True)


def forget_in_copies(database: Path) -> None:
    """Delete from every copy what was deleted from the case log since."""
    for copy in kept_copies(database):
        # A copy of the first schema has no case log, and a damaged copy can't be changed at all.
        with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(copy)) as old:
            _forget_in(old, database)


def _forget_in(copy: sqlite3.Connection, database: Path) -> None:
    copy.execute("PRAGMA secure_delete = ON")
    copy.execute("ATTACH ? AS now", (str(database),))
    tables = {name for (name,) in copy.execute("SELECT name FROM main.sqlite_master")}
    with copy:
        for statement in _FORGET:
            copy.execute(statement)
        for table in tables.intersection(_BESIDE):
            copy.execute(_FORGET_BESIDE.format(table=table))


def _made_at(copy: Path) -> str:
    return copy.stem.rpartition("-")[2]
