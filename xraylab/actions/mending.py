"""
Mending a home with one word: a damaged database, and cases without their picture.

- nothing is deleted: a damaged database is kept under another name
- each thing that was mended is an entry in the trail
"""

import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import update

from xraylab import chain, database, trail
from xraylab.actions import deep
from xraylab.actions.backups import copy_file
from xraylab.files import scratch, storage_errors
from xraylab.runs.rebuild import rebuild
from xraylab.settings import Settings

_BESIDE = tuple(table.name for table in database.beside_cases)
_TABLES = ("kept_case", *_BESIDE, "trail", "run")
_LOST_CASE = (
    "INSERT INTO kept_case (number, made_at, changed_at, deleted_at) VALUES (:number, :now, :now, :now)"
)
_MOST_SINGLE = 20_000  # rows that are looked for one by one, between the first and the last damage


def mend(settings: Settings, *, actor: str = trail.PYTHON) -> list[str]:
    """Mend what can be mended without a person's judgement; return a sentence for each.

    Raises
    ------
    StorageError
        If the disk is full or the home can't be written.
    """
    mended = []
    if deep.damage_of(settings.database) is not None:
        mended.append(salvage(settings, actor=actor))
    mended += [_forget_picture(settings, number, actor) for number in deep.cases_without_picture(settings)]
    return mended


def salvage(settings: Settings, *, actor: str = trail.PYTHON) -> str:
    """Save all readable rows of a damaged database into a new one, and keep the damaged file.

    Returns
    -------
    str
        What was saved, what is lost, and where the damaged file is.
    """
    path = settings.database
    with storage_errors(settings.home):
        kept = _set_aside(path)
        saved = _write_new(settings, _readable(kept))
    lost = _enter_lost_cases(settings)
    runs = rebuild(settings)
    words = f"{saved['kept_case']} cases and {saved['trail']} entries of the trail"
    trail.enter(
        settings,
        trail.HOME,
        chain.SALVAGED,
        actor=actor,
        changed=f"{words} of a damaged database; {len(lost)} cases are lost",
        after=max((number for number, _ in trail.anchors(settings)), default=0),
    )
    told = f"{words} were saved from the damaged database, and {len(runs)} runs from their folders."
    if lost:
        told += f" The cases {', '.join(map(str, lost))} are lost."
    return f"{told} The damaged file is kept as {kept}."


def _set_aside(path: Path) -> Path:
    """Give a damaged database another name, with its write-ahead log."""
    kept = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for ending in ("-shm", "-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(kept.with_name(kept.name + ending))
    return kept


def _readable(kept: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that can be read of each table; the file itself stays as it is."""
    # SQLite would write the log into the file, so it gets a copy of both.
    with scratch(kept) as folder:
        for file in (kept, kept.with_name(f"{kept.name}-wal")):
            with contextlib.suppress(FileNotFoundError):
                copy_file(file, folder / file.name)
        with contextlib.closing(sqlite3.connect(folder / kept.name)) as connection:
            connection.row_factory = sqlite3.Row
            rows = {table: list(_rows(connection, table)) for table in (*_TABLES, "case_trail")}
    # A file that was damaged before its upgrade has the trail of the second schema.
    older = chain.from_case_trail(rows.pop("case_trail"))
    return rows if rows["trail"] else rows | {"trail": [{**row, "objects": "{}"} for row in older]}


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows from the front up to the damage, then from the back, then those in between."""
    first, last = 0, 2**62
    with contextlib.suppress(sqlite3.DatabaseError):
        for row in connection.execute(f"SELECT rowid AS _row, * FROM {table} ORDER BY rowid"):  # noqa: S608 - our own table
            first = row["_row"]
            yield _plain(row)
        return
    behind = []
    with contextlib.suppress(sqlite3.DatabaseError):
        query = f"SELECT rowid AS _row, * FROM {table} WHERE rowid > ? ORDER BY rowid DESC"  # noqa: S608 - our own table
        for row in connection.execute(query, (first,)):
            last = row["_row"]
            behind.append(_plain(row))
    for number in range(first + 1, min(last, first + _MOST_SINGLE)):
        with contextlib.suppress(sqlite3.DatabaseError):
            single = f"SELECT rowid AS _row, * FROM {table} WHERE rowid = ?"  # noqa: S608 - our own table
            yield from map(_plain, connection.execute(single, (number,)))
    yield from reversed(behind)


def _plain(row: sqlite3.Row) -> dict[str, Any]:
    return {key: row[key] for key in row.keys() if key != "_row"}  # noqa: SIM118 - a Row iterates over values


def _write_new(settings: Settings, rows: dict[str, list[dict[str, Any]]]) -> Counter[str]:
    """Make a new database with the rows that fit their table; return how many there are of each."""
    saved: Counter[str] = Counter()
    with database.reading(settings):  # makes the file
        pass
    with contextlib.closing(sqlite3.connect(settings.database)) as connection, connection:
        for table in _TABLES:
            for row in rows[table]:
                names = ", ".join(map(_quoted, row))
                places = ", ".join("?" for _ in row)
                with contextlib.suppress(sqlite3.DatabaseError):
                    connection.execute(
                        f"INSERT INTO {table} ({names}) VALUES ({places})",  # noqa: S608 - our own table
                        list(row.values()),
                    )
                    saved[table] += 1
        for table in _BESIDE:  # a lost case gets an empty row later
            whole = "SELECT number FROM kept_case WHERE deleted_at IS NULL"
            connection.execute(f"DELETE FROM {table} WHERE number NOT IN ({whole})")  # noqa: S608 - our own table
    return saved


def _quoted(name: str) -> str:
    """Write a column's name for a query; in a damaged file it may be anything."""
    return '"' + name.replace('"', '""') + '"'


def _enter_lost_cases(settings: Settings) -> list[int]:
    """Give a lost case an empty row, so that its number isn't used for another film; return the numbers."""
    pictures = {int(place.name) for place in settings.cases.glob("*") if place.name.isdecimal()}
    named = {entry.case for entry in trail.entries(settings) if entry.case is not None}
    lost = sorted((pictures | named) - deep.claimed_pictures(settings).keys())
    with database.writing(settings) as db:
        for number in lost:
            db.exec_driver_sql(_LOST_CASE, {"number": number, "now": time.time()})
    return lost


def _forget_picture(settings: Settings, number: int, actor: str) -> str:
    with trail.writing(settings) as db:
        row = database.cases.c.number == number
        db.execute(update(database.cases).where(row).values(pixels_kept=False))
        trail.add(db, trail.CASE, "mended", actor=actor, case=number, changed="its picture was missing")
    return f"Case {number} says now that its picture is gone."
