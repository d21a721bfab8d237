"""
Rules that choose a threshold: short codes such as ``youden``, applied to a threshold table.

- ``youden | sensitivity:0.95 | specificity:0.95 | f1 | cost:N | value:T``, each also with ``@suite`` at the
  end: then degraded copies of the films (the suite of perturbations) count as much as the films themselves
- ``floor:0.95`` is the highest threshold whose sensitivity on one film per patient is that high with 95 %
  confidence; it needs films and patients, so ``models.choose_threshold`` finds it, not ``choose``
- a rule picks a row of the table; the threshold is then that row's ``cut``, which classifies the films
  exactly as the row does and lies between the row's score and the next lower one
- if two rows are equally good, the one with the higher specificity wins: fewer false alarms
- rules are applied to validation films, never to test films
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import RecipeError
from xraylab.evaluation.floor import CONFIDENCE
from xraylab.evaluation.thresholds import ThresholdTable

FLOOR = "floor"  # the kind of a rule that asks for a sensitivity with confidence
VALUE = "value"  # the kind of a rule that names the threshold itself
_CHOICES = "youden, sensitivity:0.95, specificity:0.95, floor:0.95, f1, cost:10 or value:0.5"
_PERCENT = 100
_SUITE = "@suite"


@dataclass(frozen=True)
class Rule:
    """One way to choose a threshold."""

    kind: str  # youden, sensitivity, specificity, floor, f1, cost, value
    amount: float | None = None  # a rate in (0, 1], for a floor below 1; a cost > 0; a threshold in [0, 1]
    suite: bool = False  # whether degraded copies of the films (the suite of perturbations) count too

    def __str__(self) -> str:
        plain = self.kind if self.amount is None else f"{self.kind}:{self.amount:.15g}"
        return plain + _SUITE if self.suite else plain

    @property
    def share(self) -> float:
        """The sensitivity or specificity that the rule asks for.

        Raises
        ------
        ValueError
            If the rule has no amount.
        """
        if self.amount is None:
            raise ValueError(f"“{self}” asks for no share")
        return self.amount

    @property
    def words(self) -> str:
        """The rule as screens write it: "Youden", "sensitivity ≥ 95 %", "cost 10 : 1"."""
        amount = math.nan if self.amount is None else self.amount
        sure = f"{_PERCENT * CONFIDENCE:.0f} % confidence"
        plain = {
            "youden": "Youden",
            "f1": "best F1",
            "cost": f"cost {amount:.15g} : 1",
            VALUE: f"threshold {amount:.15g}",
            FLOOR: f"sensitivity floor {_PERCENT * amount:.10g} % on one film per patient, with {sure}",
        }.get(self.kind, f"{self.kind} ≥ {_PERCENT * amount:.10g} %")
        return f"{plain}, also on degraded films" if self.suite else plain


def parse_rule(text: str) -> Rule:
    """Parse the text of a rule.

    Parameters
    ----------
    text : str
        ``youden``, ``f1``, ``sensitivity:S`` and ``specificity:S`` (0 < S <= 1), ``floor:S`` (0 < S < 1),
        ``cost:N`` (N > 0: one missed case is worth N false alarms) or ``value:T`` (0 <= T <= 1);
        ``@suite`` may follow any of them but a floor.

    Raises
    ------
    RecipeError
        If the text is none of these.
    """
    asked = text.strip().lower()
    suite = asked.endswith(_SUITE)
    kind, colon, given = asked.removesuffix(_SUITE).partition(":")
    if kind in ("youden", "f1") and not colon:
        return Rule(kind, suite=suite)
    if kind not in _RANGES or not colon:
        raise RecipeError(f"“{text}” is not a rule for a threshold. Use {_CHOICES}.")
    amount, (in_range, advice) = _number(given), _RANGES[kind]
    if not in_range(amount):
        raise RecipeError(f"“{text}” cannot be used: {advice}")
    if kind == FLOOR and suite:
        raise RecipeError(
            f"“{text}” cannot be used: a floor needs one film per patient, not degraded copies."
        )
    return Rule(kind, amount, suite)


def as_rule(rule: str | Rule | float) -> Rule:
    """Return the rule that a text, a rule or a threshold stands for.

    Parameters
    ----------
    rule : str, Rule or float
        A text as ``parse_rule`` reads it; or a threshold in [0, 1], which is kept to its last digit.

    Raises
    ------
    RecipeError
        If the text isn't a rule, or the threshold is outside [0, 1].
    """
    if isinstance(rule, Rule):
        return rule
    if isinstance(rule, str):
        return parse_rule(rule)
    in_range, advice = _RANGES[VALUE]
    if not in_range(rule):
        raise RecipeError(f"“{rule}” can't be a threshold: {advice}")
    return Rule(VALUE, float(rule))


def rule_words(text: str) -> str:
    """Return the rule of a lock in words; as it is written if only another version knows it."""
    try:
        return parse_rule(text).words
    except RecipeError:
        return text


def rule_that_chose(text: object) -> Rule | None:
    """Return the rule that a text from outside names; None if it names none, or only a threshold.

    For texts that a person may have changed: an address, a message of the browser, a lock on disk.
    """
    try:
        rule = parse_rule(text) if isinstance(text, str) else None
    except RecipeError:
        return None
    return rule if rule is not None and rule.kind != VALUE else None


def choose(table: ThresholdTable, rule: Rule) -> float:
    """Return the threshold that a rule asks for.

    Parameters
    ----------
    table : ThresholdTable
        Table of the validation films, with scores in [0, 1].
    rule : Rule
        ``sensitivity:S`` gives the highest threshold that reaches S, ``specificity:S`` the lowest one.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    RecipeError
        If a class is missing, or no threshold does what the rule asks.
    ValueError
        If the rule is a floor, which needs more than a table.
    """
    if rule.kind == FLOOR:
        raise ValueError(f"“{rule}” needs films and patients: use choose_threshold")
    if rule.kind == VALUE and rule.amount is not None:
        return rule.amount
    if not table.positives or not table.negatives:
        finding = table.finding
        missing = f"{finding.name} film" if not table.positives else finding.well_film
        raise RecipeError(
            f"The rule “{rule}” needs {finding.both_films}, and there is no {missing} here. "
            "Give a threshold directly, for example value:0.5."
        )
    first = table.highest_row
    return table.cut(first + _row(table, table.tp[first:], table.fp[first:], rule))


def _row(table: ThresholdTable, tp: NDArray[np.int64], fp: NDArray[np.int64], rule: Rule) -> int:
    """Return the row that satisfies the rule best; NumPy's first optimum has the fewest false alarms."""
    positives, negatives, amount = table.positives, table.negatives, rule.amount or 0.0
    if rule.kind == "youden":
        return int(np.argmax(tp * negatives - fp * positives))  # integers, so that equal rows tie exactly
    if rule.kind == "f1":
        return int(np.argmax(2 * tp / (tp + fp + positives)))
    if rule.kind == "cost":
        return int(np.argmin(amount * (positives - tp) + fp))
    if rule.kind == "sensitivity":
        return int(np.argmax(tp / positives >= amount))  # the last row has sensitivity 1, so one fits
    reached = np.flatnonzero((negatives - fp) / negatives >= amount)
    if not reached.size:
        raise RecipeError(
            f"No threshold reaches a specificity of {_PERCENT * amount:.10g} %, "
            f"because some {table.finding.well_films} have the highest possible score. Ask for a lower "
            "specificity."
        )
    return int(reached[-1])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


# A text that isn't a number becomes NaN, which fails every comparison, so it is out of every range.
_RATE = (lambda x: 0 < x <= 1, "give a share above 0 and up to 1, such as 0.95 for 95 %.")
_RANGES: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "sensitivity": _RATE,
    "specificity": _RATE,
    FLOOR: (lambda x: 0 < x < 1, "give a share above 0 and below 1, such as 0.95 for 95 %."),
    "cost": (
        lambda x: 0 < x < math.inf,
        "give how many false alarms one missed case is worth, such as cost:10.",
    ),
    VALUE: (lambda x: 0 <= x <= 1, "give a threshold from 0 to 1, such as value:0.5."),
}
