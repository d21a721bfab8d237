"""Pairs named for the test films beforehand: who may name one, and what it comes to."""

import dataclasses
import json
import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.support.brief import BOTH, DATASET, MEMBERS
from tests.support.workers import made_once
from xraylab import actions, predictions
from xraylab.__main__ import main
from xraylab.errors import ComparisonError, HonestOrderError, NotFoundError
from xraylab.evaluation.comparison import holm
from xraylab.models import load_model
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.averaged"]


@pytest.fixture(scope="session")
def disturbed_home(tmp_path_factory, averaged_home, add_model):
    def make(folder):
        shutil.copytree(averaged_home, folder)
        settings = load_settings(home=folder)
        add_model(settings, "three", "small_cnn", 3)
        for seed, model in enumerate(("one", "two", "three")):
            _disturb(settings, model, seed)

    return made_once(tmp_path_factory, "disturbed", make)


@pytest.fixture
def home(copied, disturbed_home):
    """A home with two models and their ensemble, and one that isn't in it."""
    return copied(disturbed_home)


def _disturb(settings, model, seed):
    """Let a model err on test films, each in its own way: few films are all told apart otherwise."""
    file = settings.models / model / "predictions.parquet"
    said = predictions.read(file)
    noise = np.random.default_rng(seed).random(len(said))
    frame = said.frame.assign(score=said.frame["score"].where(said.frame["split"] != "test", noise))
    predictions.write(file, dataclasses.replace(said, frame=frame))


def name(settings, *models):
    return actions.name_pair(settings, *models, actor="test")


def opened(settings, *models):
    for model in models:
        actions.open_test(settings, model, actor="test")


def rows(settings):
    return actions.test_pairs(settings, None)


def edit_pairs(settings, **values):
    """Change what was written down of the last pair."""
    file = settings.home / "pairs.jsonl"
    *lines, last = file.read_text().splitlines()
    file.write_text("\n".join([*lines, json.dumps(json.loads(last) | values)]) + "\n")


def test_a_pair_is_written_down_with_what_both_models_are(home):
    row = name(home, "one", "three")
    [pair] = actions.named_pairs(home)
    one, three = (load_model(home, model).card for model in ("one", "three"))

    assert (row.first, row.second, row.dataset, row.state, row.actor) == (
        "one",
        "three",
        DATASET,
        "waiting",
        "test",
    )
    assert pair.hashes == {"one": one.model_sha256, "three": three.model_sha256}
    assert pair.films == one.dataset.pixel_hash
    assert abs(pair.named_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_nothing_is_seen_of_a_pair_until_both_were_opened(home, monkeypatch):
    name(home, "one", "three")
    opened(home, "one")
    [row] = rows(home)
    assert (row.state, row.result) == ("waiting", None)
    assert row.reason == "The test split hasn't been opened for three at the present lock."


def test_once_both_were_opened_they_are_tested_on_the_test_films(home):
    name(home, "one", "three")
    opened(home, "one", "three")
    [row] = rows(home)
    one, three = (load_model(home, model).films("test").scored for model in ("one", "three"))
    apart = roc_auc_score(one.labels, one.scores) - roc_auc_score(three.labels, three.scores)

    assert (row.state, row.reason, row.pairs) == ("tested", None, 1)
    assert row.result.auc.value == pytest.approx(apart)
    assert row.result.n == len(one)
    assert row.result.auc_p_holm == pytest.approx(row.result.auc_p, nan_ok=True)
    validation = actions.compare(home, "one", "three").comparison
    assert row.result.auc.value != validation.auc.value


def test_p_is_adjusted_for_every_pair_that_was_named_waiting_ones_too(home):
    for other in ("two", "three"):
        name(home, "one", other)
    opened(home, "one", "three")
    waiting, tested = rows(home)
    assert (waiting.state, tested.state, tested.pairs) == ("waiting", "tested", 2)
    assert tested.result.auc_p < 0.5  # or twice of it would say nothing
    assert tested.result.auc_p_holm == pytest.approx(2 * tested.result.auc_p)
    assert tested.result.mcnemar_p_holm == pytest.approx(min(1, 2 * tested.result.mcnemar_p))
    opened(home, "two")
    both = [row.result for row in rows(home)]
    areas = [result.auc_p for result in both]
    assert [result.auc_p_holm for result in both] == pytest.approx(holm(areas))
    assert both[1].auc_p_holm <= tested.result.auc_p_holm  # what comes later makes no p larger


def test_a_void_pair_counts_too(home):
    for other in ("two", "three"):
        name(home, "one", other)
    opened(home, "one", "two", "three")
    before = rows(home)[0].result.auc_p
    card = home.models / "three" / "card.json"
    card.write_text(card.read_text().replace(load_model(home, "three").card.model_sha256, "of another"))
    tested, void = rows(home)
    assert void.state == "void"
    assert tested.result.auc_p_holm == pytest.approx(min(1, 2 * before))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda home: (home.models / "three" / "card.json").unlink(), "Gone or damaged since: three."),
        (
            lambda home: (home.models / "three" / "predictions.parquet").write_bytes(b"half"),
            "The predictions of the model “three” are missing or damaged",
        ),
        (
            lambda home: edit_pairs(home, first_sha256="of another"),
            "one was trained again since, so it is another model.",
        ),
        (
            lambda home: edit_pairs(home, named_at=datetime.now(UTC).isoformat(), openings=None),
            "Test results of one were revealed before it was named.",
        ),
        (
            lambda home: edit_pairs(home, openings=99),
            "Test results of one were revealed before it was named.",
        ),
    ],
)
def test_a_pair_that_is_no_pair_any_more_is_void_with_the_reason(home, spoil, reason):
    name(home, "one", "three")
    opened(home, "one", "three")
    spoil(home)
    [row] = rows(home)
    assert (row.state, row.result) == ("void", None)
    assert reason in row.reason


@pytest.mark.parametrize("looked_at", ["one", "three"])
def test_whoever_has_seen_test_films_of_either_names_no_pair(home, looked_at):
    opened(home, looked_at)
    with pytest.raises(HonestOrderError, match=f"results of {looked_at} or"):
        name(home, "one", "three")
    actions.lock(home, looked_at, "value:0.3", actor="test")  # a new lock makes nothing unseen
    with pytest.raises(HonestOrderError, match="before anybody has looked"):
        name(home, "one", "three")
    assert actions.named_pairs(home) == []


def test_an_opening_of_a_member_was_one_of_the_ensemble(home):
    opened(home, MEMBERS[0])
    with pytest.raises(HonestOrderError, match=f"of {BOTH} or of a model it is averaged with"):
        name(home, BOTH, "three")


def test_an_opening_of_another_model_hinders_nobody(home):
    opened(home, "two")
    assert name(home, "one", "three").state == "waiting"


@pytest.mark.parametrize(
    ("models", "error", "says"),
    [
        (("one", "one"), ComparisonError, "against itself"),
        (("one", "nobody"), NotFoundError, "no model “nobody”"),
    ],
)
def test_what_is_no_pair_is_a_sentence(home, models, error, says):
    with pytest.raises(error, match=says):
        name(home, *models)


def test_a_pair_is_named_once_in_either_order(home):
    name(home, "one", "three")
    for models in (("one", "three"), ("three", "one")):
        with pytest.raises(ComparisonError, match="are named for the test already"):
            name(home, *models)


def test_models_that_held_out_other_films_are_no_pair(home):
    card = home.models / "three" / "card.json"
    card.write_text(card.read_text().replace(load_model(home, "three").card.dataset.pixel_hash, "of others"))
    with pytest.raises(ComparisonError, match="didn't hold out the same films"):
        name(home, "one", "three")


def test_models_that_split_their_films_differently_are_no_pair(home, monkeypatch):
    from xraylab.errors import EnsembleError

    def differ(*_):
        raise EnsembleError("They use films differently.")

    monkeypatch.setattr("xraylab.actions.pairs.check_held_out", differ)
    with pytest.raises(ComparisonError, match="didn't hold out the same films"):
        name(home, "one", "three")


def test_a_model_without_a_lock_is_in_no_pair(home):
    (home.models / "three" / "lock.json").unlink()
    with pytest.raises(HonestOrderError, match="no locked threshold"):
        name(home, "one", "three")


def test_a_lock_made_after_the_opening_seals_the_pair_again_and_is_said_once_it_is_opened(home):
    name(home, "one", "three")
    opened(home, "one", "three")
    actions.lock(home, "one", "value:0.3", actor="test")
    assert rows(home)[0].state == "waiting"
    opened(home, "one")
    [row] = rows(home)
    assert row.state == "tested"
    assert row.notes == [
        "one was locked again after its test results were revealed: its AUC was fixed before that, its "
        "threshold wasn't."
    ]


def test_a_line_that_was_torn_off_is_no_pair_and_the_next_is_whole(home):
    name(home, "one", "three")
    with (home.home / "pairs.jsonl").open("a") as file:
        file.write('{"schema": "xraylab.pair/1", "films')
    assert len(actions.named_pairs(home)) == 1
    name(home, "two", "three")
    assert [pair.first for pair in actions.named_pairs(home)] == ["one", "two"]


def test_pairs_of_other_films_count_for_themselves(home):
    name(home, "one", "three")
    name(home, "two", "three")
    edit_pairs(home, films="of others")
    opened(home, "one", "two", "three")
    assert [row.pairs for row in rows(home)] == [1, 1]
    assert len(actions.test_pairs(home, "of others")) == 1
    assert len(actions.named_pairs(home, "of others")) == 1


def test_the_commands_name_and_show_pairs(home, run, capsys):
    document = run("compare", "one", "three", "--name-for-test")
    assert (document["state"], document["actor"]) == ("waiting", "command line")
    opened(home, "one", "three")
    [row] = run("compare", "--test")
    assert row == json.loads(rows(home)[0].model_dump_json())
    assert run("compare", "--test", "two") == []
    assert main(["compare", "--test", "one"]) == 0
    assert "one against three on films: tested" in capsys.readouterr().out
    assert main(["compare", "one", "three", "two", "--name-for-test"]) == 2
    assert "Name two models for the test" in capsys.readouterr().err
    assert main(["compare", "one", "two", "--name-for-test"]) == 2
    assert "before anybody has looked" in capsys.readouterr().err
