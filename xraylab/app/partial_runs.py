"""
Partial runs: faults of Streamlit 1.67 in redrawing a part of a screen, mended when the server starts.

- a part is a fragment of Streamlit, such as the sidebar's state, which asks to be drawn again while a model
  is loaded; its request may come at any time, also right after a click
- what Streamlit made of such a request: the click to another screen was lost, the other screen was taken
  down, or a button stayed on the page although its part had drawn itself without it; of two clicks that
  meet in one run, the earlier one came last; a click into what was a part until just now was lost; and what
  a run had drawn never came to the browser
- the classes are Streamlit's own and private, so its version is pinned; tests/app/test_partial_runs.py and
  tests/browser/test_going.py show each fault without the mend
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from types import ModuleType
from typing import Any

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
)

_SHOWN = "xraylab_shown"  # attribute of a session's pages: hash of the page that was drawn last
_FORMER = "xraylab_former"  # attribute of a session: the runner before the present one, if that had ended


def mend() -> None:
    """Mend Streamlit's classes for all sessions of this process; a second call changes nothing."""
    _wrap(ForwardMsgQueue, "clear", _drops_nothing)
    _wrap(ScriptRequests, "_request_rerun_locked", _prefers_pages)
    _wrap(ScriptRunner, "_run_script", _skips_left_pages)
    _wrap(AppSession, "request_rerun", _hears_clicks_into_former_parts)
    _wrap(AppSession, "_create_scriptrunner", _remembers_the_former_runner)
    _wrap(AppSession, "_handle_scriptrunner_event_on_event_loop", _sends_what_the_former_runner_drew)
    _wrap(script_requests, "_coalesce_widget_states", _earlier_first)


def _wrap(owner: type | ModuleType, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def mended(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, name, mended)


def _drops_nothing(
    clear: Callable[..., None],
    queue: ForwardMsgQueue,
    retain_lifecycle_msgs: bool = False,
    fragment_ids_this_run: list[str] | None = None,
) -> None:
    """Send the browser all that waits for it when the run of a part begins.

    Otherwise the good end of another part's run becomes an early one, after which the browser keeps what that
    part had left out. And of a whole screen that waits, the part would be missing, so that the browser finds
    no place for what follows it.
    """
    if retain_lifecycle_msgs and fragment_ids_this_run:
        queue._delta_index_map = {}  # nothing of this run may take the place of an earlier message
    else:
        clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)


def _prefers_pages(
    request: Callable[[ScriptRequests, RerunData], bool], requests: ScriptRequests, data: RerunData
) -> bool:
    """Let a part's request change nothing of a request for another page that waits, nor a timer a click.

    Otherwise the waiting one gets the page of the newer request, so that the click to the other page is lost;
    or it counts as that of a timer, which nobody misses if its part has gone.
    """
    waiting = requests._rerun_data
    is_left = (
        requests._state == ScriptRequestType.RERUN
        and not waiting.fragment_id_queue
        and bool(data.fragment_id or data.fragment_id_queue)
        and data.page_script_hash not in ("", waiting.page_script_hash)
    )
    if is_left:
        return True
    clicked = requests._state == ScriptRequestType.RERUN and not waiting.is_auto_rerun
    taken = request(requests, data)
    if taken and clicked:
        requests._rerun_data = replace(requests._rerun_data, is_auto_rerun=False)
    return taken


def _skips_left_pages(
    run: Callable[[ScriptRunner, RerunData], None], runner: ScriptRunner, data: RerunData
) -> None:
    """Draw no part of a page that isn't shown any more.

    Otherwise the browser is told of that page, and takes down the one that is shown.
    """
    pages = runner._pages_manager
    page = data.page_script_hash  # empty if the request gives a name instead
    if data.fragment_id_queue and page and page != getattr(pages, _SHOWN, page):
        return
    if not (data.is_auto_rerun or all(map(runner._fragment_storage.contains, data.fragment_id_queue))):
        data = replace(data, fragment_id_queue=[])  # see _hears_clicks_into_former_parts
    try:
        run(runner, data)
    finally:
        setattr(pages, _SHOWN, runner._get_script_run_ctx().page_script_hash)


def _hears_clicks_into_former_parts(
    request: Callable[[AppSession, ClientState | None], None], session: AppSession, state: ClientState | None
) -> None:
    """Draw the whole screen for a click into a part that the screen has no longer, but the browser still has.

    Otherwise the click is lost: the list of films is a part until the last film is read, and the key j that
    comes just then left the film before it on the screen.
    """
    if (
        state
        and state.fragment_id
        and not state.is_auto_rerun
        and not session.has_fragment(state.fragment_id)
        and state.page_script_hash == getattr(session._pages_manager, _SHOWN, None)
    ):
        whole = ClientState()
        whole.CopyFrom(state)
        whole.fragment_id = ""
        state = whole
    request(session, state)


def _remembers_the_former_runner(
    create: Callable[[AppSession, RerunData], None], session: AppSession, data: RerunData
) -> None:
    """Remember a runner that had ended by itself; one that was told to end has been forgotten by now."""
    setattr(session, _FORMER, session._scriptrunner)
    create(session, data)


def _sends_what_the_former_runner_drew(
    handle: Callable[..., None],
    session: AppSession,
    sender: ScriptRunner | None,
    event: ScriptRunnerEvent,
    *args: Any,
    **kwargs: Any,
) -> None:
    """Send the browser what a run drew although a part's request has made a new runner meanwhile.

    Otherwise all that still waits on the server's event loop is dropped: after a click, while the server is
    busy and a timer comes at the wrong moment, the screen would stay as it was before.
    """
    former = getattr(session, _FORMER, None)
    if sender is not None and sender is former and event != ScriptRunnerEvent.SHUTDOWN:
        sender = session._scriptrunner
    handle(session, sender, event, *args, **kwargs)


def _earlier_first(
    coalesce: Callable[..., WidgetStates | None], old: WidgetStates | None, new: WidgetStates | None
) -> WidgetStates | None:
    """Put what was clicked earlier before what was clicked later, because callbacks are called in this order.

    Otherwise films that were closed and opened again at once are closed.
    """
    both = coalesce(old, new)
    if both is None or old is None or new is None:
        return both
    earlier = [state for state in both.widgets if state not in new.widgets]  # clicks that the newer one lacks
    later = [state for state in both.widgets if state in new.widgets]
    return WidgetStates(widgets=[*earlier, *later])
