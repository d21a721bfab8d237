"""
One run in an open transaction: find its row, save it, end it.

- every function takes the connection of its caller, so that several steps are one transaction
- ``end`` writes the run's result to its folder as well; ``from_result`` reads it back
"""

import logging
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    func,
    insert,
    literal_column,
    select,
    update,
)

from xraylab.database import runs
from xraylab.errors import NameTakenError, NotFoundError, StorageError
from xraylab.runs import folder
from xraylab.runs.run import ACTIVE, OVER, Run, State
from xraylab.settings import Settings
from xraylab.stored import moment

# The order in which rows were inserted. Times don't tell it: a clock may be set back between two runs.
SUBMITTED: ColumnElement[int] = literal_column("run.rowid", Integer)
_TIMES = ("created_at", "started_at", "finished_at")
_log = logging.getLogger(__name__)


def find(db: Connection, run_id: str) -> Run | None:
    """Return a run; None if there is no run with this id."""
    row = db.execute(select(runs).where(runs.c.id == run_id)).first()
    return None if row is None else from_row(row)


def get(db: Connection, run_id: str) -> Run:
    """Return a run.

    Raises
    ------
    NotFoundError
        If there is no run with this id.
    """
    run = find(db, run_id)
    if run is None:
        raise NotFoundError(f"There is no run “{run_id}”.")
    return run


def add(db: Connection, run: Run) -> None:
    """Insert the row of a new run."""
    db.execute(insert(runs).values(**_to_row(run)))


def save(db: Connection, run: Run) -> None:
    """Replace the row of a run."""
    db.execute(update(runs).where(runs.c.id == run.id).values(**_to_row(run)))


def check_not_active(db: Connection, name: str) -> None:
    """Reject a model name that a queued or running run will use.

    Raises
    ------
    NameTakenError
        If there is such a run. Upper and lower case count as the same.
    """
    # On macOS and Windows two names that differ in case are the same folder.
    same = func.lower(runs.c.name) == name.lower()
    if db.execute(select(runs.c.id).where(same, runs.c.state.in_(ACTIVE))).first() is not None:
        raise NameTakenError(
            f"A run called “{name}” is already queued or running. Choose another name, or cancel that run "
            "first."
        )


def end(
    settings: Settings,
    db: Connection,
    run: Run,
    state: State,
    error: str | None = None,
    notes: Iterable[str] = (),
) -> Run:
    """Set the final state of a run, in its folder and in the table."""
    ended = replace(run, state=state, error=error, finished_at=datetime.now(UTC))
    # The folder comes first. If we die in between, the table still says "running": the next call of
    # ``reconcile`` finds a dead holder, reads the result and ends the run as it says here.
    try:
        folder.write_result(settings, run.id, _result(ended) | {"notes": list(notes)})
    except StorageError:
        # A full disk is often the reason why the run ended, so it must not keep the run from ending.
        _log.exception("the result of run %s could not be written", run.id)
    save(db, ended)
    return ended


def from_result(settings: Settings, run: Run) -> Run | None:
    """Return the run with the final state that its folder holds; None without a valid result there."""
    result = folder.read_result(settings, run.id)
    if result is None or result.get("state") not in OVER:
        return None
    return replace(
        run,
        state=result["state"],
        error=None if result.get("error") is None else str(result["error"]),
        started_at=moment(result.get("started_at")),
        finished_at=moment(result.get("finished_at")),
    )


def from_row(row: Row[Any]) -> Run:
    """Return a row of the table as a run."""
    values = dict(row._mapping)
    for key in _TIMES:
        values[key] = None if values[key] is None else datetime.fromtimestamp(values[key], UTC)
    return Run(**values)


def _to_row(run: Run) -> dict[str, Any]:
    row = {item.name: getattr(run, item.name) for item in fields(run)}
    # SQLite has no type for times: they are stored as Unix seconds.
    return row | {key: None if row[key] is None else row[key].timestamp() for key in _TIMES}


def _result(run: Run) -> dict[str, Any]:
    return {
        "schema": "xraylab.run-result/1",
        "state": run.state,
        "error": run.error,
        "started_at": None if run.started_at is None else run.started_at.isoformat(),
        "finished_at": None if run.finished_at is None else run.finished_at.isoformat(),
    }
