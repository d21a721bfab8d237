"""
The shell: the frame that every screen shares.

- each page draws itself inside ``with shell.page(...)``: title, sidebar, content, footer
- a page needs no entry script, so its address can be the first one opened on a fresh server
- the caller passes the sidebar's words about model and training; nothing is looked up here
- no torch, so that a screen that only shows numbers opens at once
"""

import contextlib
import html
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from xraylab.app import serving, starting, theme, tour, visits, widgets
from xraylab.app.faults import guard
from xraylab.app.wording import plain

FOOTER = "Research and teaching. Not a medical device."
REFRESH_SECONDS = 2.0  # between two updates of the progress line during a training

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
    """The sidebar's words about model and training.

    Attributes
    ----------
    model : str or None
        The model in use.
    lock : str or None
        Its operating point, such as "locked 0.412 · Youden · 12 May"; None if it isn't locked.
    training : str or None
        The present training, such as "densenet121 · epoch 4 of 15 · 2 min left"; None without one.
    fraction : float or None
        Finished part of the training, in [0, 1]; None while it is unknown.
    loading : bool
        Whether the model is being loaded, so that the first film has to wait for it.
    """

    model: str | None = None
    lock: str | None = None
    training: str | None = None
    fraction: float | None = None
    loading: bool = False


@contextlib.contextmanager
def page(key: str, *, title: str, purpose: str, status: Callable[[], Status] = Status) -> Iterator[None]:
    """Frame a screen: draw the content of the block between title and footer.

    An error in the block becomes a message in its place (see ``faults.guard``).

    Parameters
    ----------
    key : str
        The screen's key in ``SCREENS`` or ``LIBRARY``.
    title : str
        Two or three words.
    purpose : str
        One sentence about the purpose of the screen.
    status : callable
        Returns the sidebar's ``Status``; called again and again during a training, so it must be quick.

    Raises
    ------
    ValueError
        If there is no such screen.
    """
    _screen(key)
    visits.look_at(key)
    starting.sweep_once()
    st.set_page_config(
        page_title=f"{title} · XRayLab",
        page_icon=str(_HERE / "icon.svg"),  # a Material symbol here would be fetched from a remote host
        layout="wide",
        initial_sidebar_state="auto",
        menu_items={"About": f"**XRayLab**  \n{FOOTER}"},  # without an entry the menu of themes is hidden
    )
    st.html(_HERE / "shell.css")
    _load_scripts()
    refusal = serving.refusal_of_page()
    if refusal is not None:
        st.error(refusal)
        st.stop()
    _sidebar(status)
    _draw_audience()
    st.title(title, anchor=False)
    st.html(f'<p class="xl-purpose"{widgets.hover(purpose)}>{html.escape(purpose)}</p>')
    body = st.container()
    # The footer is sent before the content is drawn, because st.stop() in the content ends the script.
    st.html(f'<footer class="xl-footer">{FOOTER}</footer>')
    with body, guard():
        yield
    theme.watch()
    tour.draw(key)
    starting.page_drawn()


def empty_state(
    sentence: str, button: str, *, key: str, action: Callable[[], None] | None = None, to: str | None = None
) -> None:
    """Say what is missing and offer a button that helps.

    Parameters
    ----------
    sentence : str
        One sentence about what is missing.
    button : str
        The button's label.
    key : str
        The button's key.
    action : callable, optional
        Called when the button is pressed, inside the page, so that its errors are guarded.
    to : str, optional
        Key of the screen to open afterwards.
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
    """Start in the dark theme, and limit the number of uploads to what a browser can list.

    Streamlit would follow the system's theme, and forget a choice at each new address.
    """
    # Sent on every rerun, because a reload or a new page starts without them; each guards itself against a
    # second run.
    with st.container(key="xl-scripts"):
        st.html(
            "".join(f"<script>{script}</script>" for script in serving.inline_scripts()),
            unsafe_allow_javascript=True,
        )


def _draw_audience() -> None:
    sentences = serving.audience_of_page()
    if sentences is not None:
        st.html(f'<p class="xl-exposed" role="status">{html.escape(sentences)}</p>')


def _sidebar(status: Callable[[], Status]) -> None:
    with st.sidebar:
        st.html('<div class="xl-mark">XRay<span>Lab</span></div>')
        for screen in SCREENS:
            st.page_link(screen.script, label=screen.label)
        st.html('<hr class="xl-rule">')
        for screen in LIBRARY:
            st.page_link(screen.script, label=screen.label)
        with guard():
            now = status()
            training = now.training is not None
            # Polls only while something goes on: a fragment with `run_every` reruns until the page is closed.
            every = REFRESH_SECONDS if training or now.loading else None
            st.fragment(_draw_status, run_every=every)(status, training)


def _draw_status(status: Callable[[], Status], polling: bool) -> None:
    with guard():
        now = status()
        if polling and now.training is None:
            st.rerun()  # the training ended: only a rerun of the whole page ends the polling
        st.html(_status_html(now))
        if now.training is not None:
            st.page_link(_screen("train").script, label=plain(now.training))
            st.html(_progress_html(now.fraction))


def _status_html(status: Status) -> str:
    if status.model is None:
        return '<div class="xl-status"><span class="xl-label">Reads films</span>none yet</div>'
    lock = status.lock or "not locked"
    loading = '<span class="xl-label" role="status">Loading, a few seconds</span>' if status.loading else ""
    return (
        '<div class="xl-status"><span class="xl-label">Reads films</span>'
        f"<strong{widgets.hover(status.model)}>{html.escape(status.model)}</strong>"
        f'<span class="xl-lock"{widgets.hover(lock)}>{html.escape(lock)}</span>{loading}</div>'
    )


def _progress_html(fraction: float | None) -> str:
    if fraction is None or math.isnan(fraction):
        return '<div class="xl-progress" role="progressbar" aria-label="Training"></div>'
    done = round(100 * min(max(fraction, 0.0), 1.0))
    return (
        '<div class="xl-progress" role="progressbar" aria-label="Training" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{done}"><span style="width:{done}%"></span></div>'
    )
