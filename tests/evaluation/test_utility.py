"""Net benefit and cost, against values worked by hand from Vickers' and Elkin's formula."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.calibrated_films import held_out
from tests.support.sizes import draws, three_errors
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.prevalence import moved
from xraylab.evaluation.rules import Rule, choose
from xraylab.evaluation.thresholds import threshold_table
from xraylab.evaluation.utility import (
    cost_of_probability,
    decision_curve,
    expected_cost,
    net_benefit,
    probability_of_cost,
)

POINT = OperatingPoint(0.5, tp=36, fp=12, tn=48, fn=4)  # 100 films, 40 with disease; 0.9 and 0.8
EVERYBODY, NOBODY = OperatingPoint(0, 40, 60, 0, 0), OperatingPoint(math.inf, 0, 0, 60, 40)
LABELS, SCORES = [1, 1, 0, 1, 0], [0.9, 0.6, 0.6, 0.3, 0.1]
PROBABILITIES = np.linspace(0, 0.99, 34)


def films(seed=0, n=400):
    """Labels, and scores that are right as probabilities."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(0.8, 1.2, n).round(2)
    return (rng.random(n) < scores).astype(int), scores


@pytest.mark.parametrize(
    ("point", "probability", "prevalence", "expected"),
    [
        (POINT, 0.2, None, 0.33),  # 0.36 - 0.12 / 4
        (POINT, 0.5, None, 0.24),  # 0.36 - 0.12
        (POINT, 0.8, None, -0.12),  # 0.36 - 0.12 * 4
        (POINT, 0, None, 0.36),
        (EVERYBODY, 0.2, None, 0.25),  # 0.4 - 0.6 / 4
        (EVERYBODY, 0.4, None, 0),  # at a prevalence's own probability all is as good as none
        (NOBODY, 0.2, None, 0),
        (POINT, 0.2, 0.1, 0.045),  # 0.1 * 0.9 - 0.9 * 0.2 / 4
        (EVERYBODY, 0.2, 0.1, -0.125),  # 0.1 - 0.9 / 4
        (NOBODY, 0.2, 0.1, 0),
        (POINT, 0.2, 0.4, 0.33),  # the films' own
    ],
)
def test_net_benefit_is_that_worked_by_hand(point, probability, prevalence, expected):
    assert net_benefit(point, probability, prevalence=prevalence) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("prevalence", "model", "treat_all"),
    [
        # calls at 0.05, 0.25, 0.5, 0.6, 0.75: all five; all but the last; three; three; the first
        (None, [0.6 - 0.4 / 19, 0.6 - 0.2 / 3, 0.2, 0.4 - 0.3, 0.2], [0.6 - 0.4 / 19, 7 / 15, 0.2, 0, -0.6]),
        (
            0.3,
            [0.3 - 0.7 / 19, 0.3 - 0.35 / 3, -0.15, -0.325, 0.1],
            [0.3 - 0.7 / 19, 1 / 15, -0.4, -0.75, -1.8],
        ),
    ],
)
def test_a_decision_curve_is_that_worked_by_hand(prevalence, model, treat_all):
    curve = decision_curve(
        threshold_table(LABELS, SCORES), [0.05, 0.25, 0.5, 0.6, 0.75], prevalence=prevalence
    )

    np.testing.assert_allclose(curve.model, model, atol=1e-12)
    np.testing.assert_allclose(curve.treat_all, treat_all, atol=1e-12)


@pytest.mark.parametrize("prevalence", [None, 0.07])
def test_a_decision_curve_is_the_net_benefit_of_each_of_its_points(prevalence):
    table = threshold_table(*films())
    curve = decision_curve(table, PROBABILITIES[::-1], prevalence=prevalence)

    expected = [net_benefit(table.at(p), p, prevalence=prevalence) for p in curve.probability]
    np.testing.assert_allclose(curve.model, expected, atol=1e-15)
    expected = [net_benefit(table.at(-1), p, prevalence=prevalence) for p in curve.probability]
    np.testing.assert_allclose(curve.treat_all, expected, atol=1e-15)


def test_at_threshold_probability_0_calling_everybody_is_worth_the_prevalence():
    labels, scores = films()
    curve = decision_curve(threshold_table(labels, scores), [0])

    assert curve.model.tolist() == curve.treat_all.tolist() == [pytest.approx(np.mean(labels))]


def test_scores_that_are_right_are_worth_more_than_calling_all_or_none():
    curve = decision_curve(threshold_table(*films(n=4000)), np.linspace(0.1, 0.9, 17))

    assert (curve.model > np.maximum(curve.treat_all, 0)).all()


def test_at_another_prevalence_scores_moved_there_are_worth_more_than_scores_as_they_were():
    labels, scores = films(n=4000)
    probabilities = np.linspace(0.1, 0.9, 17)
    there = moved(scores, measured_at=float(np.mean(labels)), to=0.05)
    as_they_were, moved_along = (
        decision_curve(threshold_table(labels, given), probabilities, prevalence=0.05)
        for given in (scores, there)
    )

    assert (moved_along.model >= as_they_were.model - 0.002).all()
    assert (moved_along.model - as_they_were.model).max() > 0.1


@pytest.mark.parametrize(
    ("cost", "prevalence", "expected"),
    [
        (10, None, 0.52),  # 10 * 0.04 + 0.12
        (1, None, 0.16),  # the share of wrong calls
        (10, 0.1, 0.28),  # 10 * 0.1 * 0.1 + 0.9 * 0.2
        (0.5, 0.1, 0.185),
    ],
)
def test_expected_cost_is_that_worked_by_hand(cost, prevalence, expected):
    assert expected_cost(POINT, cost, prevalence=prevalence) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=200)
@given(
    counts=st.tuples(*[st.integers(1, 200)] * 4),
    cost=st.floats(0.01, 1000),
    prevalence=st.floats(0.001, 0.999),
)
def test_cost_is_what_net_benefit_lacks_of_the_prevalence_at_its_threshold_probability(
    counts, cost, prevalence
):
    point = OperatingPoint(0.5, *counts)
    benefit = net_benefit(point, probability_of_cost(cost), prevalence=prevalence)

    expected = pytest.approx(cost * (prevalence - benefit), rel=1e-9, abs=1e-9)
    assert expected_cost(point, cost, prevalence=prevalence) == expected


@pytest.mark.parametrize("cost", [0.5, 1, 4, 20])
def test_the_rule_of_that_cost_has_the_least_cost_and_the_most_net_benefit(cost):
    table = threshold_table(*films(1))
    chosen = table.at(choose(table, Rule("cost", cost)))
    every = [table.at(threshold) for threshold in table.threshold]
    p = probability_of_cost(cost)

    assert expected_cost(chosen, cost) == pytest.approx(min(expected_cost(point, cost) for point in every))
    assert net_benefit(chosen, p) == pytest.approx(max(net_benefit(point, p) for point in every))


@pytest.mark.parametrize(("cost", "probability"), [(1, 0.5), (4, 0.2), (9, 0.1), (99, 0.01), (0.25, 0.8)])
def test_a_cost_and_its_threshold_probability_say_the_same(cost, probability):
    assert probability_of_cost(cost) == pytest.approx(probability, rel=1e-15)
    assert cost_of_probability(probability) == pytest.approx(cost, rel=1e-14)


@pytest.mark.parametrize(
    ("labels", "prevalence", "is_nan"),
    [([], None, True), ([], 0.3, True), ([1, 1], 0.3, True), ([0, 0], 0.3, True), ([0, 0], None, False)],
)
def test_without_the_films_it_takes_there_is_neither_benefit_nor_cost(labels, prevalence, is_nan):
    table = threshold_table(labels, [0.7] * len(labels))
    curve = decision_curve(table, [0.2], prevalence=prevalence)
    values = (
        *curve.model,
        *curve.treat_all,
        net_benefit(table.at(0.5), 0.2, prevalence=prevalence),
        expected_cost(table.at(0.5), 3, prevalence=prevalence),
    )

    assert [math.isnan(value) for value in values] == [is_nan] * 4


@pytest.mark.parametrize("probability", [-0.1, 1, 1.5, math.nan])
def test_what_is_no_threshold_probability_is_refused(probability):
    with pytest.raises(ValueError, match="threshold probability"):
        net_benefit(POINT, probability)
    with pytest.raises(ValueError, match="threshold probability"):
        decision_curve(threshold_table(LABELS, SCORES), [0.5, probability])
    with pytest.raises(ValueError, match="threshold probability"):
        cost_of_probability(probability)


@pytest.mark.parametrize("cost", [0, -1, math.inf, math.nan])
def test_what_is_no_cost_is_refused(cost):
    with pytest.raises(ValueError, match="cost"):
        expected_cost(POINT, cost)
    with pytest.raises(ValueError, match="cost"):
        probability_of_cost(cost)


def test_what_is_no_prevalence_is_refused():
    with pytest.raises(ValueError, match="not at 1"):
        net_benefit(POINT, 0.2, prevalence=1)
    with pytest.raises(ValueError, match="not at 0"):
        expected_cost(POINT, 2, prevalence=0)
    with pytest.raises(ValueError, match="not at 2"):
        decision_curve(threshold_table(LABELS, SCORES), [0.5], prevalence=2)


@pytest.mark.parametrize(
    ("prevalence", "probability", "benefit"),
    [(0.1, 0.444, 0.092), (0.02, 0.128, 0.018)],  # an audit's own arithmetic
)
def test_at_another_prevalence_the_shipped_lock_is_worth_what_its_score_means_there(
    prevalence, probability, benefit
):
    test = held_out(split="test")
    table = threshold_table(test["label"], test["score"], test["group"].tolist())
    measured_at = test["label"].mean()
    means = float(moved(0.954, measured_at=measured_at, to=prevalence))
    assert means == pytest.approx(probability, abs=1e-3)
    assert net_benefit(table.at(0.954), means, prevalence=prevalence) == pytest.approx(benefit, abs=5e-4)
    curve = decision_curve(table, [means], prevalence=prevalence, measured_at=measured_at)
    assert curve.model == pytest.approx([benefit], abs=5e-4)


def test_moving_the_cut_back_calls_the_films_whose_moved_scores_reach_it():
    labels, scores = films()
    between = PROBABILITIES[1:] + 0.00123  # rounding can't move a score across it
    curve = decision_curve(threshold_table(labels, scores), between, prevalence=0.1, measured_at=0.4)
    there = threshold_table(labels, moved(scores, measured_at=0.4, to=0.1))
    expected = decision_curve(there, between, prevalence=0.1)
    np.testing.assert_allclose(curve.model, expected.model, atol=1e-12)
    np.testing.assert_allclose(curve.treat_all, expected.treat_all, atol=1e-12)


def test_net_benefit_has_an_interval_at_a_given_prevalence_only():
    table = threshold_table(*films())
    assert np.isnan(decision_curve(table, PROBABILITIES).low).all()
    curve = decision_curve(table, [0.2, 0.5], prevalence=0.3)
    assert (curve.low < curve.model).all()
    assert (curve.model < curve.high).all()
    # Without false alarms to weigh, it is the interval of sensitivity times the prevalence.
    [low], [high] = (getattr(decision_curve(table, [0.0], prevalence=0.3), end) for end in ("low", "high"))
    assert (low, high) == pytest.approx(tuple(0.3 * end for end in table.interval("sensitivity", 0.0)))


@pytest.mark.parametrize(("probability", "odds"), [(0.0, 0), (0.2, 0.25), (0.5, 1), (0.8, 4)])
def test_the_interval_of_net_benefit_is_that_worked_by_hand(probability, odds):
    # At any of these, 36 of 40 are found, and 12 of 60 are false alarms.
    labels, scores = np.repeat([1, 0, 1, 0], [36, 12, 4, 48]), np.repeat([0.9, -0.1], [48, 52])
    curve = decision_curve(threshold_table(labels, scores), [probability], prevalence=0.3)
    (ill_low, ill_high), (well_low, well_high) = wilson_interval(36, 40), wilson_interval(48, 60)
    model = 0.3 * 0.9 - 0.7 * 0.2 * odds
    below = math.sqrt((0.3 * (0.9 - ill_low)) ** 2 + (0.7 * odds * (0.8 - well_low)) ** 2)
    above = math.sqrt((0.3 * (ill_high - 0.9)) ** 2 + (0.7 * odds * (well_high - 0.8)) ** 2)

    assert curve.model == pytest.approx([model])
    assert (curve.low[0], curve.high[0]) == pytest.approx((model - below, model + above))


@pytest.mark.sampled
@pytest.mark.parametrize("probability", [0.05, 0.2, 0.5])
def test_intervals_of_net_benefit_hold_the_truth(probability):
    times, patients, prevalence, rng = draws(2000, brief=300), 120, 0.1, np.random.default_rng(5)
    cut, spread = 1.0, 1.5**0.5  # the score of a film: its class, its patient, chance
    below = NormalDist().cdf
    odds = probability / (1 - probability)
    truth = prevalence * below((2 - cut) / spread) - (1 - prevalence) * odds * below(-cut / spread)
    # The scores are turned into probabilities by a map that takes the cut to the threshold probability.
    offset = np.log(odds)
    held = 0
    for _ in range(times):
        codes = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
        labels = rng.integers(0, 2, patients)[codes]
        own = rng.normal(0, 0.5**0.5, patients)[codes]
        values = 2.0 * labels + own + rng.normal(size=codes.size)
        table = threshold_table(labels, 1 / (1 + np.exp(cut - values - offset)), codes)
        curve = decision_curve(table, [probability], prevalence=prevalence)
        held += curve.low[0] <= truth <= curve.high[0]
    assert abs(held / times - 0.95) <= max(0.02, three_errors(0.95, times))
