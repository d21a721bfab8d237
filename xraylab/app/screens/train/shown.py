"""Which run the live view shows: the one at work, unless somebody asked for another."""

import streamlit as st

from xraylab.app.watch import Look
from xraylab.runs.run import Run

_KEY = "train shown run"


def show(run_id: str) -> None:
    """Show this run from now on."""
    st.session_state[_KEY] = run_id


def show_current() -> None:
    """Show the run at work again."""
    st.session_state.pop(_KEY, None)


def shown(now: Look) -> Run | None:
    """The run asked for, else the one at work, else the newest; None if there is none."""
    asked = next((run for run in now.runs if run.id == st.session_state.get(_KEY)), None)
    return asked or now.current or next(iter(now.runs), None)
