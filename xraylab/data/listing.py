"""
Listing: every file of a source by its path, whatever kind of source it is.

- nothing is unpacked to disk under a name of the source, so no path can write anywhere
- links are followed, because many people put films together by links; each folder is listed once
- nothing is left out in silence: what can't be listed is counted
"""

import os
import threading
import zipfile
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xraylab.data.archives import LARGEST_FILE, danger, danger_of_all, read_member
from xraylab.data.arrays import opened_arrays
from xraylab.data.entries import BROKEN_LINK, CLOSED_FOLDER, LEADS_ABOVE, LISTED_ALREADY, Entry, printable
from xraylab.data.spellings import is_table
from xraylab.data.tars import is_tar, opened_tar
from xraylab.errors import DatasetError, NotFoundError, UnreadableImageError
from xraylab.stored import read_file

_HEAD = 4096  # bytes; enough to recognise a film
_CLOSED = "The file can't be opened. Check that it still exists and that you have permission to read it."


@dataclass(frozen=True)
class Listing:
    """The files of a source, and the number of those that can't be listed for each reason."""

    name: str  # of the folder or archive
    entries: list[Entry]
    ignored: dict[str, int]


@contextmanager
def open_listing(path: Path, room: Path | None = None) -> Iterator[Listing]:
    """List the files of a folder, a zip or tar archive, or a ``.npz`` file of MedMNIST.

    Parameters
    ----------
    path : Path
        If it is a table (CSV, TSV, Excel), the folder in which it lies is listed.
    room : Path or None
        Folder on whose disk a compressed archive may be decompressed.

    Raises
    ------
    NotFoundError
        If the path doesn't exist.
    DatasetError
        If the path is neither a folder nor a readable archive, or if an archive looks like an attack.
    """
    if not _exists(path):
        raise NotFoundError(f"{path} doesn't exist. Check the path of the archive or folder.")
    with ExitStack() as stack:
        ignored: dict[str, int] = {}
        if path.is_dir() or is_table(path.name):
            counted: Counter[str] = Counter()
            entries = list(_folder_files(path if path.is_dir() else path.parent, counted))
            ignored = dict(counted)
        elif path.suffix.lower() == ".npz":
            entries = stack.enter_context(opened_arrays(path, room))
        elif is_tar(path):
            entries, ignored = stack.enter_context(opened_tar(path, room))
        else:
            entries = list(_archive_files(stack.enter_context(_opened_archive(path))))
        yield Listing(path.resolve().name, entries, ignored)


def _exists(path: Path) -> bool:
    try:
        return path.is_dir() or path.is_file()
    except OSError:  # the name is too long for the system, or a parent folder isn't accessible
        return False


# Folders


def _folder_files(folder: Path, ignored: Counter[str]) -> Iterator[Entry]:
    """Yield the files below a folder; linked folders come last, so that a folder itself goes before links."""
    seen: set[tuple[int, int]] = set()
    places, linked = deque([folder]), deque[Path]()
    while places or linked:
        place = places.popleft() if places else linked.popleft()
        try:
            status = place.stat()
            children = sorted(Path(child.path) for child in os.scandir(place))
        except OSError:
            ignored[CLOSED_FOLDER] += 1
            continue
        if (status.st_dev, status.st_ino) in seen:
            ignored[LISTED_ALREADY] += 1
            continue
        seen.add((status.st_dev, status.st_ino))
        for child in children:
            if child.is_dir():
                (linked if child.is_symlink() else places).append(child)
            elif child.is_file():
                path = printable(child.relative_to(folder).as_posix())
                yield Entry(path, partial(_read_file, child), partial(_read_head, child))
            elif child.is_symlink():
                ignored[BROKEN_LINK] += 1
        _drop_links_above(folder, linked, ignored)


def _drop_links_above(folder: Path, linked: deque[Path], ignored: Counter[str]) -> None:
    """Drop links to a folder that holds the source: all that lies beside it would be listed too."""
    for place in list(linked):
        if folder.resolve().is_relative_to(place.resolve()):
            linked.remove(place)
            ignored[LEADS_ABOVE] += 1


def _read_file(file: Path) -> bytes:
    try:
        return read_file(file, LARGEST_FILE)
    except OSError as error:
        raise UnreadableImageError(_CLOSED) from error


def _read_head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_HEAD)
    except OSError as error:
        raise UnreadableImageError(_CLOSED) from error


# Archives


@contextmanager
def _opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except PermissionError as error:
        raise DatasetError(
            f"{path.name} can't be opened. Check that you have permission to read it."
        ) from error
    except Exception as error:  # zipfile raises many kinds of exception for a manipulated directory
        raise DatasetError(
            f"{path.name} is not a zip or tar archive, or it is damaged. Download or copy it again, or "
            "unpack it and import the folder."
        ) from error
    with archive:
        yield archive


def _archive_files(archive: zipfile.ZipFile) -> Iterator[Entry]:
    lock = threading.Lock()  # films are decoded in threads, which share the archive's file handle

    def read(member: zipfile.ZipInfo) -> bytes:
        with lock:
            return read_member(archive, member)

    size = Path(archive.filename).stat().st_size if archive.filename else 0
    if fault := danger_of_all(archive.infolist(), size):
        raise DatasetError(f"The archive can't be used: {fault}. Get the archive again from its source.")
    members = {}  # if a name occurs twice, the later member wins, as in every unpacking program
    for member in archive.infolist():
        if fault := danger(member):
            raise DatasetError(
                f"The archive can't be used because of its member {member.filename!r}: {fault}. Get the "
                "archive again from its source, or unpack it yourself and import the folder."
            )
        path = printable(member.filename.replace("\\", "/"))  # Windows tools write backslashes
        if not path.endswith("/"):
            members[path] = member
    for path, member in members.items():
        yield Entry(path, partial(read, member))
