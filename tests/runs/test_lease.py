import os
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import insert, select, update

from tests.support.waiting import eventually
from xraylab.database import leases, reading, runs, writing
from xraylab.errors import TrainingError
from xraylab.runs import table
from xraylab.runs.holder import SILENCE, Holder, Observer, holder_of, this_process
from xraylab.runs.lease import Lease, acquire, beat, device_lease, hand_over, held, next_run, release
from xraylab.runs.orphans import reconcile

THEIRS = "a token of somebody else"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def leased(settings):
    with reading(settings) as db:
        return db.execute(select(leases)).all()


def lease_to(settings, holder, *, heartbeat=0):
    with writing(settings) as db:
        db.execute(insert(leases).values(device="cpu", token=THEIRS, heartbeat=heartbeat, **asdict(holder)))


def bump(settings):
    with writing(settings) as db:
        db.execute(update(leases).values(heartbeat=leases.c.heartbeat + 1))
        db.execute(update(runs).values(heartbeat=runs.c.heartbeat + 1))


def test_a_device_is_leased_to_one_at_a_time(settings):
    lease = acquire(settings, "cpu")
    assert acquire(settings, "cpu") is None
    assert acquire(settings, "cuda").device == "cuda"
    release(settings, lease)
    assert acquire(settings, "cpu") is not None


def test_a_pid_that_was_used_again_is_not_the_holder():
    me = this_process()
    observer = Observer()
    assert observer.alive(me, 0)
    assert not observer.alive(replace(me, process_start=me.process_start - 60), 0)


def test_a_process_that_is_gone_is_dead_and_so_is_a_zombie():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = holder_of(psutil.Process(child.pid))
    assert Observer().alive(holder, 0)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet collected
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert not Observer().alive(holder, 0)
    child.communicate()
    assert not Observer().alive(holder, 0)


def test_another_host_lives_while_its_counter_moves_on_our_clock():
    clock = Clock()
    observer = Observer(clock=clock, host="here")
    there = Holder("there", 1, 0.0)
    assert observer.alive(there, 7)
    clock.now = SILENCE
    assert observer.alive(there, 7)
    clock.now = SILENCE + 1
    assert not observer.alive(there, 7)
    assert observer.alive(there, 8)
    clock.now = 2 * SILENCE
    assert observer.alive(there, 8)
    clock.now = 2 * SILENCE + 2
    assert not observer.alive(there, 8)


def test_the_lease_of_a_dead_process_is_taken_over(settings):
    lease_to(settings, replace(this_process(), process_start=0.0))
    assert acquire(settings, "cpu") is not None


def test_the_lease_of_a_silent_host_is_freed_by_whoever_watched_long_enough(settings, submit):
    clock = Clock()
    observer = Observer(clock=clock, host="here")
    run = table.start(settings, submit().id)
    with writing(settings) as db:
        db.execute(update(runs).values(host="there"))
    lease_to(settings, Holder("there", 1, 0.0))
    assert reconcile(settings, observer=observer) == []
    clock.now = SILENCE + 1
    bump(settings)
    assert reconcile(settings, observer=observer) == []
    assert acquire(settings, "cpu", observer=observer) is None
    clock.now = 2 * SILENCE + 2
    assert [ended.id for ended in reconcile(settings, observer=observer)] == [run.id]
    assert leased(settings) == []


def test_a_lease_that_was_taken_over_is_lost_for_good(settings):
    lease = acquire(settings, "cpu")
    with writing(settings) as db:
        db.execute(update(leases).values(token=THEIRS))
    assert not beat(settings, lease)
    assert not hand_over(settings, lease, this_process())
    assert next_run(settings, lease) is None
    release(settings, lease)
    assert leased(settings)[0].token == THEIRS


def test_a_heartbeat_moves_the_lease_and_the_run_it_protects(settings, submit):
    lease = acquire(settings, "cpu")
    ours, theirs = submit("ours"), submit("theirs")
    assert next_run(settings, lease).id == ours.id
    assert next_run(settings, lease).id == theirs.id
    with writing(settings) as db:
        db.execute(update(runs).where(runs.c.id == theirs.id).values(pid=0))
    assert beat(settings, lease)
    assert leased(settings)[0].heartbeat == 1
    assert [table.get(settings, run.id).heartbeat for run in (ours, theirs)] == [1, 0]


def test_a_held_lease_beats_by_itself_and_is_given_back(settings):
    with held(settings, acquire(settings, "cpu"), every=0.01) as lost:
        eventually(lambda: leased(settings)[0].heartbeat >= 2)
        assert not lost.is_set()
    assert leased(settings) == []


def test_a_holder_learns_that_its_lease_is_lost(settings):
    with held(settings, acquire(settings, "cpu"), every=0.01) as lost:
        with writing(settings) as db:
            db.execute(update(leases).values(token=THEIRS))
        assert lost.wait(30)
    assert leased(settings)[0].token == THEIRS


def test_the_next_run_is_the_oldest_of_the_device(settings, submit):
    lease = acquire(settings, "cpu")
    elsewhere = submit("elsewhere")
    with writing(settings) as db:
        db.execute(update(runs).where(runs.c.id == elsewhere.id).values(device="cuda"))
    first = submit("first")
    submit("second")
    run = next_run(settings, lease)
    assert (run.id, run.state, run.holder) == (first.id, "running", this_process())


def test_an_empty_queue_gives_the_lease_back(settings):
    assert next_run(settings, acquire(settings, "cpu")) is None
    assert leased(settings) == []


def test_a_busy_device_is_a_sentence(settings):
    acquire(settings, "cpu")
    with pytest.raises(TrainingError, match="is using cpu"), device_lease(settings, "cpu"):
        pass


def test_waiting_for_a_device_ends_when_it_is_free(settings):
    theirs = acquire(settings, "cpu")
    asked = []

    def wait():
        asked.append(1)
        if len(asked) == 3:
            release(settings, theirs)

    with device_lease(settings, "cpu", wait):
        assert len(leased(settings)) == 1
    assert (len(asked), leased(settings)) == (3, [])


def test_a_lease_is_given_back_when_the_block_fails(settings):
    with pytest.raises(ZeroDivisionError), device_lease(settings, "cpu"):
        raise ZeroDivisionError
    assert leased(settings) == []


def test_a_lease_can_be_handed_to_another_process(settings):
    lease = acquire(settings, "cpu")
    other = Holder("here", 1, 0.0)
    assert hand_over(settings, lease, other)
    assert leased(settings)[0][1:4] == (other.host, other.pid, other.process_start)
    assert not hand_over(settings, Lease("cpu", "another token"), other)


@pytest.mark.parametrize("moved", [-86400.0, 86400.0])
def test_a_holder_stays_alive_when_the_clock_is_set(settings, monkeypatch, moved):
    holder = this_process()
    assert acquire(settings, "cpu") is not None
    # The system computes the times of all starts from the time of the boot, which moves with the clock.
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + moved)
    assert holder_of(psutil.Process()) == holder
    assert Observer().alive(holder, 0)
    assert acquire(settings, "cpu") is None


def test_a_holder_of_an_earlier_version_is_known_by_its_time():
    assert Observer().alive(replace(this_process(), process_start=psutil.Process().create_time()), 0)


@pytest.mark.parametrize("hours", [-24, 24])
def test_runs_are_taken_in_the_order_of_their_submission_whatever_the_clock_says(
    settings, submit, monkeypatch, hours
):
    first = submit(name="one")
    now = datetime.now(UTC) + timedelta(hours=hours)
    monkeypatch.setattr("xraylab.runs.table.datetime", type("Clock", (), {"now": lambda _zone: now}))
    second = submit(name="two")
    monkeypatch.undo()
    lease = acquire(settings, "cpu")
    assert [run.id for run in table.list_runs(settings)] == [second.id, first.id]
    assert next_run(settings, lease).id == first.id
    assert next_run(settings, lease).id == second.id
