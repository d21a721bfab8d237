"""Folders of runs whose submission was killed."""

from tests.support.run_rows import set_row
from xraylab.leftovers import Swept
from xraylab.runs import folder, table
from xraylab.runs.orphans import reconcile
from xraylab.runs.rebuild import rebuild
from xraylab.runs.unqueued import sweep_unqueued


def test_a_run_that_was_never_queued_leaves_no_folder(settings, submit):
    run = submit()
    folder.create(settings, "20260101-000000-dead", {"schema": "xraylab.run/1"})
    assert sweep_unqueued(settings).removed == (settings.runs / "20260101-000000-dead",)
    assert [place.name for place in settings.runs.iterdir()] == [run.id]
    assert sweep_unqueued(settings) == Swept()


def test_a_run_that_was_queued_stays_though_nobody_took_its_mark_away(settings, submit, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(folder, "confirm", lambda settings, run_id: None)
        run = submit()
    assert folder.marked(settings) == [settings.runs / run.id]
    assert sweep_unqueued(settings) == Swept()
    assert [file.name for file in folder.path(settings, run.id).iterdir()] == ["recipe.json"]
    assert table.get(settings, run.id) == run


def test_folders_of_a_table_that_was_lost_stay_and_the_table_is_rebuilt_from_them(settings, submit):
    run = submit()
    for file in settings.home.glob("xraylab.db*"):
        file.unlink()
    assert sweep_unqueued(settings) == Swept()
    assert [found.id for found in rebuild(settings)] == [run.id]


def test_a_worker_that_died_after_publishing_leaves_no_checkpoint(settings, submit, monkeypatch):
    run = table.start(settings, submit().id)
    (folder.path(settings, run.id) / "checkpoint").mkdir()
    set_row(settings, run.id, process_start=0.0)
    monkeypatch.setattr("xraylab.runs.orphans.is_published", lambda settings, run: True)
    assert [ended.state for ended in reconcile(settings)] == ["done"]
    assert not (folder.path(settings, run.id) / "checkpoint").exists()
