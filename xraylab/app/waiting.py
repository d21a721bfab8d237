"""What a reader sees while waiting for the networks, and results that a session keeps."""

import contextlib
import secrets
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

import streamlit as st

from xraylab.app.once import Once
from xraylab.reading.turns import OnPlace

T = TypeVar("T")

_READER = "reader"  # session key


def reader() -> str:
    """Return the name under which this session waits for the networks."""
    return str(st.session_state.setdefault(_READER, secrets.token_hex(8)))


def place_words(before: int) -> str:
    """Write a place in the queue as a sentence; nothing if no reader is before."""
    if not before:
        return ""
    return f"{before} {'reader is' if before == 1 else 'readers are'} before you."


@contextlib.contextmanager
def spinner(text: str) -> Iterator[OnPlace]:
    """Show that work goes on, and below it the place that the block's function is called with."""
    with st.spinner(text):
        place = st.empty()

        def show(before: int) -> None:
            # Drawn even if it is unchanged: Streamlit ends the script here if the tab was closed.
            place.caption(words) if (words := place_words(before)) else place.empty()

        yield show
    place.empty()


@contextlib.contextmanager
def progress(text: str) -> Iterator[tuple[Callable[[float, str], None], OnPlace]]:
    """Show a progress bar with the place in the queue.

    Yields
    ------
    move : callable
        Called with the share that is done, in [0, 1], and new words, or "" for those of the beginning.
    place : callable
        Called with the number of readers before this one.
    """
    bar = st.progress(0.0, text=text)
    now = (0.0, text)

    def move(share: float, words: str = "") -> None:
        nonlocal now
        now = (share, words or text)
        bar.progress(share, text=now[1])

    def place(before: int) -> None:
        words = place_words(before)
        bar.progress(now[0], text=f"{now[1]}. {words}" if words else now[1])

    try:
        yield move, place
    finally:
        bar.empty()


def kept(name: str, key: Hashable, make: Callable[[], T], *, most: int) -> T:
    """Return a result of this session, and make it if it is missing.

    Streamlit's own cache runs its functions without a place to draw on, where no reader could see the queue.

    Parameters
    ----------
    name : str
        Session key of the results of one kind.
    key : hashable
        All that the result depends on.
    make : callable
        Makes the result.
    most : int
        Number of results that are kept; those that were used last stay.
    """
    result: T = results(name, most).take(key, make)
    return result


def results(name: str, most: int) -> Once[Any]:
    """Return the results of one kind that this session keeps; they end with the session."""
    kept: Once[Any] = st.session_state.setdefault(name, Once(most))
    return kept
