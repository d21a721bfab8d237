"""A real training in a real worker, on a handful of phantoms."""

import shutil

import numpy as np
import psutil
import pytest

from tests.support.brief import BRIEF, DATASET
from tests.support.waiting import eventually, exit_code
from xraylab import actions
from xraylab.actions import training
from xraylab.errors import NotFoundError
from xraylab.models import load_model
from xraylab.runs import folder, launch, table
from xraylab.runs.orphans import DIED
from xraylab.training.recipe import Stage

pytest_plugins = ["tests.support.trained", "tests.support.forked"]
pytestmark = pytest.mark.slow
LONG = BRIEF.model_copy(
    update={"name": "long", "stages": (Stage(trains="all", epochs=500, learning_rate=1e-3),)}
)


@pytest.fixture
def worker(imported, forks):
    """Start a worker of our own; whatever still runs at the end of the test is ended."""
    started = []

    def start():
        home = {"XRAYLAB_HOME": str(imported.home)}
        started.append(forks.start(launch.WORKER, "--device", imported.device, env=home))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def submit(settings, recipe=BRIEF, name="mine"):
    request = actions.request_training(
        settings, dataset=DATASET, arch="small_cnn", recipe="scratch", name=name
    ).model_copy(update={"recipe": recipe})
    return training.submit_all(settings, [request])[0]


def until_it_trains(settings, run):
    eventually(lambda: folder.read_history(settings, run.id))


def left_behind(settings):
    return [file.name for file in settings.models.glob("*")] if settings.models.exists() else []


def test_a_run_ends_as_a_locked_model_with_its_history_and_log(imported, worker):
    run = submit(imported)
    assert exit_code(worker()) == 0
    assert table.get(imported, run.id).state == "done"
    assert [epoch["epoch"] for epoch in folder.read_history(imported, run.id)] == [1, 2]
    assert "epoch 2 (all): train loss" in folder.read_log(imported, run.id)
    assert folder.read_progress(imported, run.id)["fraction"] == 1.0
    assert left_behind(imported) == ["mine"]
    model = load_model(imported, "mine")
    assert model.card.run == run.id
    assert model.lock.rule == "youden"
    assert model.lock.actor == "training"
    assert not model.test_opened
    assert np.isfinite(model.films("validation").scores).all()
    assert len(model.unsealed) == sum(
        actions.list_datasets(imported)[0].splits[split]["films"] for split in ("validation", "test")
    )


def test_a_cancelled_run_leaves_no_model(imported, worker):
    run = submit(imported, LONG)
    process = worker()
    until_it_trains(imported, run)
    actions.cancel_run(imported, run.id)
    assert exit_code(process) == 0
    assert table.get(imported, run.id).state == "cancelled"
    assert left_behind(imported) == []


def test_a_dataset_that_was_deleted_meanwhile_fails_the_run_with_a_sentence(imported, worker):
    run = submit(imported)
    shutil.rmtree(imported.datasets / DATASET)
    assert exit_code(worker()) == 0
    ended = table.get(imported, run.id)
    assert (ended.state, ended.error) == ("failed", f"There is no dataset “{DATASET}”. There are: none yet.")
    assert left_behind(imported) == []


def test_a_killed_worker_fails_its_run_and_the_name_can_be_used_again(imported, worker):
    run = submit(imported, LONG)
    process = worker()
    until_it_trains(imported, run)
    psutil.Process(process.pid).kill()
    process.wait()
    [row] = actions.list_runs(imported)
    assert (row.state, row.error) == ("failed", DIED)
    assert row.epoch >= 1
    assert left_behind(imported) == []
    with pytest.raises(NotFoundError):
        load_model(imported, "mine")
    again = submit(imported)
    assert exit_code(worker()) == 0
    assert table.get(imported, again.id).state == "done"
    assert left_behind(imported) == ["mine"]


def test_a_rule_that_cannot_be_met_keeps_the_model_without_a_lock(imported, worker, monkeypatch):
    from xraylab.errors import RecipeError

    def refuse(*_):
        raise RecipeError("No threshold reaches it.")

    monkeypatch.setattr("xraylab.runs.publish.choose_threshold", refuse)
    request = actions.request_training(
        imported, dataset=DATASET, arch="small_cnn", recipe="scratch", name="mine"
    ).model_copy(update={"recipe": BRIEF})
    with pytest.raises(Exception, match="no locked threshold yet"):
        actions.train(imported, request)
    assert load_model(imported, "mine").lock is None
    assert "not locked: No threshold reaches it." in folder.read_log(
        imported, table.list_runs(imported)[0].id
    )
