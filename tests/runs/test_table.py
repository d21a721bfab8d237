import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.support.run_rows import set_row
from xraylab.errors import NameTakenError, NotFoundError
from xraylab.runs import folder, table
from xraylab.runs.run import Run


def test_a_submitted_run_is_queued_and_its_folder_says_what_was_asked_for(settings, submit):
    run = submit("first", epochs=3)
    assert table.get(settings, run.id) == run
    assert (run.state, run.active, run.cancel, run.started_at) == ("queued", True, False, None)
    asked = json.loads((settings.runs / run.id / "recipe.json").read_text())
    assert asked["training"] == {"epochs": 3}
    assert asked["name"] == "first"


def test_ids_sort_by_time_and_lists_are_newest_first(settings, submit):
    submitted = [submit(f"run-{number}") for number in range(3)]
    assert [run.name for run in table.list_runs(settings)] == ["run-2", "run-1", "run-0"]
    assert [run.id[:15] for run in submitted] == sorted(run.id[:15] for run in submitted)


def test_an_id_drawn_twice_is_drawn_again(settings, submit, monkeypatch):
    drawn = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr(table, "_draw", lambda: next(drawn))
    moment = replace(submit("first"), id="").created_at
    run = Run("", "second", "films", "small_cnn", "quick", "cpu", "queued", moment)
    assert table._with_folder(settings, run, {}).id.endswith("-bbbb")


@pytest.mark.parametrize("name", ["first", "FIRST"])
def test_a_name_in_the_queue_is_refused_and_leaves_no_folder(settings, submit, name):
    run = submit("first")
    with pytest.raises(NameTakenError, match="already queued or running"):
        submit(name)
    assert [place.name for place in settings.runs.iterdir()] == [run.id]


def test_of_many_submits_of_one_name_at_once_one_is_queued(settings, submit):
    with ThreadPoolExecutor(6) as threads:
        errors = [future.exception() for future in [threads.submit(submit, "first") for _ in range(6)]]
    assert sorted(type(error).__name__ for error in errors) == ["NameTakenError"] * 5 + ["NoneType"]
    assert len(table.list_runs(settings)) == len(list(settings.runs.iterdir())) == 1


def test_a_name_is_free_again_when_its_run_is_over(settings, submit):
    table.cancel(settings, submit("first").id)
    assert submit("first").state == "queued"


def test_a_name_that_cannot_be_one_is_refused(settings, submit):
    with pytest.raises(NameTakenError, match="can't be the name"):
        submit("../elsewhere")


def test_a_queued_run_is_cancelled_at_once(settings, submit):
    run = table.cancel(settings, submit().id)
    assert run == table.get(settings, run.id)
    assert run.state == "cancelled"
    assert folder.read_result(settings, run.id)["state"] == "cancelled"


def test_a_running_run_is_asked_to_stop(settings, submit):
    run = table.start(settings, submit().id)
    assert not table.cancel_requested(settings, run.id)
    assert table.cancel(settings, run.id).state == "running"
    assert table.cancel_requested(settings, run.id)


def test_a_run_is_started_once(settings, submit):
    run = submit()
    assert table.start(settings, run.id).state == "running"
    assert table.start(settings, run.id) is None


def test_a_run_that_is_over_stays_as_it_is(settings, submit):
    run = table.start(settings, submit().id)
    table.finish(settings, run.id, "done")
    done = table.get(settings, run.id)
    assert table.cancel(settings, run.id) == done
    table.finish(settings, run.id, "failed", "too late")
    assert table.get(settings, run.id) == done


def test_only_its_holder_ends_a_run(settings, submit):
    run = table.start(settings, submit().id)
    set_row(settings, run.id, pid=run.pid + 1)
    table.finish(settings, run.id, "done")
    assert table.get(settings, run.id).state == "running"


def test_a_run_cannot_end_as_running(settings, submit):
    with pytest.raises(ValueError, match="'running'"):
        table.finish(settings, submit().id, "running")


def test_a_run_that_does_not_exist_is_a_sentence(settings):
    for ask in (table.get, table.cancel, table.start):
        with pytest.raises(NotFoundError, match="no run “nowhere”"):
            ask(settings, "nowhere")


def test_the_table_opens_without_torch_or_streamlit():
    script = """
import sys
import xraylab.database, xraylab.runs.resume, xraylab.runs.rebuild, xraylab.runs.launch, xraylab.runs.worker
print({"torch", "streamlit", "alembic"} & set(sys.modules))
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
