"""
Limits on what open tabs may keep in the memory of the server, all in one place.

- a session is one open tab; the one too many gets a sentence in place of its screen
- uploads are bounded in sum, per session and for the whole server, before any byte of them is kept
- an upload counts from its start until it is removed, or its session ends
"""

import re
from collections import defaultdict
from dataclasses import dataclass

from xraylab.door.guard import (
    Application,
    Message,
    Receive,
    Refusal,
    Scope,
    Send,
    header_values,
    refuse,
)

_MB = 2**20
TOO_LARGE, LENGTH_REQUIRED, UNAVAILABLE, FAILED = 413, 411, 503, 300
_UPLOAD = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)$")
_STREAM = "/_stcore/stream"
_SLACK = 16  # websockets above the limit: room for the tabs that are shown the sentence


@dataclass(frozen=True)
class Limits:
    """What all tabs together, and one of them, may keep."""

    sessions: int = 64
    session_bytes: int = 2048 * _MB  # one archive of the largest size that the Data screen takes
    server_bytes: int = 4096 * _MB

    @property
    def too_many_sessions(self) -> str:
        """The sentence for the session that is one too many."""
        return (
            f"{self.sessions} tabs of XRayLab are open, and the server has no room for one more. Close a tab "
            "that isn't needed, wait a minute, and reload this page."
        )


LIMITS = Limits()


class Uploads:
    """Bytes of the uploads that the server keeps or receives, by session and file."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._sizes: dict[str, dict[str, int]] = defaultdict(dict)

    @property
    def sessions(self) -> list[str]:
        """Sessions that have uploads."""
        return list(self._sizes)

    def used(self, session: str) -> int:
        """Return the bytes of a session's uploads."""
        # A copy, because a script may free a file at the same time.
        return sum(list(self._sizes[session].values())) if session in self._sizes else 0

    def size(self, session: str, file: str) -> int | None:
        """Return the bytes of a file; None if there is no such file."""
        return self._sizes[session].get(file) if session in self._sizes else None

    def problem(self, session: str, size: int) -> str | None:
        """Return the sentence about why a file of this size has no room; None if it has room."""
        per_tab, in_all = self._limits.session_bytes, self._limits.server_bytes
        if self.used(session) + size > per_tab:
            return (
                f"This file doesn't fit: one tab has room for {per_tab // _MB} MB of uploads. Remove files "
                "from the list first. A dataset on this machine needs no upload: type its path on the Data "
                "screen."
            )
        if sum(map(self.used, self.sessions)) + size > in_all:
            return (
                f"This file doesn't fit: all tabs together have room for {in_all // _MB} MB of uploads. "
                "Close tabs that aren't needed, wait a minute, and try again."
            )
        return None

    def keep(self, session: str, file: str, size: int | None) -> None:
        """Count a file with its size, or no longer if the size is None."""
        self._sizes[session].pop(file, None)
        if size is not None:
            self._sizes[session][file] = size
        if not self._sizes[session]:
            self.forget(session)

    def forget(self, session: str) -> None:
        """Count no upload of a session that has ended."""
        self._sizes.pop(session, None)


class Meter:
    """An ASGI middleware that counts uploads and websockets, and refuses those that don't fit.

    Parameters
    ----------
    app : Application
        The ASGI application behind it.
    uploads : Uploads
        The count, which the end of a session reduces.
    limits : Limits
        What is allowed.
    """

    def __init__(self, app: Application, *, uploads: Uploads, limits: Limits = LIMITS) -> None:
        self._app = app
        self._uploads = uploads
        self._limits = limits
        self._websockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count one request or websocket, and pass it on if it fits."""
        upload = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        if scope["type"] == "websocket" and scope["path"].endswith(_STREAM):
            await self._stream(scope, receive, send)
        elif upload is not None and scope["method"] == "PUT":
            await self._put(upload["session"], upload["file"], scope, receive, send)
        elif upload is not None and scope["method"] == "DELETE":
            # Streamlit refuses a removal without its token: then the file is still there.
            if await self._passed(scope, receive, send):
                self._uploads.keep(upload["session"], upload["file"], None)
        else:
            await self._app(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._websockets >= self._limits.sessions + _SLACK:
            await refuse(scope, send, Refusal(UNAVAILABLE, self._limits.too_many_sessions))
            return
        self._websockets += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._websockets -= 1

    async def _put(self, session: str, file: str, scope: Scope, receive: Receive, send: Send) -> None:
        size = _length(scope)
        if size is None:
            await refuse(scope, send, Refusal(LENGTH_REQUIRED, "An upload states its length first."))
            return
        problem = self._uploads.problem(session, size)
        if problem is not None:
            await _drain(receive)
            await refuse(scope, send, Refusal(TOO_LARGE, problem))
            return
        before = self._uploads.size(session, file)
        self._uploads.keep(session, file, size)  # from the start, so that uploads at the same time count too
        passed = False
        try:
            passed = await self._passed(scope, receive, send)
        finally:
            if not passed:  # a file that was there before stays in Streamlit's memory
                self._uploads.keep(session, file, before)

    async def _passed(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Pass a request on, and return whether it succeeded."""
        statuses: list[int] = []

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        await self._app(scope, receive, watch)
        return bool(statuses) and statuses[0] < FAILED


def _length(scope: Scope) -> int | None:
    """Return the length that a request states; None if there is none that its body is held to."""
    stated = header_values(scope, b"content-length")
    # With a transfer encoding the length is ignored, so the body could have any size.
    if len(stated) != 1 or not stated[0].isdecimal() or header_values(scope, b"transfer-encoding"):
        return None
    return int(stated[0])


async def _drain(receive: Receive) -> None:
    """Read a body and keep nothing of it: a browser looks at the answer only after it sent the whole file."""
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
