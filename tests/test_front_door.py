"""``import xraylab``: what a researcher types first, and what comes back."""

import ast
import dataclasses
import inspect
import io
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xraylab
from tests.support.brief import BRIEF, DATASET
from tests.support.films import film, write_zip
from tests.support.layouts import COPIES
from xraylab import actions, front
from xraylab.data.phantoms import phantom, png, write
from xraylab.errors import (
    DatasetError,
    HonestOrderError,
    NotFoundError,
    RecipeError,
    TrainingError,
    UnreadableImageError,
    WeightsError,
)
from xraylab.front import weights
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.trained"]

ROOT = Path(__file__).parents[1]
FUNCTIONS = [
    "evaluate",
    "import_dataset",
    "list_models",
    "load_model",
    "lock",
    "read",
    "restore_lock",
    "train",
]
NAMES = ["XRayLabError", "__version__", *FUNCTIONS]
NO_FILM = b"these bytes are no film"


@pytest.fixture
def home(tmp_path, monkeypatch, package_models):
    """Settings of an empty home, in use, with the models that this version ships."""
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XRAYLAB_DEVICE", "cpu")
    monkeypatch.setenv("XRAYLAB_THREADS", "2")
    return load_settings()


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A folder with two phantoms, an ill and a well one."""
    folder = tmp_path_factory.mktemp("two")
    for name, patient in (("ill", 0), ("well", 1)):
        (folder / f"{name}.png").write_bytes(png(phantom(patient, 1, seed=3)))
    return folder


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, **options
    )


# The import itself


def test_the_import_loads_nothing_but_the_name():
    code = "import sys; before = set(sys.modules); import xraylab; print(*sorted(set(sys.modules) - before))"
    loaded = python(code).stdout.split()
    assert [name for name in loaded if name.startswith("xraylab")] == ["xraylab"]
    heavy = {"numpy", "pandas", "pyarrow", "pydantic", "streamlit", "torch", "sqlalchemy"}
    assert heavy & set(loaded) == set()


def test_the_functions_load_neither_torch_nor_streamlit_until_a_film_is_read():
    code = "import sys, xraylab; xraylab.read, xraylab.train; print(*sys.modules)"
    assert {"torch", "streamlit"} & set(python(code).stdout.split()) == set()


def test_the_import_takes_less_than_a_third_of_a_second():
    def seconds(code):
        started = time.perf_counter()
        python(code)
        return time.perf_counter() - started

    bare = min(seconds("pass") for _ in range(5))
    assert min(seconds("import xraylab") for _ in range(5)) - bare < 0.3


def test_the_module_is_short():
    assert len(Path(xraylab.__file__).read_text("utf-8").splitlines()) < 60


def test_exactly_the_public_names_are_shown():
    assert sorted(xraylab.__all__) == NAMES
    assert dir(xraylab) == NAMES
    assert all(hasattr(xraylab, name) for name in NAMES)
    names = {}
    exec("from xraylab import *", names)  # noqa: S102
    assert set(NAMES) <= set(names)


def test_no_public_name_is_that_of_a_room():
    package = Path(xraylab.__file__).parent
    rooms = {
        file.stem for file in package.iterdir() if file.suffix == ".py" or (file / "__init__.py").exists()
    }
    assert {"actions", "models", "reading", "training", "front"} <= rooms
    assert rooms & set(NAMES) == set()


def test_an_unknown_name_is_an_attribute_error_and_a_room_is_still_a_module():
    with pytest.raises(AttributeError, match="has no attribute 'raed'"):
        _ = xraylab.raed
    assert python("from xraylab import formats; print(formats.DASH)").returncode == 0


def test_type_checkers_see_what_is_looked_up_at_run_time():
    tree = ast.parse(Path(xraylab.__file__).read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    for line in block.body:
        module = sys.modules[line.module]
        for name in line.names:
            assert getattr(xraylab, name.name) is getattr(module, name.name)
    seen = [name.name for line in block.body for name in line.names]
    assert sorted([*seen, "__version__"]) == NAMES
    assert (Path(xraylab.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_settings_are_optional_everywhere_and_the_function_is_documented(name):
    function = getattr(xraylab, name)
    assert inspect.signature(function).parameters["settings"].default is None
    assert inspect.getdoc(function)


# Reading


def test_one_film_gives_one_reading_with_all_that_is_known(home, films):
    reading = xraylab.read(films / "ill.png", "phantom")
    assert (reading.file, reading.model) == (str(films / "ill.png"), "phantom")
    [row] = actions.predict(home, "phantom", [str(films / "ill.png")])
    assert (reading.score, reading.decision, reading.threshold) == (row.score, row.decision, row.threshold)
    assert (reading.lock.rule, reading.review_from) == ("youden", None)
    assert (reading.warnings, reading.notes, reading.refused) == ((), (), None)
    assert (reading.calibrated, reading.spread, reading.synthetic) == (False, None, True)
    assert reading.verdict == "Pneumonia score above the threshold"
    assert reading.intended_use == "Research and teaching. Not a medical device."


def test_the_ensemble_reads_by_default_and_warns_of_a_phantom(home, films):
    reading = xraylab.read(str(films / "ill.png"))
    assert (reading.model, reading.calibrated, reading.decision) == ("ensemble", True, None)
    assert 0 < reading.spread < 1
    assert len(reading.warnings) == 1
    assert "warning      This is a teaching phantom" in repr(reading)
    assert "disagreement between models" in repr(reading)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("kind", [str, Path, Path.read_bytes, lambda file: bytearray(file.read_bytes())])
def test_a_film_is_a_path_or_bytes(kind, films):
    reading = xraylab.read(kind(films / "ill.png"), "phantom")
    assert isinstance(reading, front.FilmReading)
    assert reading.decision == "positive"
    assert reading.file in {str(films / "ill.png"), "<bytes>"}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "films_in",
    [
        lambda folder: [folder / "ill.png", str(folder / "well.png")],
        lambda folder: (file for file in sorted(folder.iterdir())),
        lambda folder: {folder / "ill.png": 1, folder / "well.png": 2}.keys(),
        str,
        lambda folder: folder,
        lambda folder: [folder],
        lambda folder: [(folder / "ill.png").read_bytes(), (folder / "well.png").read_bytes()],
    ],
)
def test_several_films_give_a_sequence_in_their_order(films_in, films):
    readings = xraylab.read(films_in(films), "phantom")
    assert isinstance(readings, front.Readings)
    assert [reading.decision for reading in readings] == ["positive", "negative"]
    assert len(readings) == 2
    assert isinstance(readings[:1], front.Readings)
    assert readings[:1][0] is readings[0]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("kind", [str, Path, Path.read_bytes])
def test_an_archive_is_opened_by_its_path_or_its_bytes(kind, films, tmp_path):
    archive = write_zip(tmp_path / "two.zip", {file.name: file.read_bytes() for file in films.iterdir()})
    readings = xraylab.read(kind(archive), "phantom")
    assert [reading.file.rpartition("::")[2] for reading in readings] == ["ill.png", "well.png"]


@pytest.mark.usefixtures("home")
def test_a_list_of_one_is_a_sequence_and_a_folder_of_one_too(films, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "film.png").write_bytes((films / "ill.png").read_bytes())
    for several in ([films / "ill.png"], tmp_path / "one"):
        assert len(xraylab.read(several, "phantom")) == 1


@pytest.mark.usefixtures("home")
def test_bytes_in_a_list_are_named_by_their_place(films):
    readings = xraylab.read([films / "ill.png", (films / "well.png").read_bytes()], "phantom")
    assert [reading.file for reading in readings] == [str(films / "ill.png"), "<bytes 2>"]


@pytest.mark.usefixtures("home")
def test_progress_is_reported_film_by_film(films):
    done = []
    xraylab.read(films, "phantom", on_progress=done.append)
    assert done == [1, 2]


def test_settings_that_are_given_count(home, films, tmp_path):
    elsewhere = load_settings(home=tmp_path / "elsewhere")
    actions.lock(elsewhere, "phantom", "value:0.9999", actor="app")
    assert xraylab.read(films / "ill.png", "phantom").decision == "positive"
    assert xraylab.read(films / "ill.png", "phantom", settings=elsewhere).decision == "negative"
    assert home.home != elsewhere.home


# What can't be read


@pytest.mark.usefixtures("home")
def test_what_cannot_be_read_is_an_error_alone_and_a_row_in_a_list(films, tmp_path):
    (tmp_path / "letter.txt").write_bytes(NO_FILM)
    for alone in (NO_FILM, tmp_path / "letter.txt"):
        with pytest.raises(UnreadableImageError, match=r"can't be read\. This is not a DICOM, PNG, JPEG"):
            xraylab.read(alone, "phantom")
    readings = xraylab.read([films / "ill.png", NO_FILM], "phantom")
    assert readings[1].refused.startswith("This is not a DICOM, PNG, JPEG")
    assert (readings[1].score, readings[1].decision) == (None, None)
    assert readings[1].verdict.startswith("Not read: This is not")
    assert "not read     This is not" in repr(readings[1])
    assert "2 films by phantom, 1 of them not readable." in repr(readings)
    with pytest.raises(UnreadableImageError, match="has no heatmap"):
        readings[1].heatmap()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        (3, UnreadableImageError, "A value of the type int can't be read as films. Give the path of a film"),
        (None, UnreadableImageError, "A value of the type NoneType can't be read as films."),
        ({"film": "film.png"}, UnreadableImageError, "A value of the type dict can't be read as films."),
        (io.BytesIO(NO_FILM), UnreadableImageError, "A value of the type BytesIO can't be read as films."),
        (np.zeros((2, 2)), UnreadableImageError, "Item 1 of the list is of the type ndarray, not a film."),
        ([NO_FILM, 7], UnreadableImageError, "Item 2 of the list is of the type int, not a film."),
        ([["film.png"]], UnreadableImageError, "Item 1 of the list is of the type list, not a film."),
        ([], NotFoundError, "The list of films is empty. Give the path of a film"),
        (iter(()), NotFoundError, "There is no film to read: the folder or the list is empty."),
        ("nowhere.png", NotFoundError, "nowhere.png doesn't exist. Check the path."),
        ([NO_FILM, Path("nowhere.png")], NotFoundError, "nowhere.png doesn't exist. Check the path."),
        ("A" * 5000, NotFoundError, "doesn't exist. Check the path."),
    ],
)
def test_a_wrong_argument_is_a_sentence(wrong, error, sentence):
    with pytest.raises(error) as caught:
        xraylab.read(wrong, "phantom")
    assert isinstance(caught.value, xraylab.XRayLabError)
    assert sentence in str(caught.value)


@pytest.mark.usefixtures("home")
def test_an_empty_folder_holds_no_film(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="There is no film to read"):
        xraylab.read(tmp_path / "empty", "phantom")


@pytest.mark.usefixtures("home")
def test_an_unknown_model_is_rejected_with_the_names_that_exist(films):
    for ask in (lambda: xraylab.read(films, "nobody"), lambda: xraylab.load_model("nobody")):
        with pytest.raises(NotFoundError, match=r"There is no model “nobody”\. There are: ensemble"):
            ask()


@pytest.mark.parametrize("age", [-1, 121, math.nan])
def test_an_impossible_age_is_the_caller_s_bug(age):
    with pytest.raises(ValueError, match=r"it must lie in \[0, 120\] years"):
        xraylab.read("film.png", age=age)


# Heatmaps


@pytest.mark.usefixtures("home")
def test_a_heatmap_and_an_overlay_are_one_call_away(films):
    reading = xraylab.read(films / "ill.png", "phantom")
    heatmap = reading.heatmap()
    assert (heatmap.dtype, heatmap.ndim) == (np.float32, 2)
    assert 0 <= heatmap.min() < heatmap.max() <= 1
    overlay = reading.overlay()
    assert (overlay.mode, overlay.width) == ("RGB", 256)
    assert overlay.height > 256  # SYNTHETIC stands below a phantom
    plain = dataclasses.replace(reading, synthetic=False).overlay()
    assert plain.size == (256, 256)
    assert np.ptp(np.asarray(plain).astype(int), axis=2).max() > 0  # colour lies over the grey film
    assert not np.array_equal(reading.heatmap("hirescam"), heatmap)
    with pytest.raises(NotFoundError, match=r"There is no method “gradcam”\. Choose grad-cam, "):
        reading.heatmap("gradcam")


def test_a_heatmap_of_a_model_that_was_replaced_is_refused(home, films):
    reading = xraylab.read(films / "ill.png", "phantom")
    other = dataclasses.replace(reading, weights=weights.Weights(home, "phantom", "0" * 64))
    with pytest.raises(WeightsError, match="“phantom” was replaced since this film was read"):
        other.heatmap()


def test_a_model_is_loaded_once_for_many_calls(home, films, monkeypatch):
    xraylab.read(films / "ill.png", "phantom")
    monkeypatch.setattr(actions, "load_for_reading", lambda *_: pytest.fail("loaded again"))
    assert xraylab.read(films / "well.png", "phantom").decision == "negative"
    actions.lock(home, "phantom", "value:0.1", actor="app")  # a lock counts at once
    assert xraylab.read(films / "well.png", "phantom").decision == "positive"


# Results


@pytest.mark.usefixtures("home")
def test_every_result_is_frozen_and_goes_through_json(films):
    reading = xraylab.read(films / "ill.png", "phantom")
    model = xraylab.load_model("phantom")
    locked = xraylab.lock(model, 0.5)
    results = [reading, reading.lock, model, model.validation_auc, locked, locked.validation]
    for result in results:
        record = result.to_dict()
        assert json.loads(json.dumps(record, allow_nan=False)) == record
        assert dataclasses.is_dataclass(result)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, next(iter(record)), 1)
    assert reading.to_dict()["verdict"] == reading.verdict
    assert "pixels" not in reading.to_dict()
    assert "settings" not in model.to_dict()


def test_a_number_that_is_not_defined_is_none_in_json_and_a_dash_for_eyes():
    measure = front.Measure(math.nan)
    assert measure.to_dict() == {"value": None, "low": None, "high": None}
    assert repr(measure) == "–"
    assert repr(front.Measure(0.954, 0.931, 0.971)) == "0.954 (0.931–0.971)"
    assert float(front.Measure(0.5)) == 0.5


@pytest.mark.usefixtures("home")
def test_a_reading_shows_score_decision_lock_and_what_it_is_for(films):
    lines = repr(xraylab.read(films / "ill.png", "phantom")).splitlines()
    assert lines == [
        f"{films / 'ill.png'}, read by phantom",
        "score        0.990, not calibrated",
        "decision     Pneumonia score above the threshold.",
        "lock         0.495 (Youden)",
        "Research and teaching. Not a medical device.",
    ]


@pytest.mark.usefixtures("home")
def test_readings_have_a_frame_a_short_repr_and_a_table_in_a_notebook(films):
    readings = xraylab.read([films / "ill.png", films / "well.png", NO_FILM], "phantom")
    frame = readings.frame()
    assert list(frame["decision"].fillna("")) == ["positive", "negative", ""]
    assert (frame["score"].dtype, frame["review_from"].dtype) == (np.float64, np.float64)
    assert math.isnan(frame["score"][2])
    assert repr(readings).splitlines()[1] == "   0.990  ill.png  Pneumonia score above the threshold"
    assert "<table" in readings._repr_html_()
    assert [record["file"] for record in readings.to_dicts()] == list(frame["file"])
    many = dataclasses.replace(readings, results=readings.results * 10)
    assert repr(many).splitlines()[-1] == "  … and 10 more"


@pytest.mark.usefixtures("home")
def test_a_name_from_outside_cannot_break_the_table(tmp_path):
    (tmp_path / "<b>x.png").write_bytes(film())
    readings = xraylab.read([tmp_path / "<b>x.png"], "phantom")
    assert "<b>" not in readings._repr_html_()


# Models


@pytest.mark.usefixtures("home")
def test_models_are_a_sequence_with_a_frame():
    found = xraylab.list_models()
    assert [model.name for model in found][:2] == ["ensemble", "mobilenet_v2"]
    frame = found.frame()
    assert list(frame["name"]) == [model.name for model in found]
    assert frame["auc"].between(0.9, 1).all()
    assert (frame["auc_low"] <= frame["auc"]).all()
    assert "AUC 0.998" in repr(found)


def test_a_list_without_models_still_has_its_columns(tmp_path):
    nothing = xraylab.list_models(settings=load_settings(home=tmp_path))
    assert len(nothing) == 0
    assert "auc" in nothing.frame().columns
    assert repr(nothing).startswith("0 models")


def test_a_model_by_name_reads_locks_evaluates_and_shows_its_scores(home, films):
    model = xraylab.load_model("phantom")
    assert (model.arch, model.shipped, model.calibrated) == ("small_cnn", True, False)
    assert model.operating_point.threshold == 0.495
    assert model.read(films / "ill.png").decision == "positive"
    assert {"label", "score", "group"} <= set(model.predictions().columns)
    assert model.card().startswith("# ")
    locked = model.lock("sensitivity:0.95", review="sensitivity:0.99")
    assert locked.review_from < locked.threshold
    assert "review from" in repr(locked)
    assert xraylab.load_model("phantom").operating_point.review_from == locked.review_from
    assert "review band" in repr(model.evaluate(model.dataset, split="validation"))
    assert actions.model_row(home, "phantom").rule == "sensitivity:0.95"
    with pytest.raises(NotFoundError, match="There is no split “train” with stored predictions"):
        model.predictions("train")


@pytest.mark.usefixtures("home")
def test_sealed_predictions_stay_sealed():
    model = xraylab.load_model("phantom")
    model.lock(0.5)
    with pytest.raises(HonestOrderError, match="are sealed"):
        model.predictions("test")


# Locking and evaluating


def test_a_lock_takes_a_rule_or_a_number_and_remembers_who(home):
    assert xraylab.lock("phantom").rule == "youden"
    locked = xraylab.lock("phantom", np.float64(1 / 3))
    assert locked.threshold == 1 / 3
    assert (home.models / "phantom" / "lock.json").is_file()
    assert json.loads((home.models / "phantom" / "lock.json").read_text())["actor"] == "Python"
    assert repr(locked).startswith("phantom: lock 0.333 (threshold 0.333")
    assert "on validation" in repr(locked)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("rule", [math.nan, 1.5, None, [0.5], "best"])
def test_an_invalid_rule_is_rejected_with_a_sentence(rule):
    with pytest.raises(RecipeError):
        xraylab.lock("phantom", rule)


@pytest.mark.usefixtures("home")
def test_an_evaluation_has_intervals_counts_and_a_frame(tmp_path):
    write(tmp_path / "films", 30, seed=8)
    result = xraylab.evaluate("phantom", tmp_path / "films")
    assert result.split is None
    assert result.counts.films == 30
    assert result.sensitivity.value == result.counts.tp / (result.counts.tp + result.counts.fn)
    assert result.auc.low < result.auc.value < result.auc.high
    frame = result.frame()
    assert frame.loc["ppv", "value"] == result.ppv.value
    assert math.isnan(frame.loc["kappa", "low"])
    assert f"AUC          {result.auc!r}" in repr(result)
    assert f"missed       {result.counts.fn} of" in repr(result)
    assert "Intervals at 95 %" in repr(result)


@pytest.mark.usefixtures("home")
def test_what_cannot_be_evaluated_is_a_sentence(tmp_path):
    with pytest.raises(NotFoundError, match="neither a dataset nor a path"):
        xraylab.evaluate("phantom", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError):
        xraylab.evaluate("phantom", tmp_path / "empty")


# Importing and training


def test_films_are_imported_and_counted(home, phantom_folder):
    seen = []
    dataset = xraylab.import_dataset(
        str(phantom_folder), "films", on_progress=lambda done, total: seen.append((done, total))
    )
    assert (dataset.films, dataset.kind) == (60, "phantoms")
    assert seen[-1] == (60, 60)
    frame = dataset.frame()
    assert int(frame.to_numpy().sum()) == 60
    assert isinstance(frame, pd.DataFrame)
    assert repr(dataset).startswith(f"films: 60 phantoms, {dataset.patients} patients")
    films = {split: counts["films"] for split, counts in dataset.splits.items()}
    assert sum(films.values()) == 60
    assert ", ".join(f"{split} {n}" for split, n in films.items()) in repr(dataset)
    assert dataset.patients_from == "names of files"
    assert json.loads(json.dumps(dataset.to_dict())) == dataset.to_dict()
    assert (home.datasets / "films" / "dataset.json").is_file()
    with pytest.raises(xraylab.XRayLabError, match="already"):
        xraylab.import_dataset(phantom_folder, "films")


def test_a_mapping_is_a_file_or_its_fields(home, tmp_path):
    source = COPIES["plain folders"].make(tmp_path)
    file = tmp_path / "map.json"
    fields = {"finding": "tuberculosis", "absent": ["Healthy", "Other disease"]}
    file.write_text(json.dumps(fields))
    of_fields = xraylab.import_dataset(source, "one", mapping=fields)
    of_file = xraylab.import_dataset(source, "two", mapping=file)
    assert of_fields.labels == of_file.labels == {"no tuberculosis": 20, "Tuberculosis": 10}
    assert of_fields.patients_from == "folders"
    for wrong in ({"laterals": "some"}, {"nothing": 1}, "no such file"):
        with pytest.raises(xraylab.XRayLabError, match="mapping"):
            xraylab.import_dataset(source, "three", mapping=wrong)
    assert not (home.datasets / "three").exists()


def test_a_recipe_is_a_dict_a_file_or_itself_and_a_training_ends_with_a_model(imported, tmp_path):
    recipe = BRIEF.model_dump(mode="json", by_alias=True)
    finished = xraylab.train(DATASET, arch="small_cnn", recipe=recipe, name="first")
    assert finished.model == "first"
    assert repr(finished).startswith("first, trained in ")
    assert json.loads(json.dumps(finished.to_dict(), allow_nan=False)) == finished.to_dict()
    assert [model.name for model in xraylab.list_models(settings=imported)] == ["first"]
    with pytest.raises(xraylab.XRayLabError, match="There is a model “first” already"):
        xraylab.train(DATASET, arch="small_cnn", recipe=BRIEF, name="first")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(RecipeError, match=r"bad\.json is not a valid recipe"):
        xraylab.train(DATASET, arch="small_cnn", recipe=tmp_path / "bad.json")
    with pytest.raises(RecipeError, match="The recipe is not a valid recipe"):
        xraylab.train(DATASET, arch="small_cnn", recipe={"name": "brief"})
    with pytest.raises(RecipeError, match="a value that JSON doesn't have"):
        xraylab.train(DATASET, arch="small_cnn", recipe={"name": object()})


def test_one_of_several_processes_is_refused(monkeypatch):
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    monkeypatch.setitem(os.environ, "RANK", "1")
    with pytest.raises(TrainingError, match="by the command"):
        xraylab.train("films")
