"""Rebuild a lost or damaged run table from the run folders, which hold the facts."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import delete, select

from xraylab.database import runs, writing
from xraylab.errors import NotFoundError
from xraylab.runs import folder, rows
from xraylab.runs.orphans import is_published
from xraylab.runs.run import Run
from xraylab.runs.table import list_runs
from xraylab.settings import Settings
from xraylab.stored import moment

UNFINISHED = (
    "This run had not finished when the run table was rebuilt. Resume it, or start it again, if you need it."
)
_log = logging.getLogger(__name__)


def rebuild(settings: Settings) -> list[Run]:
    """Write the run table anew from the run folders.

    - A folder with a result sets the state of its run.
    - Without a result the row stays as it is, if there is one: its worker may be alive.
    - With neither, a run that never began is queued again, and a run that had begun has failed.

    Returns
    -------
    list of Run
        All runs, newest first.
    """
    with writing(settings) as db:
        known = {row.id: rows.from_row(row) for row in db.execute(select(runs).order_by(rows.SUBMITTED))}
        db.execute(delete(runs))
        names = [place.name for place in folder.folders(settings)]
        found = [run for name in names if (run := _from_folder(settings, name, known.get(name)))]
        # Rows that are there keep their order; of the others only the times are known.
        place = {run_id: number for number, run_id in enumerate(known)}
        for run in sorted(found, key=lambda run: (place.get(run.id, len(place)), run.created_at)):
            rows.add(db, run)
    return list_runs(settings)


def _from_folder(settings: Settings, run_id: str, known: Run | None) -> Run | None:
    """Return the run that a folder describes; None if its recipe is unreadable."""
    run = known or _from_recipe(settings, run_id)
    if run is None:
        _log.warning("run folder %s has no readable recipe and was left out", run_id)
        return None
    ended = rows.from_result(settings, run)
    # The log is the first file that a worker writes, so it shows that the run had begun.
    if ended is None and known is None and (folder.path(settings, run_id) / folder.LOG).exists():
        if is_published(settings, run):
            return replace(run, state="done", finished_at=datetime.now(UTC))
        return replace(run, state="failed", error=UNFINISHED, finished_at=datetime.now(UTC))
    return ended or run


def _from_recipe(settings: Settings, run_id: str) -> Run | None:
    """Return the run as it was submitted; None if its recipe is unreadable."""
    try:
        submitted = folder.read_recipe(settings, run_id)
        created_at = moment(submitted["created_at"])
        if created_at is None:
            return None
        return Run(
            id=run_id,
            name=str(submitted["name"]),
            dataset=str(submitted["dataset"]),
            arch=str(submitted["arch"]),
            recipe=str(submitted["recipe"]),
            device=str(submitted["device"]),
            state="queued",
            created_at=created_at,
        )
    except (NotFoundError, KeyError, TypeError, ValueError):
        return None
