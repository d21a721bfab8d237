"""Data: the list of datasets, an import, and the films of the dataset in use."""

from datetime import datetime

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.actions.overlap import overlaps_of_test
from xraylab.app import (
    audit_view,
    choice,
    fetch_form,
    film_dialog,
    import_form,
    manage,
    mend_form,
    phantoms,
    shell,
    status,
    widgets,
    wording,
)
from xraylab.app.screens.data import beside, films, pictures
from xraylab.data import patients
from xraylab.data.datasets import Dataset, faults_of_datasets, load_dataset
from xraylab.models import list_models, openings_of_dataset
from xraylab.settings import Settings, load_settings


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    status.recall("data")
    manage.recall(settings)
    rows = actions.list_datasets(settings)
    widgets.notes(faults_of_datasets(settings))
    if rows:
        _draw_table(settings, rows)
    with st.expander("Import films", expanded=not rows, icon=":material/upload:", key="data import"):
        import_form.draw(settings)
        fetch_form.draw(settings)
    if not rows:
        phantoms.offer(
            settings,
            "Without films of your own, you can use teaching phantoms: synthetic chest films, made here.",
            key="data phantoms",
        )
        manage.draw(settings, "dataset")
        return
    st.header("Dataset", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = choice.pick_dataset(settings, key="data dataset")
        if chosen:
            manage.button("dataset", chosen.name, chosen.name, key="manage dataset")
    if chosen:
        dataset = load_dataset(settings, chosen.name)
        audit_view.draw(settings, dataset)
        mend_form.draw(settings, dataset)
        st.subheader("Classes", anchor=False)
        pictures.draw(dataset, key=f"bars {chosen.name}")
        _draw_facts(settings, dataset)
        films.draw(settings, dataset)
        beside.draw(settings, dataset)
        film_dialog.open_asked(settings, dataset)
    manage.draw(settings, "dataset")
    shell.next_step("Train a network", "train")


def _draw_table(settings: Settings, rows: list[documents.Imported]) -> None:
    kept = {row.name: row for row in actions.list_objects(settings, "dataset")}
    noted = any(row.note for row in kept.values())
    classes = {tuple(row.labels) for row in rows}
    # Findings with different classes share the columns, under names that fit all of them.
    names = classes.pop() if len(classes) == 1 else ("Without", "With")
    widgets.table(
        (
            "Dataset",
            "Finding",
            "Films",
            "Patients",
            *names,
            "Test revealed",
            "Imported",
            "Size",
            *(("Note",) if noted else ()),
        ),
        [
            (
                f"{row.name} (synthetic)" if row.kind == "phantoms" else row.name,
                row.finding,
                formats.count(row.n),
                formats.count(row.patients),
                *map(formats.count, row.labels.values()),
                wording.times(row.test_openings),
                wording.when(row.created_at),
                wording.bytes_size(kept[row.name].bytes) if row.name in kept else formats.DASH,
                *((kept[row.name].note if row.name in kept else "",) if noted else ()),
            )
            for row in rows
        ],
    )
    st.caption(manage.total(settings, list(kept.values())))


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
    findings = [f"Patients from {patients.told(info.patient_key, info.patients_from)}.", *info.notes]
    findings += import_form.told_ignored(info.ignored)
    if info.refused:
        findings.append(f"{formats.count(len(info.refused))} files refused.")
    events = openings_of_dataset(settings, dataset)
    openings, models = len(events), len({event.model for event in events})
    if openings:
        findings.append(
            f"Results on its test films were revealed {wording.times(openings)}, "
            f"for {formats.counted(models, 'model')}."
        )
    models_here = tuple(model.card.model_sha256 for model in list_models(settings))
    findings += _overlaps(info.pixel_hash, info.created_at, models_here, settings, dataset)
    # Reasons and notes quote names of files, so they are escaped.
    st.markdown("\n".join(f"- {wording.plain(finding)}" for finding in findings))
    if info.refused:
        with st.expander("Refused files"):
            widgets.table(("File", "Why"), [(refusal.file, refusal.reason) for refusal in info.refused])
