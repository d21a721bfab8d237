"""
Reading blind: score, decision and heatmap stay hidden until the reader made a call.

- the first call on a film counts; changed after the score was seen, it is no blind call any more
- nor is a call on a film whose score was shown in this session before, by any model
- a call belongs to the film, the model and its lock
"""

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from xraylab import formats, records
from xraylab.app import widgets
from xraylab.app.ahead import Ahead, Wanted
from xraylab.findings import capital
from xraylab.imaging import Refused
from xraylab.records import Agreement, Call, agreements, all_agreements, call_words

_ON, _TOGGLE, _CALLS, _SHOWN = "read blind", "read blind toggle", "blind calls", "films shown"  # session keys
_HELP = "Hides score, decision and heatmap of each film until you made your call. The case log keeps that."
_WIDTH = 480  # pixels of the table; the panel is narrower


@dataclass(frozen=True)
class Given:
    """A call that was made while the score was hidden."""

    call: Call
    blind: bool  # whether the score hadn't been shown before either


def draw_toggle() -> None:
    """Draw the switch."""
    st.session_state.setdefault(_TOGGLE, is_on())  # Streamlit drops it while another screen is shown
    st.session_state[_ON] = st.toggle("Read blind", key=_TOGGLE, help=_HELP)


def is_on() -> bool:
    """Return whether films are read blind."""
    return bool(st.session_state.get(_ON, False))


def hides(film: Wanted) -> bool:
    """Return whether a film's score is hidden."""
    return is_on() and film.scored not in st.session_state.get(_CALLS, {})


def note_shown(film: Wanted) -> None:
    """Remember that a film's score was shown, so that no later call on this film is a blind one."""
    if not isinstance(film.film, Refused):
        st.session_state.setdefault(_SHOWN, set()).add(film.film.sha256)


def call_on(film: Wanted) -> Given | None:
    """Return the call that the reader made while the score was hidden; None without one."""
    given: Given | None = st.session_state.get(_CALLS, {}).get(film.scored)
    return given


def draw_call(film: Wanted) -> None:
    """Ask for the call, which shows the score."""
    blind = not _was_shown(film)
    remark = "It is shown after your call."
    if not blind:
        remark += " A score of this film was shown here before, so your call doesn’t count as blind."
    st.html(f'<p class="xl-decision">Score hidden<small>{remark}</small></p>')
    finding = film.model.card.finding.name
    call = st.radio(
        "Your call",
        records.CALLS,
        index=None,
        format_func=lambda call: capital(call_words(call, finding)),
        key=f"blind call {film.scored}",
    )
    if call is not None:
        st.session_state.setdefault(_CALLS, {})[film.scored] = Given(call, blind)
        st.rerun()


def _was_shown(film: Wanted) -> bool:
    return not isinstance(film.film, Refused) and film.film.sha256 in st.session_state.get(_SHOWN, ())


def take_back(film: Wanted) -> None:
    """Let the reader change a call after the score was seen; then it isn't a blind one."""
    # Kept as a film without a hidden score, which the next look doesn't hide again.
    st.session_state[_CALLS][film.scored] = None


def draw_count(ahead: Ahead, films: Iterable[Wanted]) -> None:
    """Write how often reader and model agree on the films that were read blind here."""
    called = []
    for film in {film.scored: film for film in films}.values():
        given, reading = call_on(film), ahead.reading(film.key)
        if given is not None and given.blind and reading is not None:
            called.append((given.call, reading.decision, film.model.card.finding.name))
    draw_agreement("Read blind here: you and the model", agreements(called))


def draw_agreement(who: str, by_call: dict[str, Agreement]) -> None:
    """Write on how many films both agree, and tabulate it by call; nothing without films that count.

    Parameters
    ----------
    who : str
        The beginning of the sentence, up to "agree".
    """
    every = all_agreements(by_call.values())
    if not every.n:
        return
    groups = [*by_call.items(), *([("all", every)] if len(by_call) > 1 else [])]
    rows = [
        (
            capital(words),
            f"{group.agreed} of {group.n}",
            (formats.percent(group.rate), formats.interval(*group.interval)),
        )
        for words, group in groups
    ]
    with st.container(width=_WIDTH):
        st.caption(f"{who} agree on {every.agreed} of {formats.counted(every.n, 'film')}.")
        widgets.table(("Blind call", "Films", "Agree"), rows)
