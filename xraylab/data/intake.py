"""
Intake: read films from files, folders, archives and uploads, with a reason for each file that can't be read.

- every file gives a ``Film`` or a ``Refused``; only hidden files and system files are ignored
- one file at a time is in memory, unless the caller keeps more
- a pipe or a device is never opened, since reading it could wait for ever
"""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from xraylab.data.archives import LARGEST_FILE, danger, danger_of_all, read_member
from xraylab.errors import UnreadableImageError
from xraylab.imaging import Film, Refused, is_film

_HEAD = 4096  # bytes; enough to recognise a film
_NO_FILE = "This is a pipe, a device or a broken link, not a file. Name the film itself."
_NO_ACCESS = "The file can't be opened. Check its permissions."
_NO_FOLDER = "The folder can't be opened. Check its permissions."
_LINKED_FOLDER = "This is a link to a folder, which isn't followed. Name the folder itself."
_TOO_LARGE = f"The file has more than {LARGEST_FILE // 2**20} MB, too many for a radiograph."
_NESTED = "An archive inside an archive isn't opened. Unpack it first."
_DAMAGED = "The archive is damaged. Download or copy it again."
_EMPTY = "There is no file in the archive."


def films_at(path: str) -> Iterator[Film | Refused]:
    """Read every file at a path.

    Parameters
    ----------
    path : str
        A file, a folder (with all below it) or a zip archive.

    Yields
    ------
    Film or Refused
        In the order of their names. A member of an archive is called ``path::member``.
    """
    place = Path(path)
    if place.is_dir():
        for file in _below(place):
            below = "" if file == place else file.relative_to(place).as_posix()
            yield _read_file(file, os.path.join(path, below))  # noqa: PTH118 (keeps the path as it was typed)
    elif place.is_file() and zipfile.is_zipfile(place) and not is_film(_head(place)):
        yield from _members_of(path, place)
    else:
        yield _read_file(place, path)


def films_in(name: str, data: bytes) -> Iterator[Film | Refused]:
    """Read an uploaded file, or every file in it if it is an archive.

    Parameters
    ----------
    name : str
        Name of the upload, as given by the user.
    data : bytes
        The whole upload.

    Yields
    ------
    Film or Refused
        In the order of their names. A member of an archive is called ``name::member``.
    """
    # A film with an archive after its last byte counts as a film: viewers show it as one too.
    if not is_film(data) and zipfile.is_zipfile(io.BytesIO(data)):
        yield from _members_of(name, io.BytesIO(data))
    else:
        yield Refused(name, _TOO_LARGE) if len(data) > LARGEST_FILE else Film(name, data)


def _below(folder: Path) -> list[Path]:
    """List the files in a folder that aren't hidden, by name, with the folders that can't be entered."""
    paths: list[Path] = []

    def note(error: OSError) -> None:
        paths.append(Path(error.filename))

    for place, folders, files in os.walk(folder, onerror=note):
        # Assigned in place, since os.walk goes on with this very list.
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(place, name) for name in files if not name.startswith(".")]
        # os.walk doesn't enter linked folders, since they may lead in a circle: each becomes a refusal.
        paths += [Path(place, name) for name in folders if Path(place, name).is_symlink()]
    return sorted(paths)


def _read_file(file: Path, name: str) -> Film | Refused:
    try:
        status = file.stat()  # follows links to files: a folder of links is a usual way to choose films
        if stat.S_ISDIR(status.st_mode):
            return Refused(name, _LINKED_FOLDER if file.is_symlink() else _NO_FOLDER)
        if not stat.S_ISREG(status.st_mode):
            return Refused(name, _NO_FILE)
        if status.st_size > LARGEST_FILE:
            return Refused(name, _TOO_LARGE)
        return Film(name, file.read_bytes())
    except OSError:
        return Refused(name, _NO_FILE if file.is_symlink() else _NO_ACCESS)


def _head(file: Path) -> bytes:
    """Read the first bytes of a file; none if it can't be opened."""
    try:
        with file.open("rb") as opened:
            return opened.read(_HEAD)
    except OSError:
        return b""


def _members_of(path: str, place: Path | io.BytesIO) -> Iterator[Film | Refused]:
    try:
        archive = zipfile.ZipFile(place)
    except Exception:  # zipfile raises many kinds of exception on a hostile directory
        yield Refused(path, _DAMAGED)
        return
    with archive:
        size = place.stat().st_size if isinstance(place, Path) else place.getbuffer().nbytes
        if fault := danger_of_all(archive.infolist(), size):
            yield Refused(path, f"The archive was not read: {fault}.")
            return
        members = [
            member for member in archive.infolist() if not member.is_dir() and not _is_hidden(member.filename)
        ]
        if not members:
            yield Refused(path, _EMPTY)
        for member in sorted(members, key=lambda m: m.filename):
            yield _read_member(archive, member, f"{path}::{member.filename}")


def _is_hidden(member: str) -> bool:
    """Return whether a member is hidden or was added by a system; a path with ".." never counts as hidden."""
    parts = member.split("/")
    return ".." not in parts and any(part != "." and part.startswith((".", "__MACOSX")) for part in parts)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Film | Refused:
    if fault := danger(member):
        return Refused(name, f"This file of the archive was not read: {fault}.")
    try:
        data = read_member(archive, member)
    except UnreadableImageError as error:
        return Refused(name, str(error))
    # Archives in archives can unpack without end, so one level is enough.
    if not is_film(data) and zipfile.is_zipfile(io.BytesIO(data)):
        return Refused(name, _NESTED)
    return Film(name, data)
