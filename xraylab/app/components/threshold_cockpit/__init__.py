"""
The threshold cockpit: one handle, and every number follows it while it moves.

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
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from xraylab.evaluation.cases import CELLS
from xraylab.evaluation.thresholds import ThresholdTable

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "xraylab_threshold_cockpit",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js=(_HERE / "view.js").read_text("utf-8"),
)
_FALLBACK = 0.5
PREVALENCE = "prevalence"  # session key: the user's own share of films with pneumonia, whatever the model
_USUAL = 0.1


def threshold_cockpit(
    table: ThresholdTable,
    *,
    key: str,
    store: str,
    locked: float | None = None,
    initial: float | None = None,
    presets: Mapping[str, float] | None = None,
    reminder: str = "",
    cell: str | None = None,
) -> float:
    """Show the cockpit and return the threshold last let go.

    Parameters
    ----------
    table : ThresholdTable
        Of the films shown, with scores in [0, 1].
    key : str
        The widget's key; one for each place where a cockpit stands.
    store : str
        Session key that holds the threshold.
    locked : float, optional
        Marked on the scale and on both curves.
    initial : float, optional
        Where to begin when the session holds no threshold yet: otherwise the lock, or else 0.5.
    presets : mapping of str to float, optional
        Thresholds offered as buttons, by their label.
    reminder : str
        Stands beside what would follow for other films than these.
    cell : str, optional
        Session key that is told which cell of the 2 × 2 was clicked: tp, fn, fp or tn.

    Returns
    -------
    float
        In [0, 1]; also ``st.session_state[store]``.
    """
    session = st.session_state
    if store not in session:
        session[store] = next(float(t) for t in (initial, locked, _FALLBACK) if t is not None)
    if key not in session or _pin(store) not in session:
        set_threshold(session[store], store)  # a first visit, or back from another page
        session[f"_{store}_prevalence"] = session.get(PREVALENCE, _USUAL)

    def let_go() -> None:
        said = session[key].get("let_go") or {}
        value = said.get("threshold")
        if isinstance(value, int | float) and 0 <= value <= 1:
            session[store] = float(value)

    def weighed() -> None:
        value = session[key].get("prevalence")
        if isinstance(value, int | float) and 0 < value < 1:
            session[PREVALENCE] = float(value)

    def opened() -> None:
        if cell is not None and session[key].get("cell") in CELLS:
            session[cell] = session[key]["cell"]

    revision, value = session[_pin(store)]
    presets = presets or {}
    marked = [threshold for threshold in (value, locked, *presets.values()) if threshold is not None]
    _mount(
        key=key,
        data={
            "table": _arrow(table, table.steps(marked)),
            "scores": len(table) - 1,
            "patients": table.n_groups,
            "auc": _or_none(table.auc),
            "average_precision": _or_none(table.average_precision),
            "locked": locked,
            "presets": [[label, float(threshold)] for label, threshold in presets.items()],
            "reminder": reminder,
            "prevalence": session[f"_{store}_prevalence"],
            "revision": revision,
            "value": value,
        },
        on_let_go_change=let_go,
        on_prevalence_change=weighed,
        on_cell_change=opened,
    )
    return float(session[store])


def set_threshold(value: float, store: str) -> None:
    """Move the handle from Python, before the cockpit is drawn or in a button's callback.

    Raises
    ------
    ValueError
        If the value is outside [0, 1].
    """
    if not 0 <= value <= 1:
        raise ValueError(f"a threshold lies in [0, 1], not at {value}")
    revision = st.session_state.get(_pin(store), (0, None))[0]
    st.session_state[store] = float(value)
    st.session_state[_pin(store)] = (revision + 1, float(value))


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
