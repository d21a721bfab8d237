"""
Tar archives: list their members, and read them without unpacking anything under its name.

- a compressed archive can only be read from its beginning, so it is decompressed once, into a file without a
  name that is gone when the archive is closed
- the same dangers are refused as in zip archives
"""

import bz2
import gzip
import lzma
import tarfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from xraylab.data.archives import LARGEST_FILE, MOST_MEMBERS, leads_outside, most_bytes
from xraylab.data.entries import LINK_IN_ARCHIVE, Entry, printable
from xraylab.errors import DatasetError, UnreadableImageError
from xraylab.files import spool

_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_CHUNK = 2**20
_DAMAGED = "This part of the archive is damaged. Download or copy the archive again."
_FAULTS = (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError)


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar archive, compressed or not."""
    try:
        return tarfile.is_tarfile(path)
    except _FAULTS:
        return False


@contextmanager
def opened_tar(path: Path, room: Path | None) -> Iterator[tuple[list[Entry], dict[str, int]]]:
    """List the members of a tar archive.

    Parameters
    ----------
    room : Path or None
        Folder on whose disk a compressed archive is decompressed; by default the system's for such files.

    Raises
    ------
    DatasetError
        If the archive is damaged or looks like an attack.
    StorageError
        If there is no room to decompress it.
    """
    with _plain(path, room) as file:
        try:
            with tarfile.open(fileobj=file) as archive:
                members = _members(archive, file)
        except _FAULTS as error:
            raise _damaged(path) from error
        yield members


@contextmanager
def _plain(path: Path, room: Path | None) -> Iterator[IO[bytes]]:
    """Open an archive so that any part of it can be read at once."""
    with path.open("rb") as packed:
        head = packed.read(max(map(len, _OPENERS)))
    opener = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), None)
    if opener is None:
        with path.open("rb") as file:
            yield file
    else:
        with opener(path) as stream, spool(_chunks(stream, path), room) as file:
            yield file


def _chunks(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    """Yield what a compressed archive holds, up to the size that no honest one exceeds."""
    left = most_bytes(path.stat().st_size)
    try:
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise DatasetError(
                    f"The archive can't be used: it would unpack to too much for its size. Get {path.name} "
                    "again from its source."
                )
            yield chunk
    except (EOFError, OSError, ValueError, lzma.LZMAError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DatasetError:
    return DatasetError(f"{path.name} is damaged or was cut off. Download or copy it again.")


def _members(archive: tarfile.TarFile, file: IO[bytes]) -> tuple[list[Entry], dict[str, int]]:
    lock = threading.Lock()  # films are decoded in threads, which share the file
    members: dict[str, Entry] = {}  # if a name occurs twice, the later member wins
    ignored: Counter[str] = Counter()
    for number, member in enumerate(archive):
        if number >= MOST_MEMBERS:
            raise DatasetError(
                f"The archive can't be used: it has more than {MOST_MEMBERS} files. Unpack it yourself and "
                "import the folder."
            )
        if member.issym() or member.islnk():
            ignored[LINK_IN_ARCHIVE] += 1
        elif member.isreg() or member.issparse():
            _check(member)
            path = printable(member.name.replace("\\", "/")).removeprefix("./")
            members[path] = Entry(path, partial(_read, file, lock, member.offset_data, member.size))
    return list(members.values()), dict(ignored)


def _check(member: tarfile.TarInfo) -> None:
    fault = None
    if leads_outside(member.name):
        fault = "its path leads outside the archive"
    elif member.issparse() or member.size > LARGEST_FILE:
        fault = f"it would unpack to {member.size / 2**20:.0f} MB, too much for a radiograph"
    if fault:
        raise DatasetError(
            f"The archive can't be used because of its member {member.name!r}: {fault}. Get the archive "
            "again from its source, or unpack it yourself and import the folder."
        )


def _read(file: IO[bytes], lock: threading.Lock, offset: int, size: int) -> bytes:
    try:
        with lock:
            file.seek(offset)
            data = file.read(size)
    except (OSError, ValueError) as error:
        raise UnreadableImageError(_DAMAGED) from error
    if len(data) < size:
        raise UnreadableImageError(_DAMAGED)
    return data
