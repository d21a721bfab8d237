import os
import signal
import subprocess
import sys
import threading
import weakref
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from sqlalchemy import select

from tests.runs.fake_worker import execute
from tests.support.run_rows import submit as queue
from tests.support.serving import ROOT
from tests.support.waiting import eventually, exit_code
from xraylab.database import leases, reading
from xraylab.runs import folder, launch, table, worker
from xraylab.runs.launch import ensure_worker
from xraylab.runs.lease import acquire, device_lease, next_run, release
from xraylab.runs.orphans import DIED, reconcile
from xraylab.runs.worker import GONE, NO_MEMORY, NO_SPACE, STOPPED, drain, perform
from xraylab.settings import load_settings

# Each run is submitted the moment the one before is over, when the worker is about to leave.
SUBMIT = """
import sys
from tests.support.run_rows import submit
from tests.support.waiting import eventually
from xraylab.runs import launch, table
from xraylab.settings import load_settings
launch.WORKER = "tests.runs.fake_worker"
settings = load_settings()
for number in range(int(sys.argv[2])):
    run = submit(settings, f"{sys.argv[1]}-{number}")
    launch.ensure_worker(settings, "cpu")
    eventually(lambda: not table.get(settings, run.id).active)
"""


def state(settings, run):
    return table.get(settings, run.id).state


def until(settings, run, *states):
    return eventually(lambda: state(settings, run) in states and table.get(settings, run.id))


def until_prints(settings, run, text):
    eventually(lambda: text in folder.read_log(settings, run.id))


def test_the_queue_is_drained_oldest_first_and_the_worker_leaves(settings, submit, start_worker):
    queued = [submit(f"run-{number}", steps=2) for number in range(3)]
    assert exit_code(start_worker()) == 0
    done = [table.get(settings, run.id) for run in queued]
    assert [run.state for run in done] == ["done"] * 3
    for earlier, later in pairwise(done):
        assert earlier.finished_at <= later.started_at
    assert folder.read_progress(settings, done[0].id) == {"step": 1, "steps": 2}
    assert folder.read_result(settings, done[0].id)["state"] == "done"
    assert [epoch["epoch"] for epoch in folder.read_history(settings, done[0].id)] == [0, 1]


def test_each_run_has_what_it_printed_and_logged_in_its_own_log(settings, submit, start_worker):
    one, two = submit("one", say="printed by one", log="logged by one"), submit("two", say="printed by two")
    assert exit_code(start_worker()) == 0
    log = folder.read_log(settings, one.id)
    assert "printed by one\n" in log
    assert log.count("logged by one\n") == 1
    assert "printed by two" not in log
    assert "printed by two\n" in folder.read_log(settings, two.id)


def test_a_run_submitted_while_another_trains_is_not_lost(settings, submit, start_worker, tmp_path):
    first = submit("first", gate=str(tmp_path / "gate"))
    started = start_worker()
    until(settings, first, "running")
    second = submit("second")
    (tmp_path / "gate").touch()
    assert exit_code(started) == 0
    assert (state(settings, first), state(settings, second)) == ("done", "done")


def test_a_cancelled_run_stops_and_the_queue_goes_on(settings, submit, start_worker, tmp_path):
    first, second, third = (submit(name, gate=str(tmp_path / name)) for name in ("first", "second", "third"))
    (tmp_path / "third").touch()
    started = start_worker()
    until(settings, first, "running")
    table.cancel(settings, second.id)
    table.cancel(settings, first.id)
    assert exit_code(started) == 0
    assert [state(settings, run) for run in (first, second, third)] == ["cancelled", "cancelled", "done"]
    assert table.get(settings, second.id).started_at is None


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("recipe", "One class only: there is nothing to learn."),
        ("memory", NO_MEMORY),
        ("torch memory", NO_MEMORY),
        ("cuda memory", NO_MEMORY),
        ("disk", NO_SPACE),
    ],
)
def test_what_went_wrong_is_a_sentence(settings, submit, error, sentence):
    run, after = submit("first", error=error), submit("second")
    drain(settings, "cpu", execute=execute)
    assert state(settings, after) == "done"
    failed = table.get(settings, run.id)
    assert (failed.state, failed.error) == ("failed", sentence.format(home=settings.home))
    assert folder.read_result(settings, run.id)["error"] == failed.error


def test_an_unexpected_error_has_a_reference_that_the_log_explains(settings, submit):
    run = submit(error="bug")
    drain(settings, "cpu", execute=execute)
    error = table.get(settings, run.id).error
    reference = error.partition("(reference ")[2][:6]
    assert error == f"An unexpected error stopped this run (reference {reference}). The log has the details."
    log = folder.read_log(settings, run.id)
    assert f"reference {reference}" in log
    assert "ZeroDivisionError: division by zero" in log


def test_a_run_without_its_folder_fails_and_the_queue_goes_on(settings, submit):
    run, after = submit("first"), submit("second")
    folder.remove(settings, run.id)
    drain(settings, "cpu", execute=execute)
    failed = table.get(settings, run.id)
    assert (failed.state, failed.error) == ("failed", GONE)
    assert state(settings, after) == "done"
    assert not folder.path(settings, run.id).exists()


def test_a_killed_worker_fails_its_run_and_the_queue_goes_on(settings, submit, launched, tmp_path):
    first, second = submit("first", say="about to die", gate=str(tmp_path / "never")), submit("second")
    assert ensure_worker(settings, "cpu")
    until_prints(settings, first, "about to die")
    os.kill(table.get(settings, first.id).pid, signal.SIGKILL)
    assert eventually(lambda: ensure_worker(settings, "cpu"))
    assert until(settings, first, "failed").error == DIED
    assert "about to die" in folder.read_log(settings, first.id)
    assert until(settings, second, "done", "failed").state == "done"


def test_a_worker_told_to_leave_says_so_and_the_queue_waits(settings, submit, start_worker, tmp_path):
    first, second = submit("first", gate=str(tmp_path / "never")), submit("second")
    started = start_worker()
    until_prints(settings, first, "nothing to say")
    started.terminate()
    assert exit_code(started) == 0
    failed = table.get(settings, first.id)
    assert (failed.state, failed.error) == ("failed", STOPPED)
    assert state(settings, second) == "queued"
    assert acquire(settings, "cpu") is not None


def test_of_two_workers_one_works_and_the_other_leaves(settings, submit, start_worker, tmp_path):
    run = submit(gate=str(tmp_path / "gate"))
    workers = [start_worker(), start_worker()]
    left = eventually(lambda: [worker for worker in workers if worker.poll() is not None])
    assert [worker.returncode for worker in left] == [0]
    until(settings, run, "running")
    (tmp_path / "gate").touch()
    assert [exit_code(worker) for worker in workers] == [0, 0]
    assert state(settings, run) == "done"


def test_of_many_calls_at_once_one_starts_a_worker(settings, submit, launched, tmp_path):
    run = submit(gate=str(tmp_path / "gate"))
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(ensure_worker(settings, "cpu"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 5 + [True]
    (tmp_path / "gate").touch()
    until(settings, run, "done")


def test_nothing_is_started_for_an_empty_queue_or_another_device(settings, submit, launched):
    assert not ensure_worker(settings, "cpu")
    submit()
    assert not ensure_worker(settings, "cuda")
    assert not (settings.logs / "worker.log").exists()


def test_no_run_is_lost_between_a_submit_and_a_leaving_worker(settings):
    submitters = [
        subprocess.Popen(
            [sys.executable, "-c", SUBMIT, name, "10"],
            cwd=ROOT,
            env=os.environ | {"XRAYLAB_HOME": str(settings.home)},
        )
        for name in ("left", "right")
    ]
    assert [exit_code(submitter) for submitter in submitters] == [0, 0]
    done = table.list_runs(settings)
    assert (len(done), {run.state for run in done}) == (20, {"done"})
    in_turn = sorted(done, key=lambda run: run.started_at)
    for earlier, later in pairwise(in_turn):
        assert earlier.finished_at <= later.started_at


def test_a_run_submitted_as_the_worker_decides_to_leave_starts_another(
    settings, submit, launched, monkeypatch
):
    late = []

    def decide(*arguments):
        run = next_run(*arguments)
        if run is None:
            late.append(submit("late"))
            assert ensure_worker(settings, "cpu")
        return run

    monkeypatch.setattr(worker, "next_run", decide)
    submit("first")
    drain(settings, "cpu", execute=execute)
    until(settings, late[0], "done")


def test_a_training_in_the_foreground_keeps_the_worker_waiting(settings, submit, launched, start_worker):
    with device_lease(settings, "cpu"):
        run = submit()
        assert not ensure_worker(settings, "cpu")
        assert exit_code(start_worker()) == 0
        assert state(settings, run) == "queued"
    assert ensure_worker(settings, "cpu")
    until(settings, run, "done")


def test_a_training_in_the_foreground_shows_its_progress(settings, submit, capsys):
    seen = []
    with device_lease(settings, "cpu"):
        run = table.start(settings, submit(steps=2, say="to the terminal", log="to the log").id)
        perform(settings, run, execute=execute, watch=seen.append)
    assert seen == [{"step": 0, "steps": 2}, {"step": 1, "steps": 2}]
    assert state(settings, run) == "done"
    assert "to the terminal" in capsys.readouterr().out
    assert "to the log" in folder.read_log(settings, run.id)


def test_an_interrupted_training_in_the_foreground_is_cancelled(settings, submit):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    run = table.start(settings, submit().id)
    with pytest.raises(KeyboardInterrupt):
        perform(settings, run, execute=interrupted)
    assert state(settings, run) == "cancelled"


def test_an_executor_that_cannot_be_imported_fails_the_run(settings, submit, monkeypatch):
    monkeypatch.setitem(sys.modules, "xraylab.runs.execute", None)
    run = submit()
    drain(settings, "cpu")
    assert "An unexpected error" in table.get(settings, run.id).error
    assert "xraylab.runs.execute" in folder.read_log(settings, run.id)


def test_the_worker_outlives_its_starter_and_steps_back_for_the_app(settings, submit, launched, tmp_path):
    run = submit(gate=str(tmp_path / "gate"))
    ensure_worker(settings, "cpu")
    process = psutil.Process(until(settings, run, "running").pid)
    assert os.getsid(process.pid) == process.pid
    assert process.nice() == psutil.Process().nice() + 5
    (tmp_path / "gate").touch()
    until(settings, run, "done")


def test_a_worker_that_has_left_is_collected(settings, submit, launched):
    run = submit()
    ensure_worker(settings, "cpu")
    (child,) = launch._children
    until(settings, run, "done")
    eventually(lambda: not ensure_worker(settings, "cpu") and not launch._children)
    assert not psutil.pid_exists(child.pid)


def test_a_worker_is_found_from_any_folder_and_a_home_may_be_relative(launched, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(home=Path("home"))
    run = queue(settings)
    ensure_worker(settings, "cpu")
    until(settings, run, "done")


def test_a_worker_that_cannot_start_gives_the_device_back(settings, submit, monkeypatch):
    submit()
    monkeypatch.setattr(launch.sys, "executable", str(settings.home / "no-python"))
    with pytest.raises(launch.TrainingError, match="refused to start"):
        ensure_worker(settings, "cpu")
    lease = acquire(settings, "cpu")
    assert lease is not None
    release(settings, lease)


def test_a_worker_that_breaks_at_once_frees_the_device(settings, submit, launched, monkeypatch):
    submit()
    monkeypatch.setattr(launch, "WORKER", "tests.runs.no_such_worker")
    assert ensure_worker(settings, "cpu")
    exit_code(next(iter(launch._children)))
    reconcile(settings)
    with reading(settings) as db:
        assert db.execute(select(leases)).all() == []
    assert "no_such_worker" in (settings.logs / "worker.log").read_text()


def test_a_run_that_no_worker_can_begin_has_failed_and_says_where_to_look(
    settings, submit, launched, monkeypatch
):
    run, later = submit("first"), submit("second")
    monkeypatch.setattr(launch, "WORKER", "tests.runs.no_such_worker")
    for _ in range(3):
        assert state(settings, run) == "queued"
        assert ensure_worker(settings, "cpu")
        exit_code(next(iter(launch._children)))
    monkeypatch.setattr(launch, "WORKER", "tests.runs.fake_worker")
    assert ensure_worker(settings, "cpu")
    failed = table.get(settings, run.id)
    assert failed.state == "failed"
    assert "broke 3 times before it could begin" in failed.error
    assert str(settings.logs / "worker.log") in failed.error
    until(settings, later, "done")


def test_a_long_worker_log_moves_aside(settings, submit, launched):
    settings.logs.mkdir(parents=True)
    (settings.logs / "worker.log").write_text("x" * (launch._LOG_SIZE + 1))
    run = submit()
    ensure_worker(settings, "cpu")
    until(settings, run, "done")
    assert (settings.logs / "worker.log.1").stat().st_size == launch._LOG_SIZE + 1


def test_what_a_training_held_is_free_when_its_run_ends(settings, submit, monkeypatch):
    freed = []
    card = SimpleNamespace(is_initialized=lambda: True, empty_cache=lambda: freed.append("cuda"))
    mps = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=card, backends=mps))
    held = []

    class Network:
        def __init__(self):
            self.itself = self

    def train(*_arguments, **_options):
        network = Network()
        held.append(weakref.ref(network))

    submit()
    drain(settings, "cpu", execute=train)
    assert held[0]() is None
    assert freed == ["cuda"]
