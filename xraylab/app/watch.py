"""
What is going on: the runs and the progress of the one at work, looked up once for everything on a page.

- sidebar, live view and list of runs poll side by side; what one of them just found serves the others
- whoever changes something calls ``forget``, so that the next look is a new one
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from xraylab import actions
from xraylab.runs import folder
from xraylab.runs.run import Run
from xraylab.settings import Settings

POLL = 1.5  # seconds between two looks of a page
_FRESH = POLL / 3  # seconds that a look serves everybody
_KEY = "last look at the runs"


@dataclass(frozen=True)
class Look:
    """The runs at one moment.

    Attributes
    ----------
    runs : list of Run
        Newest first.
    current : Run or None
        The one at work, or the next in the queue; None when nothing waits or works.
    progress : mapping
        The latest progress of ``current``; empty before there is any.
    """

    runs: list[Run]
    current: Run | None
    progress: Mapping[str, Any]

    def progress_of(self, run: Run) -> Mapping[str, Any]:
        """The latest progress of a run; empty for all but the current one."""
        return self.progress if self.current and self.current.id == run.id else {}


def look(settings: Settings) -> Look:
    """Look at the runs, or give what was seen a moment ago."""
    at, home, seen = st.session_state.get(_KEY, (0.0, None, None))
    if seen is None or home != settings.home or time.monotonic() - at > _FRESH:
        seen = _look(settings)
        st.session_state[_KEY] = (time.monotonic(), settings.home, seen)
    found: Look = seen
    return found


def forget() -> None:
    """Make the next look a new one: something was changed."""
    st.session_state.pop(_KEY, None)


def _look(settings: Settings) -> Look:
    runs = actions.attend_runs(settings)
    active = [run for run in reversed(runs) if run.active]
    current = next((run for run in active if run.state == "running"), next(iter(active), None))
    return Look(runs, current, (folder.read_progress(settings, current.id) or {}) if current else {})
