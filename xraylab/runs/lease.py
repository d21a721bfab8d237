"""
The lease of a device: one process at a time trains on it.

- a holder bumps a counter every few seconds; a dead holder's lease may be taken over
- the token is what is held: a process that was taken for dead, and comes back, no longer has it
- the next run is taken, or the lease given back, in one transaction: no run can slip in between
"""

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from xraylab.database import leases, runs, writing
from xraylab.errors import StorageError, TrainingError
from xraylab.runs.holder import OBSERVER, Holder, Observer, this_process
from xraylab.runs.table import Run, claim
from xraylab.settings import Settings

HEARTBEAT = 5.0  # seconds between two bumps of the counter
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """The right to train on a device, until it is released or its holder dies."""

    device: str
    token: str


def acquire(settings: Settings, device: str, *, observer: Observer = OBSERVER) -> Lease | None:
    """Take a device's lease; None if somebody alive has it."""
    lease = Lease(device, uuid.uuid4().hex)
    with writing(settings) as db:
        row = db.execute(select(leases).where(leases.c.device == device)).first()
        if row is not None:
            if observer.alive(Holder(row.host, row.pid, row.process_start), row.heartbeat):
                return None
            db.execute(delete(leases).where(leases.c.device == device))
        db.execute(
            insert(leases).values(device=device, token=lease.token, heartbeat=0, **asdict(this_process()))
        )
    return lease


def hand_over(settings: Settings, lease: Lease, holder: Holder) -> bool:
    """Name another process as the holder; false if the lease is lost."""
    with writing(settings) as db:
        changed = db.execute(update(leases).where(*_is(lease)).values(**asdict(holder)))
    return changed.rowcount == 1


def release(settings: Settings, lease: Lease) -> None:
    """Give a lease back; one that is lost already stays with whoever has it now."""
    with writing(settings) as db:
        _release(db, lease)


def beat(settings: Settings, lease: Lease) -> bool:
    """Show that this process lives, on its lease and on its run; false if the lease is lost."""
    me = this_process()
    mine = (runs.c.host == me.host, runs.c.pid == me.pid, runs.c.process_start == me.process_start)
    with writing(settings) as db:
        held = db.execute(update(leases).where(*_is(lease)).values(heartbeat=leases.c.heartbeat + 1))
        working = update(runs).where(runs.c.state == "running", runs.c.device == lease.device, *mine)
        db.execute(working.values(heartbeat=runs.c.heartbeat + 1))
    return held.rowcount == 1


def next_run(settings: Settings, lease: Lease) -> Run | None:
    """Take the oldest queued run of the device, or, if there is none, give the lease back."""
    with writing(settings) as db:
        if db.execute(select(leases.c.token).where(*_is(lease))).first() is None:
            return None
        waiting = select(runs.c.id).where(runs.c.state == "queued", runs.c.device == lease.device)
        oldest = db.execute(waiting.order_by(runs.c.created_at, runs.c.id)).first()
        if oldest is None:
            _release(db, lease)
            return None
        return claim(db, oldest.id)


@contextlib.contextmanager
def held(settings: Settings, lease: Lease, *, every: float = HEARTBEAT) -> Iterator[threading.Event]:
    """Keep a lease alive while the block runs, and release it at the end.

    Yields
    ------
    threading.Event
        Set as soon as the lease turns out to be lost: what it protects should stop.
    """
    lost, over = threading.Event(), threading.Event()

    def keep() -> None:
        while not over.wait(every):
            try:
                if not beat(settings, lease):
                    lost.set()
            except StorageError:
                _log.exception("a heartbeat was missed")

    thread = threading.Thread(target=keep, name=f"lease of {lease.device}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        thread.join()
        release(settings, lease)


@contextlib.contextmanager
def device_lease(
    settings: Settings, device: str, wait: Callable[[], None] | None = None
) -> Iterator[threading.Event]:
    """Hold a device while the block runs, as a training in the foreground does.

    Parameters
    ----------
    wait : callable, optional
        Called each time the device is found busy: it sleeps a little, tells the user, or raises to give up.
        Without it a busy device is an error.

    Yields
    ------
    threading.Event
        Set as soon as the lease turns out to be lost.

    Raises
    ------
    TrainingError
        If somebody else trains on the device and ``wait`` is not given.
    """
    lease = acquire(settings, device)
    while lease is None:
        if wait is None:
            raise TrainingError(f"Another training is using {device}. Wait for it to end, or cancel it.")
        wait()
        lease = acquire(settings, device)
    with held(settings, lease) as lost:
        yield lost


def _is(lease: Lease) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return leases.c.device == lease.device, leases.c.token == lease.token


def _release(db: Connection, lease: Lease) -> None:
    db.execute(delete(leases).where(*_is(lease)))
