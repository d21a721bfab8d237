"""
The threshold cockpit: one handle, or two for a review band, and every number follows while they move.

- the exact table travels to the browser once; dragging never waits for Python
- of more than 25,000 films only some rows travel; counts, areas and bars are still those of all films, and
  the handle stops at thresholds whose counts are exact
- Python hears of a threshold when it is let go, and keeps it in the session under ``store``, so that it
  outlives a change of page (a widget's own state does not)
- Python's value reaches the browser only with a new revision: a late rerun cannot pull the handle back,
  and an ordinary rerun sends the very same bytes, which Streamlit then does not send again
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from xraylab.evaluation.cells import CELLS, REVIEW_CELLS
from xraylab.evaluation.thresholds import ThresholdTable

_HERE = Path(__file__).parent
_SCRIPTS = ("numbers.js", "words.js", "drawing.js", "saving.js", "view.js")  # one module, in this order
_mount = st.components.v2.component(
    "xraylab_threshold_cockpit",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js="\n".join((_HERE / script).read_text("utf-8") for script in _SCRIPTS),
)
_FALLBACK = 0.5
PREVALENCE = "prevalence"  # session key: the user's own share of films with pneumonia, whatever the model
COST = "cost of a miss"  # session key: how many false alarms one missed pneumonia is worth to the user
_USUAL = {PREVALENCE: 0.1, COST: 10.0}


@dataclass(frozen=True)
class Chosen:
    """What was last let go."""

    threshold: float  # in [0, 1]
    review_from: float | None = None  # where the review band begins, up to the threshold; None without one


@dataclass(frozen=True)
class Beside:
    """Other films, or what another model makes of the same, under the same handle."""

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
    presets: Mapping[str, float] | None = None,
    review_start: float | None = None,
    reminder: str = "",
    beside: Beside | None = None,
    cell: str | None = None,
) -> Chosen:
    """Show the cockpit and return what was last let go.

    Parameters
    ----------
    table : ThresholdTable
        Of the films shown, with scores in [0, 1].
    key : str
        The widget's key; one for each place where a cockpit stands.
    store : str
        Session key that holds the threshold and the review band, as a ``Chosen``.
    title : str
        Of what model and films it is; figures that are saved carry it.
    locked : Chosen, optional
        Marked on the scale and on both curves.
    initial : Chosen, optional
        Where to begin when the session holds nothing yet: otherwise the lock, or else 0.5.
    presets : mapping of str to float, optional
        Thresholds offered as buttons, by their label.
    review_start : float, optional
        Where a review band begins when it is switched on, if that is below the threshold.
    reminder : str
        Stands beside what would follow for other films than these.
    beside : Beside, optional
        Shown at the same threshold: figures, second curves, outlines among the scores.
    cell : str, optional
        Session key that is told which cell was clicked, as ``evaluation.cases`` names them.

    Returns
    -------
    Chosen
        Also ``st.session_state[store]``.
    """
    session = st.session_state
    if store not in session:
        session[store] = next(one for one in (initial, locked, Chosen(_FALLBACK)) if one is not None)
    if key not in session or _pin(store) not in session:
        move_to(session[store], store)  # a first visit, or back from another page
        session[f"_{store}_usual"] = {what: session.get(what, usual) for what, usual in _USUAL.items()}

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

    revision, pushed = session[_pin(store)]
    presets = presets or {}
    usual = session[f"_{store}_usual"]
    ends = [end for one in (pushed, locked) if one is not None for end in (one.threshold, one.review_from)]
    marked = [end for end in (*ends, *presets.values(), review_start) if end is not None]
    _mount(
        key=key,
        data={
            "table": _arrow(table, table.steps(marked)),
            "beside": _arrow(beside.table, beside.table.steps(marked)) if beside else None,
            "beside_name": beside.name if beside else None,
            "title": title,
            "scores": len(table) - 1,
            "patients": table.n_groups,
            "auc": _or_none(table.auc),
            "average_precision": _or_none(table.average_precision),
            "locked": locked.threshold if locked else None,
            "locked_review": locked.review_from if locked else None,
            "presets": [[label, float(threshold)] for label, threshold in presets.items()],
            "review_start": review_start,
            "reminder": reminder,
            "prevalence": usual[PREVALENCE],
            "cost": usual[COST],
            "revision": revision,
            "value": pushed.threshold,
            "review": pushed.review_from,
        },
        on_let_go_change=let_go,
        on_prevalence_change=weighed,
        on_cost_change=priced,
        on_cell_change=opened,
    )
    chosen: Chosen = session[store]
    return chosen


def _read(said: Any) -> Chosen | None:
    """What the browser let go of, if it is a threshold, with a band that lies below it or without one."""
    said = said if isinstance(said, dict) else {}
    threshold, review = said.get("threshold"), said.get("review")
    if not (isinstance(threshold, int | float) and 0 <= threshold <= 1):
        return None
    banded = isinstance(review, int | float) and 0 <= review <= threshold
    return Chosen(float(threshold), float(review) if banded else None)


def move_to(chosen: Chosen, store: str) -> None:
    """Move the handles from Python, before the cockpit is drawn or in a button's callback.

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
    """Session key of the value last pushed to the browser, with its revision."""
    return f"_{store}_pin"


def _arrow(table: ThresholdTable, rows: NDArray[np.int64]) -> pa.Table:
    """Lay out rows of the table as the browser reads them: typed columns, 48 bytes a row."""
    columns: dict[str, Any] = {
        "threshold": table.threshold[rows],
        # the next lower score of all, whose row may not travel: cuts down to it count as this row does
        "below": np.append(table.threshold[1:], -np.inf)[rows],
        "tp": table.tp[rows].astype(np.int32),
        "fp": table.fp[rows].astype(np.int32),
    }
    for metric, sizes in table.effective.items():
        columns[f"effective_{metric}"] = sizes[rows].astype(np.float32)
    return pa.table(columns)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
