"""Reading films: load a model, score files, draw heatmaps."""

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xraylab import documents
from xraylab.data.sources import LARGEST_FILE, danger, read_member
from xraylab.errors import (
    NotFoundError,
    StorageError,
    UnreadableImageError,
)
from xraylab.files import write_bytes
from xraylab.models import load_model
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.loaded import LoadedModel


def load_for_reading(settings: Settings, name: str) -> "LoadedModel":
    """Load a model's weights, ready to score."""
    from xraylab.reading.loaded import load
    from xraylab.training.device import use_threads

    use_threads(settings)
    return load(load_model(settings, name))


def predict(
    settings: Settings,
    name: str,
    paths: list[str],
    *,
    heatmaps: Path | None = None,
    age: float | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[documents.Predicted]:
    """Score files, folders (recursively) and archives; what can't be read is a row that says why.

    Parameters
    ----------
    age : float, optional
        Years, of whoever is on the films; see ``read_films``.

    Raises
    ------
    NotFoundError
        If a path doesn't exist, or there is no such model.
    StorageError
        If the heatmaps can't be written.
    """
    from xraylab.reading.read import read_films

    for path in paths:
        if not Path(path).exists():
            raise NotFoundError(f"{path} doesn't exist. Check the path.")
    if heatmaps is not None and heatmaps.exists() and not heatmaps.is_dir():
        raise StorageError(f"{heatmaps} is not a folder, so no heatmaps can go there. Name a folder.")
    loaded = load_for_reading(settings, name)
    rows = []
    films = (film for path in paths for film in _files_of(path))
    for number, reading in enumerate(read_films(loaded, films, age=age), 1):
        drawn = _write_heatmap(loaded, reading, heatmaps, number) if heatmaps else None
        rows.append(
            documents.Predicted(
                file=reading.name,
                score=reading.score,
                decision=reading.decision,
                threshold=reading.threshold,
                warnings=list(reading.warnings),
                notes=list(reading.notes),
                refused=reading.refused,
                heatmap=drawn,
                spread=reading.spread,
                subtype=dict(reading.subtype) or None,
            )
        )
        if on_progress:
            on_progress(number)
    return rows


def _files_of(path: str) -> Iterator[tuple[str, bytes | str]]:
    """Every file that a path stands for, with the name to tell it by."""
    place = Path(path)
    if place.is_dir():
        for file in sorted(place.rglob("*")):
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(place).parts):
                yield os.path.join(path, file.relative_to(place).as_posix()), _read_file(file)  # noqa: PTH118
    elif zipfile.is_zipfile(place):
        yield from _members_of(path)
    else:
        yield path, _read_file(place)


def _read_file(file: Path) -> bytes | str:
    try:
        if file.stat().st_size > LARGEST_FILE:
            return f"The file has more than {LARGEST_FILE // 2**20} MB, too many for a radiograph."
        return file.read_bytes()
    except OSError:
        return "The file can't be opened. Check its permissions."


def _members_of(path: str) -> Iterator[tuple[str, bytes | str]]:
    """Every file in an archive, or why it isn't read."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        yield path, "The archive is damaged. Download or copy it again."
        return
    with archive:
        for member in sorted(archive.infolist(), key=lambda m: m.filename):
            if not member.is_dir() and not _hidden(member.filename):
                yield f"{path}::{member.filename}", _read_member(archive, member)


def _hidden(member: str) -> bool:
    """Whether a system put it there; a path out of the archive is never passed over in silence."""
    parts = member.split("/")
    return ".." not in parts and any(part != "." and part.startswith((".", "__MACOSX")) for part in parts)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | str:
    if fault := danger(member):
        return f"This file of the archive was not read: {fault}."
    try:
        return read_member(archive, member)
    except UnreadableImageError as error:
        return str(error)


def _write_heatmap(loaded: "LoadedModel", reading: Any, target: Path, number: int) -> str | None:
    if reading.pixels is None:
        return None
    from xraylab.reading.heatmap import heatmap, overlay_png

    stem = Path(reading.name.rpartition("::")[2]).stem[:80]
    file = target / f"{number:05d}-{stem}.png"
    write_bytes(file, overlay_png(heatmap(loaded, reading.pixels)))
    return str(file)
