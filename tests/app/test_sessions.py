"""Tabs: how many are open, and what is freed when one is closed."""

import inspect
from types import SimpleNamespace

import pytest
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

from tests.support.serving import ROOT
from xraylab.app import serving, sessions
from xraylab.door.limits import Limits, Uploads


@pytest.fixture
def server(monkeypatch):
    """A runtime with tabs that a test opens and closes, and a clock that it moves."""
    server = SimpleNamespace(active={"a", "b", "c"}, closed=[], now=0.0, tab="a")
    server.is_active_session = lambda session: session in server.active
    server.close_session = server.closed.append
    monkeypatch.setattr(sessions.runtime, "get_instance", lambda: server)
    monkeypatch.setattr(sessions, "get_script_run_ctx", lambda: SimpleNamespace(session_id=server.tab))
    return server


@pytest.fixture
def uploads():
    return Uploads()


@pytest.fixture
def tabs(server, uploads):
    return sessions.Sessions(uploads, Limits(sessions=2), clock=lambda: server.now)


def opened(server, tabs, tab):
    server.tab = tab
    return tabs.admit()


def test_the_tab_that_is_one_too_many_gets_a_sentence_until_another_is_closed(server, tabs):
    assert opened(server, tabs, "a") is None
    assert opened(server, tabs, "b") is None
    assert opened(server, tabs, "c") == (
        "2 tabs of XRayLab are open, and the server has no room for one more. Close a tab that isn't needed, "
        "wait a minute, and reload this page."
    )
    assert opened(server, tabs, "a") is None, "a tab that has its place keeps it"
    server.active.remove("b")
    assert opened(server, tabs, "c") is None


def test_a_closed_tab_ends_after_its_grace_with_its_uploads(server, tabs, uploads):
    opened(server, tabs, "a")
    opened(server, tabs, "b")
    uploads.keep("b", "film", 10)
    server.active.remove("b")
    server.now = sessions.GRACE - 1
    tabs.sweep()
    assert server.closed == []
    server.now = sessions.GRACE
    tabs.sweep()
    assert server.closed == ["b"]
    assert uploads.sessions == []
    tabs.sweep()
    assert server.closed == ["b"]


def test_a_tab_that_comes_back_in_time_keeps_everything(server, tabs):
    opened(server, tabs, "a")
    server.active.remove("a")
    server.now = sessions.GRACE - 1
    tabs.sweep()
    server.active.add("a")
    server.now = 10 * sessions.GRACE
    tabs.sweep()
    server.now += 1
    tabs.sweep()
    assert server.closed == []


def test_an_upload_that_a_screen_releases_is_freed_and_no_longer_counted(server, tabs, uploads, monkeypatch):
    memory = MemoryUploadedFileManager("/upload")
    memory.add_file("a", UploadedFileRec("film", "film.png", "image/png", b"film"))
    uploads.keep("a", "film", 4)
    context = SimpleNamespace(session_id="a", uploaded_file_mgr=memory)
    monkeypatch.setattr(sessions, "get_script_run_ctx", lambda: context)
    tabs.release(["film", "never there"])
    assert memory.get_files("a", ["film"]) == []
    assert uploads.sessions == []


def test_uploads_without_a_screen_end_too(server, tabs, uploads):
    uploads.keep("z", "film", 10)
    tabs.sweep()
    server.now = sessions.GRACE
    tabs.sweep()
    assert server.closed == ["z"]
    assert uploads.sessions == []


def test_the_screen_of_the_tab_too_many_is_the_sentence_alone(monkeypatch):
    monkeypatch.setattr(serving._Door, "hosts", ())
    monkeypatch.setattr(serving._Door.sessions, "admit", lambda: "No room.")
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert [error.value for error in app.error] == ["No room."]
    assert not app.title


def test_the_runtime_of_streamlit_still_has_what_is_asked_of_it():
    assert list(inspect.signature(Runtime.is_active_session).parameters) == ["self", "session_id"]
    assert list(inspect.signature(Runtime.close_session).parameters) == ["self", "session_id"]
    assert "uploaded files" in Runtime.close_session.__doc__
