"""The suite, from a training by a recipe to a lock and an ensemble that were chosen under it."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tests.support.brief import DATASET
from tests.support.stale import stale
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.data.datasets import load_dataset
from xraylab.errors import HonestOrderError, NotFoundError, WeightsError
from xraylab.evaluation.calibration import fit_platt
from xraylab.evaluation.rules import choose, parse_rule
from xraylab.evaluation.thresholds import threshold_table
from xraylab.imaging.perturbations import SUITE
from xraylab.models import SUITE_FILE, CalibratedOn, choose_threshold, films_to_choose_by, load_model
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels

pytest_plugins = ["tests.support.perturbed"]

NAMES = [one.name for one in SUITE]


def stored(settings, name):
    """Both splits of what a model said under the suite, past the seal."""
    return predictions_file.read(settings.models / name / SUITE_FILE)


def test_every_held_out_film_is_scored_under_every_perturbation_by_the_one_scorer(perturbed):
    model, dataset = load_model(perturbed, "scored"), load_dataset(perturbed, DATASET)
    under = stored(perturbed, "scored").perturbations
    assert list(under) == NAMES
    rows = np.concatenate([dataset.rows("validation"), dataset.rows("test")])
    for one in SUITE:
        films = np.stack([one(film) for film in dataset.pixels[rows]])
        frame = under[one.name].frame
        assert frame["image_id"].tolist() == dataset.catalog["image_id"].iloc[rows].tolist()
        np.testing.assert_allclose(frame["score"], score_pixels(load(model), films).score, atol=1e-6)


def test_without_the_suite_there_is_no_file_and_a_sentence(perturbed):
    assert not (perturbed.models / "plain" / SUITE_FILE).exists()
    for ask in (
        lambda: actions.robustness(perturbed, "plain"),
        lambda: actions.lock(perturbed, "plain", "youden@suite", actor="app"),
    ):
        with pytest.raises(NotFoundError, match=r"wasn't scored under the suite.*“suite”: true"):
            ask()


def test_a_rule_under_the_suite_chooses_among_the_films_as_they_are_and_under_it(perturbed):
    model = load_model(perturbed, "locked")
    assert model.lock.rule == "youden@suite"
    validation, suite = model.films("validation"), stored(perturbed, "locked").of_split("validation")
    table = threshold_table(
        np.concatenate([validation.labels, suite.labels]),
        np.concatenate([validation.scores, suite.scores]),
        np.concatenate([validation.groups, suite.groups]),
    )
    assert len(suite) == len(SUITE) * len(validation)
    assert model.lock.threshold == choose(table, parse_rule("youden"))
    again = actions.lock(perturbed, "locked", "sensitivity:0.9@suite", actor="app")
    assert (table.at(again.threshold).sensitivity, again.rule) >= (0.9, "sensitivity:0.9@suite")


def test_what_the_suite_comes_to_is_told_perturbation_by_perturbation(perturbed):
    told = actions.robustness(perturbed, "locked")
    under = stored(perturbed, "locked").of_split("validation").perturbations
    assert [row.perturbation for row in told.rows] == NAMES
    for row in told.rows:
        said = under[row.perturbation]
        assert row.auc == pytest.approx(roc_auc_score(said.labels, said.scores))
        assert row.drop == pytest.approx(told.auc - row.auc)
        called = said.scores >= told.threshold
        assert row.sensitivity == pytest.approx(called[said.labels == 1].mean())
        assert row.specificity == pytest.approx(1 - called[said.labels == 0].mean())
        assert row.left_out == row.perturbation.startswith(("jpeg", "blur"))
    assert told.worst == min(told.rows, key=lambda row: row.auc).perturbation
    assert not any(row.left_out for row in actions.robustness(perturbed, "scored").rows)


def test_test_films_stay_sealed_under_the_suite_until_they_are_opened(perturbed):
    with pytest.raises(HonestOrderError, match="sealed"):
        actions.robustness(perturbed, "locked", split="test")
    actions.open_test(perturbed, "locked", actor="app")
    told = actions.robustness(perturbed, "locked", split="test")
    assert told.n == len(load_model(perturbed, "locked").films("test"))
    with pytest.raises(NotFoundError, match="Choose validation or test"):
        actions.robustness(perturbed, "locked", split="train")


def test_an_ensemble_of_models_scored_under_the_suite_is_calibrated_and_locked_under_it(perturbed):
    made = actions.ensemble(perturbed, "mean", ["locked", "scored"], actor="app", rule="youden@suite")
    model = load_model(perturbed, "mean")
    members = [load_model(perturbed, name) for name in ("locked", "scored")]
    rule = parse_rule("youden@suite")
    for member, own in zip(made.members, members, strict=True):
        films = films_to_choose_by(own, rule)
        assert member.slope == fit_platt(films.labels, films.frame["logit"].to_numpy()).slope
    one = members[0].films("validation").scored
    patients = len(set(one.groups))
    assert model.card.fitted_to == CalibratedOn(films=len(one), patients=patients, copies=len(SUITE))
    assert model.card.calibrated_on.rows == len(films_to_choose_by(members[0], rule))
    assert model.lock.rule == "youden@suite"
    assert model.lock.threshold == choose_threshold(model, rule)
    assert actions.robustness(perturbed, "mean").worst in NAMES
    dataset = load_dataset(perturbed, DATASET)
    rows = dataset.rows("validation")
    films = np.stack([SUITE[0](film) for film in dataset.pixels[rows]])
    said = stored(perturbed, "mean").of_split("validation").perturbations[SUITE[0].name]
    with torch.inference_mode():
        np.testing.assert_allclose(said.scores, score_pixels(load(model), films).score, atol=1e-6)


def test_an_ensemble_with_a_member_that_was_not_scored_under_the_suite_has_none(perturbed):
    with pytest.raises(NotFoundError, match="“plain” wasn't scored under the suite"):
        actions.ensemble(perturbed, "mean", ["locked", "plain"], actor="app", rule="youden@suite")
    actions.ensemble(perturbed, "mean", ["locked", "plain"], actor="app")
    assert not (perturbed.models / "mean" / SUITE_FILE).exists()


def test_a_damaged_suite_is_a_sentence(perturbed):
    (perturbed.models / "locked" / SUITE_FILE).write_bytes(b"PAR1 and no more")
    with pytest.raises(NotFoundError, match="under the suite of perturbations are damaged"):
        actions.robustness(perturbed, "locked")


def test_a_card_tells_the_suite_of_films_that_may_be_looked_at_and_only_of_a_model_that_has_one(perturbed):
    assert "## Degraded films" not in actions.model_card(perturbed, "plain")
    told = actions.robustness(perturbed, "locked")
    card = actions.model_card(perturbed, "locked")
    under = card[card.index("## Degraded films") : card.index("## Known failures")]
    assert under.count("| JPEG at quality 30, not trained for |") == 1
    for row in told.rows:
        assert f"{row.title}{', not trained for' if row.left_out else ''} | {row.auc:.3f} |" in under
    actions.open_test(perturbed, "locked", actor="app")
    assert actions.model_card(perturbed, "locked").count("| noise of 5 grey levels |") == 2
    (perturbed.models / "locked" / SUITE_FILE).write_bytes(b"")
    assert "under the suite of perturbations are damaged" in actions.model_card(perturbed, "locked")


@pytest.mark.parametrize("file", [SUITE_FILE, "predictions.parquet"])
def test_a_suite_or_predictions_of_other_weights_are_refused_with_the_same_sentence(perturbed, file):
    sentence = stale(load_model(perturbed, "locked"), file)
    ways = (
        lambda: actions.robustness(perturbed, "locked"),
        lambda: actions.lock(perturbed, "locked", "youden@suite", actor="test"),
        lambda: actions.ensemble(perturbed, "new", ["scored", "locked"], actor="test", rule="f1@suite"),
    )
    for way in ways:
        with pytest.raises(WeightsError) as caught:
            way()
        assert str(caught.value) == sentence
    assert sentence in actions.model_card(perturbed, "locked")
