"""
The lease of a device: only one process at a time trains on it.

- the holder raises a counter every few seconds (the heartbeat); another process may take over the lease of a
  dead holder
- a lease is known by its token: a process that was declared dead and comes back no longer holds the lease
- a worker takes the next run, or gives the lease back, in one transaction: no run can be queued in between
  and then wait without a worker
"""

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from xraylab.database import leases, reading, runs, writing
from xraylab.errors import StorageError, TrainingError
from xraylab.runs import rows
from xraylab.runs.holder import OBSERVER, Holder, Observer, this_process
from xraylab.runs.run import Run
from xraylab.runs.table import claim
from xraylab.settings import Settings

HEARTBEAT = 5.0  # seconds between two heartbeats; far below ``holder.SILENCE``, so that some may be late
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """Right to train on a device, until it is released or its holder dies."""

    device: str
    token: str


def acquire(settings: Settings, device: str, *, observer: Observer = OBSERVER) -> Lease | None:
    """Take a device's lease; return None if a living process holds it."""
    lease = Lease(device, uuid.uuid4().hex)
    # The write lock is held from the first read on, so two processes can't both find the device free.
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


def seize(settings: Settings, device: str) -> Lease:
    """Take a lease from its holder, whose work nobody needs any more; it finds that out and stops."""
    lease = Lease(device, uuid.uuid4().hex)
    with writing(settings) as db:
        db.execute(delete(leases).where(leases.c.device == device))
        db.execute(
            insert(leases).values(device=device, token=lease.token, heartbeat=0, **asdict(this_process()))
        )
    return lease


def is_held(settings: Settings, device: str, *, observer: Observer = OBSERVER) -> bool:
    """Return whether a living process holds a device's lease; nothing is written."""
    with reading(settings) as db:
        row = db.execute(select(leases).where(leases.c.device == device)).first()
    return row is not None and observer.alive(Holder(row.host, row.pid, row.process_start), row.heartbeat)


def hand_over(settings: Settings, lease: Lease, holder: Holder) -> bool:
    """Name another process as the holder; return False if the lease is lost."""
    with writing(settings) as db:
        changed = db.execute(update(leases).where(*_is(lease)).values(**asdict(holder)))
    return changed.rowcount == 1


def release(settings: Settings, lease: Lease) -> None:
    """Give a lease back; do nothing if it is lost, because it belongs to another process now."""
    with writing(settings) as db:
        _release(db, lease)


def beat(settings: Settings, lease: Lease) -> bool:
    """Raise the counters of our lease and of our run; return False if the lease is lost."""
    me = this_process()
    mine = (runs.c.host == me.host, runs.c.pid == me.pid, runs.c.process_start == me.process_start)
    with writing(settings) as db:
        held = db.execute(update(leases).where(*_is(lease)).values(heartbeat=leases.c.heartbeat + 1))
        # The run has a counter of its own: it outlives the lease, and ``reconcile`` judges each by itself.
        working = update(runs).where(runs.c.state == "running", runs.c.device == lease.device, *mine)
        db.execute(working.values(heartbeat=runs.c.heartbeat + 1))
    return held.rowcount == 1


def next_run(settings: Settings, lease: Lease) -> Run | None:
    """Take the oldest queued run of the device; if there is none, give the lease back and return None."""
    with writing(settings) as db:
        if db.execute(select(leases.c.token).where(*_is(lease))).first() is None:
            return None  # another process took the lease over, and works on the queue now
        waiting = select(runs.c.id).where(runs.c.state == "queued", runs.c.device == lease.device)
        oldest = db.execute(waiting.order_by(rows.SUBMITTED)).first()
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
        Set when the lease is found to be lost; the block should then stop.
    """
    lost, over = threading.Event(), threading.Event()

    def keep() -> None:
        while not over.wait(every):
            try:
                if not beat(settings, lease):
                    lost.set()
            except StorageError:
                # A full disk or a locked database may pass, and one late heartbeat does no harm.
                _log.exception("a heartbeat was missed")

    # A thread, because an epoch can take longer than ``holder.SILENCE``.
    thread = threading.Thread(target=keep, name=f"lease of {lease.device}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        thread.join()  # a late heartbeat must not meet the next holder's lease
        release(settings, lease)


@contextlib.contextmanager
def device_lease(
    settings: Settings, device: str, wait: Callable[[], None] | None = None
) -> Iterator[threading.Event]:
    """Hold a device while the block runs, for a training in the foreground.

    Parameters
    ----------
    wait : callable, optional
        Called each time the device is busy. It should sleep a little and may inform the user; it may raise
        to give up. Without it a busy device is an error.

    Yields
    ------
    threading.Event
        Set when the lease is found to be lost.

    Raises
    ------
    TrainingError
        If another process trains on the device and ``wait`` is not given.
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
