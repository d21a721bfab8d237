"""A worker killed in every phase of a real training: nothing is half-written, and the run ends or goes on."""

import json
import shutil
import signal

import pyarrow.parquet
import pytest
import safetensors.numpy

from tests.support.brief import BRIEF, DATASET, MODEL
from tests.support.sizes import cases
from tests.support.waiting import eventually, exit_code
from xraylab import actions
from xraylab.actions import training
from xraylab.data import phantoms
from xraylab.data.importing import import_dataset
from xraylab.errors import NameTakenError, TrainingError
from xraylab.models import load_model
from xraylab.runs import folder, launch, table
from xraylab.runs.orphans import DIED
from xraylab.training.recipe import Stage

pytest_plugins = ["tests.support.trained", "tests.support.forked"]
pytestmark = pytest.mark.slow
HEAD = Stage(trains="head", epochs=2, learning_rate=1e-3)
ALL = Stage(trains="all", epochs=2, learning_rate=1e-3)
TWO = BRIEF.model_copy(update={"name": "two stages", "stages": (HEAD, ALL)})
LONG = BRIEF.model_copy(update={"name": "long", "stages": (ALL.model_copy(update={"epochs": 500}),)})
STAGING = r"models/\.mine\.[0-9a-f]+\.partial"

# Where it is killed; how many epochs the run's history has then; whether it can go on.
STOPS = {
    "in the first epoch": ("call xraylab.training.epochs:measure 1", 0, True),
    "before anything could be kept": ("rename checkpoint/stage\\.pt$ 1", 0, False),
    "between checkpoint and history": ("open history\\.jsonl$ 2", 1, True),
    "while the model is written": (f"open {STAGING}/.*card\\.json 1", 4, True),
    "before the model is in its place": ("rename models/mine$ 1", 4, True),
    "while the cache is filled": ("call xraylab.training.batches:activations 2", 0, True),
    "inside a checkpoint": ("rename checkpoint/epoch\\.pt$ 2", 1, True),
    "between two stages": ("rename checkpoint/stage\\.pt$ 2", 2, True),
    "in the last epoch's checkpoint": ("rename checkpoint/epoch\\.pt$ 4", 3, True),
}


@pytest.fixture
def start(trained, monkeypatch, forks):
    """Start a worker, to be killed at some moment if one is given; none outlives its test."""
    started = []

    def start(kill=None):
        if kill:
            monkeypatch.setenv("XRAYLAB_TEST_KILL", kill)
        module = "tests.runs.killed_worker" if kill else launch.WORKER
        started.append(forks.start(module, "--device", trained.device))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def ask(settings, recipe=TWO, name="mine", **more):
    return actions.request_training(
        settings, dataset=DATASET, arch="small_cnn", recipe="scratch", weights=MODEL, name=name, **more
    ).model_copy(update={"recipe": recipe})


def submit(settings, *given, **more):
    return training.submit_all(settings, [ask(settings, *given, **more)])[0]


def row(settings, run):
    return next(row for row in actions.list_runs(settings) if row.run == run.id)


def epochs(settings, run):
    return [epoch["epoch"] for epoch in folder.read_history(settings, run.id)]


def weights(settings, name):
    return safetensors.numpy.load((settings.models / name / "model.safetensors").read_bytes())


def assert_whole(settings):
    """Nothing is half-written anywhere in the home."""
    assert [
        str(file) for pattern in ("*.partial", "*.retired") for file in settings.home.rglob(pattern)
    ] == []
    for file in settings.home.rglob("*.json"):
        json.loads(file.read_bytes())
    for file in settings.home.rglob("*.parquet"):
        pyarrow.parquet.read_table(file)
    assert {model.name for model in settings.models.iterdir()} <= {MODEL, "mine"}


@pytest.mark.sampled
@pytest.mark.parametrize("stop", cases(list(STOPS), brief=5))
def test_a_worker_killed_in_any_phase_leaves_a_run_that_goes_on_or_says_that_it_cannot(trained, start, stop):
    kill, complete, goes_on = STOPS[stop]
    run = submit(trained)
    assert exit_code(start(kill)) == -signal.SIGKILL
    failed = row(trained, run)
    assert (failed.state, failed.error, failed.resumable) == ("failed", DIED, goes_on)
    assert len(epochs(trained, run)) == complete
    assert_whole(trained)
    assert not (trained.models / "mine").exists()
    if not goes_on:
        with pytest.raises(TrainingError, match="Start it again"):
            actions.resume(trained, run.id)
        return
    assert actions.resume(trained, run.id).model == "mine"
    assert (row(trained, run).state, row(trained, run).error) == ("done", None)
    assert epochs(trained, run) == [1, 2, 3, 4]
    assert [epoch["epoch"] for epoch in load_model(trained, "mine").history] == [1, 2, 3, 4]
    assert_whole(trained)


def test_a_worker_killed_after_its_model_was_in_its_place_has_done_its_run(trained, start):
    run = submit(trained)
    assert exit_code(start(r"rename runs/[^/]+/result\.json$ 1")) == -signal.SIGKILL
    assert (row(trained, run).state, row(trained, run).resumable) == ("done", False)
    assert load_model(trained, "mine").card.run == run.id
    assert_whole(trained)


def test_a_model_that_was_to_give_way_survives_a_kill_in_the_exchange(trained, start):
    before = weights(trained, MODEL)
    run = submit(trained, name=MODEL, replace=True)
    assert exit_code(start(f"rename models/{MODEL}$ 1")) == -signal.SIGKILL
    assert row(trained, run).resumable
    after = weights(trained, MODEL)
    assert all((after[name] == before[name]).all() for name in before)
    assert_whole(trained)


@pytest.mark.sampled
@pytest.mark.parametrize("stop", cases(["between two stages", "inside a checkpoint"], brief=1))
def test_what_was_killed_and_resumed_ends_with_the_weights_of_what_was_not(trained, start, stop):
    actions.train(trained, ask(trained, name="whole"))
    run = submit(trained)
    assert exit_code(start(STOPS[stop][0])) == -signal.SIGKILL
    actions.resume(trained, run.id)
    whole, resumed = weights(trained, "whole"), weights(trained, "mine")
    assert whole.keys() == resumed.keys()
    assert all(whole[name].tobytes() == resumed[name].tobytes() for name in whole)
    measured = [
        {key: value for key, value in epoch.items() if key != "seconds"}
        for epoch in load_model(trained, "mine").history
    ]
    assert measured == [
        {key: value for key, value in epoch.items() if key != "seconds"}
        for epoch in load_model(trained, "whole").history
    ]


def test_the_best_so_far_of_a_killed_run_can_be_kept(trained, start):
    run = submit(trained)
    assert exit_code(start("open history\\.jsonl$ 3")) == -signal.SIGKILL
    assert actions.resume(trained, run.id, keep_best=True).model == "mine"
    kept = load_model(trained, "mine")
    assert len(kept.history) == 3
    assert kept.card.best_epoch == max(kept.history, key=lambda epoch: epoch["validation_auc"])["epoch"]
    assert epochs(trained, run) == [1, 2, 3]


def test_a_cancelled_training_stops_soon_and_what_it_has_can_be_kept(trained, start):
    run = submit(trained, LONG)
    process = start()
    eventually(lambda: folder.read_history(trained, run.id))
    actions.cancel_run(trained, run.id)
    begun = len(folder.read_history(trained, run.id))
    eventually(lambda: table.get(trained, run.id).state == "cancelled")
    assert len(epochs(trained, run)) <= begun + 1  # counted in epochs: a busy machine takes longer over each
    assert exit_code(process) == 0
    assert row(trained, run).resumable
    assert_whole(trained)
    actions.resume(trained, run.id, keep_best=True)
    assert load_model(trained, "mine").card.epochs == len(epochs(trained, run))


def test_a_dataset_deleted_under_a_run_at_work_leaves_it_over_and_whole(trained, start):
    run = submit(trained)
    process = start("call xraylab.training.epochs:measure 2")
    eventually(lambda: table.get(trained, run.id).state == "running")
    assert exit_code(process) == -signal.SIGKILL
    shutil.rmtree(trained.datasets / DATASET)
    with pytest.raises(Exception, match="There is no dataset “films”"):
        actions.resume(trained, run.id)
    assert row(trained, run).state == "failed"
    assert_whole(trained)


def test_a_run_does_not_go_on_with_other_films(trained, start, tmp_path):
    run = submit(trained)
    assert exit_code(start(STOPS["inside a checkpoint"][0])) == -signal.SIGKILL
    phantoms.write(tmp_path / "others", 60, seed=4)
    import_dataset(trained, tmp_path / "others", DATASET, replace=True)
    with pytest.raises(TrainingError, match="The dataset has changed since this run began"):
        actions.resume(trained, run.id)
    assert row(trained, run).state == "failed"


def test_two_runs_of_one_name_are_never_active_at_once(trained, start):
    run = submit(trained)
    assert exit_code(start(STOPS["inside a checkpoint"][0])) == -signal.SIGKILL
    other = submit(trained)
    with pytest.raises(NameTakenError, match="already queued or running"):
        actions.resume_run(trained, run.id)
    with pytest.raises(NameTakenError, match="already queued or running"):
        submit(trained)
    assert exit_code(start()) == 0
    assert row(trained, other).state == "done"
    with pytest.raises(NameTakenError, match="There is a model “mine” already"):
        actions.resume_run(trained, run.id)
