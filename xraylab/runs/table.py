"""
The run table: the queue of each device, and the state of every run.

- a state moves one way: queued → running → done, failed or cancelled; also queued → cancelled
- ``resume`` alone goes back: it puts a failed or cancelled run with a checkpoint in the queue again
- a run is ended once: by its holder, or by ``orphans.reconcile`` if the holder is dead
- the table holds the state only; the recipe, history and result are files in the run's folder, and
  ``rebuild`` makes a lost table from them
"""

import contextlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from xraylab.database import reading, runs, writing
from xraylab.errors import NameTakenError
from xraylab.files import check_name
from xraylab.runs import folder, rows
from xraylab.runs.holder import this_process
from xraylab.runs.orphans import reconcile
from xraylab.runs.run import OVER, Run, State
from xraylab.settings import Settings


@dataclass(frozen=True)
class Order:
    """A run to be submitted.

    Parameters
    ----------
    name : str
        Name of the model that it will make.
    dataset, arch, recipe : str
        Names of the dataset, the network and the recipe, for lists of runs.
    recipe_json : dict
        Everything that the executor needs; ``read_recipe(settings, run.id)["training"]`` returns it.
    device : str
        The queue to wait in.
    """

    name: str
    dataset: str
    arch: str
    recipe: str
    recipe_json: dict[str, Any]
    device: str = "cpu"


def submit_all(settings: Settings, orders: Sequence[Order]) -> list[Run]:
    """Put runs in their devices' queues, in this order: all of them or none.

    Raises
    ------
    NameTakenError
        If a name is invalid, occurs twice, or is that of a queued or running run.
    StorageError
        If the disk is full or the home folder can't be written.
    """
    for order in orders:
        check_name(order.name, what="model")
    reconcile(settings)  # a dead run must not keep its name
    submitted: list[Run] = []
    try:
        # In one transaction, so that no sweep sees a folder whose row is still to come.
        with writing(settings) as db:
            for run, order in zip(_queued(orders), orders, strict=True):
                rows.check_not_active(db, run.name)
                # The folder comes before the row: a worker that sees a queued run can always read its recipe.
                submitted.append(_with_folder(settings, run, order.recipe_json))
                rows.add(db, submitted[-1])
    except BaseException:  # Ctrl-C too must not leave folders of runs that were never queued
        for run in submitted:
            folder.remove(settings, run.id)
        raise
    for run in submitted:
        folder.confirm(settings, run.id)
    return submitted


def give_up(settings: Settings, run_id: str, error: str) -> None:
    """End a queued run that no worker can begin; leave a run in any other state as it is."""
    with writing(settings) as db:
        run = rows.find(db, run_id)
        if run is not None and run.state == "queued":
            rows.end(settings, db, run, "failed", error)


def get(settings: Settings, run_id: str) -> Run:
    """Return one run.

    Raises
    ------
    NotFoundError
        If there is no run with this id.
    """
    with reading(settings) as db:
        return rows.get(db, run_id)


def list_runs(settings: Settings, *, states: Collection[State] | None = None) -> list[Run]:
    """Return the runs, newest first; if ``states`` is given, only those in one of them."""
    query = select(runs).order_by(rows.SUBMITTED.desc())
    if states is not None:
        query = query.where(runs.c.state.in_(states))
    with reading(settings) as db:
        return [rows.from_row(row) for row in db.execute(query)]


def cancel(settings: Settings, run_id: str) -> Run:
    """Take a run out of the queue, or ask its worker to stop; leave a run that is over as it is.

    Raises
    ------
    NotFoundError
        If there is no run with this id.
    """
    with writing(settings) as db:
        run = rows.get(db, run_id)
        if run.state == "queued":
            return rows.end(settings, db, run, "cancelled")
        if run.state == "running":
            # A flag, not a signal: the worker may run on another host, and it has to end the run itself.
            db.execute(update(runs).where(runs.c.id == run_id).values(cancel=True))
            return replace(run, cancel=True)
        return run


def cancel_requested(settings: Settings, run_id: str) -> bool:
    """Return True if the run was asked to stop."""
    with reading(settings) as db:
        return bool(db.execute(select(runs.c.cancel).where(runs.c.id == run_id)).scalar())


def start(settings: Settings, run_id: str) -> Run | None:
    """Mark a queued run as running in this process; return None if it isn't queued any more.

    The caller must hold the device's lease.
    """
    with writing(settings) as db:
        return claim(db, run_id) if rows.get(db, run_id).state == "queued" else None


def claim(db: Connection, run_id: str) -> Run:
    """Mark a queued run as running in this process, in a transaction that holds the write lock."""
    now, me = datetime.now(UTC), this_process()
    started = replace(rows.get(db, run_id), state="running", started_at=now, **asdict(me))
    rows.save(db, started)
    return started


def finish(
    settings: Settings, run_id: str, state: State, error: str | None = None, *, notes: Iterable[str] = ()
) -> None:
    """End a run that this process works on, and keep the notes in its folder.

    A worker that was declared dead can't change the final state.

    Raises
    ------
    ValueError
        If ``state`` is not a final state.
    NotFoundError
        If there is no run with this id.
    """
    if state not in OVER:
        raise ValueError(f"a run cannot end as {state!r}")
    with writing(settings) as db:
        run = rows.get(db, run_id)
        # A laptop that slept, or a host that was cut off, may come back after another process ended its run.
        if run.state == "running" and run.holder == this_process():
            rows.end(settings, db, run, state, error, notes)


def _queued(orders: Sequence[Order]) -> list[Run]:
    """Return a queued run for each order, without ids."""
    now = datetime.now(UTC)
    return [
        Run(
            id="",
            name=order.name,
            dataset=order.dataset,
            arch=order.arch,
            recipe=order.recipe,
            device=order.device,
            state="queued",
            # The queue is sorted by time: a microsecond between the orders keeps their sequence.
            created_at=now + timedelta(microseconds=place),
        )
        for place, order in enumerate(orders)
    ]


def _with_folder(settings: Settings, run: Run, recipe_json: dict[str, Any]) -> Run:
    """Give a run an id that sorts by time, and make its folder."""
    while True:
        named = replace(run, id=f"{run.created_at:%Y%m%d-%H%M%S}-{_draw()}")
        with contextlib.suppress(NameTakenError):  # another run of this second drew the same four digits
            folder.create(settings, named.id, _submission(named, recipe_json))
            return named


def _draw() -> str:
    return uuid.uuid4().hex[:4]


def _submission(run: Run, recipe_json: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": "xraylab.run/1",
        "id": run.id,
        "name": run.name,
        "dataset": run.dataset,
        "arch": run.arch,
        "recipe": run.recipe,
        "device": run.device,
        "created_at": run.created_at.isoformat(),
        "training": recipe_json,
    }
