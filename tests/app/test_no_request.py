"""No way to start the app asks anything of the network, or binds to it unasked."""

import sys

import pytest

from tests.support.enclosed import PORT, served_enclosed, websocket
from tests.support.serving import ROOT

EVERY = "0.0.0.0"  # noqa: S104 - in a network of its own
RUN = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py"), "--server.headless=true"]
APP = [sys.executable, "-m", "xraylab", "app", "--no-browser"]
OWN = f"127.0.0.1:{PORT}"
REQUESTS = [
    ("/", {"Host": OWN}),
    websocket(f"http://{OWN}", Host=OWN),
    # Streamlit would look up its own addresses, to compare the origin with them.
    websocket("http://evil.test", Host=OWN),
]
ANSWERS = [200, 101, 403]
SCREENS = {"": "Overview", "data": "Data", "train": "Train", "threshold": "Threshold"} | {
    "compare": "Compare",
    "models": "Models",
    "read": "Read",
}
ALLOWED = [
    ("/", {"Host": f"films:{PORT}"}),
    websocket(f"http://films:{PORT}", Host=f"films:{PORT}"),
    *REQUESTS[2:],
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine on which nobody has set anything, with a home of its own."""
    for name in ("STREAMLIT_SERVER_ADDRESS", "XRAYLAB_ALLOW_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    return {"XRAYLAB_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("command", "env", "requests", "screens"),
    [
        (APP, {}, REQUESTS, SCREENS),
        (RUN, {"STREAMLIT_SERVER_ADDRESS": EVERY, "XRAYLAB_ALLOW_HOSTS": "films"}, ALLOWED, {}),
    ],
    ids=["xraylab app", "streamlit run, exposed on purpose"],
)
def test_a_server_asks_nothing_of_the_network(tmp_path, home, command, env, requests, screens):
    seen = served_enclosed(tmp_path, command, requests, home | env, list(screens))
    assert seen.answers == ANSWERS, seen.output
    assert seen.titles == list(screens.values())
    assert seen.outside == []


def test_an_exposed_server_ends_with_a_sentence_and_asks_nothing(tmp_path, home):
    seen = served_enclosed(tmp_path, RUN, REQUESTS, home | {"STREAMLIT_SERVER_ADDRESS": EVERY})
    assert (seen.code, seen.answers) == (2, [])
    assert "XRayLab would be open to other machines at 0.0.0.0, and nobody signs in." in seen.output
    assert "Traceback" not in seen.output
    assert seen.outside == []


def test_the_record_would_show_a_request(tmp_path, home):
    code = (
        "import socket; socket.socket().connect_ex(('10.1.2.3', 80)); socket.getaddrinfo('example.org', 80)"
    )
    seen = served_enclosed(tmp_path, [sys.executable, "-c", code], [], home)
    assert '"10.1.2.3"' in seen.outside[0]
