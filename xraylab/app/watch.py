"""
The state of all runs, and the progress of the current one, looked up once for all parts of a page.

- sidebar, live view and list of runs poll at the same time; they share one look-up
- code that changes a run calls ``forget``, so that the next look-up reads the state again
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

POLL = 1.5  # seconds between two look-ups of a page
_FRESH = POLL / 3  # seconds for which a look-up is reused
_KEY = "last look at the runs"


@dataclass(frozen=True)
class Look:
    """The runs at one moment.

    Attributes
    ----------
    runs : list of Run
        Newest first.
    current : Run or None
        The running one, or the next in the queue; None if nothing is running or queued.
    progress : mapping
        The latest progress of ``current``; empty if it has reported nothing yet.
    """

    runs: list[Run]
    current: Run | None
    progress: Mapping[str, Any]

    def progress_of(self, run: Run) -> Mapping[str, Any]:
        """Return the latest progress of a run; empty for every run but the current one."""
        return self.progress if self.current and self.current.id == run.id else {}


def look(settings: Settings) -> Look:
    """Return the state of the runs, at most ``_FRESH`` seconds old."""
    # In the session and not in a shared cache: `forget` must affect the user's own page at once.
    at, home, last = st.session_state.get(_KEY, (0.0, None, None))
    if last is None or home != settings.home or time.monotonic() - at > _FRESH:
        last = _look(settings)
        # The time is taken after the look-up, which may first have to start a worker.
        st.session_state[_KEY] = (time.monotonic(), settings.home, last)
    look_up: Look = last
    return look_up


def forget() -> None:
    """Make the next look-up read the state again, after a change."""
    st.session_state.pop(_KEY, None)


def _look(settings: Settings) -> Look:
    runs = actions.attend_runs(settings)
    active = [run for run in reversed(runs) if run.active]  # oldest first, as the queue is worked off
    current = next((run for run in active if run.state == "running"), next(iter(active), None))
    return Look(runs, current, (folder.read_progress(settings, current.id) or {}) if current else {})
