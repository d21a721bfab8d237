"""Data: the list of datasets, an import, and the films of the dataset in use."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from xraylab import actions, documents, formats
from xraylab.actions.overlap import overlaps_of_test
from xraylab.app import choice, phantoms, shell, status, widgets, wording
from xraylab.app.glossary import SPLIT
from xraylab.data.datasets import Dataset, faults_of_datasets, load_dataset
from xraylab.data.patients import PATIENT_KEYS
from xraylab.data.phantoms import burn_in
from xraylab.data.sources import LABELS
from xraylab.errors import DatasetError
from xraylab.files import replacing, scratch
from xraylab.models import list_models, openings_of_dataset
from xraylab.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_PAGE = 24  # films on a page of the grid
_KEY_WORDS = {
    "prefix-number": "Patient taken from the file name (Kermany)",
    "merged-normal": "Patient taken from the file name, NORMAL counters merged",
    "number": "Patient taken from the number alone (cautious)",
    "none": "Every film is a patient of its own",
}
_KEY_HELP = (
    "Decides which films belong to one patient. All films of a patient go into the same split, so that no "
    "model is tested on a patient that it was trained on."
)


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    status.recall("data")
    rows = actions.list_datasets(settings)
    widgets.notes(faults_of_datasets(settings))
    if rows:
        _draw_table(rows)
    with st.expander("Import films", expanded=not rows, icon=":material/upload:"):
        _draw_import(settings)
    if not rows:
        phantoms.offer(
            settings,
            "Without films of your own, you can use teaching phantoms: synthetic chest films, made here.",
            key="data phantoms",
        )
        return
    st.subheader("Films", anchor=False)
    chosen = choice.pick_dataset(settings, key="data dataset")
    if chosen:
        dataset = load_dataset(settings, chosen.name)
        _draw_facts(settings, dataset)
        _draw_grid(dataset)
    shell.next_step("Train a network", "train")


def _draw_table(rows: list[documents.Imported]) -> None:
    widgets.table(
        ("Dataset", "Films", "Patients", *LABELS, "Test revealed", "Imported"),
        [
            (
                f"{row.name} (synthetic)" if row.kind == "phantoms" else row.name,
                formats.count(row.n),
                formats.count(row.patients),
                *(formats.count(row.labels[label]) for label in LABELS),
                wording.times(row.test_openings),
                wording.when(row.created_at),
            )
            for row in rows
        ],
    )


def _draw_import(settings: Settings) -> None:
    # A form: the page reruns once, at Import, and not after each field.
    with st.form("import", border=False):
        upload = st.file_uploader(
            "Zip archive with NORMAL and PNEUMONIA folders", type="zip", key="import upload"
        )
        path = st.text_input(
            "Or the path of a zip archive or folder on this machine",
            key="import path",
            placeholder="/path/to/chest_xray",
        )
        left, right = st.columns(2)
        name = left.text_input("Name", key="import name", placeholder="kermany")
        key = right.selectbox(
            "Patients",
            PATIENT_KEYS,
            format_func=lambda preset: _KEY_WORDS[preset],
            key="import key",
            help=_KEY_HELP,
        )
        replace = st.checkbox("Replace a dataset of the same name", key="import replace")
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
        # In the home and not in the system's temporary folder: if this process is killed, the next start
        # removes the films.
        with scratch(settings.home / "upload") as folder:
            source = Path(path).expanduser()
            # An upload wins over a path. Its file goes with the folder: only the dataset keeps films.
            if upload is not None:
                source = folder / "upload.zip"
                with replacing(source, durable=False) as file:
                    file.write(upload.getbuffer())
            imported = actions.import_dataset(
                settings, source, name, patient_key=key, replace=replace, on_progress=report, actor="app"
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
    st.rerun()  # the table above was drawn before the import


# The hashes and the time are the key; settings and dataset aren't hashed.
@st.cache_data(max_entries=16, show_spinner="Comparing with the films of the models")
def _overlaps(
    pixel_hash: str,
    created_at: datetime,
    models: tuple[str, ...],
    _settings: Settings,
    _dataset: Dataset,
) -> list[str]:
    return overlaps_of_test(_settings, _dataset)


def _draw_facts(settings: Settings, dataset: Dataset) -> None:
    info = dataset.info
    widgets.table(
        ("Split", "Films", "Patients", *LABELS),
        [
            (name, *(formats.count(counts[key]) for key in ("films", "patients", *LABELS)))
            for name, counts in sorted(info.splits.items(), key=lambda split: -split[1]["films"])
        ],
    )
    # A key from the command line may be a pattern, which has no words.
    key_words = _KEY_WORDS.get(info.patient_key, f"Patient taken from the file name by {info.patient_key}")
    findings = [f"{key_words}.", *info.notes]
    findings += [f"{formats.count(n)} files ignored: {reason}." for reason, n in info.ignored.items()]
    if info.refused:
        findings.append(f"{formats.count(len(info.refused))} files refused.")
    events = openings_of_dataset(settings, dataset)
    openings, models = len(events), len({event.model for event in events})
    if openings:
        findings.append(
            f"Results on its test films were revealed {wording.times(openings)}, "
            f"for {wording.counted(models, 'model')}."
        )
    models_here = tuple(model.card.model_sha256 for model in list_models(settings))
    findings += _overlaps(info.pixel_hash, info.created_at, models_here, settings, dataset)
    # Reasons and notes quote names of files, so they are escaped.
    st.markdown("\n".join(f"- {wording.plain(finding)}" for finding in findings))
    if info.refused:
        with st.expander("Refused files"):
            widgets.table(("File", "Why"), [(refusal.file, refusal.reason) for refusal in info.refused])


def _draw_grid(dataset: Dataset) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.selectbox("Split", ["all", *dataset.info.splits], key="grid split", width=180, help=SPLIT)
        label = st.selectbox("Label", ["all", *LABELS], key="grid label", width=180)
        rows = _filtered(dataset, split, label)
        pages = max(1, -(-len(rows) // _PAGE))  # rounded up
        page = int(st.number_input("Page", 1, pages, key="grid page", width=140))
        st.caption(f"of {formats.count(pages)}, {formats.count(len(rows))} films")
    shown = rows[(page - 1) * _PAGE : page * _PAGE]
    # The pixel store is memory-mapped: only the rows of this page are read.
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
