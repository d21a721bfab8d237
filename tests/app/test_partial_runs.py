"""The mends of Streamlit's partial runs, on Streamlit's own classes."""

from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
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


def test_a_second_mend_changes_nothing():
    before = ForwardMsgQueue.clear, ScriptRequests._request_rerun_locked, ScriptRunner._run_script
    partial_runs.mend()
    assert before == (
        *(ForwardMsgQueue.clear, ScriptRequests._request_rerun_locked),
        ScriptRunner._run_script,
    )
