"""How the app is started and served: the door stands, whatever starts it."""

import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.web.server.app_discovery import discover_asgi_app

from tests.support.loops import run
from tests.support.screens import written
from tests.support.serving import ROOT
from xraylab.app import serving
from xraylab.door.guard import Guard

EVERY = "0.0.0.0"  # noqa: S104 - an address that is tested, not bound to


@pytest.fixture(autouse=True)
def no_door(monkeypatch):
    monkeypatch.setattr(serving._Door, "hosts", None)


@pytest.fixture
def options(monkeypatch):
    """The options of Streamlit, as a flag, a variable or a file may have set them."""
    values = {"server.address": "127.0.0.1", "server.port": 8501, "server.headless": True}
    monkeypatch.setattr(serving.st, "get_option", values.get)
    return values


def test_streamlit_run_finds_the_app_with_its_door_in_the_entry_script():
    # Streamlit looks for it in the text. If it finds none, it serves the script without a door.
    found = discover_asgi_app(ROOT / "streamlit_app.py")
    assert (found.is_asgi_app, found.import_string) == (True, "streamlit_app:app")


def test_the_entry_script_builds_the_app_when_a_server_imports_it():
    code = "import streamlit_app; print(type(streamlit_app.app).__name__, streamlit_app.app._user_middleware)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("App [Middleware(Guard")


def test_the_door_stands_for_this_machine_without_any_setting(options, monkeypatch):
    monkeypatch.delenv("XRAYLAB_ALLOW_HOSTS", raising=False)
    door, _ = serving.middleware()
    assert (door.cls, door.kwargs["hosts"]) == (Guard, ())
    assert len(door.kwargs["scripts"]) == 3, "the script of Streamlit's page and our two"
    assert serving.audience_of_page() is None


@pytest.mark.parametrize("address", [None, EVERY, "::", "10.0.0.7"])
def test_an_exposed_address_ends_the_server_with_a_sentence(options, monkeypatch, capsys, address):
    monkeypatch.delenv("XRAYLAB_ALLOW_HOSTS", raising=False)
    options["server.address"] = address
    with pytest.raises(SystemExit) as ended:
        serving.middleware()
    assert ended.value.code == 2
    assert "XRayLab would be open to other machines" in capsys.readouterr().err


def test_allowed_hosts_let_others_in(options, monkeypatch):
    monkeypatch.setenv("XRAYLAB_ALLOW_HOSTS", "films:8501, 10.0.0.7")
    options["server.address"] = EVERY
    door, _ = serving.middleware()
    assert door.kwargs["hosts"] == ("films:8501", "10.0.0.7")


def test_a_screen_says_who_else_can_open_the_app(monkeypatch, show):
    assert "Other machines" not in written(show("models"))
    monkeypatch.setattr(serving._Door, "hosts", ("films:8501", "10.0.0.7"))
    assert "Other machines can open this app at films:8501, 10.0.0.7" in written(show("models"))


def test_a_host_that_cant_be_allowed_ends_the_server_with_a_sentence(options, monkeypatch, capsys):
    monkeypatch.setenv("XRAYLAB_ALLOW_HOSTS", "*")
    with pytest.raises(SystemExit):
        serving.middleware()
    assert "There is no word for every host" in capsys.readouterr().err


def test_a_screen_that_was_started_past_the_door_is_not_drawn(monkeypatch, show):
    monkeypatch.setattr(serving.st, "context", SimpleNamespace(headers={"Host": "127.0.0.1:8501"}))
    app = show(None)
    assert [error.value for error in app.error] == [
        "This screen was started without its door. Start XRayLab with “streamlit run streamlit_app.py”."
    ]
    assert not app.title


@pytest.mark.parametrize(
    ("changed", "address"),
    [
        ({}, "http://127.0.0.1:8501"),
        ({"server.address": EVERY}, "http://127.0.0.1:8501"),
        ({"server.address": "10.0.0.7"}, "http://10.0.0.7:8501"),
        ({"server.sslCertFile": "a.pem", "server.baseUrlPath": "/films/"}, "https://127.0.0.1:8501/films"),
    ],
)
def test_the_address_of_the_app_is_printed_and_the_browser_opens_there(
    options, monkeypatch, capsys, changed, address
):
    opened = []
    options |= changed | {"server.headless": False}
    monkeypatch.setattr(serving, "_open", opened.append)
    run(start())
    assert opened == [address]
    assert capsys.readouterr().out == f"XRayLab is open at {address} until you press Ctrl+C here.\n"
    options["server.headless"] = True
    run(start())
    assert address in capsys.readouterr().out
    assert opened == [address], "no browser is opened when none is wanted"


def test_opening_the_browser_does_not_hold_up_the_server(monkeypatch):
    opened, leave = threading.Event(), threading.Event()
    monkeypatch.setattr(serving.webbrowser, "open", lambda _: opened.set() or leave.wait(60))
    serving._open("http://127.0.0.1:8501")
    assert opened.wait(60)
    leave.set()


async def start():
    async with serving.lifespan(None):
        pass


def test_the_page_of_streamlit_has_no_script_that_the_policy_would_stop():
    page = (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8")
    inline = page.count("<script>")
    assert page.count("<script") - page.count(" src=") == inline == len(serving._INLINE.findall(page))
