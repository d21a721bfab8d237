"""
Sessions: how many tabs are open, and the end of those that were closed.

- the only module that asks Streamlit's runtime about sessions; tests/app/test_sessions.py holds it to that
- Streamlit keeps a closed tab for its return, with its uploads and films, and may never look at it again; it
  ends for good here after a minute
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from xraylab.door.limits import LIMITS, Limits, Uploads

if TYPE_CHECKING:
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

GRACE = 60.0  # seconds for a reconnection; less than Streamlit's own disconnectedSessionTTL of 120
_SWEEP = 10.0  # seconds between two looks


class Sessions:
    """The open tabs of this server, in the order in which they were opened.

    Parameters
    ----------
    uploads : Uploads
        The count of uploads; it forgets a session that ends.
    limits : Limits
        How many tabs there may be.
    clock : callable
        Returns seconds that never go back.
    """

    def __init__(
        self, uploads: Uploads, limits: Limits = LIMITS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._uploads = uploads
        self._limits = limits
        self._clock = clock
        self._connected: dict[str, float] = {}  # when each session was last seen connected
        self._changing = threading.Lock()  # scripts of several tabs run at once

    def admit(self) -> str | None:
        """Return None if the session of this script run has room, and otherwise a sentence."""
        context, server = get_script_run_ctx(), runtime.get_instance()
        with self._changing:
            if context is None or context.session_id in self._connected:
                return None
            if sum(map(server.is_active_session, self._connected)) >= self._limits.sessions:
                return self._limits.too_many_sessions
            self._connected[context.session_id] = self._clock()
            return None

    def release(self, files: Iterable[str]) -> None:
        """Free uploads of this script run's session, given by their ids; its screen needs them no more."""
        context = get_script_run_ctx()
        if context is None:
            return
        memory = cast("MemoryUploadedFileManager", context.uploaded_file_mgr)
        for file in files:
            memory.remove_file(context.session_id, file)
            self._uploads.keep(context.session_id, file, None)

    def sweep(self) -> None:
        """End the sessions whose tab was closed a while ago; call it on the thread of the event loop."""
        server, now = runtime.get_instance(), self._clock()
        with self._changing:
            # A client that ran no screen may still have uploads.
            known = {*self._connected, *self._uploads.sessions}
            for session in filter(server.is_active_session, known):
                self._connected[session] = now
            ended = [session for session in known if now - self._connected.setdefault(session, now) >= GRACE]
            for session in ended:
                del self._connected[session]
        for session in ended:
            server.close_session(session)
            self._uploads.forget(session)

    async def keep_sweeping(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP)
            self.sweep()
