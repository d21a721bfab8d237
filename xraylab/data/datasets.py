"""
Datasets: a catalog of films, a split by patient, and their pixels in one memory map.

- originals are referenced, not copied; what networks see lies in ``pixels.npy``, row for row with the catalog
- a dataset's folder appears complete or not at all, and is never changed afterwards but for its lineage
- the lineage says where the films came from and who opened the test split, and survives a re-import
"""

import hashlib
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from xraylab.data import patients, split
from xraylab.data.sources import LABELS, Source, SourceFile, open_source
from xraylab.errors import DatasetError, NameTakenError, NotFoundError, UnreadableImageError
from xraylab.files import Record, append_line, check_name, new_folder, read_lines, write_json, write_text
from xraylab.imaging import PREPROCESS_VERSION, SIDE, StandardFilm, standardise
from xraylab.settings import Settings

SCHEMA = "xraylab.dataset/1"
Progress = Callable[[int, int], None]  # films done, films in all

_BATCH = 64  # films in flight: a few megabytes


class RefusedFile(Record):
    """A file that could not be read, and why."""

    file: str
    reason: str


class DatasetInfo(Record):
    """What is known about a dataset without opening its catalog (``dataset.json``)."""

    schema_: str = Field(SCHEMA, alias="schema")
    name: str
    kind: str  # "radiographs" or "phantoms"
    source: str
    patient_key: str
    seed: int
    preprocess_version: int
    pixel_hash: str
    created_at: datetime
    n: int
    patients: int
    labels: dict[str, int]
    splits: dict[str, dict[str, int]]  # split -> films, patients, NORMAL, PNEUMONIA
    ignored: dict[str, int]
    refused: list[RefusedFile]
    notes: list[str]


@dataclass(frozen=True)
class Dataset:
    """An imported dataset on disk; catalog and pixels are opened when first asked for."""

    folder: Path
    info: DatasetInfo

    @cached_property
    def catalog(self) -> pd.DataFrame:
        """One row a film, in the order of ``pixels``."""
        return pd.read_parquet(self.folder / "catalog.parquet")

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """(n, 256, 256) as a read-only memory map."""
        pixels: NDArray[np.uint8] = np.load(self.folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        return pixels

    def rows(self, split_name: str) -> NDArray[np.intp]:
        """Rows of the catalog that belong to a split."""
        return np.flatnonzero(self.catalog["split"].to_numpy() == split_name)

    @property
    def lineage(self) -> list[dict[str, Any]]:
        """What happened to the dataset: imports and openings of the test split, oldest first."""
        return read_lines(self.folder / "lineage.jsonl")

    @property
    def openings(self) -> list[dict[str, Any]]:
        """Every opening of the test split, by any model."""
        return [event for event in self.lineage if event["event"] == "test opened"]

    def opened_for(self, model: str) -> bool:
        """Whether the test split was ever opened for a model of this name."""
        return any(event["model"] == model for event in self.openings)

    def log(self, event: str, **facts: Any) -> None:
        """Add a line to the lineage."""
        append_line(self.folder / "lineage.jsonl", {"event": event, "at": _now().isoformat(), **facts})


def list_datasets(settings: Settings) -> list[DatasetInfo]:
    """Every dataset in the home, newest first."""
    infos = [
        _read_info(file)
        for file in settings.datasets.glob("*/dataset.json")
        if not file.parent.name.startswith(".")
    ]
    return sorted(infos, key=lambda info: info.created_at, reverse=True)


def load_dataset(settings: Settings, name: str) -> Dataset:
    """Open a dataset by name.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    DatasetError
        If another version of XRayLab prepared its pixels differently.
    """
    file = settings.datasets / check_name(name, what="dataset") / "dataset.json"
    if not file.exists():
        known = ", ".join(info.name for info in list_datasets(settings)) or "none yet"
        raise NotFoundError(f"There is no dataset “{name}”. There are: {known}.")
    info = _read_info(file)
    if info.preprocess_version != PREPROCESS_VERSION:
        raise DatasetError(
            f"The dataset “{name}” was prepared by another version of XRayLab (preprocessing "
            f"{info.preprocess_version}, here {PREPROCESS_VERSION}). Import it again and replace it."
        )
    return Dataset(file.parent, info)


def import_dataset(
    settings: Settings,
    source: Path,
    name: str,
    *,
    patient_key: str = "prefix-number",
    seed: int = 0,
    replace: bool = False,
    on_progress: Progress | None = None,
) -> Dataset:
    """Read a zip archive or folder of labelled films into a dataset.

    Parameters
    ----------
    source : Path
        A zip archive or folder in the Kermany layout.
    name : str
        The dataset's name.
    patient_key : str
        How file names tell patients apart, see ``patients.patient_key``.
    seed : int
        Seed of the split.
    replace : bool
        Whether a dataset of that name gives way once the new one is complete.
    on_progress : callable, optional
        Called with films done and films in all.

    Raises
    ------
    NameTakenError
        If the name is taken and ``replace`` is false, or is no name.
    NotFoundError, DatasetError
        If the source can't be used; what was there before is untouched.
    StorageError
        If the disk is full; what was there before is untouched.
    """
    target = settings.datasets / check_name(name, what="dataset")
    _check_free(target, name, replace=replace)
    key = patients.patient_key(patient_key)
    with open_source(source) as found, new_folder(target, replace=replace) as folder:
        films, refused, pixel_hash = _store_pixels(found, folder / "pixels.npy", on_progress)
        catalog, notes = _catalog(films, key, patient_key, seed)
        catalog.to_parquet(folder / "catalog.parquet", index=False)
        info = DatasetInfo(
            name=name,
            kind="phantoms" if catalog["synthetic"].all() else "radiographs",
            source=str(source),
            patient_key=patient_key,
            seed=seed,
            preprocess_version=PREPROCESS_VERSION,
            pixel_hash=pixel_hash,
            created_at=_now(),
            n=len(catalog),
            patients=catalog["patient"].nunique(),
            labels=_label_counts(catalog),
            splits=_split_counts(catalog),
            ignored=found.ignored,
            refused=refused,
            notes=notes,
        )
        _write_split(folder / "split.json", info, catalog)
        write_text(folder / "dataset.json", info.model_dump_json(indent=2))
        if (target / "lineage.jsonl").exists():  # an opening can't be undone by importing again
            shutil.copyfile(target / "lineage.jsonl", folder / "lineage.jsonl")
        Dataset(folder, info).log("imported", source=source.name, n=info.n, pixel_hash=pixel_hash)
    return Dataset(target, info)


def read_labelled(
    source: Path, *, patient_key: str = "prefix-number", on_progress: Progress | None = None
) -> tuple[pd.DataFrame, NDArray[np.uint8], list[RefusedFile]]:
    """Read a labelled source whole, without splitting or keeping it.

    Returns
    -------
    catalog : DataFrame
        The columns of a dataset's catalog, without ``split``.
    pixels : uint8 array of shape (n, 256, 256)
    refused : list of RefusedFile
    """
    key = patients.patient_key(patient_key)
    with open_source(source) as found:
        refused: list[RefusedFile] = []
        films = []
        pixels = []
        for done, (file, film) in enumerate(_standardised(found.files), 1):
            if isinstance(film, str):
                refused.append(RefusedFile(file=file.path, reason=film))
            else:
                films.append(_film_row(file, film))
                pixels.append(film.pixels)
            if on_progress:
                on_progress(done, len(found.files))
    stacked = np.stack(pixels) if pixels else np.empty((0, SIDE, SIDE), np.uint8)
    return _identify(films, key), stacked, refused


def _check_free(target: Path, name: str, *, replace: bool) -> None:
    if target.exists() and not replace:
        raise NameTakenError(
            f"There is a dataset “{name}” already. Choose another name, or replace it on purpose (--replace)."
        )


def _store_pixels(
    source: Source, file: Path, on_progress: Progress | None
) -> tuple[list[dict[str, Any]], list[RefusedFile], str]:
    """Write every readable film's pixels; return the rows, the refusals and the hash of all pixels."""
    films: list[dict[str, Any]] = []
    refused: list[RefusedFile] = []
    digest = hashlib.sha256()
    with file.open("wb") as out:
        _write_header(out, len(source.files))
        for done, (entry, film) in enumerate(_standardised(source.files), 1):
            if isinstance(film, str):
                refused.append(RefusedFile(file=entry.path, reason=film))
            else:
                raw = film.pixels.tobytes()
                out.write(raw)
                digest.update(raw)
                films.append(_film_row(entry, film))
            if on_progress:
                on_progress(done, len(source.files))
        out.seek(0)
        _write_header(out, len(films))  # NumPy leaves room in the header for the first axis to change
    if not films:
        raise DatasetError(
            f"None of the {len(refused)} labelled files could be read. The first one: {refused[0].reason}"
        )
    return films, refused, digest.hexdigest()


def _write_header(out: BinaryIO, n: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, SIDE, SIDE)}
    np.lib.format.write_array_header_1_0(out, header)


def _standardised(files: list[SourceFile]) -> Iterator[tuple[SourceFile, StandardFilm | str]]:
    """Each file with its film, or with the reason why there is none, in order."""
    remaining = iter(files)
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(remaining, _BATCH)):
            yield from zip(batch, pool.map(_try_standardise, batch), strict=True)


def _try_standardise(file: SourceFile) -> StandardFilm | str:
    try:
        return standardise(file.read())
    except UnreadableImageError as error:
        return str(error)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        return "This part of the archive is damaged. Download or copy the archive again."


def _film_row(file: SourceFile, film: StandardFilm) -> dict[str, Any]:
    facts = asdict(film.facts)
    return {
        "path": file.path,
        "label": file.label,
        "folder": file.folder,
        "stem": file.stem,
        "pixel_sha256": hashlib.sha256(film.pixels.tobytes()).hexdigest(),
        "sharpness": sharpness(film.pixels),
        **facts,
    }


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Mean absolute Laplacian of a standardised film, in grey levels: compression and blur lower it."""
    p = pixels.astype(np.int16)
    laplacian = 4 * p[1:-1, 1:-1] - p[:-2, 1:-1] - p[2:, 1:-1] - p[1:-1, :-2] - p[1:-1, 2:]
    return float(np.abs(laplacian).mean())


def _identify(films: list[dict[str, Any]], key: Callable[[str], str]) -> pd.DataFrame:
    catalog = pd.DataFrame(films)
    if catalog.empty:
        return catalog
    catalog["patient"] = [key(stem) for stem in catalog["stem"]]
    catalog["subtype"] = [patients.subtype(stem) for stem in catalog["stem"]]
    group = patients.groups(catalog["patient"].tolist(), catalog["pixel_sha256"].tolist())
    catalog["group"] = [f"g{number:06d}" for number in group]
    catalog["image_id"] = catalog["path"]
    return catalog


def _catalog(
    films: list[dict[str, Any]], key: Callable[[str], str], preset: str, seed: int
) -> tuple[pd.DataFrame, list[str]]:
    catalog = _identify(films, key)
    drawn = split.draw(
        catalog["label"].to_numpy(np.int64),
        catalog["group"].str[1:].to_numpy(str).astype(np.int64),
        [folder if isinstance(folder, str) else None for folder in catalog["folder"]],
        seed=seed,
    )
    catalog["split"] = drawn.names
    notes = list(drawn.notes)
    alone = int((catalog["patient"] == catalog["stem"]).sum())
    if alone and preset != "none":
        notes.append(
            f"{alone} file names don't say which patient they show; each was taken for a patient of its own."
        )
    mixed = int(catalog["synthetic"].sum())
    if 0 < mixed < len(catalog):
        notes.append(f"{mixed} of the films are teaching phantoms, mixed with radiographs.")
    return catalog.drop(columns=["stem", "folder"]), notes


def _label_counts(catalog: pd.DataFrame) -> dict[str, int]:
    counts = Counter(catalog["label"])
    return {name: counts[number] for number, name in enumerate(LABELS)}


def _split_counts(catalog: pd.DataFrame) -> dict[str, dict[str, int]]:
    return {
        str(name): {"films": len(films), "patients": films["patient"].nunique(), **_label_counts(films)}
        for name, films in catalog.groupby("split", sort=False)
    }


def _write_split(file: Path, info: DatasetInfo, catalog: pd.DataFrame) -> None:
    pairs = catalog.drop_duplicates("group")
    groups = dict(zip(pairs["group"], pairs["split"], strict=True))
    write_json(
        file,
        {"schema": "xraylab.split/1", "patient_key": info.patient_key, "seed": info.seed, "groups": groups},
    )


def _read_info(file: Path) -> DatasetInfo:
    try:
        return DatasetInfo.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise DatasetError(
            f"{file} was written by another version of XRayLab, or is damaged. Import the dataset again."
        ) from error


def _now() -> datetime:
    return datetime.now(UTC)
