"""
Datasets: a catalog of films, a split by patient, and their pixels in one memory map.

- originals are referenced, not copied; what networks see lies in ``pixels.npy``, row for row with the catalog
- a dataset's folder appears complete or not at all, and is never changed afterwards but for its lineage
- the lineage says where the films came from and who opened the test split, and survives a re-import
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
KINDS = ("bacterial", "viral")  # of pneumonia, as file names of the Kermany films tell them
Progress = Callable[[int, int], None]  # films done, films in all

_BATCH = 64  # films in flight: a few megabytes


class RefusedFile(Record):
    """A file that could not be read, and why."""

    file: str
    reason: str


class DatasetInfo(Record):
    """What is known about a dataset without opening its catalog (``dataset.json``)."""

    schema_: Literal["xraylab.dataset/1"] = Field(SCHEMA, alias="schema")
    name: str  # its folder's
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
        """One row a film, in the order of ``pixels``.

        The columns are image_id, path, label (0 or 1), subtype, patient, group, split, what the file said
        (sha256, format, bytes, width, height, bits, quant_sum, synthetic, and the fields of ``Signs`` but its
        notes), pixel_sha256 and sharpness. Those of earlier versions have nothing of ``Signs``.
        """
        with _damage(self.folder / "catalog.parquet") as file:
            table = pq.read_table(io.BytesIO(file.read_bytes()))
            if (table.schema.metadata or {}).get(b"schema") != CATALOG_SCHEMA.encode():
                raise ValueError(f"not a file of {CATALOG_SCHEMA}")
            catalog: pd.DataFrame = table.to_pandas()
            return catalog

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """(n, 256, 256) as a read-only memory map."""
        with _damage(self.folder / "pixels.npy") as file:
            pixels: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
            if pixels.shape != (self.info.n, SIDE, SIDE) or pixels.dtype != np.uint8:
                raise ValueError(f"{pixels.dtype} of shape {pixels.shape} for {self.info.n} films")
            return pixels

    def rows(self, split_name: str) -> NDArray[np.intp]:
        """Rows of the catalog that belong to a split."""
        return np.flatnonzero(self.catalog["split"].to_numpy() == split_name)

    def targets(self, task: Literal["pneumonia", "subtype"]) -> NDArray[np.int64]:
        """The class of each film, row for row with the catalog.

        Parameters
        ----------
        task : str
            ``pneumonia``: 0 normal, 1 pneumonia. ``subtype``: 0 normal, 1 bacterial, 2 viral, by file name.

        Returns
        -------
        int64 array of shape (n,)
            -1 for a film that is left out of every split and whose kind isn't known.

        Raises
        ------
        DatasetError
            If a film's kind isn't known, or the films to train on, or to choose the best epoch by, lack a
            class. Test films may lack one: an official test split stays as it is.
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
                    f"The {name} films of “{self.info.name}” hold no {('normal', *KINDS)[missing[0]]} one, "
                    "so three classes can't be trained. Train normal against pneumonia."
                )
        return targets

    def _check_kinds(self, targets: NDArray[np.int64]) -> None:
        unknown = int((targets < 0).sum())
        if unknown:
            films, their = ("film", "its name") if unknown == 1 else ("films", "their names")
            says = "doesn't" if unknown == 1 else "don't"
            raise DatasetError(
                f"{unknown} pneumonia {films} of “{self.info.name}” {says} say in {their} whether bacterial "
                "or viral, so three classes can't be trained. Train normal against pneumonia."
            )

    @property
    def lineage(self) -> list[dict[str, Any]]:
        """What happened to the dataset: imports and openings of the test split, oldest first."""
        return read_lines(self.folder / "lineage.jsonl")

    @property
    def openings(self) -> list[dict[str, Any]]:
        """Every opening of the test split, by any model."""
        return [event for event in self.lineage if event.get("event") == "test opened"]

    def opened_for(self, model: str) -> bool:
        """Whether the test split was ever opened for a model of this name, or an ensemble that it was in."""
        return any(model in (event.get("model"), *event.get("members", ())) for event in self.openings)

    def log(self, event: str, **facts: Any) -> None:
        """Add a line to the lineage."""
        append_line(self.folder / "lineage.jsonl", {"event": event, "at": _now().isoformat(), **facts})


def list_datasets(settings: Settings) -> list[DatasetInfo]:
    """Every dataset in the home, newest first; a folder that can't be read is passed over."""
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
        If there is none of that name.
    DatasetError
        If it is damaged, or another version of XRayLab prepared its pixels differently.
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
            ignored=found.ignored,
            refused=refused,
            notes=notes,
        )
        _write_split(folder / "split.json", info, catalog)
        write_text(folder / "dataset.json", info.model_dump_json(indent=2))
        if (target / "lineage.jsonl").exists():  # an opening can't be undone by importing again
            shutil.copyfile(target / "lineage.jsonl", folder / "lineage.jsonl")
        Dataset(folder, info).log("imported", source=printable(source.name), n=info.n, pixel_hash=pixel_hash)
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

    Raises
    ------
    NotFoundError, DatasetError
        If the source can't be used, or none of its files can be read.
    """
    key = patients.patient_key(patient_key)
    with open_source(source) as found:
        refused: list[RefusedFile] = []
        films = []
        pixels = []
        for done, (file, film) in enumerate(_read_films(found.files), 1):
            if isinstance(film, str):
                refused.append(RefusedFile(file=file.path, reason=film))
            else:
                films.append(film.row)
                pixels.append(film.pixels)
            if on_progress:
                on_progress(done, len(found.files))
    _check_any(films, refused)
    return _identify(films, key).drop(columns=["stem", "folder"]), np.stack(pixels), refused


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
    """A film's pixels, and its row of the catalog as far as the file alone can tell."""

    pixels: NDArray[np.uint8]  # (256, 256)
    row: dict[str, Any]


def _read_films(files: list[SourceFile]) -> Iterator[tuple[SourceFile, _ReadFilm | str]]:
    """Each file with its film, or with the reason why there is none, in order."""
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
    signs = asdict(film.signs)  # the gate asks for them
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
    """Mean absolute Laplacian of a standardised film, in grey levels: compression and blur lower it."""
    p = pixels.astype(np.int16)
    laplacian = 4 * p[1:-1, 1:-1] - p[:-2, 1:-1] - p[2:, 1:-1] - p[1:-1, :-2] - p[1:-1, 2:]
    return float(np.abs(laplacian).mean())


def _identify(films: list[dict[str, Any]], key: Callable[[str], str | None]) -> pd.DataFrame:
    """Say of each film who is on it and whom it must stay together with."""
    catalog = pd.DataFrame(films)
    catalog.insert(0, "image_id", catalog["path"])
    catalog["quant_sum"] = catalog["quant_sum"].astype("Int64")  # a file without a table has none, not NaN
    named = [key(stem) for stem in catalog["stem"]]
    catalog["patient"] = [name or path for name, path in zip(named, catalog["path"], strict=True)]
    catalog["subtype"] = [patients.subtype(stem) for stem in catalog["stem"]]
    number = patients.groups(catalog["patient"].tolist(), catalog["pixel_sha256"].tolist())
    catalog["group"] = [f"g{one:06d}" for one in number]
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
    alone = int((catalog["patient"] == catalog["path"]).sum())
    if alone and preset != "none":
        names = "file name doesn't" if alone == 1 else "file names don't"
        notes.append(
            f"{alone} {names} say which patient is on the film; each was taken for a patient of its own."
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
        name: {"films": len(some), "patients": some["patient"].nunique(), **_label_counts(some)}
        for name, some in films.items()
        if len(some)
    }


def _write_catalog(file: Path, catalog: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(catalog, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), b"schema": CATALOG_SCHEMA.encode()}
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer)
    write_bytes(file, buffer.getvalue())


def _write_split(file: Path, info: DatasetInfo, catalog: pd.DataFrame) -> None:
    """Say where each group went; films left out are of groups that are in a later split."""
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
    """Turn what a damaged or missing file gives into a sentence."""
    try:
        yield file
    except (OSError, ValueError, EOFError, pa.ArrowException) as error:
        raise DatasetError(
            f"{file} is missing or damaged. Import the dataset again and replace it (--replace)."
        ) from error


def _now() -> datetime:
    return datetime.now(UTC)
