"""
The form that mends the films of a dataset in a new one.

It begins with what the last audit asks for most, and offers the films that it named to be left out.
"""

from typing import TYPE_CHECKING

import streamlit as st

from xraylab import actions, formats
from xraylab.app import choice, status, wording
from xraylab.audit.found import Found
from xraylab.audit.kept import last_audit
from xraylab.data.datasets import Dataset
from xraylab.data.mends import Mends
from xraylab.data.patients import PATIENT_KEYS, rule
from xraylab.data.reasons import checked, reasons_of
from xraylab.findings import capital
from xraylab.settings import Settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_SPLIT_HELP = (
    "Films that show one picture, or are of one patient, become one group, and groups are divided into "
    "training and validation again. Test films stay test films; other films of their groups are left out."
)
_KEY_HELP = (
    "Names of files may count patients by several counters. The same number is then one patient or two; a "
    "cautious reading keeps both in one split."
)
_TEST_HELP = (
    "Test films may then become training films. The new dataset says how many do. An official test split is "
    "lost by this, and results on it can't be compared with those of others."
)
_ENCODING_HELP = (
    "Every film is brought to 256 × 256 pixels, as networks see it, and encoded as JPEG in one quality. Then "
    "no property of a file tells its label. What a stronger compression took from a picture is still missing."
)
_TABLE_HELP = "A CSV file with the columns image_id and reason, a line for each film."


def draw(settings: Settings, dataset: Dataset) -> None:
    """Draw the form; the new dataset is in use when it is made."""
    audit = last_audit(dataset)
    findings = audit.findings if audit is not None else ()
    # Another audit, or another dataset, draws the form anew with its own defaults.
    key = f"mend {dataset.info.name} {audit.at.isoformat() if audit is not None else ''}"
    with st.expander("Mend these films", icon=":material/healing:"):
        st.markdown(f"“{wording.plain(dataset.info.name)}” stays as it is. A new dataset is made from it.")
        with st.form(key, border=False):
            split_again, patient_key, new_test = _draw_split(findings, key)
            one_encoding = st.checkbox(
                "Bring all films to one encoding and one size",
                value=_asked("one encoding", findings),
                key=f"{key} encoding",
                help=_ENCODING_HELP,
            )
            films, reason, table = _draw_left_out(findings, key)
            left, right = st.columns(2, vertical_alignment="bottom")
            new = left.text_input("Name of the new dataset", f"{dataset.info.name}-mended", key=f"{key} name")
            replace = right.checkbox("Replace a dataset of this name", key=f"{key} replace")
            pressed = st.form_submit_button("Mend", type="primary", key=f"{key} button")
        if pressed:
            left_out = {film: checked(film, reason) for film in films} | _read(table)
            mends = Mends(left_out, one_encoding, split_again, patient_key, new_test)
            _mend(settings, dataset.info.name, new.strip(), mends, replace=replace)


def _asked(step: str, findings: tuple[Found, ...]) -> bool:
    return any(found.severity == "high" and step in found.mend_by for found in findings)


def _draw_split(findings: tuple[Found, ...], key: str) -> tuple[bool, str | None, bool]:
    again = st.checkbox(
        "Split again, with each picture and each patient in one split",
        value=_asked("split again", findings),
        key=f"{key} split",
        help=_SPLIT_HELP,
    )
    left, right = st.columns(2, vertical_alignment="bottom")
    preset = left.selectbox(
        "Films that may be of one patient",
        [None, *(preset for preset in PATIENT_KEYS if preset != "none")],
        format_func=lambda preset: f"By {rule(preset)}" if preset else "As the dataset says",
        key=f"{key} patient",
        help=_KEY_HELP,
    )
    new_test = right.checkbox("Draw the test split anew too", key=f"{key} test", help=_TEST_HELP)
    return again, preset, new_test


def _draw_left_out(findings: tuple[Found, ...], key: str) -> tuple[list[str], str, "UploadedFile | None"]:
    named = [film for found in findings if "leave out" in found.mend_by for film in found.films]
    left, right = st.columns(2)
    films: list[str] = []
    reason = ""
    if named:
        films = left.multiselect(
            "Films to leave out, of those that the audit named",
            list(dict.fromkeys(named)),
            key=f"{key} films",
        )
        reason = right.text_input(
            "Reason", key=f"{key} reason", placeholder="wrong label, seen by two readers"
        )
    table = st.file_uploader(
        "Table of films to leave out", ["csv", "tsv", "xlsx"], key=f"{key} table", help=_TABLE_HELP
    )
    return films, reason, table


def _read(table: "UploadedFile | None") -> dict[str, str]:
    return {} if table is None else reasons_of(table.name, table.getvalue)


def _mend(settings: Settings, name: str, new: str, mends: Mends, *, replace: bool) -> None:
    bar = st.progress(0.0, text="Reading the dataset")

    def report(doing: str, done: int, total: int) -> None:
        text = f"{doing}: {formats.count(done)} of {formats.count(total)}"
        bar.progress(min(1.0, done / max(1, total)), text=text)

    try:
        mended = actions.mend_dataset(
            settings, name, new, mends, replace=replace, on_step=report, actor="app"
        )
    finally:
        bar.empty()
    choice.use_dataset(mended.name)
    notes = " ".join(step.note for step in mended.steps)
    status.remember("data", wording.plain(f"Made {mended.name} from {name}. {capital(notes)}"))
    st.rerun()  # the table above was drawn before
