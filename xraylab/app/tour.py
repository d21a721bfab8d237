"""A tour of two minutes: a card on each screen that it visits, which can be left at any step."""

from dataclasses import dataclass

import streamlit as st

from xraylab.app import session_films

_STEP = "tour step"  # session key: the place of the step; missing unless the tour is on


@dataclass(frozen=True)
class Step:
    """A stop of the tour."""

    screen: str  # its key
    script: str  # relative to the entry script
    title: str
    words: str


STEPS = (
    Step(
        "overview",
        "streamlit_app.py",
        "Films come first",
        "Drop a film anywhere on this page, or click a sample. The tour opens a sample next.",
    ),
    Step(
        "read",
        "pages/read.py",
        "Read a film",
        "The model gives the film a score, and compares it with a fixed threshold. The colours show the "
        "places that raised the score. Press o to hide and show them, and j and k for the next and the last "
        "film. The white line is the lesion as it was drawn.",
    ),
    Step(
        "read",
        "pages/read.py",
        "Your call counts",
        "Choose your own call and save the case. With Read blind the score stays hidden until you made "
        "your call, and agreement is counted.",
    ),
    Step(
        "threshold",
        "pages/threshold.py",
        "Move the threshold",
        "Drag the line through the scores: found, missed and false alarms change at once. A click on one of "
        "the four cells shows its films.",
    ),
    Step(
        "threshold",
        "pages/threshold.py",
        "Lock first, then test",
        "A threshold is chosen on validation films and locked. Only then are the results on test films "
        "revealed, and each time is recorded.",
    ),
    Step(
        "data",
        "pages/data.py",
        "Your own films",
        "Import films here. They are split by patient, and checked for copies, wrong labels and shortcuts.",
    ),
    Step(
        "train",
        "pages/train.py",
        "Train",
        "Choose films and a network, and start. Training goes on in the background while you read.",
    ),
)


def offer() -> None:
    """Draw the button that starts the tour."""
    if st.button("Tour, 2 minutes", key="tour start"):
        _go(0)


def draw(screen: str) -> None:
    """Draw the card of the present step, if it belongs to this screen.

    Parameters
    ----------
    screen : str
        The key of the screen that is shown.
    """
    place = st.session_state.get(_STEP)
    if place is None:
        return
    step = STEPS[place]
    if step.screen != screen:
        del st.session_state[_STEP]  # the user went elsewhere, which leaves the tour
        return
    with st.container(key="xl-tour"):
        st.markdown(f"**{step.title}** · {place + 1} of {len(STEPS)}")
        st.markdown(step.words)
        with st.container(horizontal=True):
            if st.button("Leave the tour", key="tour leave", type="tertiary"):
                del st.session_state[_STEP]
                st.rerun()
            if place and st.button("Back", key="tour back"):
                _go(place - 1)
            last = place == len(STEPS) - 1
            if st.button("Done" if last else "Next", key="tour next", type="primary"):
                if last:
                    del st.session_state[_STEP]
                    st.switch_page("streamlit_app.py")
                _go(place + 1)


def _go(place: int) -> None:
    st.session_state[_STEP] = place
    step = STEPS[place]
    if step.screen == "read" and not session_films.has_samples():
        session_films.show_samples()
    st.switch_page(step.script)
