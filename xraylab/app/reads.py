"""The button *Use for reading*, by which a person chooses the model that reads films."""

import streamlit as st

from xraylab.app import choice, status, wording
from xraylab.app.faults import guard
from xraylab.settings import Settings

_HELP = (
    "This model reads films from now on: on Read, in every session, and on the command line. No training "
    "changes that."
)
_NOTE = "reads"  # key of the note after the button was pressed


def use_for_reading(settings: Settings, name: str, *, key: str) -> None:
    """Draw the button; it stores the model as the one that reads films."""
    if st.button("Use for reading", key=key, help=_HELP):
        with guard():
            choice.use_for_reading(settings, name)
            status.remember(_NOTE, f"{wording.plain(name)} reads films from now on.")
            st.rerun()


def recall() -> None:
    """Show once that the choice was stored."""
    status.recall(_NOTE)
