"""Datasets: fetch public ones, import films, draw teaching phantoms, list datasets."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from xraylab import documents, trail
from xraylab.actions.overlap import overlaps_of_test
from xraylab.data import datasets, importing, patients, phantoms, public
from xraylab.data.datasets import Dataset, DatasetInfo
from xraylab.data.mapping import Mapping
from xraylab.data.sources import open_source
from xraylab.errors import (
    DatasetError,
    NameTakenError,
    NotFoundError,
)
from xraylab.files import check_name
from xraylab.findings import Finding
from xraylab.models import openings_of_dataset
from xraylab.settings import Settings

Progress = Callable[[int, int], None]
PHANTOM_FILMS = 600


def import_dataset(
    settings: Settings,
    source: Path,
    name: str,
    *,
    finding: Finding | None = None,
    mapping: Mapping | None = None,
    patient_key: str = "prefix-number",
    replace: bool = False,
    on_progress: Progress | None = None,
    actor: str = trail.PYTHON,
) -> documents.Imported:
    """Import the labelled films of any source that is recognised; see ``importing.import_dataset``.

    Its entry in the trail is written when the dataset is complete, before it is in its place.
    """
    there = (settings.datasets / name).exists()

    def note(info: DatasetInfo) -> None:
        trail.enter(
            settings,
            trail.DATASET,
            "replaced" if there else "imported",
            actor=actor,
            name=name,
            objects={"pixels": info.pixel_hash},
            changed=f"{info.n} films of {info.patients} patients",
        )

    dataset = importing.import_dataset(
        settings,
        source,
        name,
        finding=finding,
        mapping=mapping,
        patient_key=patient_key,
        replace=replace,
        on_progress=on_progress,
        before=note,
    )
    document = imported(dataset.info, len(openings_of_dataset(settings, dataset)))
    return document.model_copy(update={"overlaps": overlaps_of_test(settings, dataset)})


def preview_source(
    settings: Settings,
    source: Path,
    *,
    mapping: Mapping | None = None,
    patient_key: str = "prefix-number",
) -> documents.Preview:
    """Say what an import would understand of a source; nothing is written.

    Raises
    ------
    NotFoundError, DatasetError
        As for an import.
    """
    key = importing.chosen_key(mapping, patient_key)
    with open_source(source, None, mapping, room=settings.home) as opened:
        understood = opened.understood(key)
    finding = understood.finding
    return documents.Preview(
        finding=finding.name,
        present=tuple(dict.fromkeys((*finding.present, *finding.subtypes))),
        absent=finding.absent,
        **{name: value for name, value in understood if name != "finding"},
    )


def fetch_dataset(
    settings: Settings, name: str, *, confirmed: bool = False, on_progress: Progress | None = None
) -> documents.Fetched:
    """Fetch a public dataset and say what an import of it would understand; see ``public.fetch``."""
    file = public.fetch(settings, name, confirmed=confirmed, on_progress=on_progress)
    return documents.Fetched(
        name=name, file=str(file), size=file.stat().st_size, preview=preview_source(settings, file)
    )


def make_phantoms(
    target: Path, n: int, *, seed: int = 0, on_progress: Progress | None = None
) -> documents.Phantoms:
    """Write teaching phantoms in the dataset layout."""
    labels = phantoms.write(target, n, seed=seed, on_progress=on_progress)
    return documents.Phantoms(n=n, labels=labels, folder=str(target))


def import_phantoms(
    settings: Settings,
    name: str = "phantoms",
    *,
    n: int = PHANTOM_FILMS,
    seed: int = 0,
    on_progress: Progress | None = None,
    actor: str = trail.PYTHON,
) -> documents.Imported:
    """Make teaching phantoms and import them, as one job.

    The films are kept in the home folder. The same seed gives the same films, so phantoms of that name are
    replaced.

    Raises
    ------
    NameTakenError
        If a dataset of that name holds radiographs.
    """
    # A dataset refers to its original films, so they can't lie in a temporary folder.
    source = settings.home / "phantoms" / check_name(name, what="dataset")
    existing = dataset_or_none(settings, name)
    if existing is not None and existing.info.kind != "phantoms":
        raise NameTakenError(f"There is already a dataset “{name}” of radiographs. Choose another name.")

    # Each film is drawn and then imported, so the whole is twice the number of films.
    def report(offset: int) -> Progress | None:
        return (lambda done, total: on_progress(offset + done, 2 * total)) if on_progress else None

    # Phantoms are only written into an empty folder, and an earlier attempt may have been cut off.
    shutil.rmtree(source, ignore_errors=True)
    phantoms.write(source, n, seed=seed, on_progress=report(0))
    return import_dataset(settings, source, name, replace=True, on_progress=report(n), actor=actor)


def list_datasets(settings: Settings) -> list[documents.Imported]:
    """Return every dataset, newest first; ``faults_of_datasets`` says which are damaged and left out."""
    rows = []
    for info in datasets.list_datasets(settings):
        # One dataset with damaged films must not hide the others.
        with contextlib.suppress(DatasetError):
            openings = openings_of_dataset(settings, Dataset(settings.datasets / info.name, info))
            rows.append(imported(info, len(openings)))
    return rows


def dataset_or_none(settings: Settings, name: str) -> Dataset | None:
    """Return a dataset, or None if it is missing or damaged."""
    try:
        return datasets.load_dataset(settings, name)
    except (NotFoundError, DatasetError):
        return None


def imported(info: DatasetInfo, openings: int) -> documents.Imported:
    """Lay out the facts of a dataset, with the number of openings of its test films."""
    return documents.Imported(
        name=info.name,
        kind=info.kind,
        finding=info.finding.name,
        n=info.n,
        labels=info.labels,
        patients=info.patients,
        patient_key=info.patient_key,
        patients_from=patients.told(info.patient_key, info.patients_from),
        splits=info.splits,
        ignored=info.ignored,
        refused=info.refused,
        notes=info.notes,
        test_openings=openings,
        created_at=info.created_at,
    )
