"""A lost run table is made again from the run folders."""

from dataclasses import replace

import pytest

from tests.support.run_rows import forget
from xraylab.runs import table
from xraylab.runs.rebuild import UNFINISHED, rebuild


def test_a_lost_table_is_rebuilt_from_the_folders(settings, submit):
    ends = [("done", None), ("failed", "One class only."), ("cancelled", None)]
    for number, (state, error) in enumerate(ends):
        run = table.start(settings, submit(f"run-{number}").id)
        table.finish(settings, run.id, state, error)
    submit("waiting")
    nobody = {"host": None, "pid": None, "process_start": None}
    before = [replace(run, **nobody) for run in table.list_runs(settings)]
    forget(settings)
    assert rebuild(settings) == before
    assert table.list_runs(settings) == before


def test_a_run_that_had_begun_fails_when_the_table_was_lost(settings, submit):
    run = submit()
    (settings.runs / run.id / "log.txt").write_text("epoch 1\n")
    forget(settings)
    (failed,) = rebuild(settings)
    assert (failed.state, failed.error) == ("failed", UNFINISHED)


def test_rebuilding_leaves_a_run_at_work_alone(settings, submit):
    run = table.start(settings, submit().id)
    (settings.runs / run.id / "log.txt").write_text("epoch 1\n")
    assert rebuild(settings) == [run]


@pytest.mark.parametrize("recipe", ["", "[]", "{}", '{"name": "x", "created_at": 3}'])
def test_rebuilding_leaves_out_what_is_no_run(settings, recipe):
    (settings.runs / "20261122-141530-ab12").mkdir(parents=True)
    (settings.runs / "20261122-141530-ab12" / "recipe.json").write_text(recipe)
    assert rebuild(settings) == []
