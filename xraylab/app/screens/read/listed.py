"""The list of films on Read: a line for each, and what was chosen in it."""

from collections.abc import Sequence

import streamlit as st

from xraylab import formats
from xraylab.app import session_films, wording
from xraylab.app.ahead import Ahead, Wanted
from xraylab.app.components.ask_again import ask_again
from xraylab.app.components.film_list import Choice, Row, film_list, just_chosen
from xraylab.app.faults import guard
from xraylab.app.screens.read import blind, keep, readings
from xraylab.app.screens.read.batch import Batch
from xraylab.app.session_films import Item

_KEY = "film list"
_LOOK = 1.0  # seconds between two looks at what was read meanwhile
_OF_DECISION = {"positive": "above", "review": "review", "negative": "below", None: "undecided"}
_MARKS = {mark: wording.DECISIONS[decision] for decision, mark in _OF_DECISION.items()} | {
    "unreadable": "unreadable",
    "waiting": "not read yet",
    "hidden": "not called yet",
}


def follow(items: Sequence[Item]) -> bool:
    """Take what was just chosen in the list, before time is spent on the screen; return whether it was."""
    took = just_chosen(_KEY, {item.key for item in items})
    if took.key is not None:
        session_films.chosen_in_list(took.key)
    if took.beside is not None:
        session_films.show_beside(took.beside)
    return took != Choice()


def draw(batch: Batch) -> None:
    """Draw the list; while films are read in the background, it alone is drawn again."""
    if not batch.ahead.waiting:
        with st.container():  # as a fragment has one, so that the list stays the same for the browser
            _draw(batch)
        return
    drawn = False

    def part() -> None:
        nonlocal drawn
        if drawn and follow(batch.items):
            st.rerun()  # the whole screen
        drawn = True
        _draw(batch)
        if batch.ahead.waiting:
            ask_again(key=f"{_KEY} again", seconds=_LOOK)

    st.fragment(part)()


def _draw(batch: Batch) -> None:
    with guard():
        rows = [_row(batch.ahead, wants, item) for wants, item in zip(batch.films, batch.items, strict=True)]
        told, revision = session_films.told_to_list()
        film_list(
            rows,
            key=_KEY,
            label="This film",
            chosen=told,
            beside=None if batch.beside is None else batch.items[batch.beside].key,
            revision=revision,
            marks=_MARKS,
            scored=not any(map(blind.hides, batch.films)),
        )


def _row(ahead: Ahead, wants: Wanted, item: Item) -> Row:
    reading = readings.shown(ahead, wants, item)
    name = formats.visible(item.film.name)
    score = None if reading is None else reading.score
    if reading is not None and score is None:
        return Row(item.key, name, formats.DASH, "unreadable", "unreadable")
    url = readings.thumbnail(item, is_read=reading is not None)
    if reading is None or score is None:
        return Row(item.key, name, "…", "not read yet", "waiting", url=url)
    if blind.hides(wants):
        return Row(item.key, name, "?", "not called yet", "hidden", url=url)
    blind.note_shown(wants)
    called = keep.is_called(wants, reading)
    mark = _OF_DECISION[reading.decision]
    # The score of a film that isn't decided would be read as a decision.
    decided = reading.decision is not None
    title = formats.score(score) if decided else formats.DASH
    order = score if decided else None
    return Row(item.key, name, title, _MARKS[mark], mark, score=order, called=called, url=url)
