"""The audit of a dataset on Data: what is worst comes first, each in one sentence with what can be done."""

import html

import streamlit as st

from xraylab import actions, formats
from xraylab.app import wording
from xraylab.audit.found import Found
from xraylab.audit.kept import last_audit
from xraylab.data.datasets import Dataset
from xraylab.formats import NARROW_SPACE, THIN_SPACE
from xraylab.settings import Settings

_MARKS = {"high": "Mend this first", "low": "Know this", "none": "Nothing found"}


def draw(settings: Settings, dataset: Dataset) -> None:
    """Draw what the last audit found, and the button that makes one."""
    st.subheader("Audit", anchor=False)
    audit = last_audit(dataset)
    if audit is None:
        st.caption(
            "These films weren't checked yet for copies, patients in two splits, files that give the label "
            "away, and labels that may be wrong."
        )
    else:
        shown = [found for found in audit.findings if found.severity != "none"]
        _draw(shown)
        if quiet := [found for found in audit.findings if found.severity == "none"]:
            with st.expander(f"{formats.counted(len(quiet), 'check')} found nothing"):
                _draw(quiet)
        st.caption(f"Checked {wording.when(audit.at)}.")
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Check these films" if audit is None else "Check again", key="audit")
        labels = st.checkbox("Labels too, which takes minutes", key="audit labels")
    if pressed:
        _run(settings, dataset, labels=labels)


def _draw(findings: list[Found]) -> None:
    """Draw findings; sentences quote names of files, so they are escaped."""
    rows = "".join(
        f'<div class="xl-found xl-found-{found.severity}" role="listitem">'
        f'<p class="xl-severity">{_MARKS[found.severity]}</p>'
        f"<p>{_escaped(found.sentence)}</p>{_mend(found)}</div>"
        for found in findings
    )
    if rows:
        st.html(f'<div class="xl-findings" role="list">{rows}</div>')


def _mend(found: Found) -> str:
    return f'<p class="xl-mend">{_escaped(found.mend)}</p>' if found.mend else ""


def _escaped(sentence: str) -> str:
    """Return a sentence as HTML whose numbers stay on one line."""
    return html.escape(sentence).replace(THIN_SPACE, NARROW_SPACE)


def _run(settings: Settings, dataset: Dataset, *, labels: bool) -> None:
    bar = st.progress(0.0, text="Looking at the files")

    def report(doing: str, done: int, total: int) -> None:
        text = f"{doing}: {formats.count(done)} of {formats.count(total)}" if done else doing
        bar.progress(min(1.0, done / max(1, total)), text=text)

    try:
        actions.audit(settings, dataset.info.name, labels=labels, on_step=report)
    finally:
        bar.empty()
    st.rerun()  # the findings above are those of before
