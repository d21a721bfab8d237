"""A run that failed or was cancelled goes on from its checkpoint, wherever a crash came between."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.run_rows import forget, set_row
from xraylab.errors import NameTakenError, NotFoundError, TrainingError
from xraylab.runs import folder, table
from xraylab.runs.lease import acquire, next_run
from xraylab.runs.orphans import DIED, reconcile
from xraylab.runs.rebuild import UNFINISHED, rebuild
from xraylab.runs.resume import resume
from xraylab.runs.worker import drain

DEAD = {"process_start": 0.0}


class Killed(BaseException):
    """What stands for a process that is killed here: nobody catches it."""


@pytest.fixture
def stopped(settings, submit):
    """A run that stopped after its first checkpoint."""

    def stopped(name="first", state="failed"):
        run = table.start(settings, submit(name).id)
        (settings.runs / run.id / "log.txt").write_text("epoch 1\n")
        checkpoint(settings, run)
        folder.append_history(settings, run.id, {"epoch": 1})
        table.finish(settings, run.id, state, "It broke." if state == "failed" else None)
        return table.get(settings, run.id)

    return stopped


def checkpoint(settings, run):
    place = settings.runs / run.id / "checkpoint"
    place.mkdir()
    (place / "stage.pt").write_bytes(b"state")


def state(settings, run):
    return table.get(settings, run.id).state


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
def test_a_run_that_stopped_waits_again_under_its_id_and_name(settings, stopped, ended):
    run = stopped(state=ended)
    table.cancel(settings, run.id)
    resumed = resume(settings, run.id)
    assert resumed == table.get(settings, run.id)
    assert (resumed.id, resumed.name, resumed.created_at) == (run.id, run.name, run.created_at)
    assert (resumed.state, resumed.error, resumed.cancel, resumed.holder) == ("queued", None, False, None)
    assert (resumed.started_at, resumed.finished_at) == (None, None)
    assert folder.read_result(settings, run.id) is None
    assert folder.has_checkpoint(settings, run.id)


def test_a_resumed_run_is_not_cancelled_by_the_wish_that_stopped_it(settings, stopped):
    run = stopped(state="cancelled")
    set_row(settings, run.id, cancel=True)
    resume(settings, run.id)
    drain(settings, "cpu", execute=lambda settings, run_id, *, progress, cancelled: asked.append(cancelled()))
    assert asked.pop() is False
    assert state(settings, run) == "done"


asked: list[bool] = []


def test_a_resumed_run_goes_before_what_was_submitted_later(settings, submit, stopped):
    run = stopped()
    submit("second")
    resume(settings, run.id)
    assert next_run(settings, acquire(settings, "cpu")).id == run.id


def test_what_cannot_be_resumed_says_why(settings, submit, stopped):
    with pytest.raises(TrainingError, match="is queued: there is nothing to resume"):
        resume(settings, submit("waiting").id)
    started = table.start(settings, submit("started").id)
    with pytest.raises(TrainingError, match="is running: there is nothing to resume"):
        resume(settings, started.id)
    table.finish(settings, started.id, "failed", "It broke.")
    with pytest.raises(TrainingError, match=r"first checkpoint, so it can't go on. Start it again"):
        resume(settings, started.id)
    checkpoint(settings, started)
    with pytest.raises(TrainingError, match=r"nothing to keep. Let it train on"):
        resume(settings, started.id, keep_best=True)
    done = stopped("done", "done")
    with pytest.raises(TrainingError, match="is done: its model is “done”"):
        resume(settings, done.id)
    with pytest.raises(NotFoundError, match="no run “nowhere”"):
        resume(settings, "nowhere")


def test_a_name_in_use_meanwhile_is_refused_and_the_run_stays_as_it_is(settings, submit, stopped):
    run = stopped("first")
    submit("FIRST")
    with pytest.raises(NameTakenError, match="already queued or running"):
        resume(settings, run.id)
    assert table.get(settings, run.id) == run
    assert folder.read_result(settings, run.id)["error"] == "It broke."


def test_of_many_resumes_at_once_one_is_queued(settings, stopped):
    run = stopped()
    with ThreadPoolExecutor(4) as threads:
        tries = [threads.submit(resume, settings, run.id) for _ in range(4)]
        errors = [one.exception() for one in tries]
    assert sorted(type(error).__name__ for error in errors) == ["NoneType"] + ["TrainingError"] * 3


def test_a_run_whose_worker_has_just_died_is_resumed_at_once(settings, submit):
    run = table.start(settings, submit().id)
    checkpoint(settings, run)
    set_row(settings, run.id, **DEAD)
    assert resume(settings, run.id).state == "queued"


def test_the_wish_to_keep_the_best_is_of_the_last_resume(settings, stopped):
    run = stopped()
    resume(settings, run.id, keep_best=True)
    assert folder.is_kept(settings, run.id)
    table.cancel(settings, run.id)
    resume(settings, run.id)
    assert not folder.is_kept(settings, run.id)


@pytest.mark.parametrize("window", ["mark_keep", "remove_result", "commit"])
def test_a_resume_that_is_killed_leaves_a_run_that_is_over(settings, stopped, monkeypatch, window):
    run = stopped()

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        if window == "commit":  # the files are changed, the transaction is not kept
            remove = folder.remove_result
            patch.setattr(folder, "remove_result", lambda *given: (remove(*given), die()))
        else:
            patch.setattr(folder, window, die)
        with pytest.raises(Killed):
            resume(settings, run.id, keep_best=True)
    assert table.get(settings, run.id) == run
    assert rebuild(settings) == [run]
    assert acquire(settings, "cpu") is not None
    assert resume(settings, run.id).state == "queued"


@pytest.mark.parametrize("known", [True, False])
def test_rebuilding_after_a_resume_believes_no_old_result(settings, stopped, known):
    run = stopped()
    waiting = resume(settings, run.id)
    if known:
        assert rebuild(settings) == [waiting]
        return
    forget(settings)
    (rebuilt,) = rebuild(settings)
    assert (rebuilt.state, rebuilt.error) == ("failed", UNFINISHED)
    assert resume(settings, run.id) == waiting


def test_a_resumed_run_that_dies_has_its_own_reason(settings, stopped):
    run = stopped()
    resume(settings, run.id)
    table.start(settings, run.id)
    set_row(settings, run.id, **DEAD)
    reconcile(settings)
    assert table.get(settings, run.id).error == DIED
    assert resume(settings, run.id).state == "queued"


def test_what_a_dead_worker_was_writing_is_removed_and_a_model_that_gave_way_comes_back(settings, submit):
    run = table.start(settings, submit("first").id)
    drawn = "0" * 32
    checkpoint(settings, run)
    (settings.runs / run.id / "checkpoint" / f".stage.pt.{drawn}.partial").write_bytes(b"half")
    for name in (f".first.{drawn}.partial", f".first.{drawn}.retired", f".first.v2.{drawn}.partial"):
        (settings.models / name).mkdir(parents=True)
    (settings.models / f".first.{drawn}.retired" / "card.json").write_text("{}")
    set_row(settings, run.id, **DEAD)
    reconcile(settings)
    assert sorted(place.name for place in settings.models.iterdir()) == [
        f".first.v2.{drawn}.partial",
        "first",
    ]
    assert (settings.models / "first" / "card.json").exists()
    assert [file.name for file in (settings.runs / run.id / "checkpoint").iterdir()] == ["stage.pt"]


def test_an_executors_sentences_are_kept_with_the_result(settings, submit):
    run = submit()
    drain(settings, "cpu", execute=lambda *_, **__: ("The batch was halved.",))
    assert folder.read_result(settings, run.id)["notes"] == ["The batch was halved."]
    rebuild(settings)
    assert state(settings, run) == "done"


def test_a_history_is_replaced_whole(settings, submit):
    run = submit()
    for epoch in (1, 2, 2):
        folder.append_history(settings, run.id, {"epoch": epoch})
    folder.replace_history(settings, run.id, [{"epoch": 1, "auc": float("nan")}])
    assert folder.read_history(settings, run.id) == [{"epoch": 1, "auc": None}]
    assert json.loads((settings.runs / run.id / "history.jsonl").read_text()) == {"epoch": 1, "auc": None}


def test_many_runs_are_queued_in_order_or_not_at_all(settings, submit):
    orders = [table.Order(name, "films", "small_cnn", "quick", {}) for name in ("a", "b", "c")]
    queued = table.submit_all(settings, orders)
    assert [run.name for run in table.list_runs(settings)] == ["c", "b", "a"]
    assert [table.get(settings, run.id) for run in queued] == queued
    again = [table.Order(name, "films", "small_cnn", "quick", {}) for name in ("d", "B")]
    for refused in (again, [table.Order("e", "films", "small_cnn", "quick", {})] * 2):
        with pytest.raises(NameTakenError, match="already queued or running"):
            table.submit_all(settings, refused)
    assert len(table.list_runs(settings)) == len(list(settings.runs.iterdir())) == 3
