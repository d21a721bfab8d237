"""Where models are found: in the home first, then among those that came with the package."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.support.brief import DATASET, MODEL, SHIPPED
from xraylab import actions
from xraylab.data.openings import read_openings
from xraylab.errors import (
    HonestOrderError,
    NameTakenError,
    NotFoundError,
    StorageError,
    TrainingError,
    WeightsError,
)
from xraylab.models import (
    FILMS_FILE,
    RESERVED_NAMES,
    SHIPPED_NAMES,
    check_name_free,
    dataset_of,
    faults_of_models,
    list_models,
    load_model,
    load_shipped,
    opened_before,
    openings_of,
)
from xraylab.reading.loaded import load
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.shipped"]


def names(settings):
    return [model.name for model in list_models(settings)]


def everything_in(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def untouched(starter):
    """Shipped models of which nothing may be written, whatever the test does."""
    before = everything_in(starter)
    yield
    assert everything_in(starter) == before


def test_ones_own_models_come_first_then_the_shipped_in_a_fixed_order(settled):
    assert names(settled) == [MODEL, *SHIPPED]
    assert [model.shipped for model in list_models(settled)] == [False, True, True, True]
    assert [row.shipped for row in actions.model_rows(settled)] == [False, True, True, True]
    assert actions.model_row(settled, "cnn").shipped


def test_a_package_without_models_ships_none(trained):
    assert names(trained) == [MODEL]
    with pytest.raises(NotFoundError, match=r"no model “ensemble”\. There are: first"):
        load_model(trained, "ensemble")


def test_only_known_names_are_shipped_models(newcomer, starter):
    shutil.copytree(starter / "cnn", starter / "stray")
    assert names(newcomer) == [*SHIPPED]
    with pytest.raises(NotFoundError, match="no model “stray”"):
        load_model(newcomer, "stray")


def test_shipped_names_are_reserved_whether_their_models_are_there_or_not(trained):
    assert set(SHIPPED_NAMES) < RESERVED_NAMES
    for name in (*SHIPPED_NAMES, "CNN"):
        with pytest.raises(NameTakenError, match="comes with XRayLab and can't be replaced"):
            check_name_free(trained, name, replace=True)


@pytest.mark.parametrize("place", ["missing", "below a file"])
def test_shipped_models_are_read_from_a_home_that_cannot_be_written(newcomer, tmp_path, place):
    home = tmp_path / "nowhere"
    if place == "below a file":
        home.write_text("")
        home /= "home"
    settings = load_settings(home=home)
    assert names(settings) == [*SHIPPED]
    for name in SHIPPED:
        model = load_model(settings, name)
        assert model.lock is not None
        assert len(load(model).parts) == (2 if name == "ensemble" else 1)
        assert 0 <= actions.evaluate_validation(settings, name).auc <= 1
    assert not home.exists()
    if place == "below a file":
        with pytest.raises(StorageError, match="not a folder"):
            actions.lock(settings, "cnn", "f1", actor="app")


@pytest.mark.usefixtures("untouched")
def test_a_lock_of_a_shipped_model_is_kept_in_the_home_and_goes_first(newcomer):
    shipped = load_model(newcomer, "ensemble").lock
    actions.lock(newcomer, "ensemble", "value:0.25", actor="app")
    model = load_model(newcomer, "ensemble")
    assert (model.lock.threshold, model.lock.actor) == (0.25, "app")
    assert model.lock_as_made == shipped
    assert [file.name for file in newcomer.models.rglob("*") if file.is_file()] == ["lock.json"]
    (newcomer.models / "ensemble" / "lock.json").unlink()
    assert model.lock == shipped


@pytest.mark.usefixtures("untouched")
def test_an_opening_of_a_shipped_model_is_kept_in_the_home_and_seals_nothing_back(newcomer):
    model = load_model(newcomer, "ensemble")
    with pytest.raises(HonestOrderError, match="sealed"):
        model.films("test")
    document = actions.open_test(newcomer, "ensemble", actor="app")
    assert (document.split, document.test_openings) == ("test", 1)
    assert model.lock.locked_at == model.lock_as_made.locked_at
    assert [event.model for event in openings_of(newcomer, model)] == ["ensemble"]
    assert actions.lock(newcomer, "ensemble", "f1", actor="app").after_opening


def test_what_the_makers_opened_is_open_and_stamps_a_new_lock(newcomer, starter):
    file = starter / "cnn" / "lock.json"
    lock = load_model(newcomer, "cnn").lock
    opened = {"opened_at": (lock.locked_at,), "opened": True}
    file.write_text(lock.model_copy(update=opened).model_dump_json())
    assert load_model(newcomer, "cnn").test_opened
    assert len(openings_of(newcomer, load_model(newcomer, "cnn"))) == 1
    assert actions.lock(newcomer, "cnn", "f1", actor="app").after_opening


def test_what_the_makers_opened_counts_beside_what_is_logged_of_the_same_films_here(settled, starter):
    file = starter / "cnn" / "lock.json"
    lock = load_model(settled, "cnn").lock
    file.write_text(lock.model_copy(update={"opened_at": (lock.locked_at,)}).model_dump_json())
    assert [event.model for event in openings_of(settled, load_model(settled, "cnn"))] == ["cnn"]
    actions.open_test(settled, "ensemble", actor="app")
    events = openings_of(settled, load_model(settled, "cnn"))
    assert [event.model for event in events] == ["cnn", "ensemble"]


@pytest.mark.parametrize(
    ("opened", "stamped"),
    [("ensemble", {"ensemble", "cnn", "mobilenet_v2"}), ("cnn", {"ensemble", "cnn"})],
)
def test_an_opening_for_a_shipped_ensemble_counts_for_its_members_and_the_reverse(newcomer, opened, stamped):
    actions.open_test(newcomer, opened, actor="app")
    locks = {name: opened_before(newcomer, load_model(newcomer, name)) for name in SHIPPED}
    assert {name for name, seen in locks.items() if seen} == stamped
    assert actions.lock(newcomer, "ensemble", "f1", actor="app").after_opening


def test_a_lock_for_the_weights_of_another_version_gives_way_but_its_openings_are_remembered(newcomer):
    actions.lock(newcomer, "cnn", "value:0.25", actor="app")
    actions.open_test(newcomer, "cnn", actor="app")
    model = load_model(newcomer, "cnn")
    old = model.lock.model_copy(update={"model_sha256": "of another version"})
    (model.kept / "lock.json").write_text(old.model_dump_json())
    assert model.lock == model.lock_as_made
    assert actions.lock(newcomer, "cnn", "f1", actor="app").after_opening


def test_a_damaged_lock_at_home_does_not_bring_the_shipped_one_back(newcomer):
    model = load_model(newcomer, "cnn")
    model.kept.mkdir(parents=True)
    (model.kept / "lock.json").write_text("{")
    assert model.lock is None
    assert model.write_lock(0.5, "value:0.5", actor="app").after_opening


def test_a_folder_with_a_lock_alone_is_no_model(settled):
    actions.lock(settled, "cnn", "f1", actor="app")
    assert (settled.models / "cnn").is_dir()
    assert names(settled) == [MODEL, *SHIPPED]
    assert load_model(settled, "cnn").shipped
    with pytest.raises(NameTakenError, match="comes with XRayLab"):
        check_name_free(settled, "cnn", replace=True)


def test_a_model_in_the_home_does_not_take_the_place_of_a_shipped_one_of_its_name(settled, starter):
    actions.lock(settled, "cnn", "value:0.25", actor="app")
    folder = settled.models / "cnn"
    shutil.copytree(settled.models / MODEL, folder, dirs_exist_ok=True)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"name": "cnn"}))
    assert sorted(names(settled)) == sorted(["cnn@home", MODEL, *SHIPPED])
    assert load_model(settled, "cnn").shipped
    assert load_shipped(settled, "cnn").shipped
    assert load_model(settled, "cnn@home").folder == folder
    assert faults_of_models(settled) == [
        "Your home has its own model “cnn”. It is listed as “cnn@home”, because “cnn” means the model that "
        "comes with XRayLab."
    ]
    assert load(load_model(settled, "ensemble")).parts, "the shipped ensemble averages the shipped member"
    actions.lock(settled, "cnn", "value:0.75", actor="app")
    assert load_model(settled, "cnn").lock.threshold == 0.75
    assert load_model(settled, "cnn@home").lock.threshold == load_model(settled, MODEL).lock.threshold
    for unknown in ("first@home", "cnn@shipped", "cnn@home@home"):
        with pytest.raises((NotFoundError, NameTakenError)):
            load_model(settled, unknown)


def test_a_dataset_that_only_has_the_name_is_not_the_one_a_shipped_model_was_trained_on(settled, starter):
    model = load_model(settled, "ensemble")
    assert dataset_of(settled, model) is not None
    actions.open_test(settled, "ensemble", actor="app")
    assert len(read_openings(settled)) == 1
    for name in SHIPPED:
        file = starter / name / "card.json"
        card = json.loads(file.read_text())
        card["dataset"]["pixel_hash"] = "of other films"
        file.write_text(json.dumps(card))
        (starter / name / FILMS_FILE).unlink()
    model = load_model(settled, "ensemble")
    assert dataset_of(settled, model) is None
    actions.open_test(settled, "ensemble", actor="app")
    assert len(read_openings(settled)) == 2
    assert len(openings_of(settled, model)) == 2
    noted = model.lock.opened_at
    document = actions.evaluate(settled, "ensemble", DATASET, actor="app")
    assert document.test_openings == 2
    assert len(read_openings(settled)) == 3
    assert model.lock.opened_at == noted


def test_ones_own_ensemble_may_average_shipped_models(newcomer):
    actions.ensemble(newcomer, "mine", ["cnn", "mobilenet_v2"], actor="app")
    model = load_model(newcomer, "mine")
    assert not model.shipped
    assert [part.shipped for part in model.parts] == [True, True]
    assert len(load(model).parts) == 2


@pytest.mark.parametrize("file", ["model.safetensors", "predictions.parquet", "card.json"])
@pytest.mark.parametrize("damage", [None, b"", b"something else"])
def test_a_damaged_shipped_model_asks_for_a_new_installation(newcomer, starter, file, damage):
    path = starter / "cnn" / file
    path.unlink() if damage is None else path.write_bytes(damage)

    def use(name):
        model = load_model(newcomer, name)
        model.films("validation")
        load(model)

    with pytest.raises((NotFoundError, WeightsError), match=r"Install XRayLab again\.$") as caught:
        use("cnn")
    assert "Train it again" not in str(caught.value)
    if file != "predictions.parquet":
        with pytest.raises(WeightsError, match=r"Install XRayLab again\.$"):
            use("ensemble")
    assert len(actions.model_rows(newcomer)) == (2 if file == "card.json" else 3)


def test_a_shipped_list_of_members_that_changed_asks_for_a_new_installation(newcomer, starter):
    (starter / "ensemble" / "members.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"has changed\. Install XRayLab again\.$"):
        load(load_model(newcomer, "ensemble"))


def test_what_cannot_be_done_to_a_shipped_model_is_refused(settled, brief_recipe):
    with pytest.raises(NameTakenError, match="comes with XRayLab"):
        actions.ensemble(settled, "ensemble", ["cnn", "mobilenet_v2"], actor="app", replace=True)
    with pytest.raises(NameTakenError, match="comes with XRayLab"):
        actions.request_training(
            settled, dataset=DATASET, arch="small_cnn", recipe=str(brief_recipe), name="cnn", replace=True
        )
    with pytest.raises(TrainingError, match="“cnn” is a model that comes with XRayLab, not a run"):
        actions.resume(settled, "cnn")


@pytest.mark.parametrize("look", ["list", "load", "name"])
def test_a_model_that_a_killed_replacement_moved_aside_is_there_for_everyone_who_looks(trained, look):
    (trained.models / MODEL).rename(trained.models / f".{MODEL}.{'0' * 32}.retired")
    if look == "list":
        assert names(trained) == [MODEL]
    elif look == "load":
        assert load_model(trained, MODEL).lock is not None
    else:
        with pytest.raises(NameTakenError, match="already"):
            check_name_free(trained, MODEL)
    assert [file.name for file in trained.models.iterdir()] == [MODEL]


def test_shipped_models_are_found_without_torch(newcomer, starter):
    code = (
        "import sys, xraylab.settings; from pathlib import Path;"
        "xraylab.settings.STARTER = Path(sys.argv[1]);"
        "from xraylab import actions;"
        "print(len(actions.model_rows(xraylab.settings.load_settings())), 'torch' in sys.modules)"
    )
    said = subprocess.check_output([sys.executable, "-c", code, starter], text=True)
    assert said.split() == ["3", "False"]
