"""The models that come with this version: what is promised of them, from what lies in the package."""

import math
import re

import pytest

from scripts import starter
from xraylab import actions
from xraylab.models import SHIPPED_NAMES, CalibratedOn, load_model, load_shipped
from xraylab.settings import load_settings

LARGEST = 40_000_000  # bytes of everything shipped
LOWEST_AUC, LARGEST_DROP = 0.985, 0.015


@pytest.fixture
def newcomer(tmp_path, monkeypatch, package_models):
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    return load_settings(home=tmp_path / "home")


def test_every_name_that_is_reserved_ships_and_all_together_stay_small(package_models):
    assert {file.parent.name for file in package_models.glob("*/card.json")} == set(SHIPPED_NAMES)
    assert sum(file.stat().st_size for file in package_models.rglob("*")) < LARGEST


def test_the_ensemble_holds_out_on_patients_that_nothing_was_chosen_by(newcomer):
    told = actions.test_result(newcomer, "ensemble")
    assert told.auc >= LOWEST_AUC
    suite = actions.robustness(newcomer, "ensemble", split="test")
    assert max(row.drop for row in suite.rows) <= LARGEST_DROP


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_the_hold_out_of_each_is_open_at_its_lock_and_an_earlier_opening_is_stamped(newcomer, name):
    model = load_shipped(newcomer, name)
    lock = model.lock
    assert model.test_opened
    assert lock.opened_at[-1] > lock.locked_at
    assert lock.after_opening == any(opened < lock.locked_at for opened in lock.opened_at)


@pytest.mark.parametrize("name", [name for name in SHIPPED_NAMES if name != "phantom"])
def test_those_of_children_are_split_by_the_most_conservative_key_and_locked_under_the_suite(newcomer, name):
    model = load_shipped(newcomer, name)
    assert model.card.dataset.patient_key == starter.KEY
    assert model.lock.rule == starter.RULE
    assert model.lock.review_rule == starter.REVIEW
    assert model.lock.review_from < model.lock.threshold
    validation, test = model.films("validation").frame, model.films("test").frame
    assert not set(validation["group"]) & set(test["group"])


@pytest.mark.parametrize(
    ("evaluate", "zones", "below", "ends"),
    [
        (actions.evaluate_validation, [(553, 1), (26, 18), (2, 182)], 2 / 184, (0.0027, 0.0429)),
        (actions.test_result, [(554, 1), (26, 21), (1, 179)], 1 / 180, (0.0008, 0.0359)),
    ],
)
def test_few_films_below_the_ensembles_band_have_pneumonia_and_few_need_a_reader(
    newcomer, evaluate, zones, below, ends
):
    lock = load_shipped(newcomer, "ensemble").lock
    assert (lock.threshold, lock.review_from, lock.after_opening) == (0.954, 0.135, True)
    found = evaluate(newcomer, "ensemble")
    band = found.band
    assert [(zone.pneumonia, zone.normal) for zone in (band.above, band.between, band.below)] == zones
    assert sum(zone.films for zone in (band.above, band.between, band.below)) == found.n == 782
    assert band.below_positive == zones[2][0]
    assert band.below_positive_share == pytest.approx(below)
    assert band.below_positive_ci == pytest.approx(ends, abs=5e-4)
    assert band.below_positive_share <= 0.015
    assert band.between.share == pytest.approx(sum(zones[1]) / 782)
    assert band.between.share <= 0.08
    # The rates stay those of all films at the threshold.
    assert found.confusion == ((200, 1), (28, 553) if evaluate is actions.evaluate_validation else (27, 554))


def test_without_its_band_twelve_of_a_hundred_films_below_the_ensembles_lock_had_pneumonia(newcomer):
    actions.lock(newcomer, "ensemble", starter.RULE, actor="test")
    table = load_model(newcomer, "ensemble").table("validation")
    below = table.at(0.954)
    assert (below.fn, below.fn + below.tn) == (28, 228)


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_the_card_in_the_documents_is_the_models_own(newcomer, name):
    page = (starter.CARDS / f"{name}.md").read_text(encoding="utf-8")
    assert page == actions.model_card(newcomer, name)


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_what_ships_names_no_folder_of_the_machine_it_was_made_on(package_models, name):
    for file in (package_models / name).glob("*.json*"):
        assert not re.search(r"/(home|tmp|work|root|Users)/", file.read_text(encoding="utf-8"))


def test_the_ensemble_was_calibrated_on_7820_scores_of_782_films_and_says_so(newcomer):
    card = load_shipped(newcomer, "ensemble").card
    assert card.fitted_to == CalibratedOn(films=782, patients=395, copies=9)
    assert card.calibrated_on.rows == 7820
    markdown = actions.model_card(newcomer, "ensemble")
    for words in (
        "782 validation films and 9 perturbed copies of each",
        "films that are cut wider go from a median score of 0.003 to 0.22 with the ensemble, and 32 % of ",
        # maximum likelihood gives 1.042 and 1.057, Platt's smoothed targets 0.820 and 0.819
        "Calibration slope 0.993 (0.770 to 1.305), intercept 0.135 (−0.509 to 0.813)",
        "Calibration slope 1.003 (0.772 to 1.335), intercept −0.301 (−0.952 to 0.312)",
        "Observed over expected pneumonias: 581 of 579.6, 1.002 (0.991 to 1.014) (1 would be perfect).",
    ):
        assert words in markdown


def test_no_export_of_the_ensemble_takes_its_threshold_for_a_cost(newcomer):
    report = actions.evaluation_report(newcomer, "ensemble", prevalence=0.1)
    assert math.isnan(report.test.worth.cost)
    assert report.test.at_prevalence.probability_at_threshold == pytest.approx(0.444, abs=1e-3)
    assert report.test.decision.net_benefit[43] == pytest.approx(0.092, abs=5e-4)  # at 0.44
    assert report.test.calibration.slope == pytest.approx(1.0028, abs=1e-4)
