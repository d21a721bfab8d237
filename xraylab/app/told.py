"""
What a list of films is told to choose.

A person's choice in the list changes nothing of it, so that the list needn't be sent again. Another visit to
its screen does, because a list that is drawn for the first time knows nothing.
"""

import streamlit as st

from xraylab.app import visits


def told(name: str, chosen: str) -> tuple[str, int]:
    """Return the film that a list is told to choose, and a number that changes when it is told anew.

    Parameters
    ----------
    name : str
        Session key of what the list was told.
    chosen : str
        Key of the film that is chosen now.
    """
    key, number, visit = st.session_state.get(name, ("", 0, -1))
    if not key or visit != visits.visit():
        key, number = chosen, number + 1
        st.session_state[name] = key, number, visits.visit()
    return str(key), int(number)


def tell_anew(name: str) -> None:
    """Have a list told once more: the choice was made elsewhere, or the list was closed."""
    _, number, visit = st.session_state.get(name, ("", 0, -1))
    st.session_state[name] = "", number, visit
