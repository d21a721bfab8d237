"""Predictions that belong to other weights: every way to a model's numbers refuses them with one sentence."""

import math

import pytest

from tests.support.brief import BOTH, DATASET
from tests.support.stale import stale
from xraylab import actions
from xraylab.data.openings import read_openings
from xraylab.errors import WeightsError
from xraylab.models import load_model, ready_made

pytest_plugins = ["tests.support.averaged"]

WAYS = {
    "lock by a rule": lambda home: actions.lock(home, "one", "youden", actor="test"),
    "lock by hand": lambda home: actions.lock(home, "one", 0.5, actor="test"),
    "lock with a band": lambda home: actions.lock(home, "one", 0.5, actor="test", review=0.1),
    "evaluate": lambda home: actions.evaluate(home, "one", DATASET, split="validation", actor="test"),
    "evaluate on test films": lambda home: actions.evaluate(home, "one", DATASET, actor="test"),
    "validation": lambda home: actions.evaluate_validation(home, "one"),
    "open the test split": lambda home: actions.open_test(home, "one", actor="test"),
    "compare": lambda home: actions.compare(home, "one", "two"),
    "compare as the other": lambda home: actions.compare_models(home, ["two", "one"]),
    "name a pair": lambda home: actions.name_pair(home, "one", "two", actor="test"),
    "average": lambda home: actions.ensemble(home, "new", ["two", "one"], actor="test"),
    "shift": lambda home: actions.shift(home, "one", str(home.home)),
    "thresholds": lambda home: actions.threshold_csv(home, "one", "validation"),
    "scores": lambda home: actions.predictions_csv(home, "one", "validation"),
    "report": lambda home: actions.evaluation_report(home, "one"),
    "film report": lambda home: actions.standing_of(load_model(home, "one"), None),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_to_a_models_numbers_refuses_them_with_one_sentence(averaged, way):
    sentence = stale(load_model(averaged, "one"))
    lock = load_model(averaged, "one").lock
    with pytest.raises(WeightsError) as caught:
        way(averaged)
    assert str(caught.value) == sentence
    assert load_model(averaged, "one").lock == lock, "neither locked nor opened"
    assert read_openings(averaged) == []
    assert not (averaged.models / "new").exists()


@pytest.mark.parametrize(
    "way",
    [
        lambda home: actions.test_result(home, "one"),
        lambda home: actions.shift(home, "one"),
        lambda home: actions.threshold_csv(home, "one", "test"),
        lambda home: actions.predictions_csv(home, "one", "test"),
    ],
)
def test_so_do_those_to_opened_test_films(averaged, way):
    actions.open_test(averaged, "one", actor="test")
    sentence = stale(load_model(averaged, "one"))
    with pytest.raises(WeightsError) as caught:
        way(averaged)
    assert str(caught.value) == sentence


def test_the_card_has_the_sentence_where_the_figures_were(averaged):
    actions.open_test(averaged, "one", actor="test")
    assert actions.model_card(averaged, "one").count("| AUC |") == 2
    sentence = stale(load_model(averaged, "one"))
    card = actions.model_card(averaged, "one")
    assert card.count(sentence) == 2
    assert "| AUC |" not in card
    assert "## Known failures" in card


def test_lists_go_on_with_dashes(averaged):
    stale(load_model(averaged, "one"))
    rows = {row.name: row for row in actions.model_rows(averaged)}
    assert set(rows) == {"one", "two", BOTH}
    assert math.isnan(rows["one"].val_auc)
    assert math.isnan(actions.model_row(averaged, "one").val_auc)
    assert not math.isnan(rows["two"].val_auc)
    assert ready_made([load_model(averaged, name) for name in rows]) == {}


def test_a_named_pair_is_void_with_the_sentence(averaged):
    actions.name_pair(averaged, "one", "two", actor="test")
    for name in ("one", "two"):
        actions.open_test(averaged, name, actor="test")
    sentence = stale(load_model(averaged, "two"))
    [row] = actions.test_pairs(averaged, None)
    assert (row.state, row.reason) == ("void", sentence)


def test_an_ensemble_made_before_keeps_its_own_numbers(averaged):
    before = actions.evaluate_validation(averaged, BOTH)
    stale(load_model(averaged, "one"))
    assert actions.evaluate_validation(averaged, BOTH) == before
