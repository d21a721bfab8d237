"""
Address: puts the present view of a screen into the browser's address.

- the browser does it and not ``st.query_params``, which adds an entry to the history for each change: Back
  would lead from one view of the screen to the one before, and the screen would rewrite it at once
- nothing is drawn, and Python hears nothing
"""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "xraylab_address", html="<span></span>", js=(_HERE / "view.js").read_text("utf-8")
)


def keep_address(screen: str, view: Mapping[str, str], *, of_screen: tuple[str, ...]) -> None:
    """Put a view into the address, in place of the one that is there.

    Parameters
    ----------
    screen : str
        The last part of the screen's path, such as ``threshold``; at any other path the address stays.
    view : mapping of str to str
        The parameters of the view.
    of_screen : tuple of str
        All parameters that a view may have; those that it hasn't are removed.
    """
    with st.container(key="xl-address"):
        _mount(key="address", data={"screen": screen, "view": dict(view), "of_screen": list(of_screen)})
