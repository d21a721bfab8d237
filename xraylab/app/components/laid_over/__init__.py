"""
Laid over: the head of a panel that lies over a part of a component, with a button that closes it.

- the panel is a container of the page; this head finds the part inside the component and tells its rectangle
  to the page's style as custom properties, so that nothing else moves while the panel is open
- what lies below can't be reached by keys while it is covered
- Escape closes too, unless something inside has a use for it
"""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent

_DRAWN = "panels drawn"  # session key

_mount = st.components.v2.component(
    "xraylab_laid_over",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js=(_HERE / "view.js").read_text("utf-8"),
)


def laid_over(
    title: str,
    detail: str = "",
    *,
    key: str,
    panel: str,
    ground: str,
    over: str,
    on_close: Callable[[], None],
) -> None:
    """Draw the head of a panel, and lay the panel over its place.

    Parameters
    ----------
    title : str
        What the panel shows.
    detail : str
        Set smaller behind it; cut if it is too long, and whole on hover.
    key : str
        The head's key.
    panel, ground : str
        Keys of two containers: the panel, in which this head is drawn, and the one in which it is laid.
    over : str
        CSS selector of the covered part, inside a component on the ground.
    on_close : callable
        Called before the rerun that a click on *Close*, or Escape, causes.
    """
    # Another number each time: the browser has closed the panel itself, and opens it once it is drawn again.
    number = st.session_state[_DRAWN] = st.session_state.get(_DRAWN, 0) + 1
    place = {"panel": panel, "ground": ground, "over": over}
    _mount(
        key=key,
        data={"title": title, "detail": detail, "number": number, **place},
        on_closed_change=on_close,
    )
