"""The right of Train: one run, during its training or afterwards."""

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import choice, reads, status, watch, widgets, wording
from xraylab.app.curves import learning_curves
from xraylab.app.faults import guard
from xraylab.app.screens.train import buttons
from xraylab.app.screens.train.shown import shown
from xraylab.errors import NotFoundError
from xraylab.runs import folder
from xraylab.runs.run import Run
from xraylab.settings import Settings
from xraylab.training.plateau import plateau

_LOG_TAIL = 16_000  # bytes: most logs are shorter
_LOG_HEIGHT = 260  # pixels


def draw(settings: Settings) -> None:
    """Draw the run, and update it while a run is queued or running."""
    active = watch.look(settings).current is not None
    # A fragment, so that polling redraws only the run and never a form that somebody is filling in.
    st.fragment(_draw_newest, run_every=watch.POLL if active else None)(settings, polling=active)


def _draw_newest(settings: Settings, *, polling: bool) -> None:
    with guard():
        if buttons.acted():
            st.rerun()
        status.show_fault("train")
        now = watch.look(settings)
        if polling and now.current is None:
            st.rerun()  # all runs ended: only a rerun of the whole page ends the polling
        run = shown(now)
        if run is None:
            st.caption("No training yet. Choose on the left and press Train.")
            return
        _draw_run(settings, run, now.progress_of(run))


def _draw_run(settings: Settings, run: Run, progress: Mapping[str, Any]) -> None:
    row = actions.run_row(settings, run)
    st.html(
        f'<div class="xl-shown"><h2>{html.escape(run.name)}</h2><span class="xl-label">'
        f"{html.escape(f'{run.arch} · {run.recipe} · {run.dataset}')}</span></div>"
    )
    history = folder.read_history(settings, run.id)
    # Fixed places: a chart that a new note pushes down would be drawn twice for a moment.
    state, notes, further, curves, log = (st.container() for _ in range(5))
    with state:
        _draw_state(settings, run, row, progress)
    with notes:
        widgets.notes([*row.notes, *filter(None, [plateau(history, over=run.state == "done")])])
    with further:
        buttons.go_on(row, key="live")
    with curves:
        if history:
            learning_curves(history, key=f"curves {run.id}")
    with log:
        _draw_log(settings, run)


def _draw_state(settings: Settings, run: Run, row: documents.RunRow, progress: Mapping[str, Any]) -> None:
    if run.active:
        _draw_active(run, progress)
    elif run.state == "failed":
        st.error(wording.plain(run.error or "This run failed."))
    elif run.state == "cancelled":
        st.caption(_cancelled_words(row))
    else:
        _draw_result(settings, run)


def _draw_active(run: Run, progress: Mapping[str, Any]) -> None:
    if run.state == "queued":
        words = "waiting in the queue"
    else:
        words = "stopping" if run.cancel else str(progress.get("doing") or "starting")
    st.progress(status.fraction(progress) or 0.0, text=wording.plain(words[0].upper() + words[1:]))
    if run.state == "running" and (measures := _measures(progress)):
        st.html(f'<p class="xl-measures">{measures}</p>')
    buttons.cancel(run.id, key=f"cancel {run.id}", disabled=run.cancel)


def _measures(progress: Mapping[str, Any]) -> str:
    """Write device, speed, memory and time left in a line, without those that are unknown."""
    speed, memory, left = (progress.get(key) for key in ("films_per_second", "memory", "seconds_left"))
    parts = [
        str(progress.get("device") or "").upper(),
        f"{formats.count(round(speed))} films per second" if speed else "",
        wording.bytes_size(round(memory)) if memory else "",
        f"{formats.duration(left)} left" if left else "",
    ]
    return html.escape(" · ".join(part for part in parts if part))


def _cancelled_words(row: documents.RunRow) -> str:
    if not row.resumable:
        return "Cancelled. No model was kept."
    best = "" if row.val_auc is None else f", with a validation AUC of {formats.auc(row.val_auc)}"
    return f"Cancelled after epoch {row.epoch}. The best so far{best}, can still become a model."


def _draw_result(settings: Settings, run: Run) -> None:
    try:
        row = actions.model_row(settings, run.name)
    except NotFoundError:
        st.caption("Done. Its model has been replaced or removed since.")
        return
    st.html(
        f"<p{widgets.hover('AUC, locked')}>Validation AUC <strong>{formats.auc(row.val_auc)}</strong> "
        f'<span class="xl-interval">{formats.auc_interval(*row.val_auc_ci)}</span>, locked at '
        f"<strong>{formats.score(row.threshold) if row.threshold is not None else formats.DASH}</strong>.</p>"
    )
    if row.few:
        widgets.badge(row.few)
    reads.recall()
    with st.container(horizontal=True):
        if st.button("Move the threshold", type="primary", key=f"to threshold {run.id}"):
            choice.look_at(run.name)  # before the page changes, so that it opens with this model
            st.switch_page("pages/threshold.py")
        if not row.reads:
            reads.use_for_reading(settings, run.name, key=f"read with {run.id}")


def _draw_log(settings: Settings, run: Run) -> None:
    log = st.expander("Log", key=f"log {run.id}", on_change="rerun")
    # During a training a closed log is not read: every poll would send it again.
    if log.open or not run.active:
        text = folder.read_log(settings, run.id, tail=_LOG_TAIL)
        with log, st.container(height=_LOG_HEIGHT, autoscroll=True, border=False):
            st.code(text or "The log is empty.", language=None, wrap_lines=True)
