"""
Orphans: runs and leases whose process has died.

A worker can be killed, or its machine restarted, at any moment. It then leaves a run that says "running", a
leased device, and half-written files. No process watches over the workers. Instead every process that depends
on the table first calls ``reconcile``, which ends such runs and frees such devices.
"""

import logging
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from xraylab.database import leases, reading, runs, writing
from xraylab.errors import XRayLabError
from xraylab.leftovers import sweep
from xraylab.models import load_model
from xraylab.runs import folder, rows
from xraylab.runs.holder import OBSERVER, Holder, Observer
from xraylab.runs.run import Run
from xraylab.settings import Settings

DIED = (
    "The worker stopped unexpectedly (it was killed or the machine was restarted). "
    "Its log says what it was doing."
)
_log = logging.getLogger(__name__)


def reconcile(settings: Settings, *, observer: Observer = OBSERVER) -> list[Run]:
    """End the runs whose holder is dead, and free the devices that dead holders leased.

    Returns
    -------
    list of Run
        The runs that this call ended.
    """
    # Reading needs no lock. Almost always nothing is dead, and pages call this at every refresh.
    with reading(settings) as db:
        working = [rows.from_row(row) for row in db.execute(select(runs).where(runs.c.state == "running"))]
        leased = db.execute(select(leases)).all()
    dead = [run for run in working if run.holder is None or not observer.alive(run.holder, run.heartbeat)]
    free = [row for row in leased if not observer.alive(_lessee(row), row.heartbeat)]
    if not dead and not free:
        return []
    with writing(settings) as db:
        for row in free:
            # A holder on another host may only have been slow. If it moved its counter since we looked, the
            # lease stays.
            db.execute(delete(leases).where(leases.c.token == row.token, leases.c.heartbeat == row.heartbeat))
        # The row is compared as a whole, for the same reason, and because another process may have ended
        # the run first.
        return [_end_orphan(settings, db, run) for run in dead if rows.find(db, run.id) == run]


def remove_leftovers(settings: Settings, run: Run) -> None:
    """Remove the temporary files and the half-built model that a dead holder left."""
    try:
        folder.sweep(settings, run.id)
        sweep(settings.models, run.name)
    except OSError:
        # Leftovers only take room. A run that can't be ended would block its name and its device.
        _log.exception("the files that run %s left behind could not be removed", run.id)


def is_published(settings: Settings, run: Run) -> bool:
    """Return True if the model of this run is complete in its place."""
    try:
        # The name alone proves nothing: the folder may hold an older model that this run was to replace.
        return load_model(settings, run.name).card.run == run.id
    except XRayLabError:
        return False


def _end_orphan(settings: Settings, db: Connection, run: Run) -> Run:
    """End a run whose holder is dead, in the state that it had really reached."""
    remove_leftovers(settings, run)
    # The holder may have died after it wrote the result, or after it published the model: the training is
    # then complete, and only the row in the table is behind.
    ended = rows.from_result(settings, run)
    if ended is not None:
        rows.save(db, ended)
        return ended
    if is_published(settings, run):
        folder.remove_checkpoint(settings, run.id)
        return rows.end(settings, db, run, "done")
    if run.cancel:
        return rows.end(settings, db, run, "cancelled")
    return rows.end(settings, db, run, "failed", DIED)


def _lessee(row: Row[Any]) -> Holder:
    return Holder(row.host, row.pid, row.process_start)
