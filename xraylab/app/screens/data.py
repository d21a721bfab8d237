"""Data: the datasets there are, an import, and the films of the one in use."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import choice, phantoms, shell, status, widgets, wording
from xraylab.data.datasets import Dataset, load_dataset
from xraylab.data.patients import PATIENT_KEYS
from xraylab.data.phantoms import burn_in
from xraylab.data.sources import LABELS
from xraylab.errors import DatasetError
from xraylab.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_PAGE = 24  # films on a page of the grid
_KEY_WORDS = {
    "prefix-number": "prefix and number (Kermany)",
    "merged-normal": "as above, both NORMAL counters as one",
    "number": "number alone (conservative)",
    "none": "every film its own patient",
}


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    status.recall("data")
    rows = actions.list_datasets(settings)
    if rows:
        _draw_table(rows)
    with st.expander("Import films", expanded=not rows, icon=":material/upload:"):
        _draw_import(settings)
    if not rows:
        phantoms.offer(
            settings,
            "Without films of your own, teaching phantoms will do: synthetic chest films, made here.",
            key="data phantoms",
        )
        return
    st.subheader("Films", anchor=False)
    chosen = choice.pick_dataset(settings, key="data dataset")
    if chosen:
        dataset = load_dataset(settings, chosen.name)
        _draw_facts(dataset)
        _draw_grid(dataset)
    shell.next_step("Train a network", "train")


def _draw_table(rows: list[documents.Imported]) -> None:
    widgets.table(
        ("Dataset", "Films", "Patients", *LABELS, "Test opened", "Imported"),
        [
            (
                f"{row.name} (synthetic)" if row.kind == "phantoms" else row.name,
                formats.count(row.n),
                formats.count(row.patients),
                *(formats.count(row.labels[label]) for label in LABELS),
                f"{row.test_openings} times" if row.test_openings else "never",
                wording.when(row.created_at),
            )
            for row in rows
        ],
    )


def _draw_import(settings: Settings) -> None:
    with st.form("import", border=False):
        upload = st.file_uploader(
            "Zip archive with NORMAL and PNEUMONIA folders", type="zip", key="import upload"
        )
        path = st.text_input(
            "or a zip archive or folder on this machine", key="import path", placeholder="/path/to/chest_xray"
        )
        left, right = st.columns(2)
        name = left.text_input("Name", key="import name", placeholder="kermany")
        key = right.selectbox(
            "Patients are told apart by", PATIENT_KEYS, format_func=lambda k: _KEY_WORDS[k], key="import key"
        )
        replace = st.checkbox("Replace a dataset of that name", key="import replace")
        pressed = st.form_submit_button("Import", type="primary")
    if pressed:
        _import(settings, upload, path.strip(), name.strip(), key, replace=replace)


def _import(
    settings: Settings, upload: "UploadedFile | None", path: str, name: str, key: str, *, replace: bool
) -> None:
    if upload is None and not path:
        raise DatasetError("Choose a zip archive, or type the path of an archive or folder on this machine.")
    bar = st.progress(0.0, text="Reading films")

    def report(done: int, total: int) -> None:
        bar.progress(done / total, text=f"Reading films: {formats.count(done)} of {formats.count(total)}")

    try:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(path).expanduser()
            if (
                upload is not None
            ):  # what was uploaded has no place on this machine; only the dataset keeps it
                source = Path(folder) / "upload.zip"
                source.write_bytes(upload.getbuffer())
            made = actions.import_dataset(
                settings, source, name, patient_key=key, replace=replace, on_progress=report
            )
    finally:
        bar.empty()
    choice.use_dataset(made.name)
    status.remember(
        "data",
        f"Imported {wording.plain(made.name)}: {formats.count(made.n)} films of "
        f"{formats.count(made.patients)} patients, {formats.count(len(made.refused))} refused, "
        f"{formats.count(sum(made.ignored.values()))} other files ignored.",
    )
    st.rerun()


def _draw_facts(dataset: Dataset) -> None:
    info = dataset.info
    widgets.table(
        ("Split", "Films", "Patients", *LABELS),
        [
            (name, *(formats.count(counts[key]) for key in ("films", "patients", *LABELS)))
            for name, counts in sorted(info.splits.items(), key=lambda split: -split[1]["films"])
        ],
    )
    told_apart = _KEY_WORDS.get(info.patient_key, info.patient_key)
    findings = [f"Patients are told apart by {told_apart}.", *info.notes]
    findings += [f"{formats.count(n)} files ignored: {reason}." for reason, n in info.ignored.items()]
    if info.refused:
        findings.append(f"{formats.count(len(info.refused))} files refused.")
    openings = len(dataset.openings)
    models = len({event["model"] for event in dataset.openings})
    if openings:
        findings.append(f"The test split was opened {openings} times, for {models} models.")
    st.markdown("\n".join(f"- {wording.plain(finding)}" for finding in findings))
    if info.refused:
        with st.expander("Refused files"):
            widgets.table(("File", "Why"), [(refusal.file, refusal.reason) for refusal in info.refused])


def _draw_grid(dataset: Dataset) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.selectbox("Split", ["all", *dataset.info.splits], key="grid split", width=180)
        label = st.selectbox("Label", ["all", *LABELS], key="grid label", width=180)
        rows = _filtered(dataset, split, label)
        pages = max(1, -(-len(rows) // _PAGE))
        page = int(st.number_input("Page", 1, pages, key="grid page", width=140))
        st.caption(f"of {formats.count(pages)}, {formats.count(len(rows))} films")
    shown = rows[(page - 1) * _PAGE : page * _PAGE]
    films = [np.asarray(dataset.pixels[row]) for row in shown]
    records = dataset.catalog.iloc[shown]
    widgets.films(
        [burn_in(film) for film in films] if dataset.info.kind == "phantoms" else films,
        [
            f"{LABELS[label]}{f' · {kind}' if kind else ''}"
            for label, kind in records[["label", "subtype"]].itertuples(index=False)
        ],
    )


def _filtered(dataset: Dataset, split: str, label: str) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    catalog = dataset.catalog
    keep = np.ones(len(catalog), dtype=bool)
    if split != "all":
        keep &= (catalog["split"] == split).to_numpy()
    if label != "all":
        keep &= (catalog["label"] == LABELS.index(label)).to_numpy()
    return np.flatnonzero(keep)
