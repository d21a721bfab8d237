"""
The audit of a dataset on Data: what is worst comes first, each in one sentence with what can be done.

The checks run in a process of their own, so a reader may go to another screen. While it works this part of
the page looks at it every few seconds; otherwise nothing polls.
"""

import html

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xraylab import actions, formats
from xraylab.app import film_dialog, status, watch, widgets, wording
from xraylab.app.components.film_grid import film_grid
from xraylab.app.faults import guard
from xraylab.app.glossary import SPLIT
from xraylab.app.thumbnails import thumbnails
from xraylab.audit.found import TITLES, Check, Found
from xraylab.audit.kept import Audit, last_audit
from xraylab.audit.naive import TRAINING, Measured, Naive, method, signed
from xraylab.data.datasets import Dataset
from xraylab.errors import XRayLabError
from xraylab.formats import DASH, NARROW_SPACE, THIN_SPACE
from xraylab.runs.auditing import PARTS, AuditProgress, Part
from xraylab.settings import Settings

_EXAMPLES = 6  # films of a finding; the grid below shows all of them
_MARKS = {"high": "Mend this first", "low": "Know this", "none": "Nothing found"}
_UNITS = {"Comparing films": "pairs of films", TRAINING: "trainings"}  # by what is done; otherwise films
_NOT_YET = (
    "These films weren't checked yet for copies, patients in two splits, files that give the label away, and "
    "labels that may be wrong."
)
_ENDS = {
    "cancelled": "The last check was stopped. What it had found until then is kept.",
    "stopped": (
        "The last check ended before its time, as by a shutdown. What it had found until then is kept. Start "
        "it again for the rest."
    ),
}
_NAIVE_HELP = (
    "Trains the recipe “quick” on splits that ignore patients and on splits by patient, and compares what "
    "they claim. It takes minutes in the background. The test films take no part."
)


def draw(settings: Settings, dataset: Dataset) -> None:
    """Draw what the last audit found, how far the present one is, and the buttons that start one."""
    st.subheader("Audit", anchor=False)
    progress = actions.audit_progress(settings, dataset)
    active = progress is not None and progress.active
    # A fragment, so that polling redraws this part only and never a form that somebody is filling in.
    st.fragment(_draw, run_every=watch.POLL if active else None)(settings, dataset, polling=active)


def _draw(settings: Settings, dataset: Dataset, *, polling: bool) -> None:
    with guard():
        status.show_fault("audit")
        progress, audit = actions.audit_progress(settings, dataset), last_audit(dataset)
        if polling and not (progress and progress.active):
            st.rerun()  # it ended: only a rerun of the whole page ends the polling
        if progress is not None:
            _draw_progress(settings, dataset, progress)
        if audit is not None:
            _draw_audit(dataset, audit)
        elif progress is None:
            st.caption(_NOT_YET, help=SPLIT)
        if progress is None or not progress.active:
            _draw_buttons(settings, dataset, audit)


def _draw_progress(settings: Settings, dataset: Dataset, progress: AuditProgress) -> None:
    if not progress.active:
        if progress.state == "failed":
            st.error(wording.plain(progress.error or "The last check failed."))
        elif progress.state in _ENDS:
            st.caption(_ENDS[progress.state])
        return
    share = progress.done / progress.total if progress.total else 0.0
    st.progress(min(1.0, share), text=wording.plain(progress_words(progress)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stop",
            key="audit stop",
            disabled=progress.state == "stopping",
            on_click=_stop,  # a callback: what is drawn above then knows of it already
            args=(settings, dataset.info.name),
        )
        st.caption("You can leave this screen. The check goes on, and what it finds is kept.")


def _stop(settings: Settings, name: str) -> None:
    status.forget_fault("audit")
    try:
        actions.cancel_audit(settings, name)
    except XRayLabError as error:
        status.remember_fault("audit", str(error))


def progress_words(progress: AuditProgress) -> str:
    """Write what an audit is doing: ``Looking for wrong labels: 1 200 of 5 216 films``."""
    if progress.state == "stopping":
        return "Stopping"
    if not progress.done:
        return progress.doing
    unit = _UNITS.get(progress.doing, "films")
    return f"{progress.doing}: {formats.count(progress.done)} of {formats.count(progress.total)} {unit}"


def _draw_audit(dataset: Dataset, audit: Audit) -> None:
    for found in audit.findings:
        if found.severity != "none":
            _draw_findings([found])
            # Files that couldn't be read are no films of the dataset.
            _draw_examples(dataset, found.check, dataset.rows_of(found.films)[:_EXAMPLES])
    if quiet := [found for found in audit.findings if found.severity == "none"]:
        with st.expander(f"{formats.counted(len(quiet), 'check')} found nothing"):
            _draw_findings(quiet)
    if audit.naive is not None:
        _draw_naive(audit.naive)
    st.caption(f"Checked {wording.when(audit.at)}.")


def _draw_findings(findings: list[Found]) -> None:
    """Draw findings; sentences quote names of files, so they are escaped."""
    rows = "".join(
        f'<div class="xl-found xl-found-{found.severity}" role="listitem">'
        f'<p class="xl-severity">{_MARKS[found.severity]} · {TITLES[found.check]}</p>'
        f"<p>{_escaped(found.sentence)}</p>{_mend(found)}</div>"
        for found in findings
    )
    if rows:
        st.html(f'<div class="xl-findings" role="list">{rows}</div>')


def _draw_examples(dataset: Dataset, check: Check, rows: NDArray[np.intp]) -> None:
    """Draw the first films of a finding; a click opens one."""
    if len(rows):
        label = f"{TITLES[check]}: examples"
        film_dialog.ask_for(
            film_grid(thumbnails(dataset, rows), key=f"examples {dataset.info.name} {check}", label=label)
        )


def _mend(found: Found) -> str:
    return f'<p class="xl-mend">{_escaped(found.mend)}</p>' if found.mend else ""


def _escaped(sentence: str) -> str:
    """Return a sentence as HTML whose numbers stay on one line."""
    return html.escape(sentence).replace(THIN_SPACE, NARROW_SPACE)


def _draw_naive(naive: Naive) -> None:
    st.html(
        '<div class="xl-findings"><div class="xl-found">'
        '<p class="xl-severity">Split by image or by patient</p>'
        f'<p>{_escaped(naive.sentence)}</p><p class="xl-mend">{_escaped(method(naive))}</p></div></div>'
    )
    widgets.table(
        ("Split", "AUC", "Accuracy"),
        [
            ("by image", _area(naive.by_image.auc), _rate(naive.by_image.accuracy)),
            ("by patient", _area(naive.by_patient.auc), _rate(naive.by_patient.accuracy)),
            ("difference", _apart(naive.auc), _apart(naive.accuracy, points=True)),
        ],
        stub=True,
    )


def _area(measured: Measured) -> tuple[str, str]:
    return formats.auc(measured.value), formats.auc_interval(*measured.bounds)


def _rate(measured: Measured) -> tuple[str, str]:
    return formats.percent(measured.value), formats.interval(*measured.bounds)


def _apart(measured: Measured, *, points: bool = False) -> tuple[str, str]:
    value, _, bounds = signed(measured, points=points).partition(" ")
    return f"{value} points" if points else value, bounds.strip("()").replace(DASH, "")


def _draw_buttons(settings: Settings, dataset: Dataset, audit: Audit | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = "Check these films" if audit is None else "Check again"
        checked = st.button(words, key="audit", type="primary" if audit is None else "secondary")
        naive = st.button("What would a split by image claim?", key="audit naive", help=_NAIVE_HELP)
    if checked or naive:
        parts: tuple[Part, ...] = PARTS if checked else ("naive",)
        actions.start_audit(settings, dataset.info.name, parts)
        st.rerun()  # the whole page, so that polling begins
