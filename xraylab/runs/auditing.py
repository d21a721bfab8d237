"""
Auditing: the slow checks of a dataset in a process of its own, with progress in words.

::

    audits/<dataset>.json      what was asked, what is being done, and how it ended
    audits/<dataset>.cancel    an empty file: somebody wants it to stop

- one process per dataset: it holds a lease, as a training holds its device, so a dead one blocks nothing
- an audit of films that were replaced or removed stops by itself
- each result is kept with the dataset as soon as it is there; these files only tell of the work
- an audit whose process died reads as “stopped”, and can be started again
"""

import subprocess
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil
from pydantic import Field, ValidationError

from xraylab.audit.checks import OnStep, quick_checks, slow_checks
from xraylab.audit.found import Found
from xraylab.audit.naive import Naive
from xraylab.data.datasets import Dataset
from xraylab.files import Record, check_name, remove_file, write_bytes
from xraylab.runs import launch
from xraylab.runs.holder import holder_of
from xraylab.runs.lease import Lease, acquire, hand_over, is_held, release, seize
from xraylab.settings import Settings
from xraylab.stored import Count, Label, Moment, read_file

Part = Literal["quick", "slow", "naive"]
State = Literal["running", "stopping", "done", "cancelled", "failed", "stopped"]

PARTS: tuple[Part, ...] = ("quick", "slow")  # of an audit that names none
WORKER = "xraylab.runs.audit_worker"
_children: list[subprocess.Popen[bytes]] = []  # one that has ended stays a zombie until its parent polls it


class AuditProgress(Record):
    """How far the audit of a dataset is."""

    schema_: Literal["xraylab.auditing/1"] = Field("xraylab.auditing/1", alias="schema")
    imported_at: Moment  # of the dataset, which may have been replaced since
    parts: tuple[Part, ...]
    state: State
    doing: Label = "Starting"
    done: Count = 0  # of ``total``: films, pairs of films or trainings
    total: Count = 0
    error: Label | None = None
    at: Moment

    @property
    def active(self) -> bool:
        """Whether a process is at work."""
        return self.state in ("running", "stopping")


def carry_out(
    settings: Settings, dataset: Dataset, parts: Collection[Part], report: OnStep
) -> Iterator[Found | Naive]:
    """Make parts of an audit, the quick ones first, and yield each result as soon as it is there.

    Parameters
    ----------
    report : callable
        Called with what is being done, in words, and with how much is done and in all; may raise to stop.

    Raises
    ------
    XRayLabError
        If a part can't be made; the message says why.
    """
    if "quick" in parts:
        yield from quick_checks(dataset, report)
    if "slow" in parts:
        from xraylab.training.device import use_threads  # loads torch

        use_threads(settings)
        yield from slow_checks(settings, dataset, report)
    if "naive" in parts:
        from xraylab.training.naive import naive_split  # loads torch

        yield naive_split(settings, dataset, on_step=report)


def start(settings: Settings, dataset: Dataset, parts: Collection[Part] = PARTS) -> bool:
    """Start an audit in the background; return False if one of this dataset is at work.

    Raises
    ------
    TrainingError
        If the system refuses to start a process.
    StorageError
        If the home folder can't be written.
    """
    _reap()
    name = dataset.info.name
    lease = _lease(settings, dataset)
    if lease is None:
        return False
    try:
        remove_file(_cancel(settings, name))
        asked = [part for part in ("quick", "slow", "naive") if part in parts]
        now = datetime.now(UTC)
        progress = AuditProgress(imported_at=dataset.info.created_at, parts=asked, state="running", at=now)
        write(settings, name, progress)
        child = launch.spawn(
            settings,
            WORKER,
            *("--dataset", name, "--token", lease.token, *asked),
            log=settings.logs / "audit.log",
            work="audit",
        )
    except BaseException:
        release(settings, lease)
        raise
    _children.append(child)
    try:
        hand_over(settings, lease, holder_of(psutil.Process(child.pid)))
    except psutil.NoSuchProcess:  # it has ended already: no process would ever give this lease back
        release(settings, lease)
    return True


def _lease(settings: Settings, dataset: Dataset) -> Lease | None:
    name = lease_of(dataset.info.name)
    lease, at_work = acquire(settings, name), _read(settings, dataset.info.name)
    if lease is None and at_work and (at_work.imported_at != dataset.info.created_at or not at_work.active):
        # It audits films that this dataset has replaced, or has said its last word and is about to end.
        return seize(settings, name)
    return lease


def _read(settings: Settings, name: str) -> AuditProgress | None:
    try:
        return AuditProgress.model_validate_json(read_file(_file(settings, name)))
    except (OSError, ValidationError):
        return None


def progress_of(settings: Settings, dataset: Dataset) -> AuditProgress | None:
    """Return how far the audit of a dataset is; None if none was started for these films."""
    _reap()
    name = dataset.info.name
    progress = _read(settings, name)
    if progress is None or progress.imported_at != dataset.info.created_at:
        return None
    if not progress.active:
        return progress
    if not is_held(settings, lease_of(name)):
        return progress.model_copy(update={"state": "stopped"})
    return progress.model_copy(update={"state": "stopping"}) if cancelled(settings, name) else progress


def cancel(settings: Settings, name: str) -> None:
    """Ask the audit of a dataset to stop; it keeps what it has found."""
    write_bytes(_cancel(settings, name), b"", durable=False)


def cancelled(settings: Settings, name: str) -> bool:
    """Return whether somebody asked the audit of a dataset to stop."""
    return _cancel(settings, name).exists()


def write(settings: Settings, name: str, progress: AuditProgress) -> None:
    """Replace what is known of an audit."""
    # Not durable: it is written twice per second, and nobody needs it after a power cut.
    write_bytes(_file(settings, name), progress.model_dump_json().encode(), durable=False)


def lease_of(name: str) -> str:
    """Return the name of the lease that the audit of a dataset holds, which no device has."""
    return f"audit of {name}"


def adopted(name: str, token: str) -> Lease:
    """Return the lease that the starting process took for an audit."""
    return Lease(lease_of(name), token)


def _file(settings: Settings, name: str) -> Path:
    return settings.home / "audits" / f"{check_name(name, what='dataset')}.json"


def _cancel(settings: Settings, name: str) -> Path:
    return settings.home / "audits" / f"{check_name(name, what='dataset')}.cancel"


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]
