"""
The threshold cockpit: one handle, or two for a review band, and all figures follow while they move.

- the exact table is sent to the browser once; dragging never waits for Python
- of more than 25,000 films only some rows are sent; counts, areas and bars are still those of all films, and
  the handle stops at thresholds whose counts are exact
- Python gets the threshold on release, and keeps it in the session under ``store``, where it outlives a
  change of page (a widget's own state does not)
- a threshold keeps the rule that chose it, a preset's for example, until it is moved by hand
- the browser takes over Python's value only with a new revision, so that a late rerun can't pull the handle
  back; an ordinary rerun sends the same bytes, which Streamlit doesn't send again
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from xraylab.app.components.threshold_cockpit.groups import SplitBy, groups_data
from xraylab.app.components.threshold_cockpit.tables import arrow
from xraylab.app.glossary import explanation
from xraylab.evaluation.cells import CELLS, REVIEW_CELLS
from xraylab.evaluation.rules import FLOOR, Rule, rule_that_chose
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import Finding

_HERE = Path(__file__).parent
_SCRIPTS = (
    "numbers.js",
    "words.js",
    "drawing.js",
    "groups.js",
    "saving.js",
    "view.js",
)  # one module, in this order
_mount = st.components.v2.component(
    "xraylab_threshold_cockpit",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js="\n".join((_HERE / script).read_text("utf-8") for script in _SCRIPTS),
)
# The terms of the view that the glossary explains on hover.
_TERMS = {
    term: explanation(term)
    for term in re.findall(r'data-term="([^"]+)"', (_HERE / "view.html").read_text("utf-8"))
}
_FALLBACK = 0.5
PREVALENCE = "prevalence"  # session key: the user's own share of films with the finding, whatever the model
COST = "cost of a miss"  # session key: how many false alarms one missed case is worth to the user
_USUAL = {PREVALENCE: 0.1, COST: 10.0}


@dataclass(frozen=True)
class Chosen:
    """A threshold as the user released it, with its review band, and the rules that chose them."""

    threshold: float  # in [0, 1]
    review_from: float | None = None  # where the review band begins, up to the threshold; None without one
    # The rules don't count when two are compared: the same cuts decide the same films under any rule.
    rule: Rule | None = field(default=None, compare=False)  # None for a threshold that was moved by hand
    review_rule: Rule | None = field(default=None, compare=False)

    @property
    def cut(self) -> Rule | float:
        """The rule that chose the threshold, or the threshold itself if it was moved by hand."""
        return self.threshold if self.rule is None else self.rule

    @property
    def review_cut(self) -> Rule | float | None:
        """The same for the lower end of the review band; None without a band."""
        return self.review_from if self.review_rule is None else self.review_rule


@dataclass(frozen=True)
class Preset:
    """A rule, and the threshold that it chooses on the films shown."""

    rule: Rule
    threshold: float | None  # in [0, 1]; None for one that is chosen once the rule is pressed
    name: str | None = None  # in clinical words; None puts the rule among the further ones
    why: str = ""  # the rule can't be used, as a sentence


@dataclass(frozen=True)
class Beside:
    """Other films, or the same films scored by another model, compared at the same threshold."""

    name: str
    table: ThresholdTable


def threshold_cockpit(
    table: ThresholdTable,
    *,
    key: str,
    store: str,
    title: str = "",
    locked: Chosen | None = None,
    initial: Chosen | None = None,
    presets: Sequence[Preset] = (),
    review_start: Preset | None = None,
    reminder: str = "",
    beside: Beside | None = None,
    cell: str | None = None,
    few: str | None = None,
    split_by: SplitBy | None = None,
    column: str | None = None,
    ask: Callable[[Rule], None] | None = None,
) -> Chosen:
    """Show the cockpit and return the cut of the last release.

    Parameters
    ----------
    table : ThresholdTable
        Of the films shown, with scores in [0, 1].
    key : str
        The widget's key; one for each place where a cockpit stands.
    store : str
        Session key that holds the threshold and the review band, as a ``Chosen``.
    title : str
        Names the model and the films; saved figures carry it.
    locked : Chosen, optional
        The lock, marked on the scale and on both curves.
    initial : Chosen, optional
        The first cut, if the session holds none yet; by default the lock, else 0.5.
    presets : sequence of Preset, optional
        Thresholds offered as buttons: those with a name first, all others folded under *More rules*.
    review_start : Preset, optional
        Where a new review band begins, if that is below the threshold.
    reminder : str
        A caveat, shown after the figures for a thousand films.
    beside : Beside, optional
        Compared at the same threshold: figures, second curves, outlines among the scores.
    cell : str, optional
        Session key that receives the name of a clicked cell, as in ``evaluation.cells``.
    few : str, optional
        Says that these films are too few to judge a model by.
    split_by : SplitBy, optional
        Columns that the films may be divided by, and the groups of the chosen one.
    column : str, optional
        Session key that receives the column chosen in the cockpit, or None for none.
    ask : callable, optional
        Called with the rule of a preset without a threshold, once it is pressed; it may call ``move_to``.

    Returns
    -------
    Chosen
        Also ``st.session_state[store]``.
    """
    session = st.session_state
    if store not in session:
        session[store] = next(one for one in (initial, locked, Chosen(_FALLBACK)) if one is not None)
    if key not in session or _pin(store) not in session:
        # A first visit, or a return from another page: the browser's component starts afresh as well.
        move_to(session[store], store)
        session[f"_{store}_usual"] = {what: session.get(what, usual) for what, usual in _USUAL.items()}

    # Callbacks run before the page is drawn again, so every part of it sees the new values. What arrives from
    # a browser is checked, since anyone can send anything.
    def let_go() -> None:
        chosen = _read(session[key].get("let_go"))
        if chosen is not None:
            session[store] = chosen

    def weighed() -> None:
        value = session[key].get("prevalence")
        if isinstance(value, int | float) and 0 < value < 1:
            session[PREVALENCE] = float(value)

    def priced() -> None:
        value = session[key].get("cost")
        if isinstance(value, int | float) and 0 < value < math.inf:
            session[COST] = float(value)

    def opened() -> None:
        if cell is not None and session[key].get("cell") in (*CELLS, *REVIEW_CELLS):
            session[cell] = session[key]["cell"]

    def divided() -> None:
        asked = session[key].get("column")
        if column is not None and split_by is not None and isinstance(asked, dict):
            session[column] = split_by.known(asked.get("name"))

    def asked() -> None:
        pressed = session[key].get("rule")
        for preset in presets:
            waits = preset.threshold is None and not preset.why
            if ask is not None and waits and str(preset.rule) == pressed:
                ask(preset.rule)

    revision, pushed = session[_pin(store)]
    # Prevalence and cost as they were at first: the present values in `data` would send the table anew.
    usual = session[f"_{store}_usual"]
    ends = [end for one in (pushed, locked) if one is not None for end in (one.threshold, one.review_from)]
    offered = [preset.threshold for preset in (*presets, review_start) if preset is not None]
    marked = [end for end in (*ends, *offered) if end is not None]
    rows = table.steps(marked)
    _mount(
        key=key,
        data={
            "table": arrow(table, rows),
            "beside": arrow(beside.table, beside.table.steps(marked)) if beside else None,
            "beside_name": beside.name if beside else None,
            "title": title,
            "words": _words(table.finding),
            "terms": _TERMS,
            "scores": len(table) - 1,
            "patients": table.n_groups,
            "auc": _or_none(table.auc),
            "average_precision": _or_none(table.average_precision),
            "locked": locked.threshold if locked else None,
            "locked_review": locked.review_from if locked else None,
            "locked_rule": _text(locked.rule) if locked else None,
            "locked_review_rule": _text(locked.review_rule) if locked else None,
            "presets": [_offer(preset) for preset in presets],
            "review_start": review_start.threshold if review_start else None,
            "review_start_rule": str(review_start.rule) if review_start else None,
            "reminder": reminder,
            "few": few,
            "prevalence": usual[PREVALENCE],
            "cost": usual[COST],
            "revision": revision,
            "value": pushed.threshold,
            "review": pushed.review_from,
            "rule": _text(pushed.rule),
            "review_rule": _text(pushed.review_rule),
            **groups_data(split_by, table.threshold[rows], locked.threshold if locked else None),
        },
        on_let_go_change=let_go,
        on_prevalence_change=weighed,
        on_cost_change=priced,
        on_cell_change=opened,
        on_column_change=divided,
        on_rule_change=asked,
    )
    chosen: Chosen = session[store]
    return chosen


def _read(message: Any) -> Chosen | None:
    """Parse a message of the browser; return None if its threshold is invalid, and drop an invalid band."""
    message = message if isinstance(message, dict) else {}
    threshold, review = message.get("threshold"), message.get("review")
    if not (isinstance(threshold, int | float) and 0 <= threshold <= 1):
        return None
    rule = rule_that_chose(message.get("rule"))
    if not (isinstance(review, int | float) and 0 <= review <= threshold):
        return Chosen(float(threshold), rule=rule)
    return Chosen(float(threshold), float(review), rule, rule_that_chose(message.get("review_rule")))


def _words(finding: Finding) -> dict[str, str]:
    """Return the words that stand in the view's texts in braces."""
    absent, present = finding.classes
    return {
        "absent": absent,
        "present": present,
        "finding": finding.name,
        "case": finding.case,
        "cases": finding.cases,
        "wells": finding.wells,
    }


def _offer(preset: Preset) -> dict[str, Any]:
    words, more = preset.rule.words, ""
    if preset.rule.kind == "youden":
        words = "Youden’s index"
    elif preset.rule.kind == FLOOR:
        words, on, condition = words.partition(" on ")
        more = (on + condition).strip()
    return {
        "name": preset.name,
        "words": words,
        "more": preset.why or more,
        "threshold": None if preset.threshold is None else float(preset.threshold),
        "rule": str(preset.rule),
        "usable": not preset.why,
    }


def _text(rule: Rule | None) -> str | None:
    return None if rule is None else str(rule)


def move_to(chosen: Chosen, store: str) -> None:
    """Move the handles from Python; call it before the cockpit is drawn, or in a button's callback.

    Raises
    ------
    ValueError
        If the threshold is outside [0, 1], or the band doesn't begin between 0 and the threshold.
    """
    if not 0 <= chosen.threshold <= 1:
        raise ValueError(f"a threshold lies in [0, 1], not at {chosen.threshold}")
    if chosen.review_from is not None and not 0 <= chosen.review_from <= chosen.threshold:
        raise ValueError(f"a review band begins in [0, {chosen.threshold}], not at {chosen.review_from}")
    revision = st.session_state.get(_pin(store), (0, None))[0]
    st.session_state[store] = chosen
    st.session_state[_pin(store)] = (revision + 1, chosen)


def _pin(store: str) -> str:
    """Return the session key of the value last pushed to the browser, with its revision."""
    return f"_{store}_pin"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
