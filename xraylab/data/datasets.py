"""
Datasets: a catalog of films, a split by patient, and their pixels in one memory map.

- ``importing`` makes them; here they are found and opened
- row n of ``pixels.npy`` belongs to row n of the catalog; networks see these pixels only
- a dataset's folder is never changed after its import, except for its lineage, its audit and its note
- the lineage records where the films came from; a new import keeps it
"""

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from xraylab import system
from xraylab.errors import DatasetError, NotFoundError, XRayLabError
from xraylab.files import (
    Record,
    append_line,
    check_name,
)
from xraylab.findings import PNEUMONIA, Finding
from xraylab.imaging import PREPROCESS_VERSION, SIDE
from xraylab.imaging.fingerprint import FINGERPRINT_BYTES, Fingerprints
from xraylab.leftovers import mend
from xraylab.marks import renamed_from
from xraylab.settings import Settings
from xraylab.stored import (
    TABLE_BYTES,
    Count,
    Label,
    Moment,
    check_file,
    moment,
    read_file,
    read_lines,
    read_object,
)

SCHEMA: Literal["xraylab.dataset/1"] = "xraylab.dataset/1"
CATALOG_SCHEMA = "xraylab.catalog/1"
FINGERPRINTS_FILE = "fingerprints.bin"  # in place of the films, after a backup without them
SPLIT_SCHEMA = "xraylab.split/1"
KEPT = "kept."  # before the name of a column that was kept from a table
SPLITS = ("train", "validation", "test")
_PIXEL_BYTES = 2**40  # mapped and not read, so no limit of memory
_HASHED_AT_ONCE = 256  # films, 16 MB
_COUNTED = {3: "three", 4: "four"}


class RefusedFile(Record):
    """A file that could not be read, and why."""

    file: str
    reason: str


class DatasetInfo(Record):
    """Facts about a dataset that are known without its catalog (``dataset.json``)."""

    schema_: Literal["xraylab.dataset/1"] = Field(SCHEMA, alias="schema")
    name: Label  # the name of its folder
    kind: Label  # "radiographs" or "phantoms"
    finding: Finding = Field(
        default=PNEUMONIA, description="What the labels are about; older versions knew pneumonia only."
    )
    source: str
    patient_key: Label
    patients_from: dict[Label, Count] | None = Field(
        default=None,
        description="Films by where their patient comes from, in words: a column, folders, tags of DICOM, "
        "names of files, nothing; older versions knew names of files only.",
    )
    seed: int
    preprocess_version: Count
    pixel_hash: Label
    created_at: Moment
    sequence: Count | None = Field(
        default=None,
        description="Number of the import in its home, by which the newest is known, because a clock may be "
        "set back; null in datasets of older versions, which come before all others.",
    )
    n: Count
    patients: Count
    labels: dict[str, Count]
    splits: dict[str, dict[str, Count]]  # split -> films, patients, and each class of the finding
    ignored: dict[str, Count]
    refused: list[RefusedFile]
    notes: list[str]


@dataclass(frozen=True)
class Dataset:
    """An imported dataset on disk; catalog and pixels are opened at first use."""

    folder: Path
    info: DatasetInfo

    @cached_property
    def catalog(self) -> pd.DataFrame:
        """One row per film, in the order of ``pixels``.

        The columns are image_id, path, label (0 or 1), subtype, patient, group, split, the facts of the file
        (sha256, format, bytes, width, height, bits, quant_sum, synthetic, and the fields of ``Signs`` except
        notes), pixel_sha256 and sharpness. Datasets of earlier versions lack the fields of ``Signs``.
        """
        with _damage(self.folder / "catalog.parquet") as file:
            table = pq.read_table(io.BytesIO(read_file(file, TABLE_BYTES)))
            if (table.schema.metadata or {}).get(b"schema") != CATALOG_SCHEMA.encode():
                raise ValueError(f"not a file of {CATALOG_SCHEMA}")
            catalog: pd.DataFrame = table.to_pandas()
            return catalog

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """Pixels of all films, uint8 of shape (n, 256, 256), as a read-only memory map.

        Their hash is checked once per process, or again after the file was written: a film that a disk
        changed would train and score without a complaint.
        """
        with _damage(self.folder / "pixels.npy") as file:
            check_file(file, _PIXEL_BYTES)
            pixels: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
            if pixels.shape != (self.info.n, SIDE, SIDE) or pixels.dtype != np.uint8:
                raise ValueError(f"{pixels.dtype} of shape {pixels.shape} for {self.info.n} films")
            status = file.stat()
            if _hash(file, (status.st_ino, status.st_size, status.st_mtime_ns)) != self.info.pixel_hash:
                raise DatasetError(
                    f"The films of the dataset “{self.info.name}” were changed or damaged since their "
                    "import. Import them again in its place."
                )
            return pixels

    @contextlib.contextmanager
    def film_reader(self) -> Iterator[Callable[[int], NDArray[np.uint8]]]:
        """Open a function that reads the film in a row of the catalog; threads may call it at once.

        It reads the file and not the map, whose pages would all count as memory in use.
        """
        start, size = _start_of_pixels(self.pixels), SIDE * SIDE
        with (self.folder / "pixels.npy").open("rb") as file:

            def read(row: int) -> NDArray[np.uint8]:
                raw = system.read_at(file.fileno(), size, start + int(row) * size)
                return np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE)

            yield read

    def rows(self, split_name: str) -> NDArray[np.intp]:
        """Return the rows of the catalog that belong to a split."""
        return np.flatnonzero(self.catalog["split"].to_numpy() == split_name)

    def rows_of(self, films: Sequence[str]) -> NDArray[np.intp]:
        """Return the rows of films, given by image id, each once in their order, without those not here."""
        row_of = {film: row for row, film in enumerate(self.catalog["image_id"])}
        return np.array([row_of[film] for film in dict.fromkeys(films) if film in row_of], np.intp)

    def targets(self, task: Literal["finding", "subtype"]) -> NDArray[np.int64]:
        """Return the class of each film, in the order of the catalog.

        Parameters
        ----------
        task : str
            ``finding``: 0 absent, 1 present. ``subtype``: 0 absent, then the subtypes of the finding.

        Returns
        -------
        int64 array of shape (n,)
            -1 for a film outside every split whose kind isn't known.

        Raises
        ------
        DatasetError
            If the finding has no subtypes, that of a film in a split isn't known, or the training or
            validation films lack a class.
            Test films may lack a class, because an official test split stays as it is.
        """
        labels = self.catalog["label"].to_numpy(np.int64)
        if task == "finding":
            return labels
        finding = self.info.finding
        names = finding.kinds
        if len(names) < 2:  # noqa: PLR2004 (one kind is the finding itself)
            raise DatasetError(
                f"“{self.info.name}” doesn't state two kinds of {finding.name} that could be told apart. "
                f"Train {finding.contrast}."
            )
        kinds = self.catalog["subtype"].map({name: n for n, name in enumerate(names, 1)}).fillna(-1)
        targets = np.where(labels == 0, 0, kinds.to_numpy(np.int64))
        splits = self.catalog["split"].to_numpy()
        self._check_kinds(targets[np.isin(splits, SPLITS)])
        for name in ("train", "validation"):
            missing = sorted({*range(len(names) + 1)} - set(targets[splits == name].tolist()))
            if missing:
                lacking = (finding.well_film, *(f"{kind} film" for kind in names))[missing[0]]
                raise DatasetError(
                    f"There is no {lacking} among the {name} films of “{self.info.name}”, so "
                    f"{_COUNTED.get(len(names) + 1, len(names) + 1)} classes can't be trained. Train "
                    f"{finding.contrast}."
                )
        return targets

    def _check_kinds(self, targets: NDArray[np.int64]) -> None:
        unknown = int((targets < 0).sum())
        if unknown:
            finding = self.info.finding
            kinds = finding.kinds
            films, name = ("film", "file name doesn't") if unknown == 1 else ("films", "file names don't")
            raise DatasetError(
                f"For {unknown} {finding.name} {films} of “{self.info.name}”, the {name} say whether it is "
                f"{' or '.join(kinds)}, so {_COUNTED.get(len(kinds) + 1, len(kinds) + 1)} classes can't be "
                f"trained. Train {finding.contrast}."
            )

    @property
    def still_there(self) -> bool:
        """Whether it was neither removed nor replaced since it was opened."""
        info = read_object(self.folder / "dataset.json") or {}
        return moment(info.get("created_at")) == self.info.created_at

    @property
    def lineage(self) -> list[dict[str, Any]]:
        """Imports and steps of mends, oldest first; of earlier versions also openings of the test split."""
        return read_lines(self.folder / "lineage.jsonl")

    @property
    def manifest(self) -> str | None:
        """Hash of the manifest of its catalog when it was made; None if an earlier version made it."""
        made = [event for event in self.lineage if event.get("event") in ("imported", "mended")]
        return made[-1].get("manifest_after", made[-1].get("manifest")) if made else None

    def fingerprints(self, split_name: str | None = None) -> Fingerprints:
        """Return the fingerprints of the films of one split, or of all, in the order of the catalog."""
        return _fingerprints(self.folder, self.info.pixel_hash, split_name)

    @property
    def earlier_openings(self) -> list[dict[str, Any]]:
        """Openings of the test split that an earlier version of XRayLab wrote into the lineage."""
        return [event for event in self.lineage if event.get("event") == "test opened"]

    def log(self, event: str, **facts: Any) -> None:
        """Add a line to the lineage."""
        append_line(
            self.folder / "lineage.jsonl", {"event": event, "at": datetime.now(UTC).isoformat(), **facts}
        )


@lru_cache(maxsize=16)  # screens are drawn anew at every click, and 5,000 films take 0.2 s
def _fingerprints(folder: Path, pixel_hash: str, split_name: str | None) -> Fingerprints:
    """Compute the fingerprints of a dataset's films; ``pixel_hash`` is only part of the cache's key."""
    dataset = Dataset(folder, _read_info(folder / "dataset.json"))
    if (stored := _stored_fingerprints(folder)) is not None:
        return Fingerprints.of_stored(stored if split_name is None else stored[dataset.rows(split_name)])
    rows = np.arange(dataset.info.n) if split_name is None else dataset.rows(split_name)
    return Fingerprints.of_parts(_read_parts(dataset, rows))


def _read_parts(dataset: Dataset, rows: NDArray[np.intp]) -> Iterator[NDArray[np.uint8]]:
    with dataset.film_reader() as read:
        for first in range(0, max(1, len(rows)), _HASHED_AT_ONCE):
            part = np.empty((len(rows[first : first + _HASHED_AT_ONCE]), SIDE, SIDE), np.uint8)
            for film, row in zip(part, rows[first : first + _HASHED_AT_ONCE], strict=True):
                film[:] = read(row)
            yield part


def _start_of_pixels(pixels: NDArray[np.uint8]) -> int:
    """Return where the first film begins in the file that is mapped."""
    return int(pixels.offset) if isinstance(pixels, np.memmap) else 0


def _stored_fingerprints(folder: Path) -> NDArray[np.uint8] | None:
    """Return what a backup without films kept of them; None for a dataset that has its films."""
    if (folder / "pixels.npy").exists() or not (folder / FINGERPRINTS_FILE).exists():
        return None
    with _damage(folder / FINGERPRINTS_FILE) as file:
        return np.frombuffer(read_file(file, TABLE_BYTES), np.uint8).reshape(-1, FINGERPRINT_BYTES)


@lru_cache(maxsize=64)
def _hash(file: Path, stamp: tuple[int, int, int]) -> str:
    """Compute the hash of the pixels in a file; ``stamp`` is only part of the cache's key."""
    digest = hashlib.sha256()
    pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    with file.open("rb") as opened:  # not through the map, whose pages would all count as memory in use
        opened.seek(_start_of_pixels(pixels))
        while data := opened.read(_HASHED_AT_ONCE * SIDE * SIDE):
            digest.update(data)
    return digest.hexdigest()


def list_datasets(settings: Settings) -> list[DatasetInfo]:
    """List every dataset in the home folder, newest first, without folders that can't be read."""
    mend(settings.datasets)
    infos = []
    for file in _files(settings):
        with contextlib.suppress(DatasetError):
            infos.append(_read_info(file))
    # By number before time: an import under a clock that was set back is still the newest.
    return sorted(infos, key=lambda info: (info.sequence or 0, info.created_at), reverse=True)


def faults_of_datasets(settings: Settings) -> list[str]:
    """Return a sentence for each folder of a dataset in the home that can't be used."""
    faults = []
    for file in _files(settings):
        try:
            load_dataset(settings, file.parent.name).fingerprints("test")  # reads its catalog and its films
        except XRayLabError as error:
            faults.append(str(error))
    return faults


def next_number(settings: Settings) -> int:
    """Return the number of the next dataset in the home, higher than that of every dataset there."""
    return 1 + max((info.sequence or 0 for info in list_datasets(settings)), default=0)


def _files(settings: Settings) -> list[Path]:
    files = sorted(settings.datasets.glob("*/dataset.json"))
    return [file for file in files if not file.parent.name.startswith(".")]


def _folder(file: Path) -> Path:
    return file.parent


def load_dataset(settings: Settings, name: str) -> Dataset:
    """Open a dataset by name, or by one that it had before it was renamed and no other has now.

    Raises
    ------
    NotFoundError
        If there is no dataset with this name.
    DatasetError
        If it is damaged, or another version of XRayLab prepared its pixels differently.
    """
    mend(settings.datasets)
    file = settings.datasets / check_name(name, what="dataset") / "dataset.json"
    if not file.exists() and (renamed := renamed_from(map(_folder, _files(settings)), name)) is not None:
        file = renamed / "dataset.json"
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


def _read_info(file: Path) -> DatasetInfo:
    try:
        info = DatasetInfo.model_validate_json(read_file(file))
    except (ValidationError, OSError) as error:
        raise DatasetError(
            f"The dataset “{file.parent.name}” was written by another version of XRayLab, or is damaged. "
            "Import it again in its place."
        ) from error
    return info.model_copy(update={"name": file.parent.name})  # the folder may have been renamed


@contextlib.contextmanager
def _damage(file: Path) -> Iterator[Path]:
    """Turn the errors of a damaged or missing file into a sentence."""
    try:
        yield file
    except (OSError, ValueError, EOFError, pa.ArrowException) as error:
        raise DatasetError(
            f"In the dataset “{file.parent.name}” the file {file.name} is missing or damaged. Import the "
            "dataset again in its place."
        ) from error
