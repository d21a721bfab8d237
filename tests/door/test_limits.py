"""What open tabs may keep is bounded in sum, and counted down again."""

import asyncio

import pytest

from tests.support.loops import run
from xraylab.door.limits import Limits, Meter, Uploads

MB = 2**20
LIMITS = Limits(sessions=1, session_bytes=3 * MB, server_bytes=4 * MB)


@pytest.fixture
def server():
    return Server()


class Server:
    """A server behind a meter, whose answers a test chooses."""

    def __init__(self):
        self.uploads = Uploads(LIMITS)
        self.meter = Meter(self.app, uploads=self.uploads, limits=LIMITS)
        self.status, self.during, self.read = 204, lambda: None, 0

    async def app(self, scope, receive, send):
        await asyncio.sleep(0)
        self.during()
        kind = "http.response.start" if scope["type"] == "http" else "websocket.accept"
        await send({"type": kind, "status": self.status, "headers": []})

    async def asked(self, method, path, *headers, kind="http"):
        """Return the messages that a request gets."""
        sent, bodies = [], [b"a" * 10, b"b"]

        async def send(message):
            sent.append(message)

        async def receive():
            self.read += 1
            return {"type": "http.request", "body": bodies.pop(0), "more_body": bool(bodies)}

        scope = {"type": kind, "path": path, "method": method, "headers": [*headers]}
        scope["extensions"] = {"websocket.http.response": {}}
        await self.meter(scope, receive, send)
        return sent

    def put(self, path, size, *more):
        length = (b"content-length", str(size).encode())
        return run(self.asked("PUT", f"/_stcore/upload_file/{path}", length, *more))


def test_uploads_of_a_session_are_bounded_in_sum_with_what_to_do(server):
    assert server.put("one/a", 2 * MB)[0]["status"] == 204
    refused = server.put("one/b", 2 * MB)
    assert refused[0]["status"] == 413
    assert refused[1]["body"].decode() == (
        "This file doesn't fit: one tab has room for 3 MB of uploads. Remove files from the list first. "
        "A dataset on this machine needs no upload: type its path on the Data screen.\n"
    )
    assert server.read == 2, "the body is read and dropped, so that a browser sees the answer"
    assert server.put("one/b", 1 * MB)[0]["status"] == 204
    assert server.uploads.used("one") == 3 * MB


def test_uploads_of_all_sessions_are_bounded_in_sum(server):
    assert server.put("one/a", 3 * MB)[0]["status"] == 204
    refused = server.put("two/a", 2 * MB)
    assert refused[0]["status"] == 413
    assert b"all tabs together have room for 4 MB of uploads" in refused[1]["body"]
    assert server.uploads.sessions == ["one"]


def test_room_comes_back_when_a_file_is_removed_or_its_session_ends(server):
    server.put("one/a", 2 * MB)
    server.put("one/b", 1 * MB)
    run(server.asked("DELETE", "/_stcore/upload_file/one/a"))
    assert server.uploads.used("one") == MB
    server.status = 403
    run(server.asked("DELETE", "/_stcore/upload_file/one/b"))
    assert server.uploads.used("one") == MB, "a removal that was refused frees nothing"
    server.uploads.forget("one")
    assert server.uploads.sessions == []
    assert server.uploads.used("one") == 0


@pytest.mark.parametrize("failure", [400, RuntimeError])
def test_an_upload_that_fails_leaves_the_count_as_it_was(server, failure):
    server.put("one/a", MB)

    def fail():
        if failure is RuntimeError:
            raise RuntimeError

    server.status, server.during = 400, fail
    for path in ("one/a", "one/b"):
        if failure is RuntimeError:
            with pytest.raises(RuntimeError):
                server.put(path, 2 * MB)
        else:
            server.put(path, 2 * MB)
    assert server.uploads.used("one") == MB


def test_uploads_at_the_same_time_count_from_their_start(server):
    async def both():
        length = (b"content-length", str(2 * MB).encode())
        asked = (server.asked("PUT", f"/_stcore/upload_file/one/{name}", length) for name in "ab")
        return [answer[0]["status"] for answer in await asyncio.gather(*asked)]

    assert run(both()) == [204, 413]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-length", b"-1")],
        [(b"content-length", b"one")],
        [(b"content-length", b"1"), (b"content-length", b"2")],
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
    ],
)
def test_an_upload_states_its_length(server, headers):
    refused = run(server.asked("PUT", "/_stcore/upload_file/one/a", *headers))
    assert refused[0]["status"] == 411
    assert server.uploads.sessions == []


def test_websockets_are_bounded_and_other_requests_are_passed_on(server):
    async def crowd():
        waiting = asyncio.Event()
        server.during = lambda: None
        original = server.app

        async def stay(*call):
            await original(*call)
            await waiting.wait()

        server.meter._app = stay
        tabs = [
            asyncio.create_task(server.asked("GET", "/_stcore/stream", kind="websocket")) for _ in range(17)
        ]
        await asyncio.sleep(0.01)
        refused = await server.asked("GET", "/_stcore/stream", kind="websocket")
        waiting.set()
        await asyncio.gather(*tabs)
        return refused, await server.asked("GET", "/_stcore/stream", kind="websocket")

    refused, later = run(crowd())
    assert refused[0]["status"] == 503
    assert refused[1]["body"].startswith(b"1 tabs of XRayLab are open")
    assert later[0]["type"] == "websocket.accept"
    assert run(server.asked("GET", "/"))[0]["status"] == 204
