"""Visits: which screen a session looks at, and how often it came to one."""

import streamlit as st

_SHOWN, _VISIT = "screen shown", "visit"  # of the session


def look_at(screen: str) -> None:
    """Note the screen that is drawn, given by its key."""
    if st.session_state.get(_SHOWN) != screen:
        st.session_state[_SHOWN], st.session_state[_VISIT] = screen, visit() + 1


def visit() -> int:
    """Return the number of the visit to the present screen: coming from another screen counts one more."""
    return int(st.session_state.get(_VISIT, 0))
