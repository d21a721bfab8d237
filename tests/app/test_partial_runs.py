"""The mends of Streamlit's partial runs, on Streamlit's own classes."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from xraylab.app import partial_runs

ENDED, EARLY = (
    ForwardMsg.ScriptFinishedStatus.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
    ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN,
)


@pytest.fixture(autouse=True)
def mended():
    partial_runs.mend()


def end_of(*parts):
    message = ForwardMsg(script_finished=ENDED)
    message.metadata.run.fragment_ids.extend(parts)
    return message


def drawn(words, *path, part=None):
    message = ForwardMsg()
    message.delta.new_element.text.body = words
    if part:
        message.delta.fragment_id = part
    message.metadata.delta_path.extend(path)
    return message


def queued(*messages):
    queue = ForwardMsgQueue()
    for message in messages:
        queue.enqueue(message)
    return queue


@pytest.mark.parametrize("begins", [["sidebar"], ["cut"], ["sidebar", "cut"]])
def test_what_waits_for_the_browser_stays_in_order_when_the_run_of_a_part_begins(begins):
    sent = [drawn("title", 0, 0), drawn("status", 0, 1, part="sidebar"), drawn("lock", 0, 2, part="cut")]
    queue = queued(*sent, end_of("cut"))
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=begins)
    queue.enqueue(drawn("status again", 0, 1, part="sidebar"))
    *first, end, last = queue.flush()
    assert first == sent
    assert end.script_finished == ENDED
    assert last.delta.new_element.text.body == "status again"


def test_a_run_of_the_whole_screen_still_drops_what_it_draws_anew():
    queue = queued(drawn("title", 0, 0), end_of("cut"))
    queue.clear(retain_lifecycle_msgs=True)
    (end,) = queue.flush()
    assert end.script_finished == EARLY


def waiting(*requests):
    """Return the request that waits after these, each the hash of a page and perhaps a part."""
    pending = ScriptRequests()
    for page, *part in requests:
        pending.request_rerun(RerunData(page_script_hash=page, fragment_id=part[0] if part else None))
    data = pending.on_scriptrunner_ready().rerun_data
    return data.page_script_hash, data.fragment_id_queue


@pytest.mark.parametrize(
    ("requests", "waits"),
    [
        ([("read",), ("train", "sidebar")], ("read", [])),
        ([("train", "sidebar"), ("read",)], ("read", [])),
        ([("read",), ("train", "sidebar"), ("read", "list")], ("read", [])),
        ([("train",), ("read",)], ("read", [])),
        ([("read", "list"), ("read", "sidebar")], ("read", ["list", "sidebar"])),
        ([("",), ("", "sidebar")], ("", [])),
    ],
)
def test_a_click_to_another_screen_isnt_lost_by_the_request_of_a_part(requests, waits):
    assert waiting(*requests) == waits


@pytest.mark.parametrize(
    ("first", "second", "is_timer"),
    [(False, True, False), (True, False, False), (True, True, True), (False, False, False)],
)
def test_a_click_isnt_taken_for_a_timer_that_meets_it(first, second, is_timer):
    pending = ScriptRequests()
    for auto in (first, second):
        pending.request_rerun(RerunData(fragment_id="list", is_auto_rerun=auto))
    assert pending.on_scriptrunner_ready().rerun_data.is_auto_rerun == is_timer


def clicked(*buttons, typed="a note"):
    states = WidgetStates()
    states.widgets.add(id="note", string_value=typed)
    for button in buttons:
        states.widgets.add(id=button, json_trigger_value='{"event": true}')
    return states


def test_of_two_clicks_that_meet_in_one_run_the_earlier_one_comes_first():
    pending = ScriptRequests()
    for states in (clicked("close"), clicked("open", typed="another"), clicked("lock", typed="another")):
        pending.request_rerun(RerunData(widget_states=states, fragment_id="cut"))
    states = pending.on_scriptrunner_ready().rerun_data.widget_states.widgets
    assert [state.id for state in states if state.json_trigger_value] == ["close", "open", "lock"]
    assert [state.string_value for state in states if state.id == "note"] == ["another"]


@pytest.fixture
def runner(monkeypatch):
    """Return a session's runner that only notes what it draws, as (page, parts)."""
    drew = []

    def run(self, data):
        self.page = data.page_script_hash
        drew.append((data.page_script_hash, data.fragment_id_queue))

    monkeypatch.setattr(ScriptRunner, "_run_script", run)
    partial_runs.mend()
    made = object.__new__(ScriptRunner)
    made._pages_manager = SimpleNamespace()
    made._fragment_storage = SimpleNamespace(contains=lambda part: part in {"sidebar", "list"})
    made._get_script_run_ctx = lambda: SimpleNamespace(page_script_hash=made.page)
    made.drew = drew
    return made


def test_no_part_of_a_screen_that_was_left_is_drawn(runner):
    train, read = RerunData(page_script_hash="train"), RerunData(page_script_hash="read")
    of_train = RerunData(page_script_hash="train", fragment_id_queue=["sidebar"])
    of_read = RerunData(page_script_hash="read", fragment_id_queue=["sidebar"])
    of_a_name = RerunData(page_name="train", fragment_id_queue=["sidebar"])
    for data in (of_train, train, of_train, read, of_train, of_read, train, of_train, of_a_name):
        runner._run_script(data)
    part = ["sidebar"]
    assert runner.drew == [
        *[("train", part), ("train", []), ("train", part)],
        *[("read", []), ("read", part), ("train", []), ("train", part), ("", part)],
    ]


@pytest.mark.parametrize(
    ("parts", "is_timer", "drawn"),
    [
        (["gone"], False, []),
        (["sidebar", "gone"], False, []),
        (["sidebar", "list"], False, ["sidebar", "list"]),
        (["gone"], True, ["gone"]),  # of which nothing is there to be drawn
    ],
)
def test_a_click_into_a_part_that_has_gone_draws_the_whole_screen(runner, parts, is_timer, drawn):
    runner._run_script(RerunData(page_script_hash="read", fragment_id_queue=parts, is_auto_rerun=is_timer))
    assert runner.drew == [("read", drawn)]


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ({"fragment_id": "gone", "page_script_hash": "read"}, ""),
        ({"fragment_id": "list", "page_script_hash": "read"}, "list"),
        # Of a timer, and of a screen that was left: Streamlit passes over them.
        ({"fragment_id": "gone", "page_script_hash": "read", "is_auto_rerun": True}, "gone"),
        ({"fragment_id": "gone", "page_script_hash": "train"}, "gone"),
    ],
)
def test_a_click_into_a_part_that_had_gone_before_it_came_draws_the_whole_screen(
    monkeypatch, runner, sent, heard
):
    asked = []
    monkeypatch.setattr(AppSession, "request_rerun", lambda self, state: asked.append(state))
    partial_runs.mend()
    runner._run_script(RerunData(page_script_hash="read"))
    there = runner._fragment_storage.contains
    session = SimpleNamespace(_pages_manager=runner._pages_manager, has_fragment=there)
    AppSession.request_rerun(session, ClientState(**sent, widget_states=clicked("film 2")))
    (state,) = asked
    assert state.fragment_id == heard
    assert state.widget_states == clicked("film 2")


def heard(session, sender, *events):
    """Return the kinds of messages that reach the browser from the events of a runner."""

    async def handled():
        session._event_loop = asyncio.get_running_loop()
        for event in events:
            message = drawn("72 clicks", 0, 0) if event == ScriptRunnerEvent.ENQUEUE_FORWARD_MSG else None
            AppSession._handle_scriptrunner_event_on_event_loop(session, sender, event, forward_msg=message)

    # A thread of its own: in this one a browser's loop may run already.
    thread = threading.Thread(target=lambda: asyncio.run(handled()))
    thread.start()
    thread.join()
    kinds = [message.WhichOneof("type") for message in session.sent]
    session.sent.clear()
    return kinds


def test_what_a_run_drew_is_sent_although_another_part_was_asked_for_meanwhile(monkeypatch):
    monkeypatch.setattr(AppSession, "_create_scriptrunner", lambda self, data: None)
    partial_runs.mend()
    ended, present, told_to_end = (object.__new__(ScriptRunner) for _ in range(3))
    session = SimpleNamespace(sent=[], _scriptrunner=ended, _state=AppSessionState.APP_IS_RUNNING)
    session._enqueue_forward_msg = session.sent.append
    session._create_script_finished_message = lambda status, run: ForwardMsg(script_finished=status)
    session._create_session_status_changed_message = lambda: ForwardMsg(session_status_changed={})
    session._local_sources_watcher = None
    AppSession._create_scriptrunner(session, RerunData(fragment_id="sidebar"))
    session._scriptrunner = present
    drew, done = ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, ScriptRunnerEvent.FRAGMENT_STOPPED_WITH_SUCCESS
    kinds = heard(session, ended, drew, done, ScriptRunnerEvent.SHUTDOWN)
    assert kinds == ["delta", "script_finished", "session_status_changed"]
    assert session._scriptrunner is present, "the end of the former one isn't that of the present one"
    assert heard(session, present, drew) == ["delta"]
    assert heard(session, told_to_end, drew) == []
    # A run of the whole screen tells the present runner to end, and takes its place.
    session._scriptrunner = None
    AppSession._create_scriptrunner(session, RerunData())
    assert heard(session, present, drew) == heard(session, ended, drew) == []


def test_a_second_mend_changes_nothing():
    before = ForwardMsgQueue.clear, ScriptRequests._request_rerun_locked, ScriptRunner._run_script
    partial_runs.mend()
    assert before == (
        *(ForwardMsgQueue.clear, ScriptRequests._request_rerun_locked),
        ScriptRunner._run_script,
    )
