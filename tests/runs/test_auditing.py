"""Audits in the background: progress in words, results as they come, a stop, a kill, and one at a time."""

import os
import shutil
import signal
from datetime import UTC, datetime

import psutil
import pytest

from tests.support.waiting import eventually, exit_code
from xraylab.audit.kept import last_audit
from xraylab.data import phantoms
from xraylab.data.datasets import load_dataset
from xraylab.data.importing import import_dataset
from xraylab.errors import NameTakenError, TrainingError
from xraylab.runs import audit_worker, auditing
from xraylab.runs.auditing import AuditProgress, cancel, progress_of, start
from xraylab.runs.lease import acquire, release
from xraylab.runs.orphans import reconcile
from xraylab.settings import load_settings

QUICK = ("quick",)
# Describes films as slowly as a test needs, and counts them.
SLOW = """
import sys, time
from xraylab.audit import checks
from xraylab.runs import audit_worker

def described(settings, dataset, on_progress):
    for done in range(1, 1 + dataset.info.n):
        on_progress(done)
        time.sleep(0.2)

checks.features_of_dataset = described
sys.exit(audit_worker.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("auditing")
    phantoms.write(home / "films", 60, seed=3)
    import_dataset(load_settings(home=home / "home"), home / "films", "films")
    return home / "home"


@pytest.fixture
def settings(made, tmp_path, monkeypatch):
    home = tmp_path / "home"
    shutil.copytree(made, home)
    monkeypatch.setenv("XRAYLAB_THREADS", "1")
    yield load_settings(home=home)
    for child in auditing._children:
        child.kill()
        child.wait()
    auditing._children.clear()


@pytest.fixture
def dataset(settings):
    return load_dataset(settings, "films")


@pytest.fixture
def slowly(tmp_path, monkeypatch):
    """Let audits begin with a worker that describes films slowly."""
    module = tmp_path / "slow_audit_worker.py"
    module.write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(auditing, "WORKER", module.stem)


def until(settings, dataset, *states):
    return eventually(lambda: (p := progress_of(settings, dataset)) and p.state in states and p)


def until_doing(settings, dataset, words):
    def look():
        progress = progress_of(settings, dataset)
        return progress if progress.doing == words and progress.done else None

    return eventually(look)


def test_the_quick_checks_are_made_by_a_process_of_low_priority_and_kept(settings, dataset):
    assert progress_of(settings, dataset) is None
    assert start(settings, dataset, QUICK)
    child = psutil.Process(auditing._children[0].pid)
    assert os.getsid(child.pid) == child.pid  # it outlives the process that started it
    done = until(settings, dataset, "done")
    assert (done.parts, done.error) == (QUICK, None)
    checks = {found.check for found in last_audit(dataset).findings}
    assert {"duplicates", "patient_leakage", "shift"} <= checks
    assert "label_errors" not in checks
    eventually(lambda: progress_of(settings, dataset) and not auditing._children)  # collected
    lease = acquire(settings, auditing.lease_of("films"))  # given back
    assert lease is not None
    release(settings, lease)


def test_progress_is_told_in_films_and_a_stop_keeps_what_was_found(settings, dataset, slowly):
    start(settings, dataset)
    progress = until_doing(settings, dataset, "Looking for wrong labels")
    assert (progress.state, progress.total) == ("running", 60)
    assert psutil.Process(auditing._children[0].pid).nice() == psutil.Process().nice() + 5
    kept = {found.check for found in last_audit(dataset).findings}  # while the rest goes on
    assert "acquisition_shortcut" in kept
    cancel(settings, "films")
    assert progress_of(settings, dataset).state in ("stopping", "cancelled")
    until(settings, dataset, "cancelled")
    assert {found.check for found in last_audit(dataset).findings} == kept
    assert start(settings, dataset, QUICK)  # the earlier stop is forgotten
    until(settings, dataset, "done")


def test_an_audit_that_has_ended_but_is_not_gone_yet_holds_up_no_other(settings, dataset):
    assert start(settings, dataset, QUICK)
    until(settings, dataset, "done")
    eventually(lambda: progress_of(settings, dataset) and not auditing._children)
    ending = acquire(settings, auditing.lease_of("films"))
    assert ending is not None
    assert start(settings, dataset, QUICK)
    until(settings, dataset, "done")
    release(settings, ending)  # too late: it does nothing


def test_one_audit_of_a_dataset_is_at_work_at_a_time(settings, dataset, slowly):
    assert start(settings, dataset)
    assert not start(settings, dataset)
    assert len(auditing._children) == 1


def test_a_killed_audit_reads_as_stopped_and_can_be_started_again(settings, dataset, slowly, monkeypatch):
    start(settings, dataset)
    until_doing(settings, dataset, "Looking for wrong labels")
    auditing._children[0].send_signal(signal.SIGKILL)
    auditing._children[0].wait()
    stopped = progress_of(settings, dataset)
    assert (stopped.state, stopped.active) == ("stopped", False)
    assert last_audit(dataset).findings
    monkeypatch.setattr(auditing, "WORKER", "xraylab.runs.audit_worker")
    assert start(settings, dataset, QUICK)
    until(settings, dataset, "done")


def test_a_shutdown_stops_it_between_two_films(settings, dataset, slowly):
    start(settings, dataset)
    until_doing(settings, dataset, "Looking for wrong labels")
    child = auditing._children[0]
    child.terminate()
    assert exit_code(child) == 0
    assert progress_of(settings, dataset).state == "stopped"


def test_what_goes_wrong_is_a_sentence_and_the_log_has_the_details(settings, dataset, tmp_path, monkeypatch):
    broken = SLOW.replace("time.sleep(0.2)", "raise RuntimeError('no such layer')")
    (tmp_path / "broken_audit_worker.py").write_text(broken)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(auditing, "WORKER", "broken_audit_worker")
    start(settings, dataset, ("slow",))
    failed = until(settings, dataset, "failed")
    assert failed.error.startswith("An unexpected error stopped this run (reference ")
    assert "no such layer" not in failed.error
    assert "no such layer" in (settings.logs / "audit.log").read_text()


def test_a_worker_that_breaks_at_once_blocks_nothing(settings, dataset, monkeypatch):
    monkeypatch.setattr(auditing, "WORKER", "xraylab.runs.no_such_worker")
    assert start(settings, dataset)
    exit_code(auditing._children[0])
    assert progress_of(settings, dataset).state == "stopped"
    reconcile(settings)
    assert acquire(settings, auditing.lease_of("films")) is not None


def test_a_process_that_cannot_be_started_gives_the_lease_back(settings, dataset, monkeypatch):
    monkeypatch.setattr("xraylab.runs.launch.sys.executable", str(settings.home / "no-python"))
    with pytest.raises(TrainingError, match="refused to start the audit"):
        start(settings, dataset)
    assert acquire(settings, auditing.lease_of("films")) is not None


def test_progress_of_films_that_were_replaced_is_not_theirs(settings, dataset, made):
    progress = AuditProgress(
        imported_at=datetime(2020, 1, 1, tzinfo=UTC), parts=QUICK, state="running", at=datetime.now(UTC)
    )
    auditing.write(settings, "films", progress)
    assert progress_of(settings, dataset) is None
    (settings.home / "audits" / "films.json").write_text("[" * 100_000)
    assert progress_of(settings, dataset) is None


def test_films_that_were_replaced_are_no_longer_audited_and_their_successor_is(
    settings, dataset, made, slowly, monkeypatch
):
    start(settings, dataset)
    until_doing(settings, dataset, "Looking for wrong labels")
    [old] = auditing._children
    after = import_dataset(settings, made.parent / "films", "films", replace=True)
    assert progress_of(settings, after) is None
    monkeypatch.setattr(auditing, "WORKER", "xraylab.runs.audit_worker")
    assert start(settings, after, QUICK)
    until(settings, after, "done")
    assert exit_code(old) == 0
    assert progress_of(settings, after).state == "done"  # the old one wrote nothing over it
    assert "label_errors" not in {found.check for found in last_audit(after).findings}


def test_a_dataset_that_was_removed_is_no_longer_audited(settings, dataset, slowly):
    start(settings, dataset)
    until_doing(settings, dataset, "Looking for wrong labels")
    shutil.rmtree(dataset.folder)
    assert exit_code(auditing._children[0]) == 0
    assert not dataset.folder.exists()


@pytest.mark.parametrize("name", ["../films", "a/b", ""])
def test_only_the_name_of_a_dataset_is_stopped(settings, name):
    with pytest.raises(NameTakenError):
        cancel(settings, name)


def test_a_worker_whose_lease_was_lost_does_nothing(settings, dataset):
    audit_worker.work(settings, "films", ["quick"], "another token")
    assert last_audit(dataset) is None
