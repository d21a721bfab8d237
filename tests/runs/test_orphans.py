"""Runs whose worker is dead end in the state that they had really reached."""

from dataclasses import replace

from tests.support.run_rows import set_row
from xraylab.files import write_json
from xraylab.runs import folder, table
from xraylab.runs.orphans import DIED, reconcile


def test_a_run_of_a_living_process_is_left_alone(settings, submit):
    run = table.start(settings, submit().id)
    assert reconcile(settings) == []
    assert table.get(settings, run.id) == run


def test_a_run_of_a_dead_process_has_failed(settings, submit):
    run = table.start(settings, submit().id)
    set_row(settings, run.id, process_start=run.process_start - 60)  # the pid was used again
    assert [ended.id for ended in reconcile(settings)] == [run.id]
    failed = table.get(settings, run.id)
    assert (failed.state, failed.error) == ("failed", DIED)
    assert folder.read_result(settings, run.id)["error"] == DIED


def test_a_dead_run_does_not_keep_its_name(settings, submit):
    run = table.start(settings, submit("first").id)
    set_row(settings, run.id, process_start=0.0)
    assert submit("first").state == "queued"


def test_a_process_that_died_after_writing_its_result_is_believed(settings, submit):
    run = table.start(settings, submit().id)
    table.finish(settings, run.id, "done")
    done = table.get(settings, run.id)
    set_row(settings, run.id, state="running", process_start=0.0, finished_at=None)
    reconcile(settings)
    assert table.get(settings, run.id) == replace(done, process_start=0.0)


def test_a_run_that_was_to_stop_and_died_is_cancelled(settings, submit):
    run = table.start(settings, submit().id)
    table.cancel(settings, run.id)
    set_row(settings, run.id, process_start=0.0)
    reconcile(settings)
    assert table.get(settings, run.id).state == "cancelled"


def test_a_result_that_says_nothing_is_not_believed(settings, submit):
    run = table.start(settings, submit().id)
    write_json(settings.runs / run.id / "result.json", {"state": "glorious"})
    set_row(settings, run.id, process_start=0.0)
    reconcile(settings)
    assert table.get(settings, run.id).error == DIED
