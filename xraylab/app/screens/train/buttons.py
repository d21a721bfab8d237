"""The buttons of a run: cancel it, resume it, keep its best epoch, reuse its settings."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import manage, status, watch, wording
from xraylab.app.screens.train import choices, shown
from xraylab.errors import XRayLabError
from xraylab.runs.run import ACTIVE
from xraylab.settings import load_settings

_ACTED = "train acted"


def acted() -> bool:
    """Return True once after a button was pressed, so that the whole page is drawn again.

    A callback inside a fragment reruns only that fragment, while other parts of the page show the run too.
    """
    return bool(st.session_state.pop(_ACTED, False))


def cancel(run_id: str, *, key: str, disabled: bool = False) -> None:
    """Draw a button that removes a run from the queue, or stops it."""
    _button("Cancel", _cancel, run_id, key=key, disabled=disabled)


def go_on(row: documents.RunRow, *, key: str) -> None:
    """Draw the buttons that continue a stopped run, if it can be resumed."""
    if row.resumable:
        with st.container(horizontal=True):
            _button("Resume", _resume, row.run, key=f"{key} resume {row.run}")
            _button("Keep the best so far", _keep_best, row.run, key=f"{key} keep {row.run}")


def menu(row: documents.RunRow, *, key: str) -> None:
    """Draw all buttons of a run, one below the other."""
    _button("Show curves and log", shown.show, row.run, key=f"{key} show {row.run}", wide=True)
    if row.state in ACTIVE:
        _button("Cancel", _cancel, row.run, key=f"{key} cancel {row.run}", wide=True)
    if row.resumable:
        _button("Resume", _resume, row.run, key=f"{key} resume {row.run}", wide=True)
        _button("Keep the best so far", _keep_best, row.run, key=f"{key} keep {row.run}", wide=True)
    _button("Reuse these settings", _clone, row.run, key=f"{key} clone {row.run}", wide=True)
    if row.state not in ACTIVE:
        _button("Rename, note, delete …", _manage, row.run, key=f"{key} manage {row.run}", wide=True)


def delete_failed(n: int) -> None:
    """Draw the button that deletes all failed runs, if there are any."""
    if n:
        _button(f"Delete {formats.counted(n, 'failed run')} …", _ask_failed, "", key="delete failed runs")


def _ask_failed(_run_id: str) -> None:
    manage.ask_failed_runs()


def _button(
    label: str,
    action: Callable[[str], None],
    run_id: str,
    *,
    key: str,
    disabled: bool = False,
    wide: bool = False,
) -> None:
    """Draw a button whose action runs in its callback.

    The action may set choices, and Streamlit lets a widget's value be set only before the widget is drawn.
    """
    act = partial(_act, action, run_id)
    st.button(label, key=key, on_click=act, disabled=disabled, width="stretch" if wide else "content")


def _act(action: Callable[[str], None], run_id: str) -> None:
    status.forget_fault("train")  # that of the button pressed before
    try:
        action(run_id)
    except XRayLabError as error:
        status.remember_fault(
            "train", wording.on_screen(str(error))
        )  # drawn by the live view, after the callback
    watch.forget()  # or the list would show the old state for up to half a second
    st.session_state[_ACTED] = True


def _cancel(run_id: str) -> None:
    actions.cancel_run(load_settings(), run_id)


def _resume(run_id: str) -> None:
    actions.resume_run(load_settings(), run_id)
    shown.show(run_id)  # it may have to wait behind other runs, which the live view would show instead


def _keep_best(run_id: str) -> None:
    actions.resume_run(load_settings(), run_id, keep_best=True)
    shown.show(run_id)


def _manage(run_id: str) -> None:
    manage.ask("run", run_id)


def _clone(run_id: str) -> None:
    choices.clone(actions.request_of(load_settings(), run_id))
