"""
Sources: list the labelled films in a zip archive or folder with the Kermany layout.

- the layout is ``…/[train|val|test]/<NORMAL|PNEUMONIA>/<file>``; other files are ignored and counted
- an archive is never unpacked to disk, so a member's path can't write anywhere
- a file that can't be read raises ``UnreadableImageError`` for that file only
- one file at a time is held in memory
"""

import hashlib
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from xraylab.data.archives import LARGEST_FILE, danger, danger_of_all, read_member
from xraylab.errors import DatasetError, NotFoundError, UnreadableImageError
from xraylab.imaging import is_film
from xraylab.stored import read_file

LABELS = ("NORMAL", "PNEUMONIA")  # the position is the label's number
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom", ".dic"}
)

_SPLIT_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class SourceFile:
    """One labelled image of a source, not read yet."""

    path: str  # inside the source, with forward slashes
    label: int  # 0 NORMAL, 1 PNEUMONIA
    folder: str | None  # "train", "val" or "test" if the source is already split
    read: Callable[[], bytes]  # raises UnreadableImageError

    @property
    def stem(self) -> str:
        """The file's name without folder and extension."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True)
class Source:
    """A source's labelled images, and the number of ignored files for each reason."""

    files: list[SourceFile]
    ignored: dict[str, int]


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """List the labelled images of a zip archive or folder.

    Raises
    ------
    NotFoundError
        If the path doesn't exist.
    DatasetError
        If the path is neither a folder nor a readable zip, if an archive looks like an attack, or if there
        are no labelled images in it.
    """
    if not _exists(path):
        raise NotFoundError(f"{path} doesn't exist. Check the path of the archive or folder.")
    if path.is_dir():
        yield _checked(_sort_out(_folder_files(path)), path)
    else:
        with _opened_archive(path) as archive:
            yield _checked(_sort_out(_archive_files(archive)), path)


def _exists(path: Path) -> bool:
    try:
        return path.is_dir() or path.is_file()
    except OSError:  # the name is too long for the system, or a parent folder isn't accessible
        return False


def _folder_files(folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    name = folder.resolve().name
    inside = f"{name}/" if name.upper() in LABELS else ""  # so that importing ".../NORMAL" itself works
    for file in folder.rglob("*"):
        if file.is_file():
            yield inside + printable(file.relative_to(folder).as_posix()), partial(_read_file, file)


def printable(path: str) -> str:
    """Escape bytes that aren't valid text: Linux allows them in file names, a catalog doesn't."""
    return path.encode("utf-8", "backslashreplace").decode()


def _read_file(file: Path) -> bytes:
    try:
        return read_file(file, LARGEST_FILE)
    except OSError as error:
        raise UnreadableImageError(
            "The file can't be opened. Check that it still exists and that you have permission to read it."
        ) from error


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
            f"{path.name} is not a zip archive, or it is damaged. Download or copy it again, or unpack it "
            "and import the folder."
        ) from error
    with archive:
        yield archive


def _archive_files(archive: zipfile.ZipFile) -> Iterator[tuple[str, Callable[[], bytes]]]:
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
        yield path, partial(read, member)


def _sort_out(entries: Iterator[tuple[str, Callable[[], bytes]]]) -> Source:
    """Keep the labelled images; if a nested folder repeats a file, keep the outermost one."""
    ignored: Counter[str] = Counter()
    namesakes: dict[tuple[str, int, str], list[SourceFile]] = {}
    for path, read in entries:
        parts = PurePosixPath(path).parts
        if reason := _reason_to_ignore(parts, read):
            ignored[reason] += 1
            continue
        label = LABELS.index(parts[-2].upper())
        folder = next((_SPLIT_FOLDERS[p.lower()] for p in parts[-3::-1] if p.lower() in _SPLIT_FOLDERS), None)
        namesakes.setdefault((folder or "train", label, parts[-1]), []).append(
            SourceFile(path, label, folder, read)
        )
    kept: list[SourceFile] = []
    for files in namesakes.values():
        distinct = _without_copies(files)
        kept += distinct
        ignored["nested copy"] += len(files) - len(distinct)
    return Source(sorted(kept, key=lambda f: f.path), {k: v for k, v in ignored.items() if v})


def _without_copies(files: list[SourceFile]) -> list[SourceFile]:
    """Keep files of different content among those of one name and class: two sites may both have a 1.png."""
    if len(files) == 1:
        return files
    outermost_first = sorted(files, key=lambda f: (f.path.count("/"), f.path))
    return list({_content(f): f for f in reversed(outermost_first)}.values())


def _content(file: SourceFile) -> str:
    try:
        return hashlib.sha256(file.read()).hexdigest()
    except UnreadableImageError:
        return file.path  # kept here; it is refused later, with the reason


def _reason_to_ignore(parts: tuple[str, ...], read: Callable[[], bytes]) -> str | None:
    if not parts or any(part == "__MACOSX" or part.startswith(".") for part in parts):
        return "system file"
    suffix = PurePosixPath(parts[-1]).suffix.lower()
    # Hospital archives often name DICOM files by numbers.
    nameless = suffix in ("", ".") or suffix[1:].isdigit()
    if suffix not in IMAGE_SUFFIXES and not nameless:
        return "not an image"
    if len(parts) < 2 or parts[-2].upper() not in LABELS:  # noqa: PLR2004 (a folder and a file)
        return "not an image" if nameless else "not in a NORMAL or PNEUMONIA folder"
    return "not an image" if nameless and not _is_film(read) else None


def _is_film(read: Callable[[], bytes]) -> bool:
    try:
        return is_film(read())
    except UnreadableImageError:
        return False


def _checked(source: Source, path: Path) -> Source:
    if not source.files:
        raise DatasetError(
            f"{path.name} contains no labelled radiographs. XRayLab looks for DICOM, PNG, JPEG, TIFF, BMP or "
            "WebP files in folders called NORMAL and PNEUMONIA."
        )
    return source
