"""Stored predictions: read and counted once, and never those of another file or other weights."""

import pytest

from tests.support.brief import MODEL
from tests.support.stale import stale
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.errors import HonestOrderError, NotFoundError, WeightsError
from xraylab.evaluation.rules import Rule
from xraylab.models import HELD_OUT, choose_threshold, load_model, why_no_floor
from xraylab.predictions import Predictions

pytest_plugins = ["tests.support.trained"]


def test_a_model_that_is_loaded_again_shares_the_table_and_what_was_worked_out_of_it(trained):
    table = load_model(trained, MODEL).table("validation")
    again = load_model(trained, MODEL).table("validation")
    assert again is table
    assert again.effective is table.effective
    scored = load_model(trained, MODEL).films("validation").scored
    assert (table.n, table.positives) == (len(scored), int(scored.labels.sum()))


def test_films_are_a_copy_that_a_caller_may_change(trained):
    model = load_model(trained, MODEL)
    films = model.films("validation")
    before = films.frame["score"].tolist()
    films.frame["score"] = 0.5
    assert model.films("validation").frame["score"].tolist() == before


def test_a_file_that_was_written_since_is_read_again(trained):
    model = load_model(trained, MODEL)
    before = model.table("validation")
    file = model.folder / "predictions.parquet"
    kept = predictions_file.read(file)
    frame = kept.frame.assign(score=kept.frame["score"] / 2)
    predictions_file.write(file, Predictions(frame, kept.model_hash, kept.dataset_hash))
    assert (
        model.films("validation").scores.tolist()
        == frame.loc[frame["split"] == "validation", "score"].tolist()
    )
    assert model.table("validation").threshold[1:].tolist() == (before.threshold[1:] / 2).tolist()


def test_the_seal_is_checked_at_every_call_also_of_a_table_that_was_counted(trained):
    actions.open_test(trained, MODEL, actor="test")
    model = load_model(trained, MODEL)
    assert model.table("test").n == len(model.films("test").scored) > 0
    actions.lock(trained, MODEL, "f1", actor="test")
    for look in (model.table, model.films, load_model(trained, MODEL).table):
        with pytest.raises(HonestOrderError, match="The test films of first are sealed"):
            look("test")


@pytest.mark.parametrize("split", ["train", "all", ""])
def test_there_are_no_other_splits(trained, split):
    model = load_model(trained, MODEL)
    for look in (model.films, model.table, model.suite):
        with pytest.raises(NotFoundError, match=f"no split “{split}” with stored predictions"):
            look(split)


@pytest.mark.parametrize("split", HELD_OUT)
def test_predictions_of_other_weights_are_refused_by_every_way_to_them(trained, split):
    actions.open_test(trained, MODEL, actor="test")
    model = load_model(trained, MODEL)
    model.table(split)
    sentence = stale(model)
    ways = (
        lambda: model.films(split),
        lambda: model.table(split),
        lambda: load_model(trained, MODEL).table(split),
        lambda: choose_threshold(model, Rule("youden")),
        lambda: choose_threshold(model, Rule("value", 0.5)),
        lambda: model.write_lock(0.5, "value:0.5", actor="test"),
        lambda: model.unsealed,
    )
    for way in ways:
        with pytest.raises(WeightsError) as caught:
            way()
        assert str(caught.value) == sentence
    assert why_no_floor(model, 0.95), "its recipe is no better for that"
