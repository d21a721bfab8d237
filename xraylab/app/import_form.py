"""
The form that imports films: what a source is understood to be, its correction, and the import itself.

The correction is the mapping of ``import --map``: the labels by two lists, everything else as its JSON.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import choice, status, widgets, wording
from xraylab.app.faults import guard
from xraylab.data.mapping import Mapping, mapping_of
from xraylab.data.patients import PATIENT_KEYS, rule
from xraylab.data.sources import NOT_STATED
from xraylab.errors import DatasetError, NameTakenError
from xraylab.files import replacing, scratch
from xraylab.findings import capital, fold
from xraylab.settings import Settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_ARCHIVES = ["zip", "tar", "gz", "tgz", "bz2", "xz", "npz"]
_ENDINGS = (".gz", ".bz2", ".xz", ".tar", ".tgz", ".zip", ".npz", ".csv", ".tsv", ".xlsx")
_LONGEST = 64  # characters
_SEEN = "import preview"  # the last preview, in the session
_PROPOSED = "import proposed"  # path and name that the form begins with, once
_MAP_HELP = (
    "The fields of a mapping: label_folder, splits, rename, columns and others. The guide “Bring your own "
    "films” lists them."
)
_KEY_HELP = (
    "A column, a folder of one patient or a tag of DICOM tells which films belong to one patient. Without "
    "any of these, names of files may. All films of a patient go into the same split, so that no model is "
    "tested on a patient that it was trained on."
)


def propose(fetched: documents.Fetched) -> None:
    """Have the form begin with a file that was fetched, below its preview."""
    st.session_state[_SEEN] = fetched.preview
    st.session_state[_PROPOSED] = (fetched.file, fetched.name)


def draw(settings: Settings) -> None:
    """Draw the form; a preview or an import follows its button."""
    if proposed := st.session_state.pop(_PROPOSED, None):
        st.session_state["import path"], st.session_state["import name"] = proposed
    # A form: the page reruns once, at a button, and not after each field.
    with st.form("import", border=False):
        upload = st.file_uploader(
            "Archive of films: zip, tar, or npz of MedMNIST", type=_ARCHIVES, key="import upload"
        )
        path = st.text_input(
            "Or the path of a folder, an archive or a table of films on this machine",
            key="import path",
            placeholder="/path/to/chest_xray",
        )
        left, middle, right = st.columns(3)
        name = left.text_input("Name", key="import name", placeholder="as the file or folder")
        finding = middle.text_input("Finding", key="import finding", placeholder="pneumonia")
        key = right.selectbox(
            "If nothing else names the patient",
            PATIENT_KEYS,
            format_func=lambda preset: capital(rule(preset)),
            key="import key",
            help=_KEY_HELP,
        )
        correction = _draw_correction()
        replace = st.checkbox("Replace a dataset of the same name", key="import replace")
        check = st.checkbox("Check the films afterwards, in the background", value=True, key="import check")
        with st.container(horizontal=True):
            previewed = st.form_submit_button("Preview")
            pressed = st.form_submit_button("Import", type="primary")
    if (preview := st.session_state.get(_SEEN)) and not (previewed or pressed):
        draw_preview(preview)
    if not (previewed or pressed):
        return
    st.session_state.pop(_SEEN, None)  # what follows may be about another source
    with guard():  # a mistake in the form must not hide what follows it
        mapping = _mapping(finding.strip(), *correction)
        with _source(settings, upload, path.strip()) as source:
            if previewed:
                _preview(settings, source, mapping, key)
            else:
                named = name.strip() or name_of(upload.name if upload is not None else path.strip())
                if not named:
                    raise NameTakenError("The file gives no name. Type one under “Name”.")
                name = _import(settings, source, named, mapping, key, replace=replace)
                if check:
                    actions.start_audit(settings, name)
                st.rerun()  # the table above was drawn before the import


def name_of(source: str) -> str:
    """Make the name of a dataset from that of a file or folder; empty if nothing of it can be one."""
    name = PurePosixPath(source.replace("\\", "/")).name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    # What a name may hold, as ``files.check_name`` says.
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:_LONGEST].rstrip("-._")


def _draw_correction() -> tuple[list[str], list[str], str]:
    """Draw what corrects the reading; the labels can be chosen once a preview has shown them."""
    preview: documents.Preview | None = st.session_state.get(_SEEN)
    labels = list(preview.labels) if preview else []
    present: list[str] = []
    absent: list[str] = []
    with st.expander("Correct the reading"):
        if labels:
            left, right = st.columns(2)
            present = left.multiselect("Labels that say present", labels, key="import present")
            absent = right.multiselect("Labels that say absent", labels, key="import absent")
        text = st.text_area("Mapping (JSON)", key="import map", help=_MAP_HELP, placeholder="{}")
    return present, absent, text.strip()


def _mapping(finding: str, present: list[str], absent: list[str], text: str) -> Mapping:
    mapping = mapping_of(text or "{}")
    fields = {"finding": finding or None, "present": tuple(present), "absent": tuple(absent)}
    return mapping.model_copy(update={field: value for field, value in fields.items() if value})


@contextmanager
def _source(settings: Settings, upload: "UploadedFile | None", path: str) -> Iterator[Path]:
    """Give the source as a path; an upload wins over a path."""
    if upload is None and not path:
        raise DatasetError("Choose an archive, or type the path of a folder or archive on this machine.")
    if upload is None:
        yield Path(path).expanduser()
        return
    # In the home and not in the system's temporary folder: if this process is killed, the next start
    # removes the films. The file goes with the folder: only the dataset keeps films.
    with scratch(settings.home / "upload") as folder:
        source = folder / re.sub(r"[^\w.-]", "_", f"films-{upload.name}")[-100:]
        with replacing(source, durable=False) as file:
            file.write(upload.getbuffer())
        yield source


def _preview(settings: Settings, source: Path, mapping: Mapping, key: str) -> None:
    with st.spinner("Looking at the source"):
        preview = actions.preview_source(settings, source, mapping=mapping, patient_key=key)
    st.session_state[_SEEN] = preview
    st.rerun()  # the lists of its labels stand above


def draw_preview(preview: documents.Preview) -> None:
    """Show what was understood of a source."""
    st.markdown(f"**Understood as: {wording.plain(preview.layout)}.** Nothing was imported yet.")
    # A source may spell a label in another case than the finding does.
    meaning = dict.fromkeys(map(fold, preview.absent), "absent")
    meaning |= dict.fromkeys(map(fold, preview.present), "present")
    widgets.table(
        ("Label", "Films", f"Says of {preview.finding}"),
        [
            (label, formats.count(n), meaning.get(fold(label), "left out"))
            for label, n in preview.labels.items()
        ],
    )
    patients = "not known yet" if preview.patients is None else formats.count(preview.patients)
    facts = [
        f"{formats.count(preview.n)} films; patients: {patients}, from {preview.patients_from}.",
        _splits(preview),
        *([f"Columns kept: {', '.join(preview.columns)}."] if preview.columns else []),
        *told_ignored(preview.ignored),
        *preview.notes,
    ]
    st.markdown("\n".join(f"- {wording.plain(fact)}" for fact in facts))


def _splits(preview: documents.Preview) -> str:
    if set(preview.splits) == {NOT_STATED}:
        return "Splits: none stated; they are drawn by patient at the import."
    return f"Splits: {', '.join(f'{name} {formats.count(n)}' for name, n in preview.splits.items())}."


def told_ignored(ignored: dict[str, int]) -> list[str]:
    """Say how many files of a source are ignored, for each reason."""
    return [
        f"{formats.count(n)} file{'' if n == 1 else 's'} ignored: {reason}." for reason, n in ignored.items()
    ]


def _import(settings: Settings, source: Path, name: str, mapping: Mapping, key: str, *, replace: bool) -> str:
    """Import films, and return the name of the dataset."""
    bar = st.progress(0.0, text="Reading films")

    def report(done: int, total: int) -> None:
        bar.progress(done / total, text=f"Reading films: {formats.count(done)} of {formats.count(total)}")

    try:
        imported = actions.import_dataset(
            settings,
            source,
            name,
            mapping=mapping,
            patient_key=key,
            replace=replace,
            on_progress=report,
            actor="app",
        )
    finally:
        bar.empty()
    choice.use_dataset(imported.name)
    status.remember(
        "data",
        f"Imported {wording.plain(imported.name)}: {formats.count(imported.n)} films of "
        f"{formats.count(imported.patients)} patients, {formats.count(len(imported.refused))} refused, "
        f"{formats.count(sum(imported.ignored.values()))} other files ignored.",
    )
    return imported.name
