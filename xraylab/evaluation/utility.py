"""
Clinical utility of calls: net benefit, decision curves and expected cost.

- at a threshold probability p, one missed case counts as much as (1 - p) / p false alarms
- net benefit is measured in cases found per film, cost in false alarms per film
- both hold at the prevalence of the films, or at another one given sensitivity and specificity
- a threshold probability is a preference, so it comes from a person's cost or a range of them, never from the
  threshold of a lock: that was chosen for its rates, and its probability depends on the prevalence
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.prevalence import checked_prevalence, moved
from xraylab.evaluation.thresholds import ThresholdTable

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit at each threshold probability; calling no film positive has net benefit 0."""

    probability: Floats  # (k,) threshold probabilities, in [0, 1)
    model: Floats  # (k,) of calling films positive if score >= probability
    treat_all: Floats  # (k,) of calling all films positive
    low: (
        Floats  # (k,) lower end of the model's interval at 95 %, by patient; NaN at the films' own prevalence
    )
    high: Floats  # (k,)


def net_benefit(
    point: OperatingPoint, threshold_probability: float, *, prevalence: float | None = None
) -> float:
    """Return the net benefit: cases found per film, minus weighted false alarms per film.

    Parameters
    ----------
    point : OperatingPoint
        Counts at any threshold; it need not equal the threshold probability.
    threshold_probability : float
        In [0, 1).
    prevalence : float, optional
        In (0, 1); by default that of the films.

    Returns
    -------
    float
        At most the prevalence; NaN without films, and at another prevalence unless there are both classes.

    Raises
    ------
    ValueError
        If the threshold probability is not in [0, 1), or the prevalence not in (0, 1).

    References
    ----------
    Vickers AJ, Elkin EB (2006), Medical Decision Making 26:565-574.
    """
    of_ill, of_well = _weights(point.tp + point.fn, point.tn + point.fp, prevalence)
    odds = float(_odds(np.float64(threshold_probability)))
    return of_ill * point.tp - of_well * point.fp * odds


def decision_curve(
    table: ThresholdTable,
    threshold_probabilities: ArrayLike,
    *,
    prevalence: float | None = None,
    measured_at: float | None = None,
) -> DecisionCurve:
    """Compute the net benefit of a model, and of calling all films positive, over threshold probabilities.

    Parameters
    ----------
    table : ThresholdTable
        Table of scores that are probabilities.
    threshold_probabilities : array_like, (k,)
        In [0, 1), in any order.
    prevalence : float, optional
        In (0, 1); by default that of the films.
    measured_at : float, optional
        In (0, 1): the prevalence at which the scores are probabilities. They are first moved from there to
        ``prevalence`` by the prior odds. By default they are used unchanged.

    Returns
    -------
    DecisionCurve
        NaN where ``net_benefit`` would be. The interval combines those of sensitivity and specificity
        (MOVER); it exists at a given prevalence only.

    Raises
    ------
    ValueError
        If a threshold probability is not in [0, 1), or the prevalence not in (0, 1).

    References
    ----------
    Vickers AJ, Elkin EB (2006), Medical Decision Making 26:565-574.
    Zou GY, Donner A (2008), Statistics in Medicine 27:1693-1702.
    """
    probability = np.asarray(threshold_probabilities, np.float64)
    odds = _odds(probability)
    of_ill, of_well = _weights(table.positives, table.negatives, prevalence)
    cuts = probability
    if prevalence is not None and measured_at is not None:
        # Moving all scores, or moving the cut the other way, calls the same films.
        cuts = moved(probability, measured_at=prevalence, to=measured_at)
    rows = np.searchsorted(-table.threshold, -cuts, side="right") - 1
    model = of_ill * table.tp[rows] - of_well * table.fp[rows] * odds
    low = high = np.full(probability.shape, math.nan)
    if prevalence is not None:
        below, above = _distances(table, table.threshold[rows], prevalence, odds)
        low, high = model - below, model + above
    treat_all = of_ill * table.positives - of_well * table.negatives * odds
    return DecisionCurve(probability, model, treat_all, low, high)


def _distances(
    table: ThresholdTable, thresholds: Floats, prevalence: float, odds: Floats
) -> tuple[Floats, Floats]:
    """Return the distances of net benefit to the ends of its interval, for each threshold, (k,) each."""
    rates = []
    for name in ("sensitivity", "specificity"):
        at = np.array([getattr(table.at(threshold), name) for threshold in thresholds])
        ends = np.array([table.interval(name, threshold) for threshold in thresholds]).reshape(-1, 2)
        rates.append((at - ends[:, 0], ends[:, 1] - at))
    (ill_below, ill_above), (well_below, well_above) = rates
    of_ill, of_well = prevalence, (1 - prevalence) * odds
    return np.hypot(of_ill * ill_below, of_well * well_below), np.hypot(
        of_ill * ill_above, of_well * well_above
    )


def expected_cost(point: OperatingPoint, cost: float, *, prevalence: float | None = None) -> float:
    """Return the expected cost per film, in false alarms, if one missed case costs ``cost`` of them.

    The threshold with the lowest cost has the highest net benefit at threshold probability 1 / (1 + cost):
    expected cost = cost * (prevalence - net benefit).

    Parameters
    ----------
    point : OperatingPoint
    cost : float
        Number of false alarms that one missed case costs, above 0.
    prevalence : float, optional
        In (0, 1); by default that of the films.

    Returns
    -------
    float
        0 or more; NaN without films, and at another prevalence unless there are both classes.

    Raises
    ------
    ValueError
        If the cost is not above 0 and finite, or the prevalence not in (0, 1).
    """
    of_ill, of_well = _weights(point.tp + point.fn, point.tn + point.fp, prevalence)
    return _checked_cost(cost) * of_ill * point.fn + of_well * point.fp


def probability_of_cost(cost: float) -> float:
    """Return the threshold probability for a cost of a missed case, in false alarms: 1 / (1 + cost).

    Raises
    ------
    ValueError
        If the cost is not above 0 and finite.

    References
    ----------
    Pauker SG, Kassirer JP (1980), New England Journal of Medicine 302:1109-1117.
    """
    return 1 / (1 + _checked_cost(cost))


def cost_of_probability(threshold_probability: float) -> float:
    """Return how many false alarms one missed case costs at a threshold probability: (1 - p) / p.

    Raises
    ------
    ValueError
        If the threshold probability is not in (0, 1).
    """
    if not 0 < threshold_probability < 1:
        raise ValueError(f"threshold probability {threshold_probability} is not above 0 and below 1")
    return (1 - threshold_probability) / threshold_probability


def _weights(positives: int, negatives: int, prevalence: float | None) -> tuple[float, float]:
    """Return the weight of one film with disease and of one without, as shares of all films, or NaN."""
    if prevalence is None:
        films = positives + negatives
        share = 1 / films if films else math.nan
        return share, share
    ill = checked_prevalence(prevalence)
    return (
        ill / positives if positives else math.nan,
        (1 - ill) / negatives if negatives else math.nan,
    )


def _odds(probability: Floats | np.float64) -> Floats:
    """Check threshold probabilities and return their odds."""
    if not np.all((probability >= 0) & (probability < 1)):
        raise ValueError(f"threshold probability {probability} is not in [0, 1)")
    odds: Floats = np.asarray(probability / (1 - probability))
    return odds


def _checked_cost(cost: float) -> float:
    if not 0 < cost < math.inf:
        raise ValueError(f"cost {cost} is not above 0 and finite")
    return cost
