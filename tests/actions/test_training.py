"""Many trainings, and those that go on: what the actions add to the run table."""

import json
import math
import shutil
import statistics

import pytest

from tests.support.brief import BRIEF, DATASET, MODEL
from xraylab import actions
from xraylab.actions import training
from xraylab.actions.seeds import SPREAD_OF, spread
from xraylab.data.datasets import load_dataset
from xraylab.errors import NameTakenError, NotFoundError, RecipeError, TrainingError
from xraylab.models import load_model
from xraylab.networks.pretrained import default_weights
from xraylab.networks.registry import network, networks
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels
from xraylab.runs import folder, launch, table, worker
from xraylab.training.recipe import plan

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def nobody(monkeypatch):
    """Let no worker start: what is queued stays so."""
    monkeypatch.setattr(launch, "ensure_worker", lambda *_: False)


@pytest.fixture
def ask(brief_recipe):
    def ask(settings, name="mine", **more):
        return actions.request_training(
            settings, dataset=DATASET, arch="small_cnn", recipe=str(brief_recipe), name=name, **more
        )

    return ask


@pytest.fixture
def stopped(imported, ask, nobody):
    """A run of the queue that failed after its first checkpoint."""
    run = table.start(imported, actions.start_training(imported, ask(imported)).id)
    (imported.runs / run.id / "checkpoint").mkdir()
    (imported.runs / run.id / "checkpoint" / "stage.pt").write_bytes(b"state")
    folder.append_history(imported, run.id, {"epoch": 1, "validation_auc": 0.5})
    table.finish(imported, run.id, "failed", "It broke.", notes=["The batch was halved."])
    return run


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "chose its epoch"),
        ({"keep": "last", "patience": 2}, "ended its training"),
        ({"keep": "last"}, ""),
    ],
)
def test_a_floor_that_the_recipe_makes_impossible_is_refused_before_the_training(imported, changes, why):
    recipe = BRIEF.model_copy(update={"rule": "floor:0.95"} | changes)
    given = {"dataset": DATASET, "arch": "small_cnn", "recipe": recipe}
    if not why:
        assert actions.request_training(imported, **given).recipe.rule == "floor:0.95"
        return
    with pytest.raises(RecipeError, match=f"can't lock what the recipe “brief” trains: .*{why}"):
        actions.request_training(imported, **given)


def test_a_request_is_planned_once_and_the_worker_plans_it_once(imported, ask, monkeypatch):
    from xraylab.runs import execute

    planned = []
    for module in (training, execute):
        name = module.__name__
        monkeypatch.setattr(module, "plan", lambda *a, name=name, **k: planned.append(name) or plan(*a, **k))
    request = ask(imported)
    assert planned == ["xraylab.actions.training"]
    actions.train(imported, request)
    assert planned == ["xraylab.actions.training", "xraylab.runs.execute"]
    assert load_model(imported, "mine").card.recipe == request.recipe.model_dump(mode="json")


def test_a_request_that_names_no_weights_starts_from_the_networks_default(imported, ask, tmp_path):
    assert ask(imported).weights == default_weights(network("small_cnn")) == "none"
    assert {default_weights(entry) for entry in networks() if entry.pretrained} == {"imagenet"}


def test_a_list_says_which_runs_can_go_on_and_what_is_worth_knowing(imported, stopped):
    [row] = actions.list_runs(imported)
    assert (row.state, row.resumable, row.notes) == ("failed", True, ["The batch was halved."])
    resumed = actions.resume_run(imported, stopped.id)
    assert (resumed.run, resumed.state, resumed.resumable, resumed.notes) == (stopped.id, "queued", False, [])


def test_a_resumed_run_keeps_out_of_the_way_of_a_model_that_took_its_name(imported, trained_home, stopped):
    shutil.copytree(trained_home / "models" / MODEL, imported.models / "mine")
    with pytest.raises(NameTakenError, match="There is a model “mine” already"):
        actions.resume_run(imported, stopped.id)
    assert table.get(imported, stopped.id).error == "It broke."


def test_a_run_whose_dataset_is_gone_is_not_resumed(imported, stopped):
    shutil.rmtree(imported.datasets / DATASET)
    with pytest.raises(NotFoundError, match="There is no dataset"):
        actions.resume_run(imported, stopped.id)
    assert table.get(imported, stopped.id).state == "failed"


def test_a_clone_asks_for_the_same_under_another_name(imported, ask, stopped):
    request = actions.request_of(imported, stopped.id, name="again")
    assert request == ask(imported).model_copy(update={"name": "again"})
    assert actions.request_of(imported, stopped.id).name.startswith("small_cnn-brief-")
    with pytest.raises(NotFoundError, match="no run “nowhere”"):
        actions.request_of(imported, "nowhere")


def test_a_clone_of_a_run_of_another_version_is_a_sentence(imported, stopped):
    file = imported.runs / stopped.id / "recipe.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"training": {"unheard": "of"}}))
    for ask in (actions.request_of, actions.resume_run):
        with pytest.raises(NotFoundError, match="written by another version"):
            ask(imported, stopped.id)


def test_trainings_are_queued_all_or_none(trained, ask, nobody):
    one, two = ask(trained, "one"), ask(trained, "two")
    assert [run.name for run in actions.start_trainings(trained, [one, two])] == ["one", "two"]
    for taken in ("two", MODEL):
        with pytest.raises(NameTakenError):
            actions.start_trainings(
                trained, [one.model_copy(update={"name": name}) for name in ("three", taken)]
            )
    assert [run.name for run in table.list_runs(trained, states=["queued"])] == ["two", "one"]


def test_seeds_count_on_from_the_recipe_and_so_do_the_names(imported, ask):
    request = ask(imported)
    seeded = request.model_copy(update={"recipe": BRIEF.model_copy(update={"seed": 5})})
    made = actions.request_seeds(seeded, 3)
    assert [(one.name, one.recipe.seed) for one in made] == [("mine-s0", 5), ("mine-s1", 6), ("mine-s2", 7)]
    last = request.model_copy(update={"recipe": BRIEF.model_copy(update={"seed": 2**32 - 1})})
    with pytest.raises(RecipeError, match="4294967296 can't be a seed"):
        actions.request_seeds(last, 2)


def test_of_several_seeds_a_failed_one_is_named_and_the_others_count(imported, ask, monkeypatch):
    real = worker._executor()

    def execute(settings, run_id, **told):
        if table.get(settings, run_id).name == "mine-s0":
            raise TrainingError("It could not be done.")
        return real(settings, run_id, **told)

    monkeypatch.setattr(worker, "_executor", lambda: execute)
    seen = []
    document = actions.train_seeds(imported, ask(imported), 3, on_progress=seen.append)
    assert [(row.model, row.seed, row.error) for row in document.seeds] == [
        ("mine-s0", 0, "It could not be done."),
        ("mine-s1", 1, None),
        ("mine-s2", 2, None),
    ]
    assert (document.model, document.val) == ("mine-s1", document.seeds[1].val)
    assert set(document.spread) == set(SPREAD_OF)
    aucs = [row.val.auc for row in document.seeds[1:]]
    assert document.spread["auc"].mean == pytest.approx(statistics.fmean(aucs))
    assert document.spread["auc"].sd == pytest.approx(statistics.stdev(aucs))
    assert (document.spread["auc"].low, document.spread["auc"].high) == (min(aucs), max(aucs))
    assert load_model(imported, "mine-s2").card.recipe["seed"] == 2
    fractions = [told["fraction"] for told in seen]
    assert fractions == sorted(fractions)
    assert seen[-1]["doing"].startswith("seed 3 of 3, ")


def test_when_no_seed_ends_with_a_model_the_command_fails(imported, ask, monkeypatch):
    def fail(*_, **__):
        raise TrainingError("It could not be done.")

    monkeypatch.setattr(worker, "_executor", lambda: fail)
    with pytest.raises(TrainingError, match=r"None of the 2 .*The first: It could not be done\."):
        actions.train_seeds(imported, ask(imported), 2)


def test_a_name_of_a_later_seed_that_is_taken_starts_none(imported, trained_home, ask):
    shutil.copytree(trained_home / "models" / MODEL, imported.models / "mine-s1")
    with pytest.raises(NameTakenError, match="There is a model “mine-s1” already"):
        actions.train_seeds(imported, ask(imported), 2)
    assert table.list_runs(imported) == []


def test_interrupting_one_of_several_trainings_cancels_those_that_wait(imported, ask, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "_executor", lambda: interrupt)
    with pytest.raises(KeyboardInterrupt):
        actions.train_seeds(imported, ask(imported), 2)
    assert [run.state for run in table.list_runs(imported)] == ["cancelled"] * 2


def test_a_spread_counts_what_is_defined_and_one_value_has_none():
    over = spread([0.8, math.nan, 0.9, 1.0])
    assert (over.n, over.low, over.high) == (3, 0.8, 1.0)
    assert over.mean == pytest.approx(0.9)
    assert over.sd == pytest.approx(0.1)
    assert spread([0.8]).mean == 0.8
    assert math.isnan(spread([0.8]).sd)
    assert spread([]).n == 0


def test_a_run_interrupted_in_the_foreground_goes_on_there(imported, ask):
    def interrupt(progress):
        if folder.read_history(imported, table.list_runs(imported)[0].id):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actions.train(imported, ask(imported), on_progress=interrupt)
    [row] = actions.list_runs(imported)
    assert (row.state, row.resumable, row.epoch >= 1) == ("cancelled", True, True)
    seen = []
    document = actions.resume(imported, row.run, on_progress=seen.append)
    assert (document.run, document.model, document.seeds, document.spread) == (row.run, "mine", [], {})
    assert seen[0]["fraction"] >= 0
    assert [(row.state, row.epoch, row.resumable) for row in actions.list_runs(imported)] == [
        ("done", 2, False)
    ]


def test_a_training_of_enough_films_learns_what_they_are_like(imported, ask, monkeypatch):
    monkeypatch.setattr("xraylab.evaluation.novelty.FEWEST", 5)
    actions.train(imported, ask(imported))
    model = load_model(imported, "mine")
    assert model.tells_novelty
    films = load_dataset(imported, DATASET)
    far = score_pixels(load(model), films.pixels, films.rows("validation")).novelty
    assert (far <= 1).all()
    assert far.max() == pytest.approx(1, abs=1e-3)  # the limit lies at the farthest of so few
