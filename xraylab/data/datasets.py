"""
Datasets: a catalog of films, a split by patient, and their pixels in one memory map.

- original files are referenced, not copied; ``pixels.npy`` holds the prepared films in the catalog's order
- a dataset's folder appears complete or not at all; afterwards only its lineage changes
- the lineage records imports and openings of the test split, and is kept when the dataset is imported again
"""

import contextlib
import hashlib
import io
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from xraylab.data import patients, split
from xraylab.data.sources import LABELS, Source, SourceFile, open_source, printable
from xraylab.errors import DatasetError, NameTakenError, NotFoundError, UnreadableImageError
from xraylab.files import (
    Record,
    append_line,
    check_name,
    new_folder,
    read_lines,
    write_bytes,
    write_json,
    write_text,
)
from xraylab.imaging import PREPROCESS_VERSION, SIDE, standardise
from xraylab.settings import Settings

SCHEMA: Literal["xraylab.dataset/1"] = "xraylab.dataset/1"
CATALOG_SCHEMA = "xraylab.catalog/1"
SPLIT_SCHEMA = "xraylab.split/1"
SPLITS = ("train", "validation", "test")
KINDS = ("bacterial", "viral")  # of pneumonia, as named in the file names of the Kermany films
Progress = Callable[[int, int], None]  # films done, films in total

_BATCH = 64  # films decoded at a time: a few megabytes


class RefusedFile(Record):
    """A file that couldn't be read, with the reason."""

    file: str
    reason: str


class DatasetInfo(Record):
    """Facts about a dataset that need no catalog (``dataset.json``)."""

    schema_: Literal["xraylab.dataset/1"] = Field(SCHEMA, alias="schema")
    name: str  # that of its folder
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
    """An imported dataset on disk; catalog and pixels are opened on first use."""

    folder: Path
    info: DatasetInfo

    @cached_property
    def catalog(self) -> pd.DataFrame:
        """Table with one row per film, in the order of ``pixels``.

        The columns are image_id, path, label (0 or 1), subtype, patient, group, split, facts about the file
        (sha256, format, bytes, width, height, bits, quant_sum, synthetic, and the fields of ``Signs`` except
        its notes), pixel_sha256 and sharpness. Catalogs of earlier versions lack the fields of ``Signs``.
        """
        with _damage(self.folder / "catalog.parquet") as file:
            table = pq.read_table(io.BytesIO(file.read_bytes()))
            if (table.schema.metadata or {}).get(b"schema") != CATALOG_SCHEMA.encode():
                raise ValueError(f"not a file of {CATALOG_SCHEMA}")
            catalog: pd.DataFrame = table.to_pandas()
            return catalog

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """Grey levels of all films, (n, 256, 256), as a read-only memory map."""
        with _damage(self.folder / "pixels.npy") as file:
            pixels: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
            if pixels.shape != (self.info.n, SIDE, SIDE) or pixels.dtype != np.uint8:
                raise ValueError(f"{pixels.dtype} of shape {pixels.shape} for {self.info.n} films")
            return pixels

    def rows(self, split_name: str) -> NDArray[np.intp]:
        """Return the rows of the catalog that belong to a split."""
        return np.flatnonzero(self.catalog["split"].to_numpy() == split_name)

    def targets(self, task: Literal["pneumonia", "subtype"]) -> NDArray[np.int64]:
        """Return the class of each film, in the order of the catalog.

        Parameters
        ----------
        task : str
            ``pneumonia``: 0 normal, 1 pneumonia. ``subtype``: 0 normal, 1 bacterial, 2 viral, from the
            file name.

        Returns
        -------
        int64 array of shape (n,)
            -1 for a film of unknown kind that is in no split.

        Raises
        ------
        DatasetError
            If the kind of a film is unknown, or the training or validation films lack a class. Test films may
            lack a class, because an official test split is never changed.
        """
        labels = self.catalog["label"].to_numpy(np.int64)
        if task == "pneumonia":
            return labels
        kinds = self.catalog["subtype"].map({name: n for n, name in enumerate(KINDS, 1)}).fillna(-1)
        targets = np.where(labels == 0, 0, kinds.to_numpy(np.int64))
        splits = self.catalog["split"].to_numpy()
        self._check_kinds(targets[np.isin(splits, SPLITS)])
        for name in ("train", "validation"):
            missing = sorted({0, 1, 2} - set(targets[splits == name].tolist()))
            if missing:
                raise DatasetError(
                    f"There is no {('normal', *KINDS)[missing[0]]} film among the {name} films of "
                    f"“{self.info.name}”, so three classes can't be trained. Train normal against pneumonia."
                )
        return targets

    def _check_kinds(self, targets: NDArray[np.int64]) -> None:
        unknown = int((targets < 0).sum())
        if unknown:
            films, name = ("film", "file name doesn't") if unknown == 1 else ("films", "file names don't")
            raise DatasetError(
                f"For {unknown} pneumonia {films} of “{self.info.name}”, the {name} say whether it is "
                "bacterial or viral, so three classes can't be trained. Train normal against pneumonia."
            )

    @property
    def lineage(self) -> list[dict[str, Any]]:
        """History of the dataset: imports and openings of the test split, oldest first."""
        return read_lines(self.folder / "lineage.jsonl")

    @property
    def openings(self) -> list[dict[str, Any]]:
        """Openings of the test split, for any model."""
        return [event for event in self.lineage if event.get("event") == "test opened"]

    def opened_for(self, model: str) -> bool:
        """Return whether the test split was ever opened for a model, or for an ensemble that includes it."""
        return any(model in (event.get("model"), *event.get("members", ())) for event in self.openings)

    def log(self, event: str, **facts: Any) -> None:
        """Add an event to the lineage."""
        append_line(self.folder / "lineage.jsonl", {"event": event, "at": _now().isoformat(), **facts})


def list_datasets(settings: Settings) -> list[DatasetInfo]:
    """Return all datasets in the home, newest first; folders that can't be read are left out."""
    infos = []
    for file in settings.datasets.glob("*/dataset.json"):
        if not file.parent.name.startswith("."):
            with contextlib.suppress(DatasetError):
                infos.append(_read_info(file))
    return sorted(infos, key=lambda info: info.created_at, reverse=True)


def load_dataset(settings: Settings, name: str) -> Dataset:
    """Open a dataset by name.

    Raises
    ------
    NotFoundError
        If there is no dataset of this name.
    DatasetError
        If it is damaged, or its pixels were prepared differently by another version of XRayLab.
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
    """Import a zip archive or folder of labelled films as a dataset.

    Parameters
    ----------
    source : Path
        A zip archive or folder in the Kermany layout.
    name : str
        The dataset's name.
    patient_key : str
        How to read the patient from a file name, see ``patients.patient_key``.
    seed : int
        Seed of the split.
    replace : bool
        Whether to replace a dataset of the same name, once the new one is complete.
    on_progress : callable, optional
        Called with films done and films in total.

    Raises
    ------
    NameTakenError
        If the name is taken and ``replace`` is false, or isn't a valid name.
    NotFoundError, DatasetError
        If the source can't be used; an existing dataset is left unchanged.
    StorageError
        If the disk is full; an existing dataset is left unchanged.
    """
    target = settings.datasets / check_name(name, what="dataset")
    _check_free(target, name, replace=replace)
    key = patients.patient_key(patient_key)
    with open_source(source) as contents, new_folder(target, replace=replace) as folder:
        films, refused, pixel_hash = _store_pixels(contents, folder / "pixels.npy", on_progress)
        catalog, notes = _catalog(films, key, patient_key, seed)
        _write_catalog(folder / "catalog.parquet", catalog)
        info = DatasetInfo(
            name=name,
            kind="phantoms" if catalog["synthetic"].all() else "radiographs",
            source=printable(str(source.absolute())),
            patient_key=patient_key,
            seed=seed,
            preprocess_version=PREPROCESS_VERSION,
            pixel_hash=pixel_hash,
            created_at=_now(),
            n=len(catalog),
            patients=catalog["patient"].nunique(),
            labels=_label_counts(catalog),
            splits=_split_counts(catalog),
            ignored=contents.ignored,
            refused=refused,
            notes=notes,
        )
        _write_split(folder / "split.json", info, catalog)
        write_text(folder / "dataset.json", info.model_dump_json(indent=2))
        if (target / "lineage.jsonl").exists():  # importing again must not erase recorded openings
            shutil.copyfile(target / "lineage.jsonl", folder / "lineage.jsonl")
        Dataset(folder, info).log("imported", source=printable(source.name), n=info.n, pixel_hash=pixel_hash)
    return Dataset(target, info)


def read_labelled(
    source: Path, *, patient_key: str = "prefix-number", on_progress: Progress | None = None
) -> tuple[pd.DataFrame, NDArray[np.uint8], list[RefusedFile]]:
    """Read a labelled source into memory, without a split and without storing it.

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
    key = patients.patient_key(patient_key)
    with open_source(source) as contents:
        refused: list[RefusedFile] = []
        films = []
        pixels = []
        for done, (file, film) in enumerate(_read_films(contents.files), 1):
            if isinstance(film, str):
                refused.append(RefusedFile(file=file.path, reason=film))
            else:
                films.append(film.row)
                pixels.append(film.pixels)
            if on_progress:
                on_progress(done, len(contents.files))
    _check_any(films, refused)
    return _identify(films, key).drop(columns=["stem", "folder"]), np.stack(pixels), refused


def _check_free(target: Path, name: str, *, replace: bool) -> None:
    if target.exists() and not replace:
        raise NameTakenError(
            f"There is already a dataset “{name}”. Choose another name, or replace it on purpose (--replace)."
        )


def _store_pixels(
    source: Source, file: Path, on_progress: Progress | None
) -> tuple[list[dict[str, Any]], list[RefusedFile], str]:
    """Write the pixels of all readable films; return the rows, the refused files and a hash of all pixels."""
    films: list[dict[str, Any]] = []
    refused: list[RefusedFile] = []
    digest = hashlib.sha256()
    with file.open("wb") as out:
        _write_header(out, len(source.files))
        for done, (entry, film) in enumerate(_read_films(source.files), 1):
            if isinstance(film, str):
                refused.append(RefusedFile(file=entry.path, reason=film))
            else:
                raw = film.pixels.tobytes()
                out.write(raw)
                digest.update(raw)
                films.append(film.row)
            if on_progress:
                on_progress(done, len(source.files))
        out.seek(0)
        _write_header(out, len(films))  # NumPy leaves room in the header for the first axis to change
    _check_any(films, refused)
    return films, refused, digest.hexdigest()


def _check_any(films: list[dict[str, Any]], refused: list[RefusedFile]) -> None:
    if not films:
        raise DatasetError(
            f"None of the {len(refused)} labelled files could be read. The first one is {refused[0].file}: "
            f"{refused[0].reason}"
        )


def _write_header(out: BinaryIO, n: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, SIDE, SIDE)}
    np.lib.format.write_array_header_1_0(out, header)


@dataclass(frozen=True, eq=False)
class _ReadFilm:
    """A film's pixels, and those columns of its catalog row that depend on the file alone."""

    pixels: NDArray[np.uint8]  # (256, 256)
    row: dict[str, Any]


def _read_films(files: list[SourceFile]) -> Iterator[tuple[SourceFile, _ReadFilm | str]]:
    """Yield each file with its film, or with the reason why it can't be read, in order."""
    remaining = iter(files)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding is bound by the processor and by memory
        while batch := list(islice(remaining, _BATCH)):
            yield from zip(batch, pool.map(_try_read, batch), strict=True)


def _try_read(file: SourceFile) -> _ReadFilm | str:
    try:
        raw = file.read()
        film = standardise(raw)
    except UnreadableImageError as error:
        return str(error)
    signs = asdict(film.signs)  # the gate, which checks films before a decision, needs them
    del signs["notes"]
    row = {
        "path": file.path,
        "label": file.label,
        "folder": file.folder,
        "stem": file.stem,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "pixel_sha256": hashlib.sha256(film.pixels.tobytes()).hexdigest(),
        "sharpness": sharpness(film.pixels),
        **asdict(film.facts),
        **signs,
    }
    return _ReadFilm(film.pixels, row)


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return the mean absolute Laplacian of a film, in grey levels; compression and blur lower it."""
    p = pixels.astype(np.int16)
    laplacian = 4 * p[1:-1, 1:-1] - p[:-2, 1:-1] - p[2:, 1:-1] - p[1:-1, :-2] - p[1:-1, 2:]
    return float(np.abs(laplacian).mean())


def _identify(films: list[dict[str, Any]], key: Callable[[str], str | None]) -> pd.DataFrame:
    """Make a catalog with the patient of each film, and the group of films that must stay in one split."""
    catalog = pd.DataFrame(films)
    catalog.insert(0, "image_id", catalog["path"])
    # Some files have no table: missing stays missing, where a float column would hold NaN.
    catalog["quant_sum"] = catalog["quant_sum"].astype("Int64")
    named = [key(stem) for stem in catalog["stem"]]
    catalog["patient"] = [name or path for name, path in zip(named, catalog["path"], strict=True)]
    catalog["subtype"] = [patients.subtype(stem) for stem in catalog["stem"]]
    number = patients.groups(catalog["patient"].tolist(), catalog["pixel_sha256"].tolist())
    catalog["group"] = [f"g{each:06d}" for each in number]
    return catalog


def _catalog(
    films: list[dict[str, Any]], key: Callable[[str], str | None], preset: str, seed: int
) -> tuple[pd.DataFrame, list[str]]:
    catalog = _identify(films, key)
    drawn = split.draw(
        catalog["label"].to_numpy(np.int64),
        pd.factorize(catalog["group"])[0],
        [film["folder"] for film in films],
        seed=seed,
    )
    catalog["split"] = drawn.names
    notes = list(drawn.notes)
    unnamed = int((catalog["patient"] == catalog["path"]).sum())
    if unnamed and preset != "none":
        names = "file name doesn't" if unnamed == 1 else "file names don't"
        notes.append(
            f"{unnamed} {names} name the patient; each of these films was treated as a separate patient."
        )
    mixed = int(catalog["synthetic"].sum())
    if 0 < mixed < len(catalog):
        notes.append(f"{mixed} of the {len(catalog)} films are teaching phantoms, mixed with radiographs.")
    return catalog.drop(columns=["stem", "folder"]), notes


def _label_counts(catalog: pd.DataFrame) -> dict[str, int]:
    counts = Counter(catalog["label"])
    return {name: counts[number] for number, name in enumerate(LABELS)}


def _split_counts(catalog: pd.DataFrame) -> dict[str, dict[str, int]]:
    films = {name: catalog[catalog["split"] == name] for name in (*SPLITS, split.LEFT_OUT)}
    return {
        name: {"films": len(members), "patients": members["patient"].nunique(), **_label_counts(members)}
        for name, members in films.items()
        if len(members)
    }


def _write_catalog(file: Path, catalog: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(catalog, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"schema": CATALOG_SCHEMA.encode()}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer)
    write_bytes(file, buffer.getvalue())


def _write_split(file: Path, info: DatasetInfo, catalog: pd.DataFrame) -> None:
    """Write the split of each group; the groups of films left out are in a later split."""
    kept = catalog[catalog["split"] != split.LEFT_OUT].drop_duplicates("group")
    groups = dict(zip(kept["group"], kept["split"], strict=True))
    write_json(
        file, {"schema": SPLIT_SCHEMA, "patient_key": info.patient_key, "seed": info.seed, "groups": groups}
    )


def _read_info(file: Path) -> DatasetInfo:
    try:
        info = DatasetInfo.model_validate_json(file.read_bytes())
    except (ValidationError, OSError) as error:
        raise DatasetError(
            f"{file} was written by another version of XRayLab, or is damaged. Import the dataset again."
        ) from error
    return info.model_copy(update={"name": file.parent.name})  # the folder may have been renamed


@contextlib.contextmanager
def _damage(file: Path) -> Iterator[Path]:
    """Turn the errors of a damaged or missing file into one message."""
    try:
        yield file
    except (OSError, ValueError, EOFError, pa.ArrowException) as error:
        raise DatasetError(
            f"{file} is missing or damaged. Import the dataset again and replace it (--replace)."
        ) from error


def _now() -> datetime:
    return datetime.now(UTC)
