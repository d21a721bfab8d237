"""The page of experiments and the script that writes its table."""

import numpy as np
import pytest

from scripts import experiments, starter
from scripts.experiments import BASE, EXPERIMENTS, LOCKS, PAGE, RULES, TABLE
from xraylab import actions
from xraylab.evaluation.rules import parse_rule
from xraylab.models import ENSEMBLE, RESERVED_NAMES, load_model

pytest_plugins = ["tests.support.perturbed"]


def cells(line):
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_the_page_has_one_table_with_a_line_for_every_experiment():
    [shown] = TABLE.finditer(PAGE.read_text(encoding="utf-8"))
    marker, _, _, *lines, end = shown[0].splitlines()
    assert marker.startswith("<!--")
    assert end.startswith("<!--")
    assert [cells(line)[0] for line in lines] == [*EXPERIMENTS, ENSEMBLE]


def test_every_experiment_is_scored_under_the_suite_and_what_may_ship_never_saw_two_of_its_families():
    for one in EXPERIMENTS.values():
        assert one.recipe.suite
        assert parse_rule(one.recipe.rule).suite
    assert len(BASE.leave_out) == 2


def test_no_experiment_takes_the_name_of_a_model_that_ships():
    assert not RESERVED_NAMES & set(EXPERIMENTS)


def test_a_line_tells_what_the_suite_came_to_or_that_it_was_not_run(perturbed, monkeypatch):
    monkeypatch.setattr(
        experiments, "EXPERIMENTS", {"locked": EXPERIMENTS["base"], "absent": EXPERIMENTS["bare"]}
    )
    told = actions.robustness(perturbed, "locked")
    worst = min(told.rows, key=lambda row: row.auc)
    first, second, _ = (cells(line) for line in experiments.table(perturbed).splitlines()[2:])
    assert first[:2] == ["locked", EXPERIMENTS["base"].about]
    assert first[2] == f"{load_model(perturbed, 'locked').card.seconds / 60:.0f}"
    assert first[3].startswith(f"{told.auc:.4f} (")
    assert first[5].startswith(f"{worst.auc:.4f} (")
    assert first[5].endswith(worst.title)
    assert first[6] == f"{min(row.auc for row in told.rows if row.left_out):.4f}"
    assert first[7] == f"{100 * min(row.sensitivity for row in told.rows):.1f} %"
    assert first[9].startswith(tuple("01"))
    assert second[2:] == ["not run yet", *[""] * 8]


def test_a_line_whose_model_is_elsewhere_stays_as_it_was(perturbed, monkeypatch):
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"absent": EXPERIMENTS["bare"]})
    before = "| absent | something | 15 | 0.9 |"
    assert before in experiments.table(perturbed, before).splitlines()


def test_the_rule_that_ships_is_the_one_whose_lowest_balanced_accuracy_is_highest():
    [shown] = LOCKS.finditer(PAGE.read_text(encoding="utf-8"))
    lines = [cells(line) for line in shown[0].splitlines()[3:-1]]
    assert [line[0] for line in lines] == [parse_rule(rule).words for rule in RULES]
    best = max(lines, key=lambda line: float(line[-1].removesuffix(" %")))
    assert best[0] == parse_rule(starter.RULE).words


@pytest.mark.parametrize("wider", [True, False])
def test_a_film_cut_wider_loses_above_and_below_and_one_cut_higher_at_the_sides(wider):
    film = np.zeros((1, 256, 256), dtype=np.uint8)
    film[0, :20], film[0, -20:] = 200, 200  # gone when cut wider, by 22 rows each
    film[0, 128 - 40 : 128 + 40, 60:196] = 100
    [cut] = experiments.recut(film if wider else film.transpose(0, 2, 1), wider=wider)
    cut = cut if wider else cut.T
    assert cut.shape == (256, 256)
    assert cut.max() == 100
    assert np.count_nonzero(cut[:, 128] == 100) == pytest.approx(80 * experiments.ASPECT, abs=2)
    assert np.count_nonzero(cut[128] == 100) == pytest.approx(136, abs=2)
