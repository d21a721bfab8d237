"""Reading films: load a model, score files, draw heatmaps and reports."""

import io
import os
import stat
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from xraylab import documents
from xraylab.actions import film_reports
from xraylab.data.sources import LARGEST_FILE, danger, read_member
from xraylab.errors import (
    NotFoundError,
    StorageError,
    UnreadableImageError,
)
from xraylab.files import write_bytes, write_text
from xraylab.imaging import is_film
from xraylab.models import load_model
from xraylab.reports.film import DrawnHeatmap
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.loaded import LoadedModel
    from xraylab.reading.read import Reading

_HEAD = 4096  # bytes
_NO_FILE = "This is a pipe, a device or a link to nowhere, not a file. Name the film itself."
_NO_FOLDER = "The folder can't be opened. Check its permissions."
_LINKED_FOLDER = "This is a link to a folder, which isn't followed. Name the folder itself."
_TOO_LARGE = f"The file has more than {LARGEST_FILE // 2**20} MB, too many for a radiograph."
_NESTED = "An archive inside an archive isn't opened. Unpack it first."
_LONGEST = 80  # bytes of a film's name in that of its heatmap
_NOT_IN_A_NAME = frozenset('<>:"/\\|?*')  # on Windows


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
    report: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[documents.Predicted]:
    """Score files, folders (recursively) and archives; what can't be read is a row that says why.

    Parameters
    ----------
    age : float, optional
        Years, of whoever is on the films; see ``read_films``.
    heatmaps : Path, optional
        Folder for an overlay of each film.
    report : Path, optional
        Folder for a PDF of each film, named by the film's place in the list, and ``scores.csv``.

    Raises
    ------
    NotFoundError
        If a path doesn't exist, or there is no such model.
    StorageError
        If heatmaps or reports can't be written.
    """
    from xraylab.reading.read import read_films

    for path in paths:
        if not Path(path).exists():
            raise NotFoundError(f"{path} doesn't exist. Check the path.")
    for folder, what in ((heatmaps, "heatmaps"), (report, "reports")):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise StorageError(f"{folder} is not a folder, so no {what} can go there. Name a folder.")
    loaded = load_for_reading(settings, name)
    reported = _Reports(loaded, report) if report is not None else None
    rows = []
    films = (film for path in paths for film in _files_of(path))
    for number, reading in enumerate(
        read_films(loaded, reported.watch(films) if reported else films, age=age), 1
    ):
        overlay = _overlay(loaded, reading) if heatmaps or reported else None
        drawn = _write_heatmap(overlay, reading, heatmaps, number) if heatmaps else None
        written = reported.write(overlay, reading, number) if reported else None
        rows.append(film_reports.predicted(reading, heatmap=drawn, report=written))
        if on_progress:
            on_progress(number)
    if report is not None:
        write_text(report / "scores.csv", film_reports.scores_csv(loaded.model, rows))
    return rows


class _Reports:
    """Writes a PDF a film; it sees the files pass by, since a reading doesn't keep them."""

    def __init__(self, loaded: "LoadedModel", folder: Path) -> None:
        from xraylab.reading.read import usable_lock

        self._folder = folder
        self._standing = film_reports.standing_of(loaded.model, usable_lock(loaded))
        self._passed: deque[bytes | str] = deque()

    def watch(self, films: Iterator[tuple[str, bytes | str]]) -> Iterator[tuple[str, bytes | str]]:
        for name, data in films:
            self._passed.append(data)
            yield name, data

    def write(self, overlay: DrawnHeatmap | None, reading: "Reading", number: int) -> str | None:
        data = self._passed.popleft()
        if reading.score is None or isinstance(data, str):
            return None
        told = film_reports.film_report(self._standing, reading, data, overlay=overlay)
        file = self._folder / f"{number:05d}.pdf"
        write_bytes(file, film_reports.film_pdf(told))
        return str(file)


def unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes | str]]:
    """An uploaded file, or every file in it if it is an archive; a sentence where one can't be had.

    A film with an archive hidden behind it is a film.
    """
    if not is_film(data) and zipfile.is_zipfile(io.BytesIO(data)):
        yield from _members_of(name, io.BytesIO(data))
    else:
        yield name, _TOO_LARGE if len(data) > LARGEST_FILE else data


def _files_of(path: str) -> Iterator[tuple[str, bytes | str]]:
    """Every file that a path stands for, with the name to tell it by."""
    place = Path(path)
    if place.is_dir():
        for file in _below(place):
            below = "" if file == place else file.relative_to(place).as_posix()
            yield os.path.join(path, below), _read_file(file)  # noqa: PTH118
    elif place.is_file() and zipfile.is_zipfile(place) and not is_film(_head(place)):
        yield from _members_of(path, place)
    else:
        yield path, _read_file(place)


def _below(folder: Path) -> list[Path]:
    """All in a folder that isn't hidden, by name; of folders those alone that aren't entered."""
    found: list[Path] = []

    def note(error: OSError) -> None:
        found.append(Path(error.filename))

    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if not name.startswith(".")]
        found += [Path(place, name) for name in folders if Path(place, name).is_symlink()]
    return sorted(found)


def _read_file(file: Path) -> bytes | str:
    """A file, or why it can't be had; what is no file is never opened, since a pipe would wait for ever."""
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            return _LINKED_FOLDER if file.is_symlink() else _NO_FOLDER
        if not stat.S_ISREG(status.st_mode):
            return _NO_FILE
        return _TOO_LARGE if status.st_size > LARGEST_FILE else file.read_bytes()
    except OSError:
        return _NO_FILE if file.is_symlink() else "The file can't be opened. Check its permissions."


def _head(file: Path) -> bytes:
    """So much of a file that it can be told what it is; nothing if it can't be opened."""
    try:
        with file.open("rb") as opened:
            return opened.read(_HEAD)
    except OSError:
        return b""


def _members_of(path: str, place: Path | io.BytesIO) -> Iterator[tuple[str, bytes | str]]:
    """Every file in an archive, or why it isn't read."""
    try:
        archive = zipfile.ZipFile(place)
    except Exception:  # a hostile directory is met with many kinds of exception
        yield path, "The archive is damaged. Download or copy it again."
        return
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not _hidden(one.filename)]
        if not members:
            yield path, "There is no file in the archive."
        for member in sorted(members, key=lambda m: m.filename):
            yield f"{path}::{member.filename}", _read_member(archive, member)


def _hidden(member: str) -> bool:
    """Whether a system put it there; a path out of the archive is never passed over in silence."""
    parts = member.split("/")
    return ".." not in parts and any(part != "." and part.startswith((".", "__MACOSX")) for part in parts)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | str:
    if fault := danger(member):
        return f"This file of the archive was not read: {fault}."
    try:
        data = read_member(archive, member)
    except UnreadableImageError as error:
        return str(error)
    return _NESTED if not is_film(data) and zipfile.is_zipfile(io.BytesIO(data)) else data


def _overlay(loaded: "LoadedModel", reading: "Reading") -> DrawnHeatmap | None:
    """A film's heatmap; None for what couldn't be read."""
    if reading.pixels is None:
        return None
    from xraylab.reading.heatmap import heatmaps

    return film_reports.drawn_heatmap(heatmaps(loaded, reading.pixels)[0])


def _write_heatmap(overlay: DrawnHeatmap | None, reading: "Reading", target: Path, number: int) -> str | None:
    if overlay is None:
        return None
    file = target / f"{number:05d}-{_in_a_name(Path(reading.name.rpartition('::')[2]).stem)}.png"
    write_bytes(file, overlay.png)
    return str(file)


def _in_a_name(stem: str) -> str:
    """As much of a film's name as can stand in a file's name on every system."""
    signs = (sign if sign.isprintable() and sign not in _NOT_IN_A_NAME else "_" for sign in stem)
    return "".join(signs).encode()[:_LONGEST].decode(errors="ignore")
