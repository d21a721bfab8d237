"""Theme watch: the browser says when the page has another theme than the one that Python drew for."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "xraylab_theme_watch", html="<span></span>", js=(_HERE / "view.js").read_text("utf-8")
)


def theme_watch(drawn_for: str, *, key: str) -> None:
    """Have the screen drawn once more if the browser shows another theme.

    Parameters
    ----------
    drawn_for : str
        ``"dark"`` or ``"light"``.
    key : str
        The component's key.
    """
    with st.container(key="xl-theme-watch"):
        _mount(key=key, data={"drawnFor": drawn_for}, on_changed_change=lambda: None)
