"""The guard answers what belongs to the app and rejects the rest, on every kind of route."""

import pytest

from tests.support.loops import run
from xraylab.door.guard import Guard
from xraylab.door.headers import script_hash

ROUTES = ["/", "/read", "/static/js/a.js", "/media/a.png", "/_stcore/health", "/_stcore/upload_file/a/b"]
HOST, ORIGIN = "127.0.0.1:8501", "http://127.0.0.1:8501"
FILMS = "https://films.example.org"


async def app(scope, receive, send):
    """Answer every request like Streamlit, which lets any origin read some of its files."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    headers = [(b"Access-Control-Allow-Origin", b"*"), (b"cache-control", b"public, max-age=9")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"film"})


def ask(path="/", *, kind="http", hosts=(), server=("127.0.0.1", 8501), extensions=None, **headers):
    """Return the messages that a request with these headers gets."""
    sent = []
    pairs = [(name.encode(), part.encode()) for name, value in headers.items() for part in value]
    scope = {
        "type": kind,
        "path": path,
        "scheme": "http" if kind == "http" else "ws",
        "server": server,
        "headers": pairs,
        "extensions": {"websocket.http.response": {}} if extensions is None else extensions,
    }

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("the guard reads no body")

    run(Guard(app, hosts=hosts, scripts=[script_hash("a")])(scope, receive, send))
    return sent


def status(messages):
    return messages[0]["status"] if "status" in messages[0] else messages[0]["type"]


def answer(messages):
    return {name.decode(): value.decode() for name, value in messages[0]["headers"]}


@pytest.mark.parametrize("route", ROUTES)
def test_the_own_host_is_answered_and_every_other_refused(route):
    assert status(ask(route, host=[HOST])) == 200
    assert status(ask(route, host=["LOCALHOST:8501"], origin=["http://localhost:8501"])) == 200
    for host in ("evil.test:8501", "evil.test", "127.0.0.1:9999"):
        refused = ask(route, host=[host])
        assert status(refused) == 403
        assert refused[1]["body"].startswith(b"XRayLab isn't served under this address.")
        assert b"evil" not in refused[1]["body"]


@pytest.mark.parametrize("hosts", [[], [HOST, HOST], [HOST, "evil.test"]])
def test_a_request_has_exactly_one_host(hosts):
    assert status(ask(host=hosts)) == 403


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.test", "http://evil.test:8501", "https://127.0.0.1:8501", "http://127.0.0.1", "null", "",
        "http://localhost:8501", "http://127.0.0.1:8501.evil.test", "http://127.0.0.1:8501/",
    ],
)  # fmt: skip
def test_an_upload_or_websocket_of_another_origin_is_refused(kind, origin):
    refused = ask("/_stcore/stream", kind=kind, host=[HOST], origin=[origin])
    assert status(refused) == 403
    assert refused[1]["body"] == (
        b"A page of another address can't use XRayLab. Open XRayLab in its own tab.\n"
    )


def test_an_origin_that_equals_a_foreign_host_is_refused():
    refused = ask(
        "/_stcore/stream", kind="websocket", host=["evil.test:8501"], origin=["http://evil.test:8501"]
    )
    assert status(refused) == 403


def test_the_own_page_may_open_its_websocket():
    assert (
        status(ask("/_stcore/stream", kind="websocket", host=[HOST], origin=[ORIGIN])) == "websocket.accept"
    )


def test_a_server_that_cant_answer_a_websocket_with_a_status_closes_it():
    closed = ask(kind="websocket", host=["evil.test"], extensions={})
    assert [message["type"] for message in closed] == ["websocket.close"]


@pytest.mark.parametrize("server", [("10.0.0.7", 8501), ("::", 8501), ("/run/app.sock", None), None])
def test_what_arrives_from_beyond_this_machine_needs_a_person_to_have_allowed_it(server):
    refused = ask(server=server, host=[HOST])
    assert status(refused) == 403
    assert b"answers this machine only" in refused[1]["body"]


def test_an_allowed_host_is_served_from_its_own_origin_alone():
    beyond = {"hosts": (FILMS,), "server": ("10.0.0.7", 8501), "host": ["films.example.org"]}
    assert status(ask(**beyond, origin=[FILMS])) == 200
    assert status(ask(**beyond, origin=["http://films.example.org"])) == 403
    assert status(ask(**beyond | {"host": ["10.0.0.7:8501"]})) == 403


def test_behind_a_proxy_that_replaces_the_host_the_page_is_opened_but_its_own_requests_are_refused():
    replaced = {"hosts": (FILMS,), "host": ["127.0.0.1:8501"]}
    assert status(ask(**replaced)) == 200
    refused = ask(**replaced, origin=[FILMS])
    assert status(refused) == 403
    assert b"A page of another address" in refused[1]["body"]


@pytest.mark.parametrize(
    "path", ["/_stcore/agent/interact", "/_stcore/agent/openapi.json", "/_stcore/metrics"]
)
def test_routes_that_no_screen_needs_are_closed(path):
    assert status(ask(path, host=[HOST])) == 404


@pytest.mark.parametrize("host", [HOST, "evil.test"])
@pytest.mark.parametrize("route", ROUTES)
def test_every_answer_carries_the_headers(route, host):
    headers = answer(ask(route, host=[host]))
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert not [name for name in headers if name.lower().startswith("access-control")]
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(
        policy
    )
    assert f"script-src 'self' blob: {script_hash('a')}" in policy
    assert "unsafe-eval" not in headers["content-security-policy"]


def test_a_page_connects_to_its_own_websocket_alone():
    policy = answer(ask(host=["localhost:8501"]))["content-security-policy"]
    assert "connect-src 'self' ws://localhost:8501;" in policy


@pytest.mark.parametrize("route", ROUTES)
def test_only_the_files_of_the_frontend_are_kept_by_a_browser(route):
    kept = answer(ask(route, host=[HOST]))["cache-control"]
    assert kept == ("public, max-age=9" if route.startswith("/static/") else "no-store")
