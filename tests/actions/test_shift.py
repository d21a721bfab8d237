"""Other films against validation: the opened test films, or a folder of labelled ones."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.errors import HonestOrderError, NotFoundError
from xraylab.evaluation.calibration import measure_calibration
from xraylab.evaluation.summary import summarise
from xraylab.models import load_model, openings_of

pytest_plugins = ["tests.support.averaged"]


@pytest.fixture
def model(members):
    """A locked model that tells phantoms apart."""
    return load_model(members, "one")


@pytest.fixture
def flat_films(tmp_path, other_phantoms):
    """The phantoms as a worn-out machine would show them: dark and without contrast."""
    folder = tmp_path / "flat"
    for file in other_phantoms.rglob("*.png"):
        target = folder / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as film:
            Image.fromarray((np.asarray(film.convert("L")) * 0.2).astype(np.uint8)).save(target)
    return folder


def test_the_test_films_stay_sealed_until_they_are_opened_at_the_present_lock(members, model):
    with pytest.raises(HonestOrderError, match="sealed"):
        actions.shift(members, "one")
    assert openings_of(members, model) == []
    actions.open_test(members, "one", actor="app")
    assert actions.shift(members, "one").document.data == "test"
    actions.lock(members, "one", "value:0.4", actor="app")
    with pytest.raises(HonestOrderError, match="sealed"):
        actions.shift(members, "one")
    assert len(openings_of(members, model)) == 1


def test_without_a_lock_nothing_is_compared(members, model, flat_films):
    (model.folder / "lock.json").unlink()
    with pytest.raises(HonestOrderError, match="Lock one"):
        actions.shift(members, "one", str(flat_films))


def test_what_is_no_path_is_a_sentence(members, model, tmp_path):
    with pytest.raises(NotFoundError, match=r"isn't a path on this machine\..*“test”"):
        actions.shift(members, "one", str(tmp_path / "nowhere"))


def test_both_sets_are_measured_at_the_lock_from_the_stored_scores(members, model, run):
    actions.open_test(members, "one", actor="app")
    document = run("shift", "one")
    for told, said in (
        (document["validation"], model.films("validation")),
        (document["other"], model.films("test")),
    ):
        films = said.scored
        expected = summarise(films.labels, films.scores, films.groups, model.lock.threshold)
        fit = measure_calibration(films.labels, films.scores, films.frame["logit"], films.groups)
        assert told["n"] == len(films)
        assert told["sensitivity"] == expected.point.sensitivity
        assert told["specificity_ci"] == list(expected.intervals["specificity"])
        assert told["auc_ci"] == list(expected.auc_ci)
        assert (told["slope"], told["intercept"]) == (fit.slope, fit.intercept)
        assert told["calibration"]["observed_expected"] == fit.ratio
        assert told["calibration"]["slope_ci"] == [None, None]
        assert told["calibration"]["too_few"] == fit.too_few
        assert (told["brier"], told["ece"]) == (expected.brier, expected.ece)
        assert told["prevalence"] == films.labels.mean()
    assert document["differences"]["sensitivity"]["value"] == pytest.approx(
        document["other"]["sensitivity"] - document["validation"]["sensitivity"]
    )
    assert [one["label"] for one in document["classes"]] == ["NORMAL", "PNEUMONIA"]


def test_a_folder_is_scored_whole_as_evaluate_does(members, model, run, other_phantoms):
    document, evaluated = (
        run("shift", "one", "--data", other_phantoms),
        run("evaluate", "--model", "one", "--data", other_phantoms),
    )
    other = document["other"]
    for key in ("n", "patients", "refused", "warned", "auc", "auc_ci", "sensitivity", "specificity", "brier"):
        assert other[key] == evaluated[key], key
    assert openings_of(members, model) == []


def repeat_validation(model, times):
    """As if so many times as many patients had been held out, since nine films can't tell much apart."""
    stored = predictions_file.read(model.folder / "predictions.parquet")
    frame = stored.of_split("validation").frame
    more = [
        frame.assign(image_id=frame["image_id"] + f"-{n}", group=frame["group"] + f"-{n}")
        for n in range(1, times)
    ]
    repeated = replace(stored, frame=pd.concat([stored.frame, *more], ignore_index=True))
    predictions_file.write(model.folder / "predictions.parquet", repeated)


def test_films_from_a_worn_out_machine_fire_and_are_told_so(members, model, flat_films):
    repeat_validation(model, 5)
    (flat_films / "NORMAL" / "broken.png").write_bytes(b"no film")
    told = actions.shift(members, "one", str(flat_films))
    assert told.document.fires
    assert told.document.verdict.startswith("These films score differently from validation: ")
    assert told.document.other.refused == 1
    assert len(told.other) == told.document.other.n == told.comparison.other.figures.n
    assert not told.document.floor_void


@pytest.mark.parametrize("rule", ["floor:0.95", "value:0.4"])
def test_a_floor_is_void_where_the_films_score_differently_and_nowhere_else(members, model, flat_films, rule):
    repeat_validation(model, 5)
    model.write_lock(0.4, rule, actor="app")
    model.write_opening()
    apart, alike = actions.shift(members, "one", str(flat_films)), actions.shift(members, "one")
    assert apart.document.fires
    assert apart.document.floor_void == (rule == "floor:0.95")
    assert ("The sensitivity floor" in apart.document.verdict) == apart.document.floor_void
    assert not alike.document.fires
    assert not alike.document.floor_void


def test_films_of_one_class_are_told_with_dashes_not_numbers(members, model, run, flat_films):
    shutil.rmtree(flat_films / "NORMAL")
    document = run("shift", "one", "--data", flat_films)
    other = document["other"]
    assert (other["auc"], other["specificity"], other["slope"]) == (None, None, None)
    assert "no normal film" in other["no_slope"]
    assert document["classes"][0]["chance"] is None
    assert document["differences"]["specificity"] == {"value": None, "low": None, "high": None}
    assert "Normal films can't be compared" in document["verdict"]
