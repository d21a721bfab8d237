"""Put a stopped run back in its queue, to go on from its checkpoint."""

from dataclasses import replace
from typing import Any

from xraylab.database import writing
from xraylab.errors import TrainingError
from xraylab.runs import folder, rows
from xraylab.runs.orphans import reconcile, remove_leftovers
from xraylab.runs.run import Run
from xraylab.settings import Settings

NOTHING_TO_RESUME = "The run {id} stopped before its first checkpoint, so it can't go on. Start it again."
NOTHING_TO_KEEP = (
    "The run {id} stopped before its first epoch was complete, so there is nothing to keep. "
    "Let it train on, or start it again."
)
_NO_HOLDER: dict[str, Any] = {"host": None, "pid": None, "process_start": None, "heartbeat": 0}
_NO_TIMES: dict[str, Any] = {"started_at": None, "finished_at": None}


def resume(settings: Settings, run_id: str, *, keep_best: bool = False) -> Run:
    """Put a failed or cancelled run back in its device's queue, to go on from its checkpoint.

    The run keeps its id, its name and its time of creation, so it comes before runs that were submitted
    later. Its start time is set anew when a worker takes it.

    Parameters
    ----------
    keep_best : bool
        True to make a model of its best epoch so far, without more training.

    Raises
    ------
    NotFoundError
        If there is no run with this id.
    NameTakenError
        If a queued or running run has taken its name meanwhile.
    TrainingError
        If it is active or done, or has no checkpoint, or no epoch to keep.
    """
    reconcile(settings)  # a run whose worker has just died still says "running"
    with writing(settings) as db:
        run = rows.get(db, run_id)
        _check_resumable(settings, run, keep_best=keep_best)
        rows.check_not_active(db, run.name)
        waiting = replace(run, state="queued", error=None, cancel=False, **_NO_HOLDER, **_NO_TIMES)
        rows.save(db, waiting)
        remove_leftovers(settings, run)
        # Change the files before the commit. Otherwise a worker could take the queued run while its folder
        # still holds the old result. If we die before the commit, the table still says that the run is over,
        # and the table decides.
        folder.mark_keep(settings, run_id, keep=keep_best)
        folder.remove_result(settings, run_id)
    return waiting


def resumable(settings: Settings, run: Run) -> bool:
    """Return True if a run has stopped and has a checkpoint to go on from."""
    return run.state in ("failed", "cancelled") and folder.has_checkpoint(settings, run.id)


def _check_resumable(settings: Settings, run: Run, *, keep_best: bool) -> None:
    if run.active:
        raise TrainingError(f"The run {run.id} is {run.state}: there is nothing to resume.")
    if run.state == "done":
        raise TrainingError(f"The run {run.id} is done: its model is “{run.name}”.")
    if not resumable(settings, run):
        raise TrainingError(NOTHING_TO_RESUME.format(id=run.id))
    if keep_best and not folder.read_history(settings, run.id):
        raise TrainingError(NOTHING_TO_KEEP.format(id=run.id))
