"""
The guard: an ASGI middleware before every route of the app.

- a request or websocket with a Host that isn't served is rejected before any of Streamlit's code sees it
- so is any request with the Origin of another page, and one that arrives from beyond this machine uninvited
- a rejection is a status with one plain sentence, which repeats nothing of the request
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from xraylab.door.addresses import is_loopback, origins
from xraylab.door.headers import content_policy, protect

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

FORBIDDEN, NOT_FOUND = 403, 404
_CLOSED = ("/_stcore/agent", "/_stcore/metrics")  # a programming interface and figures that no screen needs
_HTTP = {"ws": "http", "wss": "https"}


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that the door rejects."""

    status: int
    sentence: str


UNINVITED = Refusal(
    FORBIDDEN,
    "XRayLab answers this machine only, because nobody signs in. To let other machines in, start it with "
    "“xraylab app --expose HOST”.",
)
UNKNOWN_HOST = Refusal(
    FORBIDDEN,
    "XRayLab isn't served under this address. Open it at the address that it printed when it started, or "
    "allow this one: “xraylab app --expose HOST”, or the setting XRAYLAB_ALLOW_HOSTS.",
)
FOREIGN_ORIGIN = Refusal(
    FORBIDDEN, "A page of another address can't use XRayLab. Open XRayLab in its own tab."
)
CLOSED = Refusal(NOT_FOUND, "There is nothing at this address.")


class Guard:
    """Pass on what belongs to the app, and reject everything else.

    Parameters
    ----------
    app : Application
        The ASGI application behind the door.
    hosts : tuple of str
        Checked hosts of the setting ``allow_hosts``.
    scripts : sequence of str
        Hashes of the inline scripts that a page may run.
    """

    def __init__(self, app: Application, *, hosts: tuple[str, ...], scripts: Sequence[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._scripts = tuple(scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        origin = self._origin(scope)
        # Before the decision, so that a refusal carries the headers as well.
        send = _protected(send, scope["path"], content_policy(origin or "http://127.0.0.1", self._scripts))
        refusal = self._refusal(scope, origin)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(scope, send, refusal)

    def _origin(self, scope: Scope) -> str | None:
        """Return the origin that the request's Host belongs to; None if it isn't served."""
        sent = header_values(scope, b"host")
        # With two of them, a proxy and the server could each believe another one.
        port = (scope.get("server") or ("", 0))[1]
        if len(sent) != 1 or not isinstance(port, int):
            return None
        scheme = _HTTP.get(scope["scheme"], scope["scheme"])
        return origins(self._hosts, scheme, port).get(sent[0].lower())

    def _refusal(self, scope: Scope, origin: str | None) -> Refusal | None:
        # The address that the request arrived at is a fact, whatever the server was told to bind to.
        if not self._hosts and not is_loopback((scope.get("server") or ("",))[0]):
            return UNINVITED
        if origin is None:
            return UNKNOWN_HOST
        # A browser sends it with each websocket and upload, and with each request of a foreign script.
        if any(sent != origin for sent in header_values(scope, b"origin")):
            return FOREIGN_ORIGIN
        return CLOSED if scope["path"].startswith(_CLOSED) else None


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Return every value that a request has for a header; ``name`` is in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _protected(send: Send, path: str, policy: str) -> Send:
    async def send_protected(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            message = {**message, "headers": protect(message.get("headers", ()), path, policy)}
        await send(message)

    return send_protected


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer a request or a websocket with a refusal."""
    body = f"{refusal.sentence}\n".encode()
    # Without the extension a server answers a closed handshake with 403 by itself.
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.sentence[:100]})
        return
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
