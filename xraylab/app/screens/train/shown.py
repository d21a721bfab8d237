"""The run that the live view shows: the current one, unless the user chose another."""

import streamlit as st

from xraylab.app.watch import Look
from xraylab.runs.run import Run

_KEY = "train shown run"


def show(run_id: str) -> None:
    """Show this run until another is chosen."""
    st.session_state[_KEY] = run_id


def show_current() -> None:
    """Show the current run again."""
    st.session_state.pop(_KEY, None)


def shown(now: Look) -> Run | None:
    """Return the chosen run, else the current one, else the newest; None without any."""
    # The id is looked up anew: a run can disappear from the table while a session remembers it.
    chosen = next((run for run in now.runs if run.id == st.session_state.get(_KEY)), None)
    return chosen or now.current or next(iter(now.runs), None)
