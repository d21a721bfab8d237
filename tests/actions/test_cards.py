"""Cards of ensembles, made of real models' folders."""

import pytest

from tests.support.brief import BOTH, KINDS, MEMBERS
from xraylab import actions
from xraylab.models import load_model

pytest_plugins = ["tests.support.averaged"]


def test_an_ensembles_card_lists_its_members_with_their_calibration(averaged):
    markdown = actions.model_card(averaged, BOTH)
    members = load_model(averaged, BOTH).members
    for one in members.members:
        assert f"| `{one.model}` | `{one.arch}` | {one.slope:.3f} | {one.intercept:+.3f} |" in markdown
    assert f"| their mean |  | {members.slope:.3f} | {members.intercept:+.3f} |" in markdown
    assert f"python -m xraylab ensemble {BOTH} {' '.join(MEMBERS)} --rule youden" in markdown


@pytest.mark.parametrize("damage", ["{", "{}", None])
def test_a_damaged_list_of_members_leaves_the_rest_of_the_card(averaged, damage):
    file = averaged.models / BOTH / "members.json"
    file.unlink() if damage is None else file.write_text(damage)
    markdown = actions.model_card(averaged, BOTH)
    assert f"The list of members of “{BOTH}” is missing or has changed." in markdown
    assert "| Sensitivity |" in markdown


def test_opening_the_test_films_adds_their_figures_and_a_new_lock_takes_them_away(averaged):
    assert actions.model_card(averaged, BOTH).count("| AUC |") == 1
    result = actions.open_test(averaged, BOTH, actor="test")
    opened = actions.model_card(averaged, BOTH)
    assert f"| AUC | {result.auc:.3f} |" in opened[opened.index("## Test films") :]
    actions.lock(averaged, BOTH, "f1", actor="test")
    assert actions.model_card(averaged, BOTH).count("| AUC |") == 1


def test_a_model_of_three_classes_names_them_and_the_kinds_it_finds(kinds):
    markdown = actions.model_card(kinds, "three-1")
    assert "classes normal, bacterial, viral" in markdown
    assert f"Dataset `{KINDS}`" in markdown
    assert "| Sensitivity, bacterial (" in markdown


def test_an_ensembles_card_says_on_how_many_films_it_was_calibrated_and_for_which_it_holds(averaged):
    markdown = actions.model_card(averaged, BOTH)
    fitted = load_model(averaged, BOTH).card.calibrated_on
    assert (
        f"The calibrations were fitted to {fitted.films} validation films, of {fitted.patients} patients. "
        "Copies of a film add little, so the number of patients says how certain they are. A score is a "
        "probability only for films taken and cut like these, and only where pneumonia is as common."
    ) in markdown
    assert "The calibrations were fitted" not in actions.model_card(averaged, MEMBERS[0])
