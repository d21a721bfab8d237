"""The list of runs below Train: queued, running and finished, newest first, each with a menu."""

import html

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import watch, widgets, wording
from xraylab.app.faults import guard
from xraylab.app.screens.train import buttons
from xraylab.runs.run import OVER
from xraylab.settings import Settings

_STATES = {"queued": "waiting", "running": "training"} | {state: state for state in OVER}
_HEADS = ("Model", "State", "Films", "Network", "Recipe", "Epochs", "Validation AUC", "Took", "Started")
_FIRST = 10  # runs listed until the user asks for all
_ALL = "train all runs"


def draw(settings: Settings) -> None:
    """Draw the list, and update it while a run is queued or running."""
    active = watch.look(settings).current is not None
    st.fragment(_draw_rows, run_every=watch.POLL if active else None)(settings)


def _draw_rows(settings: Settings) -> None:
    with guard():
        if buttons.acted():
            st.rerun()  # of the whole page: a button of this fragment changed what other parts show
        runs = watch.look(settings).runs
        if not runs:
            return
        st.header("Runs", anchor=False)
        listed = runs if st.session_state.get(_ALL) else runs[:_FIRST]
        # HTML rows instead of one table: a row's menu is a Streamlit popover, which can't be put into HTML.
        with st.container(key="xl-runs"):
            st.html(_row_html(_HEADS, head=True))
            for run in listed:
                _draw_row(actions.run_row(settings, run))
        if len(runs) > len(listed):
            st.button(f"Show all {formats.count(len(runs))} runs", key="show all runs", on_click=_show_all)
        buttons.delete_failed(sum(run.state == "failed" for run in runs))


def _draw_row(row: documents.RunRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="small"):
        st.html(_row_html(_cells(row)))
        label = wording.plain(f"Actions for {row.name}")  # for screen readers; hidden by shell.css
        with st.popover(label, icon=":material/more_vert:", type="tertiary"):
            buttons.menu(row, key="row")


def _row_html(cells: tuple[str, ...], *, head: bool = False) -> str:
    inside = "".join(
        f'<span data-head="{html.escape(name)}"{widgets.hover(cell) if head else ""}>'
        f"{html.escape(cell)}</span>"
        for name, cell in zip(_HEADS, cells, strict=True)
    )
    return f'<div class="xl-run{" xl-run-head" if head else ""}">{inside}</div>'


def _cells(row: documents.RunRow) -> tuple[str, ...]:
    took = row.finished_at - row.started_at if row.finished_at and row.started_at else None
    if took is not None and took.total_seconds() < 0:  # the clock was set back meanwhile
        took = None
    return (
        row.name,
        _STATES[row.state],
        row.dataset,
        row.arch,
        row.recipe,
        formats.count(row.epoch),
        formats.DASH if row.val_auc is None else formats.auc(row.val_auc),
        formats.DASH if took is None else formats.duration(took.total_seconds()),
        wording.when(row.started_at or row.created_at),
    )


def _show_all() -> None:
    st.session_state[_ALL] = True
