"""Comparing several models and seeds: what the action puts together, and the command that tells it."""

import json
import math
import shutil

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score, roc_auc_score

from tests.support.brief import BOTH, MEMBERS
from tests.support.workers import made_once
from xraylab import actions
from xraylab.__main__ import main
from xraylab.errors import ComparisonError, HonestOrderError, NotFoundError
from xraylab.evaluation.comparison import holm, verdict_of_all
from xraylab.models import Model, load_model
from xraylab.reports.comparison import comparison_csv
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.averaged"]


@pytest.fixture(scope="session")
def seeded_home(tmp_path_factory, averaged_home, add_model):
    def make(home):
        shutil.copytree(averaged_home, home)
        for seed in range(3):
            add_model(load_settings(home=home), f"net-s{seed}", "small_cnn", 10 + seed)

    return made_once(tmp_path_factory, "seeded", make)


@pytest.fixture
def seeded(copied, seeded_home):
    """A home with two models, their ensemble, and three seeds of one training."""
    return copied(seeded_home)


def test_every_model_gets_its_numbers_at_its_own_lock(averaged):
    found = actions.compare_models(averaged, [BOTH, *MEMBERS])
    assert [one.model for one in found.models] == [BOTH, *MEMBERS]
    for one in found.models:
        model = load_model(averaged, one.model)
        films, threshold = model.films("validation").scored, model.lock.threshold
        assert one.threshold == threshold
        assert (one.n, one.patients) == (len(films), len(set(films.groups)))
        expected = {
            "auc": roc_auc_score(films.labels, films.scores),
            "f1": f1_score(films.labels, films.scores >= threshold),
            "brier": brier_score_loss(films.labels, films.scores),
        }
        assert {name: one.metrics[name].value for name in expected} == pytest.approx(expected, abs=1e-12)
        assert "precision" in one.metrics  # as every other document calls it


def test_each_other_model_is_held_against_the_first_and_p_is_adjusted_for_them(averaged):
    found = actions.compare_models(averaged, [BOTH, *MEMBERS])
    pairs = [actions.compare(averaged, BOTH, other).comparison for other in MEMBERS]

    assert [(pair.first, pair.second) for pair in found.pairs] == [(BOTH, other) for other in MEMBERS]
    areas, calls = ([pair.auc.p for pair in pairs], [pair.calls.p for pair in pairs])
    assert [pair.auc_p for pair in found.pairs] == pytest.approx(areas, nan_ok=True)
    assert [pair.auc_p_holm for pair in found.pairs] == pytest.approx(holm(areas), nan_ok=True)
    assert [pair.mcnemar_p_holm for pair in found.pairs] == pytest.approx(holm(calls), nan_ok=True)
    assert found.verdict == verdict_of_all(pairs)


def test_a_difference_of_the_jackknife_is_that_of_the_two_columns(averaged):
    found = actions.compare_models(averaged, MEMBERS)
    [pair], (one, other) = found.pairs, found.models

    for name in ("average_precision", "f1", "kappa", "sensitivity", "specificity", "auc"):
        apart = one.metrics[name].value - other.metrics[name].value
        assert getattr(pair, name).value == pytest.approx(apart, abs=1e-12)


def test_seeds_are_shown_as_mean_and_spread_and_not_tested(seeded):
    found = actions.compare_models(seeded, [BOTH, "seeds:net", "one"])
    group = found.models[1]
    names = [f"net-s{seed}" for seed in range(3)]
    films = [load_model(seeded, name).films("validation").scored for name in names]
    aucs = [roc_auc_score(each.labels, each.scores) for each in films]

    assert (group.model, group.seeds, group.threshold, group.metrics) == ("net", names, None, {})
    spread = group.spread["auc"]
    assert (spread.n, spread.mean, spread.sd) == (
        3,
        pytest.approx(np.mean(aucs)),
        pytest.approx(np.std(aucs, ddof=1)),
    )
    assert (spread.low, spread.high) == pytest.approx((min(aucs), max(aucs)))
    assert [pair.second for pair in found.pairs] == ["one"]
    note, calibrated = found.notes
    assert "not an interval" in note
    assert calibrated.startswith(f"{BOTH}: calibrated on these same films")


def test_seeds_first_leave_nothing_to_test(seeded):
    found = actions.compare_models(seeded, ["seeds:net", "one"])
    assert found.pairs == []
    assert "no test is made" in found.verdict


@pytest.mark.parametrize(
    ("entries", "error", "says"),
    [
        (["one"], ComparisonError, "takes 2 to 8 models, not 1"),
        ([*"123456789"], ComparisonError, "takes 2 to 8 models, not 9"),
        (["one", "two", "one"], ComparisonError, "“one” can't be compared with itself"),
        (["one", "nobody"], NotFoundError, "no model “nobody”"),
        (["one", "seeds:two"], NotFoundError, "no training of several seeds “two”. There are: net"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(seeded, entries, error, says):
    with pytest.raises(error, match=says):
        actions.compare_models(seeded, entries)


def test_a_model_without_a_lock_is_not_compared(seeded):
    (seeded.models / "net-s1" / "lock.json").unlink()
    with pytest.raises(HonestOrderError, match="net-s1 has no locked threshold"):
        actions.compare_models(seeded, ["one", "seeds:net"])


def without_a_film(monkeypatch, name):
    real = actions.comparison._films
    monkeypatch.setattr(
        "xraylab.actions.comparison._films",
        lambda model, *more: real(model, *more).iloc[1:] if model.name == name else real(model, *more),
    )


@pytest.mark.parametrize("entries", [["one", "two"], ["one", "seeds:net"], ["seeds:net", "one"]])
@pytest.mark.parametrize("short", ["one", "net-s1"])
def test_other_films_are_refused_with_why_seeds_too(seeded, monkeypatch, entries, short):
    without_a_film(monkeypatch, short)
    if short == "net-s1" and "seeds:net" not in entries:
        assert actions.compare_models(seeded, entries)
        return
    with pytest.raises(ComparisonError, match="can't be compared"):
        actions.compare_models(seeded, entries)


def test_test_scores_stay_sealed(seeded, monkeypatch):
    look = Model.films

    def films(model, split):
        return look(model, split) if split == "validation" else pytest.fail("looked at the test films")

    monkeypatch.setattr(Model, "films", films)
    assert actions.compare_models(seeded, [BOTH, "one", "seeds:net"]).n


def test_films_of_one_class_give_dashes_and_a_sentence(averaged, monkeypatch):
    real = actions.comparison._films
    monkeypatch.setattr(
        "xraylab.actions.comparison._films",
        lambda model, *more: real(model, *more).query("label == 1").reset_index(drop=True),
    )
    found = actions.compare_models(averaged, [BOTH, *MEMBERS])
    assert "can't tell one and two from both" in found.verdict
    assert all(math.isnan(pair.auc_p_holm) for pair in found.pairs)
    assert math.isnan(found.models[0].metrics["specificity"].value)


def test_the_command_gives_the_document(seeded, run):
    document = run("compare", BOTH, *MEMBERS, "seeds:net")
    expected = actions.compare_models(seeded, [BOTH, *MEMBERS, "seeds:net"])
    assert document == json.loads(expected.model_dump_json())
    assert document["models"][0]["metrics"]["ece"]["low"] is None


def test_the_command_tells_a_person(seeded, capsys):
    assert main(["compare", BOTH, "one", "seeds:net"]) == 0
    out = capsys.readouterr().out
    assert "net, 3 seeds" in out
    assert "both less one: AUC" in out
    assert main(["compare", BOTH]) == 2
    assert "takes 2 to 8 models" in capsys.readouterr().err


def test_scores_calibrated_on_these_films_are_never_put_beside_others_without_saying_so(averaged):
    found = actions.compare_models(averaged, [BOTH, "one"])
    assert [model.calibrated for model in found.models] == [True, False]
    [note] = found.notes
    assert note == (
        f"{BOTH}: calibrated on these same films, so Brier score and calibration error look better than they "
        "are. The scores of one aren't calibrated. Don't compare the two across models here; compare them on "
        "films that calibrated no model."
    )
    assert actions.compare_models(averaged, ["one", "two"]).notes == []
    assert f"{BOTH},,calibrated_on_these_films,1" in comparison_csv(found)
