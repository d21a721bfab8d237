"""
Delete a run that is over, put it back, and change what it is called.

- a run is a row of the table and a folder. Both change while the write lock of the database is held, the
  folder first; after a kill in between, where the folder lies decides, and ``settle`` makes the row follow
- a run that is queued or running is never touched: its worker would go on writing
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, delete, select, text

from xraylab.database import reading, runs, writing
from xraylab.errors import NotFoundError, TrainingError
from xraylab.files import write_json
from xraylab.runs import folder, rows
from xraylab.runs.orphans import reconcile
from xraylab.runs.run import Run
from xraylab.settings import Settings

Move = Callable[[Path], None]
_RUN = TypeAdapter(Run)
_PLACE = "place"  # in the list of runs, beside the fields of a run


def remove(settings: Settings, run_id: str, move: Move) -> None:
    """Take a run out of the table; ``move`` takes its folder away.

    Raises
    ------
    NotFoundError
        If there is no such run.
    TrainingError
        If it is queued or running.
    """
    with writing(settings) as db:
        check_over(rows.get(db, run_id))
        place = folder.path(settings, run_id)
        if place.exists():
            move(place)
        db.execute(delete(runs).where(runs.c.id == run_id))


def check_over(run: Run) -> None:
    """Reject a run that is queued or running.

    Raises
    ------
    TrainingError
        If it is.
    """
    if run.active:
        raise TrainingError(f"The run {run.id} ({run.name}) is {run.state}. Cancel it first.")


def facts_of(settings: Settings, run_id: str) -> dict[str, Any]:
    """Return everything of a run that isn't in its folder, as JSON values.

    Raises
    ------
    NotFoundError
        If there is no such run.
    """
    with reading(settings) as db:
        run = rows.get(db, run_id)
        place = db.execute(select(rows.SUBMITTED).where(runs.c.id == run_id)).scalar_one()
    return {**_RUN.dump_python(run, mode="json"), _PLACE: place}


def put_back(settings: Settings, facts: dict[str, Any], move: Move) -> None:
    """Put a run back into the table; ``move`` puts its folder back.

    Raises
    ------
    NotFoundError
        If what is known of it can't be read.
    """
    run = _run_of(facts)
    with writing(settings) as db:
        move(folder.path(settings, run.id))
        _add(db, run, facts.get(_PLACE))


def settle(settings: Settings, facts: dict[str, Any], *, deleted: bool) -> None:
    """Make the table follow a folder that a killed process moved.

    Parameters
    ----------
    facts : dict
        As ``facts_of`` returned them.
    deleted : bool
        Whether the folder lies in the trash.
    """
    try:
        run = _run_of(facts)
    except NotFoundError:
        return
    with reading(settings) as db:  # almost always nothing is to be done, and this needs no lock
        row = rows.find(db, run.id)
    if (row is None) == deleted:
        return
    with writing(settings) as db:
        row = rows.find(db, run.id)
        if deleted and row is not None and not row.active:
            db.execute(delete(runs).where(runs.c.id == run.id))
        elif not deleted and row is None and folder.path(settings, run.id).is_dir():
            _add(db, run, facts.get(_PLACE))


def relabel(
    settings: Settings,
    run_id: str,
    *,
    name: str | None = None,
    dataset: str | None = None,
    weights: str | None = None,
) -> None:
    """Change what a run that is over calls its model, its dataset or its first weights.

    Raises
    ------
    NotFoundError
        If there is no such run.
    TrainingError
        If it is queued or running.
    StorageError
        If the disk is full or can't be written.
    """
    labels = {key: value for key, value in (("name", name), ("dataset", dataset)) if value is not None}
    with writing(settings) as db:
        run = rows.get(db, run_id)
        check_over(run)
        # A run whose recipe can't be read has nothing that a training could go on from.
        recipe = _recipe(settings, run_id)
        if recipe is not None:
            training = recipe.get("training")
            if isinstance(training, dict):
                training.update(labels | ({} if weights is None else {"weights": weights}))
            write_json(folder.path(settings, run_id) / folder.RECIPE, {**recipe, **labels})
        rows.save(db, _RUN.validate_python({**_RUN.dump_python(run), **labels}))


def first_weights(settings: Settings, run_id: str) -> str | None:
    """Return the first weights that a run was asked to start from; None if its recipe can't be read."""
    training = (_recipe(settings, run_id) or {}).get("training")
    weights = training.get("weights") if isinstance(training, dict) else None
    return weights if isinstance(weights, str) else None


def over(settings: Settings) -> list[Run]:
    """Return the runs that are over, after those of dead workers were ended."""
    reconcile(settings)
    with reading(settings) as db:
        known = [rows.from_row(row) for row in db.execute(select(runs))]
    return [run for run in known if not run.active]


def _recipe(settings: Settings, run_id: str) -> dict[str, Any] | None:
    try:
        return folder.read_recipe(settings, run_id)
    except NotFoundError:
        return None


def _run_of(facts: dict[str, Any]) -> Run:
    try:
        run = _RUN.validate_python({key: value for key, value in facts.items() if key != _PLACE})
    except ValidationError as error:
        raise NotFoundError("What is known of this run can't be read, so it can't be put back.") from error
    if run.active or Path(run.id).name != run.id or run.id.startswith("."):
        raise NotFoundError("What is known of this run can't be used, so it can't be put back.")
    return run


def _add(db: Connection, run: Run, place: object) -> None:
    """Insert the row of a run, at its old place in the list if that is free."""
    rows.add(db, run)
    if isinstance(place, int) and place > 0:
        free = "NOT EXISTS (SELECT 1 FROM run WHERE rowid = :place)"
        query = text(f"UPDATE run SET rowid = :place WHERE id = :id AND {free}")  # noqa: S608 - a constant
        db.execute(query, {"place": place, "id": run.id})
