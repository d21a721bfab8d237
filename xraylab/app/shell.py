"""
The shell: what every screen has in common.

- each page draws itself inside ``with shell.page(...)``: title, sidebar, the page's own work, footer
- a page works when its address is opened first on a fresh server, since it needs no entry script
- what the sidebar says about the model and a training is handed in as plain words; nothing is looked up here
- no torch, so that a screen which only shows numbers opens at once
"""

import contextlib
import html
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from xraylab.app.faults import guard
from xraylab.app.wording import plain

FOOTER = "Research and teaching. Not a medical device."
REFRESH_SECONDS = 2.0  # how often the progress line looks again while something trains

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Screen:
    """One entry of the sidebar."""

    key: str
    script: str  # relative to the entry script, as st.page_link wants it
    label: str


SCREENS = (
    Screen("overview", "streamlit_app.py", "Overview"),
    Screen("data", "pages/data.py", "Data"),
    Screen("train", "pages/train.py", "Train"),
    Screen("threshold", "pages/threshold.py", "Threshold"),
    Screen("compare", "pages/compare.py", "Compare"),
    Screen("read", "pages/read.py", "Read"),
)
LIBRARY = (Screen("models", "pages/models.py", "Models"),)  # below the rule


@dataclass(frozen=True)
class Status:
    """What the sidebar says at every moment, worded already.

    Attributes
    ----------
    model : str or None
        The model in use.
    lock : str or None
        Its operating point, such as "locked 0.412 · Youden · 12 May"; None when it isn't locked.
    training : str or None
        What trains now, such as "densenet121 · epoch 4 of 15 · 2 min left"; None when nothing does.
    fraction : float or None
        How much of the training is done, in [0, 1]; None while it can't be known.
    """

    model: str | None = None
    lock: str | None = None
    training: str | None = None
    fraction: float | None = None


@contextlib.contextmanager
def page(key: str, *, title: str, purpose: str, status: Callable[[], Status] = Status) -> Iterator[None]:
    """Frame a screen: everything in the block stands between its title and the footer.

    An error in the block becomes a message where it happened (see ``faults.guard``).

    Parameters
    ----------
    key : str
        The screen's key in ``SCREENS`` or ``LIBRARY``.
    title : str
        Two or three words.
    purpose : str
        One sentence on what the screen is for.
    status : callable
        Gives the sidebar's ``Status``; called again while something trains, so it must be quick.

    Raises
    ------
    ValueError
        If there is no such screen.
    """
    _screen(key)
    st.set_page_config(
        page_title=f"{title} · XRayLab",
        page_icon=str(_HERE / "icon.svg"),  # a Material symbol here would be fetched from a remote host,
        layout="wide",
        initial_sidebar_state="auto",
        menu_items={"About": f"**XRayLab**  \n{FOOTER}"},  # one entry, or the menu with the themes is hidden
    )
    st.html(_HERE / "shell.css")
    _load_scripts()
    _sidebar(status)
    st.title(title, anchor=False)
    st.html(f'<p class="xl-purpose">{html.escape(purpose)}</p>')
    body = st.container()
    st.html(f'<footer class="xl-footer">{FOOTER}</footer>')  # sent first: after st.stop() nothing can be
    with body, guard():
        yield


def empty_state(
    sentence: str, button: str, *, key: str, action: Callable[[], None] | None = None, to: str | None = None
) -> None:
    """Say what is missing and offer the button that mends it.

    Parameters
    ----------
    sentence : str
        What is missing, in a sentence.
    button : str
        The button's label.
    key : str
        The button's key.
    action : callable, optional
        Run when the button is pressed, inside the page, so that its errors are guarded.
    to : str, optional
        Key of the screen to go to afterwards.
    """
    st.markdown(plain(sentence))
    if st.button(button, type="primary", key=key):
        if action is not None:
            action()
        if to is not None:
            st.switch_page(_screen(to).script)


def next_step(label: str, to: str) -> None:
    """Link to the next screen, at the bottom right; ``to`` is the screen's key."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.page_link(_screen(to).script, label=label, icon=":material/arrow_forward:", icon_position="right")


def _screen(key: str) -> Screen:
    for screen in (*SCREENS, *LIBRARY):
        if screen.key == key:
            return screen
    raise ValueError(f"there is no screen {key!r}")


def _load_scripts() -> None:
    """Open in the dark theme, and take no more uploads at once than a browser can list.

    Streamlit would follow the system's theme, and forget a choice at each new address.
    """
    scripts = ((_HERE / name).read_text("utf-8") for name in ("theme.js", "uploads.js"))
    with st.container(key="xl-scripts"):
        st.html("".join(f"<script>{script}</script>" for script in scripts), unsafe_allow_javascript=True)


def _sidebar(status: Callable[[], Status]) -> None:
    with st.sidebar:
        st.html('<div class="xl-mark">XRay<span>Lab</span></div>')
        for screen in SCREENS:
            st.page_link(screen.script, label=screen.label)
        st.html('<hr class="xl-rule">')
        for screen in LIBRARY:
            st.page_link(screen.script, label=screen.label)
        with guard():
            training = status().training is not None
            st.fragment(_draw_status, run_every=REFRESH_SECONDS if training else None)(status, training)


def _draw_status(status: Callable[[], Status], polling: bool) -> None:
    with guard():
        now = status()
        if polling and now.training is None:
            st.rerun()  # the training ended: draw the page once more, without the polling
        st.html(_status_html(now))
        if now.training is not None:
            st.page_link(_screen("train").script, label=plain(now.training))
            st.html(_progress_html(now.fraction))


def _status_html(status: Status) -> str:
    if status.model is None:
        return '<div class="xl-status"><span class="xl-label">Model in use</span>none yet</div>'
    lock = status.lock or "not locked"
    return (
        '<div class="xl-status"><span class="xl-label">Model in use</span>'
        f'<strong>{html.escape(status.model)}</strong><span class="xl-lock">{html.escape(lock)}</span></div>'
    )


def _progress_html(fraction: float | None) -> str:
    if fraction is None or math.isnan(fraction):
        return '<div class="xl-progress" role="progressbar" aria-label="Training"></div>'
    done = round(100 * min(max(fraction, 0.0), 1.0))
    return (
        '<div class="xl-progress" role="progressbar" aria-label="Training" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{done}"><span style="width:{done}%"></span></div>'
    )
