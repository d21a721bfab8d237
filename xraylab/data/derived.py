"""
Derived datasets: a new dataset from one that is here, with its faults mended.

- films are left out, then encoded alike, then divided into splits again; each step may be chosen alone
- the dataset it starts from is never changed; its lineage is copied, and each step adds a line
- a line has the hash of the manifest before and after its step, so that the chain can be followed
- films are read, encoded and written one after another; a kill leaves no dataset, or the whole one
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from xraylab.data import patients, split
from xraylab.data.catalog import catalog_notes, label_counts, people, split_counts
from xraylab.data.datasets import Dataset, DatasetInfo, load_dataset, next_number
from xraylab.data.importing import check_free, read_films, write_tables
from xraylab.data.mends import ONE_ENCODING, SPLIT_AGAIN, Chain, Mends, MendStep, leave_out, told_split
from xraylab.data.resuming import Films, begun
from xraylab.data.selection import SourceFile
from xraylab.errors import DatasetError, NameTakenError
from xraylab.files import check_name, new_folder, write_bytes
from xraylab.formats import counted
from xraylab.settings import Settings

OnStep = Callable[[str, int, int], None]
Reader = Callable[[int], NDArray[np.uint8]]
# Maps films to a name of the picture that they show, if others show it too.
Pictures = Callable[[pd.DataFrame, NDArray[np.uint8]], Mapping[str, str]]

BY_HAND = "left out by hand"  # of the films that a dataset ignores; their reasons stand in its lineage
_KNOWN_ORIGINS = (patients.ALONE, patients.TAGS, patients.FILES)
QUALITY = 90  # of a JPEG: the picture stays as it was for the eye and for fingerprints
_OF_FILE = (
    *("sha256", "pixel_sha256", "sharpness", "colour"),
    *("format", "bytes", "width", "height", "bits", "quant_sum"),
)


def derive_dataset(
    settings: Settings,
    name: str,
    new: str,
    mends: Mends,
    *,
    pictures: Pictures,
    opened: int = 0,
    replace: bool = False,
    on_step: OnStep | None = None,
    before: Callable[[DatasetInfo, list[MendStep]], object] | None = None,
) -> tuple[Dataset, list[MendStep]]:
    """Make a new dataset from another one, and mend it on the way.

    Parameters
    ----------
    name, new : str
        The dataset to start from, and the name of the new one.
    mends : Mends
        Its steps are done in this order: films left out, one encoding, split again.
    pictures : callable
        Finds films that show one picture, in the new pixels.
    opened : int
        How often results on the test films were revealed.
    replace : bool
        True to replace a dataset of the new name when the new one is complete.
    on_step : callable, optional
        Called with what is being done, in words, and with films done and films in all; may raise to stop.
    before : callable, optional
        Called with the complete dataset before it is in its place; if it raises, nothing is made.

    Returns
    -------
    dataset : Dataset
    steps : list of MendStep

    Raises
    ------
    NameTakenError
        If the new name is taken and ``replace`` is false, is the name of the parent, or is invalid.
    NotFoundError, DatasetError
        If the parent can't be used, or the mend can't be made.
    StorageError
        If the disk is full; an older dataset of the new name stays.
    """
    parent = load_dataset(settings, name)
    target = settings.datasets / check_name(new, what="dataset")
    _check_name(parent, target, replace=replace)
    mends.check(parent)
    report = on_step or (lambda *_: None)
    chain = Chain(parent.catalog)
    with (
        begun(settings, parent.folder, new, mends.one_encoding, sorted(mends.left_out)) as there,
        new_folder(target, replace=replace) as folder,
    ):
        if mends.left_out:
            leave_out(chain, mends.left_out, opened)
        _write_films(chain, parent, there, report, encode=mends.one_encoding)
        pixel_hash = there.pixel_hash
        there.finish(folder / "pixels.npy")
        if mends.split_again:
            number = _groups(chain.catalog, mends.patient_key, _found(pictures, chain.catalog, folder))
            _split_again(chain, number, parent.info, mends, opened)
        info = _info(settings, parent, new, pixel_hash, chain)
        write_tables(folder, info, chain.catalog.reset_index(drop=True))
        _write_lineage(folder, parent, target, info, chain.steps)
        if before is not None:
            before(info, chain.steps)
    return Dataset(target, info), chain.steps


def _check_name(parent: Dataset, target: Path, *, replace: bool) -> None:
    if target.exists() and target.samefile(parent.folder):  # a disk may not tell capitals apart
        raise NameTakenError(
            f"A mend makes a new dataset and never changes “{parent.info.name}” itself. Choose another name."
        )
    check_free(target, target.name, replace=replace)


def _write_films(chain: Chain, parent: Dataset, there: Films, report: OnStep, *, encode: bool) -> None:
    """Write the films that are left, in the order of their rows in the parent."""
    films = chain.catalog
    with parent.film_reader() as read:
        if encode:
            rows = list(_encoded_films(films, read, there, report))
            note = (
                f"All {counted(len(films), 'film')} were brought to 256 × 256 pixels and encoded as JPEG of "
                f"quality {QUALITY}."
            )
            chain.add(ONE_ENCODING, _with_facts(films, rows), len(films), note)
            return
        names = ["path", "sha256", "pixel_sha256"]
        for done, (row, *film) in enumerate(films[names].itertuples(name=None), 1):
            there.add(dict(zip(names, film, strict=True)), read(row))
            report("Writing films", done, len(films))


def _encoded_films(
    films: pd.DataFrame, read: Reader, there: Films, report: OnStep
) -> Iterator[tuple[object, ...]]:
    """Encode each film, read it again like any file, and write it; yield the facts of its new file."""
    files = [
        SourceFile(path, int(label), None, partial(_encoded, read, row))
        for row, path, label in zip(films.index, films["path"], films["label"], strict=True)
    ]
    for done, (file, film) in enumerate(read_films(files, there), 1):
        if isinstance(film, str):
            raise DatasetError(f"The film {file.path} can't be encoded. {film}")
        there.add(film.row, film.pixels)
        report("Encoding films", done, len(films))
        yield tuple(film.row[name] for name in _OF_FILE)


def _encoded(read: Reader, row: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(read(row)).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _with_facts(films: pd.DataFrame, rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Put the facts of new files into a catalog; one of an earlier version has fewer of them."""
    facts = pd.DataFrame(rows, films.index, [*_OF_FILE])
    return films.assign(**{name: facts[name].astype(films[name].dtype) for name in _OF_FILE if name in films})


def _found(pictures: Pictures, films: pd.DataFrame, folder: Path) -> Mapping[str, str]:
    # The map is gone with this function: Windows renames no folder with an open file.
    pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
    return pictures(films, pixels)


def _split_again(
    chain: Chain, number: NDArray[np.int64], info: DatasetInfo, mends: Mends, opened: int
) -> None:
    """Divide groups of films, given the number of each film's group."""
    films = chain.catalog
    kept = (films["split"] == "test") & (not mends.new_test)
    drawn = split.draw(
        films["label"].to_numpy(np.int64),
        number,
        ["test" if stays else None for stays in kept],
        seed=info.seed,
        finding=info.finding,
    )
    again = films.assign(group=[f"g{group:06d}" for group in number], split=drawn.names)
    moved = int((again["split"] != films["split"]).sum())
    chain.add(SPLIT_AGAIN, again, moved, told_split(films["split"], again["split"], mends, opened))


def _groups(films: pd.DataFrame, key: str | None, shown: Mapping[str, str]) -> NDArray[np.int64]:
    """Number the films that must stay together: of one patient, or of one picture, or both."""
    number = patients.groups(films["patient"].tolist(), films["pixel_sha256"].tolist())
    links = [[shown.get(film, film) for film in films["image_id"]]]
    if key:
        links.append(people(films, key).tolist())
    for link in links:
        number = patients.groups(number.astype(str).tolist(), link)
    return number


def _info(settings: Settings, parent: Dataset, new: str, pixel_hash: str, chain: Chain) -> DatasetInfo:
    info, films = parent.info, chain.catalog
    outdated = catalog_notes(parent.catalog, info.patient_key, info.finding)
    gone = parent.catalog.drop(index=films.index)
    return info.model_copy(
        update={
            "name": new,
            "pixel_hash": pixel_hash,
            "created_at": datetime.now(UTC),
            "sequence": next_number(settings),
            "n": len(films),
            "patients": films["patient"].nunique(),
            "patients_from": _origins(info, gone),
            "labels": label_counts(films, info.finding),
            "splits": split_counts(films, info.finding),
            "ignored": dict(+Counter({**info.ignored, BY_HAND: info.ignored.get(BY_HAND, 0) + len(gone)})),
            "notes": [
                *(note for note in info.notes if note not in outdated),
                *(f"From “{info.name}”: {step.note}" for step in chain.steps),
                *catalog_notes(films, info.patient_key, info.finding),
            ],
        }
    )


def _origins(info: DatasetInfo, gone: pd.DataFrame) -> dict[str, int] | None:
    """Count the films that are left by where their patient comes from; None if it isn't known."""
    if info.patients_from is None:
        return None
    left, key = Counter(info.patients_from), patients.patient_key(info.patient_key)
    # What else than files and tags told the patients has a name of its own in each dataset.
    other = next((name for name in left if name not in _KNOWN_ORIGINS), next(iter(left)))
    for path, patient in zip(gone["path"], gone["patient"], strict=True):
        origin = _origin(patient, path, key(PurePosixPath(path).stem))
        left[origin if origin in left else other] -= 1
    return dict(+left)


def _origin(patient: str, path: str, by_name: str | None) -> str:
    if patient == path:
        return patients.ALONE
    if patient.startswith(patients.BY_TAG):
        return patients.TAGS
    return patients.FILES if patient == by_name else ""


def _write_lineage(
    folder: Path, parent: Dataset, target: Path, info: DatasetInfo, steps: list[MendStep]
) -> None:
    """Write what is known of the films: of a dataset that is replaced, of the parent, and the steps."""
    files = [place / "lineage.jsonl" for place in (target, parent.folder)]
    known = b"\n".join(file.read_bytes() for file in files if file.exists())
    # Line by line: a mend that is replaced by one of the same parent has the parent's lines already.
    lines = dict.fromkeys(filter(None, known.split(b"\n")))
    write_bytes(folder / "lineage.jsonl", b"".join(line + b"\n" for line in lines))
    for step in steps:
        Dataset(folder, info).log("mended", made_from=parent.info.name, n=info.n, **step.model_dump())
