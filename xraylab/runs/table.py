"""
The run table: which runs wait, work or are over.

- it owns state only; what was asked for and what came of it are files in the run's folder
- a state moves one way: queued → running → done, failed or cancelled (queued → cancelled too)
- but a failed or cancelled run that left a checkpoint may be put back in the queue
- a run is ended once, by whoever holds it or, when its holder is dead, by whoever notices
- a lost table is rebuilt from the folders
"""

import contextlib
import logging
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from xraylab.database import leases, reading, runs, writing
from xraylab.errors import NameTakenError, NotFoundError, StorageError, TrainingError, XRayLabError
from xraylab.files import check_name, mend_folder
from xraylab.models import load_model
from xraylab.runs import folder
from xraylab.runs.holder import OBSERVER, Holder, Observer, this_process
from xraylab.settings import Settings

State = Literal["queued", "running", "cancelled", "failed", "done"]
ACTIVE: tuple[State, ...] = ("queued", "running")
OVER: tuple[State, ...] = ("cancelled", "failed", "done")

DIED = (
    "The worker stopped unexpectedly (it was killed or the machine was restarted). "
    "Its log says what it was doing."
)
UNFINISHED = (
    "It had not finished when the run table was rebuilt. Resume it, or start it again, if you need it."
)
NOTHING_TO_RESUME = "The run {id} stopped before there was anything to go on from. Start it again."
NOTHING_TO_KEEP = (
    "The run {id} stopped before its first epoch was complete, so there is nothing to keep. "
    "Let it train on, or start it again."
)
_TIMES = ("created_at", "started_at", "finished_at")
_NOBODY: dict[str, Any] = {"host": None, "pid": None, "process_start": None}
_NEVER: dict[str, Any] = {"started_at": None, "finished_at": None}
_log = logging.getLogger(__name__)


class RunCancelled(Exception):  # noqa: N818  (it is what the user wanted, not an error)
    """Raised by an executor that stops because it was asked to."""


@dataclass(frozen=True)
class Run:
    """One training: what was asked for, in short, and where it stands. Times are in UTC."""

    id: str
    name: str  # of the model to be
    dataset: str
    arch: str
    recipe: str  # the recipe's name
    device: str
    state: State
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    host: str | None = None
    pid: int | None = None
    process_start: float | None = None
    heartbeat: int = 0
    cancel: bool = False
    error: str | None = None

    @property
    def active(self) -> bool:
        """Whether it waits or works."""
        return self.state in ACTIVE

    @property
    def holder(self) -> Holder | None:
        """The process that works or worked on it."""
        if self.host is None or self.pid is None or self.process_start is None:
            return None
        return Holder(self.host, self.pid, self.process_start)


@dataclass(frozen=True)
class Order:
    """A run to be.

    Parameters
    ----------
    name : str
        The name of the model to be.
    dataset, arch, recipe : str
        What is trained on what, and the recipe's name, for lists.
    recipe_json : dict
        Everything the executor needs; it comes back as ``read_recipe(settings, run.id)["training"]``.
    device : str
        The queue to wait in.
    """

    name: str
    dataset: str
    arch: str
    recipe: str
    recipe_json: dict[str, Any]
    device: str = "cpu"


def submit(
    settings: Settings,
    *,
    name: str,
    dataset: str,
    arch: str,
    recipe: str,
    recipe_json: dict[str, Any],
    device: str = "cpu",
) -> Run:
    """Put one run in its device's queue, as ``submit_all`` does with several."""
    return submit_all(settings, [Order(name, dataset, arch, recipe, recipe_json, device)])[0]


def submit_all(settings: Settings, orders: Sequence[Order]) -> list[Run]:
    """Put runs in their devices' queues, in this order: all of them or none.

    Raises
    ------
    NameTakenError
        If a name cannot be one, comes twice, or is that of a queued or running run.
    StorageError
        If the disk is full or the home may not be written.
    """
    for order in orders:
        check_name(order.name, what="model")
    reconcile(settings)  # a dead run must not keep its name
    made: list[Run] = []
    try:
        for run, order in zip(_waiting(orders), orders, strict=True):
            made.append(_with_folder(settings, run, order.recipe_json))
        with writing(settings) as db:
            for run in made:
                _refuse_taken(db, run.name)
                db.execute(insert(runs).values(**_row(run)))
    except BaseException:
        for run in made:
            folder.remove(settings, run.id)
        raise
    return made


def resume(settings: Settings, run_id: str, *, keep_best: bool = False) -> Run:
    """Put a failed or cancelled run back in its device's queue, to go on from its checkpoint.

    It keeps its id, its name and its place in time, so it goes before what was submitted later; its clock
    starts anew when it is taken up.

    Parameters
    ----------
    keep_best : bool
        Whether its best epoch so far shall become the model, without training on.

    Raises
    ------
    NotFoundError
        If there is none with this id.
    NameTakenError
        If a queued or running run has its name by now.
    TrainingError
        If it is at work, is done, or stopped before it left anything to go on from, or to keep.
    """
    reconcile(settings)  # a run whose worker has just died can be resumed at once
    with writing(settings) as db:
        run = _get(db, run_id)
        _refuse_resuming(settings, run, keep_best=keep_best)
        _refuse_taken(db, run.name)
        waiting = replace(run, state="queued", error=None, cancel=False, heartbeat=0, **_NOBODY, **_NEVER)
        _save(db, waiting)
        _tidy(settings, run)
        # The files before the commit: no worker sees the run queued while its folder says that it is over,
        # and whoever dies in between leaves a run that is over in the table, which is what counts then.
        folder.mark_keep(settings, run_id, keep=keep_best)
        folder.remove_result(settings, run_id)
    return waiting


def resumable(settings: Settings, run: Run) -> bool:
    """Say whether a run can be put back in the queue."""
    return run.state in ("failed", "cancelled") and folder.has_checkpoint(settings, run.id)


def give_up(settings: Settings, run_id: str, error: str) -> None:
    """End a run that waits and that nobody can begin; one that does not wait any more stays as it is."""
    with writing(settings) as db:
        run = _find(db, run_id)
        if run is not None and run.state == "queued":
            _end(settings, db, run, "failed", error)


def get(settings: Settings, run_id: str) -> Run:
    """Return one run.

    Raises
    ------
    NotFoundError
        If there is none with this id.
    """
    with reading(settings) as db:
        return _get(db, run_id)


def list_runs(settings: Settings, *, states: Collection[State] | None = None) -> list[Run]:
    """Return the runs, newest first; only those in one of ``states`` when given."""
    query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc())
    if states is not None:
        query = query.where(runs.c.state.in_(states))
    with reading(settings) as db:
        return [_run(row) for row in db.execute(query)]


def cancel(settings: Settings, run_id: str) -> Run:
    """Take a run out of the queue, or ask the one that works on it to stop; one that is over stays as it is.

    Raises
    ------
    NotFoundError
        If there is none with this id.
    """
    with writing(settings) as db:
        run = _get(db, run_id)
        if run.state == "queued":
            return _end(settings, db, run, "cancelled")
        if run.state == "running":
            db.execute(update(runs).where(runs.c.id == run_id).values(cancel=True))
            return replace(run, cancel=True)
        return run


def cancel_requested(settings: Settings, run_id: str) -> bool:
    """Say whether somebody asked a run to stop."""
    with reading(settings) as db:
        return bool(db.execute(select(runs.c.cancel).where(runs.c.id == run_id)).scalar())


def start(settings: Settings, run_id: str) -> Run | None:
    """Make a queued run this process's; None if it is not queued any more. The device's lease comes first."""
    with writing(settings) as db:
        return claim(db, run_id) if _get(db, run_id).state == "queued" else None


def claim(db: Connection, run_id: str) -> Run:
    """Mark a queued run as running in this process, inside a transaction that writes."""
    now, me = datetime.now(UTC), this_process()
    started = replace(_get(db, run_id), state="running", started_at=now, **asdict(me))
    _save(db, started)
    return started


def finish(
    settings: Settings, run_id: str, state: State, error: str | None = None, *, notes: Iterable[str] = ()
) -> None:
    """End a run that this process works on; the notes are kept in its folder.

    Whoever was taken for dead, and comes back, finds its run ended: that verdict stays.

    Raises
    ------
    ValueError
        If ``state`` is not one that ends a run.
    NotFoundError
        If there is none with this id.
    """
    if state not in OVER:
        raise ValueError(f"a run cannot end as {state!r}")
    with writing(settings) as db:
        run = _get(db, run_id)
        if run.state == "running" and run.holder == this_process():
            _end(settings, db, run, state, error, notes)


def reconcile(settings: Settings, *, observer: Observer = OBSERVER) -> list[Run]:
    """End the runs whose holder is dead and free the devices that dead holders leased.

    Returns
    -------
    list of Run
        The runs that were ended by this call.
    """
    with reading(settings) as db:
        working = [_run(row) for row in db.execute(select(runs).where(runs.c.state == "running"))]
        leased = db.execute(select(leases)).all()
    dead = [run for run in working if run.holder is None or not observer.alive(run.holder, run.heartbeat)]
    free = [row for row in leased if not observer.alive(_lessee(row), row.heartbeat)]
    if not dead and not free:
        return []
    with writing(settings) as db:
        for row in free:
            # The counter tells whether it came back to life since we looked.
            db.execute(delete(leases).where(leases.c.token == row.token, leases.c.heartbeat == row.heartbeat))
        return [_bury(settings, db, run) for run in dead if _find(db, run.id) == run]


def rebuild(settings: Settings) -> list[Run]:
    """Make the table say again what the run folders say.

    A folder with a result gets its state from there. Without one, a row that is there stays; with no row
    either, a run that never began is queued again and one that had begun has failed.

    Returns
    -------
    list of Run
        All runs, newest first.
    """
    with writing(settings) as db:
        known = {row.id: _run(row) for row in db.execute(select(runs))}
        db.execute(delete(runs))
        for place in folder.folders(settings):
            run = _from_folder(settings, place.name, known.get(place.name))
            if run is not None:
                db.execute(insert(runs).values(**_row(run)))
    return list_runs(settings)


def _waiting(orders: Sequence[Order]) -> list[Run]:
    now = datetime.now(UTC)
    return [
        Run(
            "", order.name, order.dataset, order.arch, order.recipe, order.device, "queued", created_at=moment
        )
        for order, moment in zip(
            orders, (now + timedelta(microseconds=n) for n in range(len(orders))), strict=True
        )
    ]


def _with_folder(settings: Settings, run: Run, recipe_json: dict[str, Any]) -> Run:
    """Give a run an id that sorts by time, and its folder."""
    while True:
        named = replace(run, id=f"{run.created_at:%Y%m%d-%H%M%S}-{_draw()}")
        with contextlib.suppress(NameTakenError):  # somebody drew the same four digits this second
            folder.create(settings, named.id, _submission(named, recipe_json))
            return named


def _draw() -> str:
    return uuid.uuid4().hex[:4]


def _refuse_taken(db: Connection, name: str) -> None:
    """Refuse a name in use, in whatever case: two such models would share a folder on some systems."""
    same = func.lower(runs.c.name) == name.lower()
    if db.execute(select(runs.c.id).where(same, runs.c.state.in_(ACTIVE))).first() is not None:
        raise NameTakenError(
            f"A run called “{name}” is queued or running already: choose another name, or cancel that one "
            "first."
        )


def _refuse_resuming(settings: Settings, run: Run, *, keep_best: bool) -> None:
    if run.active:
        raise TrainingError(f"The run {run.id} is {run.state}: there is nothing to resume.")
    if run.state == "done":
        raise TrainingError(f"The run {run.id} is done: its model is “{run.name}”.")
    if not resumable(settings, run):
        raise TrainingError(NOTHING_TO_RESUME.format(id=run.id))
    if keep_best and not folder.read_history(settings, run.id):
        raise TrainingError(NOTHING_TO_KEEP.format(id=run.id))


def _get(db: Connection, run_id: str) -> Run:
    run = _find(db, run_id)
    if run is None:
        raise NotFoundError(f"There is no run “{run_id}”.")
    return run


def _find(db: Connection, run_id: str) -> Run | None:
    row = db.execute(select(runs).where(runs.c.id == run_id)).first()
    return None if row is None else _run(row)


def _save(db: Connection, run: Run) -> None:
    db.execute(update(runs).where(runs.c.id == run.id).values(**_row(run)))


def _end(
    settings: Settings,
    db: Connection,
    run: Run,
    state: State,
    error: str | None = None,
    notes: Iterable[str] = (),
) -> Run:
    ended = replace(run, state=state, error=error, finished_at=datetime.now(UTC))
    # The folder first: a table that lags behind is put right by the next look at the dead.
    try:
        folder.write_result(settings, run.id, _result(ended) | {"notes": list(notes)})
    except StorageError:
        _log.exception("the result of run %s could not be written", run.id)
    _save(db, ended)
    return ended


def _bury(settings: Settings, db: Connection, run: Run) -> Run:
    """End a run whose holder is dead, as its folder or its model says if the holder came as far as that."""
    _tidy(settings, run)
    ended = _as_told(settings, run)
    if ended is not None:
        _save(db, ended)
        return ended
    if _published(settings, run):
        return _end(settings, db, run, "done")
    if run.cancel:
        return _end(settings, db, run, "cancelled")
    return _end(settings, db, run, "failed", DIED)


def _tidy(settings: Settings, run: Run) -> None:
    """Remove what the run's dead holder had begun to write: temporary files, a model half built."""
    try:
        folder.sweep(settings, run.id)
        mend_folder(settings.models / run.name)
    except OSError:
        _log.exception("what run %s left behind could not be removed", run.id)


def _published(settings: Settings, run: Run) -> bool:
    """Say whether a run's model is there, whatever else its holder still had to do."""
    try:
        return load_model(settings, run.name).card.run == run.id
    except XRayLabError:
        return False


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


def _result(run: Run) -> dict[str, Any]:
    return {
        "schema": "xraylab.run-result/1",
        "state": run.state,
        "error": run.error,
        "started_at": None if run.started_at is None else run.started_at.isoformat(),
        "finished_at": None if run.finished_at is None else run.finished_at.isoformat(),
    }


def _as_told(settings: Settings, run: Run) -> Run | None:
    """Return the run as its folder says it ended; None if that isn't to be found there."""
    result = folder.read_result(settings, run.id)
    if result is None or result.get("state") not in OVER:
        return None
    return replace(
        run,
        state=result["state"],
        error=result.get("error"),
        started_at=_moment(result.get("started_at")),
        finished_at=_moment(result.get("finished_at")),
    )


def _from_folder(settings: Settings, run_id: str, known: Run | None) -> Run | None:
    """Return the run a folder tells of; None if its recipe is unreadable."""
    run = known or _as_asked(settings, run_id)
    if run is None:
        _log.warning("run folder %s has no readable recipe and was left out", run_id)
        return None
    ended = _as_told(settings, run)
    if ended is None and known is None and (folder.path(settings, run_id) / folder.LOG).exists():
        if _published(settings, run):
            return replace(run, state="done", finished_at=datetime.now(UTC))
        return replace(run, state="failed", error=UNFINISHED, finished_at=datetime.now(UTC))
    return ended or run


def _as_asked(settings: Settings, run_id: str) -> Run | None:
    try:
        asked = folder.read_recipe(settings, run_id)
        return Run(
            id=run_id,
            name=str(asked["name"]),
            dataset=str(asked["dataset"]),
            arch=str(asked["arch"]),
            recipe=str(asked["recipe"]),
            device=str(asked["device"]),
            state="queued",
            created_at=datetime.fromisoformat(asked["created_at"]),
        )
    except (NotFoundError, KeyError, TypeError, ValueError):
        return None


def _row(run: Run) -> dict[str, Any]:
    row = {item.name: getattr(run, item.name) for item in fields(run)}
    return row | {key: None if row[key] is None else row[key].timestamp() for key in _TIMES}


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    for key in _TIMES:
        values[key] = None if values[key] is None else datetime.fromtimestamp(values[key], UTC)
    return Run(**values)


def _lessee(row: Row[Any]) -> Holder:
    return Holder(row.host, row.pid, row.process_start)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
