"""The theme that the browser shows: charts need its colours, because Plotly can't read CSS variables."""

from typing import Literal

import streamlit as st

from xraylab.app.components.theme_watch import theme_watch

_ASKED = "theme asked for"  # session key


def name() -> Literal["dark", "light"]:
    """Return the name of the theme; the screen is drawn again if the browser then shows the other one.

    A new browser tells the system's theme before ``theme.js`` has chosen dark, and a choice in the menu
    draws nothing again.
    """
    st.session_state[_ASKED] = True
    return _now()


def watch() -> None:
    """Watch the theme if this run of the screen asked for it; called at the end of the screen."""
    if st.session_state.pop(_ASKED, False):
        theme_watch(_now(), key="theme watch")


def _now() -> Literal["dark", "light"]:
    return "light" if st.context.theme.type == "light" else "dark"
