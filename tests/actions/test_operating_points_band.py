"""A review band, from its rule to the lock and what it does with validation, test and other films."""

import numpy as np
import pytest

from tests.support.brief import MODEL
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.__main__ import main
from xraylab.data.openings import read_openings
from xraylab.errors import NotFoundError, RecipeError
from xraylab.evaluation.rules import choose, parse_rule
from xraylab.evaluation.thresholds import threshold_table
from xraylab.models import load_model

pytest_plugins = ["tests.support.trained"]


def films(settings, split):
    """Labels and scores of a split, past the seal."""
    said = predictions_file.read(settings.models / MODEL / "predictions.parquet").of_split(split).scored
    return said.labels, said.scores, said.groups


@pytest.fixture
def cuts(trained):
    """A lower and an upper cut with validation films on all sides."""
    low, high = np.quantile(films(trained, "validation")[1], [0.3, 0.7])
    return round(float(low), 3), round(float(high), 3)


def check(band, labels, scores, cuts):
    """Hold a document's band against films counted one by one."""
    low, high = cuts
    zones = {"above": scores >= high, "review": (scores >= low) & (scores < high), "below": scores < low}
    for name, inside in zones.items():
        zone = getattr(band, name)
        assert (zone.films, zone.pneumonia) == (inside.sum(), (labels[inside] == 1).sum())
        assert zone.normal == (labels[inside] == 0).sum()
        assert zone.share == pytest.approx(inside.mean())
    assert band.missed == (labels[scores < low] == 1).sum()
    assert band.missed_rate == pytest.approx(np.mean(scores[labels == 1] < low))
    assert band.missed_ci[0] <= band.missed_rate <= band.missed_ci[1]
    assert band.false_alarms == (labels[scores >= high] == 0).sum()
    assert band.false_alarm_rate == pytest.approx(np.mean(scores[labels == 0] >= high))
    assert band.false_alarm_ci[0] <= band.false_alarm_rate <= band.false_alarm_ci[1]


def test_a_band_is_told_on_the_validation_films_and_on_the_test_films_once_they_are_open(trained, cuts):
    low, high = cuts
    locked = actions.lock(trained, MODEL, f"value:{high}", actor="test", review=f"value:{low}")
    assert (locked.threshold, locked.review_from) == (high, low)
    assert (locked.rule, locked.review_rule) == (f"value:{high}", f"value:{low}")
    check(locked.val.band, *films(trained, "validation")[:2], cuts)
    assert locked.val.band.review.films > 0
    tested = actions.open_test(trained, MODEL, actor="test")
    check(tested.band, *films(trained, "test")[:2], cuts)
    table = threshold_table(*films(trained, "test"))
    sensitivity = table.interval("sensitivity", low)
    assert tested.band.missed_ci == pytest.approx((1 - sensitivity[1], 1 - sensitivity[0]))
    specificity = table.interval("specificity", high)
    assert tested.band.false_alarm_ci == pytest.approx((1 - specificity[1], 1 - specificity[0]))
    [opening] = read_openings(trained)
    assert (opening.threshold, opening.review_from) == (high, low)


def test_the_rates_at_the_threshold_are_what_they_are_without_a_band(trained, cuts):
    low, high = cuts
    bare = actions.lock(trained, MODEL, f"value:{high}", actor="test").val
    banded = actions.lock(trained, MODEL, f"value:{high}", actor="test", review=f"value:{low}").val
    assert bare.band is None
    assert banded.model_dump(exclude={"band"}) == bare.model_dump(exclude={"band"})


def test_the_review_rule_chooses_as_any_rule_does_on_the_validation_films(trained):
    upper = max(films(trained, "validation")[1])
    locked = actions.lock(trained, MODEL, f"value:{upper}", actor="test", review=" Sensitivity:0.9 ")
    expected = choose(threshold_table(*films(trained, "validation")), parse_rule("sensitivity:0.9"))
    assert (locked.review_from, locked.review_rule) == (expected, "sensitivity:0.9")
    lock = load_model(trained, MODEL).lock
    assert (lock.review_from, lock.review_rule) == (expected, "sensitivity:0.9")
    [row] = [row for row in actions.model_rows(trained) if row.name == MODEL]
    assert (row.threshold, row.review_from) == (upper, expected)


@pytest.mark.parametrize(
    ("rule", "review", "error", "said"),
    [
        ("value:0.4", "value:0.4", RecipeError, "at 0.400, which isn't below the threshold of 0.400"),
        ("value:0.4", "value:0.6", RecipeError, "at 0.600, which isn't below the threshold of 0.400"),
        ("value:0.4", "argmax", RecipeError, "not a rule"),
        ("value:0.4", "youden@suite", NotFoundError, "wasn't scored under the suite"),
    ],
)
def test_a_band_that_cannot_be_is_a_sentence_and_the_lock_stays(trained, rule, review, error, said):
    before = load_model(trained, MODEL).lock
    with pytest.raises(error, match=said):
        actions.lock(trained, MODEL, rule, actor="test", review=review)
    assert load_model(trained, MODEL).lock == before


def test_films_from_elsewhere_are_told_by_zone_too(trained, cuts, other_phantoms):
    low, high = cuts
    actions.lock(trained, MODEL, f"value:{high}", actor="test", review=f"value:{low}")
    told = actions.evaluate(trained, MODEL, str(other_phantoms), actor="test")
    zones = [told.band.above, told.band.review, told.band.below]
    assert sum(zone.films for zone in zones) == told.n
    (tn, fp), (fn, tp) = told.confusion
    assert (told.band.above.pneumonia, told.band.above.normal) == (tp, fp)
    assert told.band.review.pneumonia + told.band.below.pneumonia == fn
    assert told.band.review.normal + told.band.below.normal == tn


def test_the_command_line_locks_a_band_and_shows_it(trained, cuts, capsys):
    low, high = cuts
    command = ["lock", "--model", MODEL, "--rule", f"value:{high}", "--review", f"value:{low}"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert f"review_from  {low}" in said
    assert "val band review films" in said
    assert load_model(trained, MODEL).lock.review_from == low
    assert main([*command[:-1], "value:1"]) == 2
    assert "isn't below the threshold" in capsys.readouterr().err
