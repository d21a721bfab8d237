"""
Folding panels: two buttons, and the keys ``[`` and ``]``, that fold what stands left and right of a film.

- the browser alone folds: it names the folded sides in ``data-xl-folded`` of the page, whose style
  gives their room to the film
- what is folded stays so for another film, on the way back from another screen, and after a reload
- keys don't fold while the user types
"""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "xraylab_folding_panels",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js="\n".join(file.read_text("utf-8") for file in (_HERE.parent / "keys.js", _HERE / "view.js")),
)


def folding_panels(*, key: str, left: str, right: str) -> None:
    """Draw the buttons, each at the edge of its side, where it stays when it is pressed.

    Parameters
    ----------
    key : str
        The component's key.
    left, right : str
        What stands on each side, as a button names it: "list of films".
    """
    _mount(key=key, data={"left": left, "right": right})
