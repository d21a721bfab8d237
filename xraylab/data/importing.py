"""
Import labelled films: read every file once, and write a dataset's folder, completely or not at all.

- originals are referenced, not copied; their standardised pixels go to ``pixels.npy``
- a file that can't be read is left out and named with its reason
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xraylab.data import patients
from xraylab.data.catalog import (
    NOT_KEPT,
    identify,
    label_counts,
    make_catalog,
    manifest_sha256,
    split_counts,
)
from xraylab.data.datasets import (
    CATALOG_SCHEMA,
    KEPT,
    SPLIT_SCHEMA,
    Dataset,
    DatasetInfo,
    RefusedFile,
    next_number,
)
from xraylab.data.described import NO_FACTS
from xraylab.data.entries import printable
from xraylab.data.mapping import Mapping
from xraylab.data.resuming import Films, begun
from xraylab.data.selection import SourceFile
from xraylab.data.sources import Source, open_source
from xraylab.data.split import LEFT_OUT
from xraylab.data.tags import patient_of
from xraylab.errors import DatasetError, NameTakenError, UnreadableImageError
from xraylab.files import check_name, new_folder, write_bytes, write_json, write_text
from xraylab.findings import Finding
from xraylab.imaging import PREPROCESS_VERSION, standardise
from xraylab.leftovers import mend
from xraylab.settings import Settings

Progress = Callable[[int, int], None]  # films done, films in all

_BATCH = 64  # films in flight: a few megabytes


def import_dataset(
    settings: Settings,
    source: Path,
    name: str,
    *,
    finding: Finding | None = None,
    mapping: Mapping | None = None,
    patient_key: str = "prefix-number",
    seed: int = 0,
    replace: bool = False,
    on_progress: Progress | None = None,
    before: Callable[[DatasetInfo], object] | None = None,
) -> Dataset:
    """Read a zip archive or folder of labelled films into a dataset.

    Parameters
    ----------
    source : Path
        A folder, an archive, a file of arrays or a table, see ``sources``.
    name : str
        The dataset's name.
    finding : Finding
        Which labels count as present and as absent, if that is known; else what the source's labels say.
        Films with other labels are left out.
    mapping : Mapping or None
        What a person corrected about the reading of the source.
    patient_key : str
        How file names name patients, see ``patients.patient_key``; the mapping's goes first.
    seed : int
        Seed of the split.
    replace : bool
        True to replace a dataset of this name when the new one is complete.
    on_progress : callable, optional
        Called with films done and films in all.
    before : callable, optional
        Called with the complete dataset before it is in its place; if it raises, nothing is imported.

    Raises
    ------
    NameTakenError
        If the name is taken and ``replace`` is false, or the name is invalid.
    NotFoundError, DatasetError
        If the source can't be used; an older dataset of this name stays.
    StorageError
        If the disk is full; an older dataset of this name stays.
    """
    target = settings.datasets / check_name(name, what="dataset")
    mend(settings.datasets)  # else a dataset that a killed replacement moved aside would count as missing
    check_free(target, name, replace=replace)
    patient_key = chosen_key(mapping, patient_key)
    patients.patient_key(patient_key)  # a key that can't be used is said before anything is read
    with (
        open_source(source, finding, mapping, room=settings.home) as opened,
        begun(settings, source, name, opened.said()) as there,
        new_folder(target, replace=replace) as folder,
    ):
        finding = opened.finding
        films, refused = _read_all(opened, there, source, on_progress)
        pixel_hash = there.pixel_hash
        told_in = opened.layout.patients_from
        catalog, origins, notes = make_catalog(films, patient_key, seed, finding, told_in)
        info = DatasetInfo(
            name=name,
            kind="phantoms" if catalog["synthetic"].all() else "radiographs",
            finding=finding,
            source=printable(str(source.absolute())),
            patient_key=patient_key,
            patients_from=origins,
            seed=seed,
            preprocess_version=PREPROCESS_VERSION,
            pixel_hash=pixel_hash,
            created_at=datetime.now(UTC),
            sequence=next_number(settings),
            n=len(catalog),
            patients=catalog["patient"].nunique(),
            labels=label_counts(catalog, finding),
            splits=split_counts(catalog, finding),
            ignored=opened.ignored,
            refused=refused,
            notes=[*opened.notes, *notes],
        )
        write_tables(folder, info, catalog)
        if (target / "lineage.jsonl").exists():  # an opening can't be undone by importing again
            write_bytes(folder / "lineage.jsonl", (target / "lineage.jsonl").read_bytes())
        facts = {"n": info.n, "pixel_hash": pixel_hash, "manifest": manifest_sha256(catalog)}
        Dataset(folder, info).log("imported", source=printable(source.name), **facts)
        there.finish(folder / "pixels.npy")
        if before is not None:
            before(info)
    return Dataset(target, info)


def chosen_key(mapping: Mapping | None, patient_key: str) -> str:
    """Return how file names name patients: as the mapping says, or else as the caller does."""
    given = mapping.patient if mapping is not None else None
    return patient_key if given is None or given.startswith("path:") else given


def read_labelled(
    source: Path,
    *,
    finding: Finding | None = None,
    mapping: Mapping | None = None,
    patient_key: str = "prefix-number",
    on_progress: Progress | None = None,
) -> tuple[pd.DataFrame, NDArray[np.uint8], list[RefusedFile]]:
    """Read all films of a labelled source, lateral ones too, without a split and without a dataset.

    Returns
    -------
    catalog : DataFrame
        The columns of a dataset's catalog, without ``split``.
    pixels : uint8 array of shape (n, 256, 256)
    refused : list of RefusedFile

    Raises
    ------
    NotFoundError, DatasetError
        If the source can't be used, or none of its files can be read.
    """
    patient_key = chosen_key(mapping, patient_key)
    patients.patient_key(patient_key)
    # The gate warns of lateral films, whether a tag of the film or a column of a table says so.
    mapping = (mapping or Mapping()).model_copy(update={"laterals": "kept"})
    with open_source(source, finding, mapping) as opened:
        refused: list[RefusedFile] = []
        films = []
        pixels = []
        for done, (file, film) in enumerate(read_films(opened.files), 1):
            if isinstance(film, str):
                refused.append(RefusedFile(file=file.path, reason=film))
            else:
                films.append(film.row)
                pixels.append(film.pixels)
            if on_progress:
                on_progress(done, len(opened.files))
    _check_any(films, refused)
    catalog = identify(films, patient_key, opened.finding)
    return catalog.drop(columns=[*NOT_KEPT]), np.stack(pixels), refused


def check_free(target: Path, name: str, *, replace: bool) -> None:
    """Raise ``NameTakenError`` if a dataset is in this place that may not be replaced."""
    if target.exists() and not replace:
        raise NameTakenError(
            f"There is already a dataset “{name}”. Choose another name, or replace it on purpose (--replace)."
        )


def _read_all(
    source: Source, there: Films, path: Path, on_progress: Progress | None
) -> tuple[list[dict[str, Any]], list[RefusedFile]]:
    """Store every readable film; return the rows and the refused files."""
    films: list[dict[str, Any]] = []
    refused: list[RefusedFile] = []
    for done, (entry, film) in enumerate(read_films(source.files, there), 1):
        if isinstance(film, str):
            _check_there(path, there)
            refused.append(RefusedFile(file=entry.path, reason=film))
        elif not source.sets_aside(film.row["view"]):
            there.add(film.row, film.pixels)
            films.append(film.row)
        if on_progress:
            on_progress(done, len(source.files))
    _check_any(films, refused)
    return films, refused


def _check_there(path: Path, there: Films) -> None:
    """Stop if the source went away: else all films to come would be refused, and the rest imported."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        return
    there.keep = True
    raise DatasetError(
        f"{path} went away while its films were read, so nothing was imported. Connect its disk again and "
        "repeat the import: it goes on where it stopped."
    )


def _check_any(films: list[dict[str, Any]], refused: list[RefusedFile]) -> None:
    if not films:
        raise DatasetError(
            f"None of the {len(refused)} labelled files could be read. The first one is {refused[0].file}: "
            f"{refused[0].reason}"
        )


@dataclass(frozen=True, eq=False)
class ReadFilm:
    """Pixels of a film, and the columns of its row that come from its file alone."""

    pixels: NDArray[np.uint8]  # (256, 256)
    row: dict[str, Any]


def read_films(
    files: list[SourceFile], there: Films | None = None
) -> Iterator[tuple[SourceFile, ReadFilm | str]]:
    """Yield each file with its film, or with the reason why it can't be read, in order."""
    remaining = iter(files)
    # Decoders release Python's lock. Batches, because ``map`` alone would read all files ahead into memory.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while batch := list(islice(remaining, _BATCH)):
            yield from zip(batch, pool.map(partial(_try_read, there=there), batch), strict=True)


def _try_read(file: SourceFile, there: Films | None) -> ReadFilm | str:
    try:
        raw = file.read()
        sha256 = hashlib.sha256(raw).hexdigest()
        if there is not None and (stored := there.stored(file.path, sha256)):
            return ReadFilm(*stored)
        film = standardise(raw)
        patient = file.patient or (patient_of(raw) if film.facts.format == "DICOM" else None)
    except UnreadableImageError as error:
        return str(error)
    signs = asdict(film.signs)  # the gate needs them when these films are evaluated
    del signs["notes"]
    row = {
        "path": file.path,
        "label": file.label,
        "subtype": file.subtype,
        "folder": file.folder,
        "stem": file.stem,
        "sha256": sha256,
        "pixel_sha256": hashlib.sha256(film.pixels.tobytes()).hexdigest(),
        "sharpness": sharpness(film.pixels),
        **asdict(film.facts),
        **signs,
        "patient": patient,
        **_facts(file, signs),
    }
    return ReadFilm(film.pixels, row)


def _facts(file: SourceFile, signs: dict[str, Any]) -> dict[str, Any]:
    """Return what a table says of a film; the file's own tags go first."""
    facts = file.facts
    stated = {"age": signs["age"] or facts.age, "view": signs["view"] or facts.view}
    if facts == NO_FACTS:
        return stated
    return {**stated, "sex": facts.sex, **{f"{KEPT}{name}": value for name, value in facts.kept}}


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return the mean absolute Laplacian of a film, in grey levels; compression and blur lower it."""
    p = pixels.astype(np.int16)  # uint8 would overflow
    laplacian = 4 * p[1:-1, 1:-1] - p[:-2, 1:-1] - p[2:, 1:-1] - p[1:-1, :-2] - p[1:-1, 2:]
    return float(np.abs(laplacian).mean())


def write_tables(folder: Path, info: DatasetInfo, catalog: pd.DataFrame) -> None:
    """Write all of a dataset but its pixels and its lineage into its folder."""
    _write_catalog(folder / "catalog.parquet", catalog)
    _write_split(folder / "split.json", info, catalog)
    write_text(folder / "dataset.json", info.model_dump_json(indent=2))


def _write_catalog(file: Path, catalog: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(catalog, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"schema": CATALOG_SCHEMA.encode()}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer)
    write_bytes(file, buffer.getvalue())


def _write_split(file: Path, info: DatasetInfo, catalog: pd.DataFrame) -> None:
    """Write the split of each group."""
    # Films that are left out belong to groups of another split, so dropping them loses no group.
    kept = catalog[catalog["split"] != LEFT_OUT].drop_duplicates("group")
    groups = dict(zip(kept["group"], kept["split"], strict=True))
    write_json(
        file, {"schema": SPLIT_SCHEMA, "patient_key": info.patient_key, "seed": info.seed, "groups": groups}
    )
