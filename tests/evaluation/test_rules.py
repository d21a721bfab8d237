import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xraylab.errors import RecipeError
from xraylab.evaluation.rules import Rule, as_rule, choose, parse_rule, rule_that_chose, rule_words
from xraylab.evaluation.thresholds import threshold_table

FILMS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 20).map(lambda step: step / 20)), min_size=2, max_size=40
).filter(lambda films: len({label for label, _ in films}) == 2)


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("youden", Rule("youden"), "Youden"),
        ("sensitivity:0.95", Rule("sensitivity", 0.95), "sensitivity ≥ 95 %"),
        ("specificity:0.975", Rule("specificity", 0.975), "specificity ≥ 97.5 %"),
        (
            "floor:0.95",
            Rule("floor", 0.95),
            "sensitivity floor 95 % on one film per patient, with 95 % confidence",
        ),
        ("f1", Rule("f1"), "best F1"),
        ("cost:10", Rule("cost", 10), "cost 10 : 1"),
        ("value:0.412", Rule("value", 0.412), "threshold 0.412"),
        ("youden@suite", Rule("youden", suite=True), "Youden, also on degraded films"),
        ("cost:10@suite", Rule("cost", 10, suite=True), "cost 10 : 1, also on degraded films"),
    ],
)
def test_a_rule_is_read_and_written_back(text, rule, words):
    assert parse_rule(text) == rule
    assert parse_rule(f" {text.upper()} ") == rule
    assert str(rule) == text
    assert rule.words == words


@pytest.mark.parametrize(
    "text",
    [
        *("", "best", "youden:1", "f1:", "sensitivity", "sensitivity:95", "sensitivity:0", "specificity:-1"),
        *("cost:0", "cost:many", "cost:inf", "value:1.01", "value:nan", "value:"),
        *("youden@", "youden@film", "@suite", "sensitivity@suite:0.95"),
        *("floor", "floor:", "floor:1", "floor:0", "floor:95", "floor:0.95@suite"),
    ],
)
def test_what_is_no_rule_is_refused_in_a_sentence(text):
    with pytest.raises(RecipeError, match=r"^“.*(is not a rule|cannot be used).*\.$"):
        parse_rule(text)


def test_a_text_a_rule_or_a_threshold_stands_for_a_rule():
    assert as_rule(" F1 ") == as_rule(Rule("f1")) == Rule("f1", None, False)
    assert as_rule(0.123456789) == Rule("value", 0.123456789, False)
    for number in (-0.1, 1.1, math.nan):
        with pytest.raises(RecipeError, match="can't be a threshold: give a threshold from 0 to 1"):
            as_rule(number)


@pytest.mark.parametrize(
    ("text", "words", "rule"),
    [
        ("cost:10", "cost 10 : 1", Rule("cost", 10)),
        ("value:0.5", "threshold 0.5", None),
        ("sortition:0.5", "sortition:0.5", None),
    ],
)
def test_a_text_from_outside_names_a_rule_or_none(text, words, rule):
    assert rule_words(text) == words
    assert rule_that_chose(text) == rule
    assert rule_that_chose(None) is None


def test_a_floor_takes_more_than_a_table():
    with pytest.raises(ValueError, match="use choose_threshold"):
        choose(threshold_table([0, 1], [0.1, 0.9]), parse_rule("floor:0.95"))


def _every_cut(table):
    return [table.at(table.cut(row)) for row in range(table.highest_row, len(table))]


@settings(deadline=None, max_examples=100)
@given(films=FILMS)
def test_youden_cost_and_f1_find_the_best_of_all_cuts(films):
    table = threshold_table(*zip(*films, strict=True))
    for text, worth in [
        ("youden", lambda p: p.sensitivity + p.specificity),
        ("f1", lambda p: p.f1),
        ("cost:3", lambda p: -3 * p.fn - p.fp),
    ]:
        chosen, points = table.at(choose(table, parse_rule(text))), _every_cut(table)
        best = max(worth(p) for p in points)

        assert worth(chosen) == pytest.approx(best, abs=1e-12)
        rivals = [p for p in points if worth(p) == pytest.approx(best, abs=1e-12)]
        assert chosen.specificity == max(p.specificity for p in rivals)


@settings(deadline=None, max_examples=100)
@given(films=FILMS, target=st.sampled_from([0.3, 0.5, 0.8, 0.95, 1.0]))
def test_a_target_is_reached_and_no_further_cut_reaches_it(films, target):
    table = threshold_table(*zip(*films, strict=True))
    sensitive = table.at(choose(table, Rule("sensitivity", target)))

    assert sensitive.sensitivity >= target
    assert all(p.sensitivity < target for p in _every_cut(table) if p.threshold > sensitive.threshold)
    if not any(p.specificity >= target for p in _every_cut(table)):
        with pytest.raises(RecipeError, match="specificity"):
            choose(table, Rule("specificity", target))
        return
    specific = table.at(choose(table, Rule("specificity", target)))
    assert specific.specificity >= target
    assert all(p.specificity < target for p in _every_cut(table) if p.threshold < specific.threshold)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        # From the highest score down, tp and fp are 1 0, 2 0, 2 1, 3 1, 3 2, 3 3, 3 4, 4 4, 4 5, 4 6.
        ("youden", 0.65),  # 3 / 4 + 5 / 6 is the most
        ("f1", 0.65),  # 6 / 8, against 4 / 6 at 2 0 and 8 / 12 at 4 4
        ("cost:1", 0.85),  # 2 + 0, as much as 1 + 1, with fewer false alarms
        ("cost:2", 0.65),  # 2 + 1
        ("cost:5", 0.25),  # 0 + 4
        ("sensitivity:0.75", 0.65),
        ("sensitivity:0.8", 0.25),
        ("specificity:0.8", 0.65),
        ("specificity:0.6", 0.55),
    ],
)
def test_each_rule_makes_the_choice_worked_by_hand(text, cut):
    labels = [1, 1, 0, 1, 0, 0, 0, 1, 0, 0]
    scores = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    assert choose(threshold_table(labels, scores), parse_rule(text)) == pytest.approx(cut)


def test_the_cut_keeps_its_distance_from_both_neighbours():
    table = threshold_table([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])

    assert choose(table, Rule("youden")) == 0.5


def test_a_target_met_exactly_counts_as_met():
    labels, scores = [1] * 20 + [0] * 20, np.arange(40) / 40
    table = threshold_table(labels, scores)

    assert table.at(choose(table, Rule("sensitivity", 0.95))).sensitivity == 0.95
    assert table.at(choose(table, Rule("specificity", 0.95))).specificity == 0.95


def test_scores_worse_than_chance_call_nobody():
    table = threshold_table([1, 0], [0.2, 0.8])

    assert choose(table, Rule("youden")) == 1.0


def test_everybody_is_called_when_missing_one_is_worth_everything():
    table = threshold_table([1, 0, 0], [0.2, 0.8, 0.9])

    assert choose(table, Rule("cost", 1000)) == 0.0


def test_a_given_value_is_taken_as_it_is_even_without_films():
    assert choose(threshold_table([], []), Rule("value", 0.123456789)) == 0.123456789


@pytest.mark.parametrize("rule", ["youden", "f1", "cost:2", "sensitivity:0.9", "specificity:0.9"])
@pytest.mark.parametrize(("label", "missing"), [(0, "pneumonia"), (1, "normal")])
def test_a_rule_on_one_class_says_which_is_missing(rule, label, missing):
    with pytest.raises(RecipeError, match=f"no {missing} film"):
        choose(threshold_table([label, label], [0.2, 0.8]), parse_rule(rule))
