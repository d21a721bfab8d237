"""Ask again: the browser has the present part of a screen drawn once more, after a moment."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_ASKED = "asked again"  # session key

_mount = st.components.v2.component(
    "xraylab_ask_again", html="<span></span>", js=(_HERE / "view.js").read_text("utf-8")
)


def ask_again(*, key: str, seconds: float = 0.3) -> None:
    """Have the fragment or page in which this is called drawn once more.

    A fragment's own ``run_every`` goes on until its parent is drawn, and a wait in Python would hold up the
    next key.

    Parameters
    ----------
    key : str
        The component's key.
    seconds : float
        How long to wait.
    """
    # Another number each time, because equal data don't reach the browser's code again.
    number = st.session_state[_ASKED] = st.session_state.get(_ASKED, 0) + 1
    with st.container(key="xl-ask-again"):
        _mount(key=key, data={"number": number, "wait": 1000 * seconds}, on_asked_change=lambda: None)
