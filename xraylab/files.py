"""
Files: every write is atomic, and a full disk becomes a sentence for the user.

- a file or folder is written beside its place under a temporary name, and then renamed
- it is flushed to the disk before the rename, and its parent after it: a power cut undoes nothing that was
  reported as done
- its writer holds the temporary file or folder, so that a sweep removes only those of dead processes
- a killed writer may leave an incomplete line in a ``.jsonl`` file: readers skip it, and the next writer
  begins a new line
- JSON only: nothing here reads or writes pickles
"""

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import BaseModel, ConfigDict

from xraylab import system
from xraylab.errors import NameTakenError, StorageError
from xraylab.leftovers import as_known, drawn, sweep


class Record(BaseModel):
    """Base of everything that is stored as JSON: frozen; the key ``schema`` is the field ``schema_``."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NO_NAME_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.", re.IGNORECASE)
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST}
_GONE = {
    getattr(errno, name)
    for name in ("EIO", "ENODEV", "ENXIO", "ENOTCONN", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT")
    if hasattr(errno, name)  # a system names only the errors that it has
}
_OCCUPIED = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}
_OTHER_DRIVE = "Connect the drive, or choose another folder with XRAYLAB_HOME."
_FLUSHED_TOGETHER = 8  # threads: the disk joins flushes that wait at the same time


def check_name(name: str, *, what: str) -> str:
    """Return ``name`` if it is a valid name of a folder on every system.

    Parameters
    ----------
    what : str
        Kind of thing that has the name, for the message: ``model`` or ``dataset``.

    Raises
    ------
    NameTakenError
        If the name is empty, longer than 64 characters, holds other characters than letters, digits, ``.``,
        ``_`` and ``-``, doesn't start with a letter or digit, or is reserved by Windows.
    """
    if not _NAME.fullmatch(name) or _NO_NAME_ON_WINDOWS.fullmatch(name):
        raise NameTakenError(
            f"“{name}” can't be the name of a {what}. Use up to 64 letters, digits, dots, dashes or "
            "underscores, starting with a letter or digit and not ending with a dot."
        )
    return name


@contextlib.contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn the system's errors about disk space, permissions and lost drives into a sentence.

    Raises
    ------
    StorageError
        If the disk is full or can't be reached, the file is too large for it, or the folder can't be written
        or is a file.
    """
    try:
        yield
    except OSError as error:
        where = as_known(where)
        if error.errno in _NO_SPACE:
            raise StorageError(
                f"The disk that holds {where} is full, so nothing was saved. Free some space and try again."
            ) from error
        if error.errno in _NO_PERMISSION:
            raise StorageError(
                f"XRayLab may not write to {where}. Give it permission, or choose another folder with "
                "XRAYLAB_HOME."
            ) from error
        if error.errno in _NO_FOLDER:
            raise StorageError(
                f"{where} is not a folder. Move what is there away, or choose another folder with "
                "XRAYLAB_HOME."
            ) from error
        if error.errno in _GONE:
            raise StorageError(f"The drive that holds {where} can't be reached. {_OTHER_DRIVE}") from error
        raise


def make_folder(folder: Path) -> None:
    """Make a folder with its parents, if they are missing, and flush their names.

    Raises
    ------
    StorageError
        If the disk is full, missing or can't be written, or a file is in the way.
    """
    with storage_errors(folder):
        made = [place for place in (folder, *folder.parents) if not place.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # even the root of the path is missing, or refuses new folders
            raise StorageError(
                f"The folder {as_known(folder)} can't be made, as on a drive that is missing. {_OTHER_DRIVE}"
            ) from error
        for place in made:
            system.flush_folder(place.parent)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file, which replaces ``path`` when the block ends without an error.

    Parameters
    ----------
    durable : bool
        False for a file that nobody needs after a power cut: it isn't flushed.

    Raises
    ------
    StorageError
        If the disk is full or can't be written.
    """
    with storage_errors(path.parent):
        make_folder(path.parent)
        temporary, file = _open_temporary(path)
        with file:
            try:
                yield file
                _rename(file, temporary, path, durable=durable)
            except BaseException:
                _let_rename(file)
                temporary.unlink(missing_ok=True)
                raise


def _open_temporary(path: Path) -> tuple[Path, BinaryIO]:
    """Open a temporary file beside ``path`` that no sweep takes from this process."""
    while True:
        temporary = drawn(path, "partial")
        file = temporary.open("x+b")
        if system.hold(file.fileno(), temporary):
            return temporary, file
        file.close()


def _rename(file: BinaryIO, temporary: Path, path: Path, *, durable: bool) -> None:
    """Give a file that was written completely its name."""
    file.flush()
    if durable:  # else a power cut could leave the new name with an empty file
        system.flush(file.fileno())
    _let_rename(file)
    try:
        temporary.replace(path)
    except PermissionError:
        # Windows refuses to replace a file while a page reads it. What isn't durable is soon written again.
        if durable:
            raise
        temporary.unlink()
    if durable:
        system.flush_folder(path.parent)


def _let_rename(file: BinaryIO) -> None:
    # On other systems the file stays open: closing would end the hold before the rename.
    if not system.RENAMES_OPEN_FILES:
        file.close()


@contextlib.contextmanager
def spool(chunks: Iterable[bytes], room: Path | None) -> Iterator[BinaryIO]:
    """Write what can only be read in order into a file without a name, which is gone at the end.

    Parameters
    ----------
    chunks : iterable of bytes
    room : Path or None
        Folder on whose disk the file is; None for the system's folder of temporary files.

    Raises
    ------
    StorageError
        If the disk is full.
    """
    where = Path(tempfile.gettempdir()) if room is None else room
    make_folder(where)
    with tempfile.TemporaryFile(dir=where) as file:
        for chunk in chunks:
            with storage_errors(where):
                file.write(chunk)
        file.flush()
        file.seek(0)
        yield cast(BinaryIO, file)


@contextlib.contextmanager
def growing(path: Path) -> Iterator[BinaryIO]:
    """Open what there is of a file; it gets its name when the block ends without an error.

    After an error, and after a kill, what was written stays for the next attempt.

    Raises
    ------
    StorageError
        If the disk is full or can't be written, or another process is writing this file.
    """
    part = path.with_name(f".{path.name}.part")  # no sweep takes it
    make_folder(path.parent)
    with storage_errors(path.parent), part.open("a+b") as file:
        if not system.hold(file.fileno(), part):
            raise StorageError(f"{path} is being written already. Wait until that ends, and try again.")
        yield file
        _rename(file, part, path, durable=True)


@contextlib.contextmanager
def continuing(path: Path, size: int | None) -> Iterator[BinaryIO]:
    """Open a file that an earlier process may have begun, to go on with it.

    Parameters
    ----------
    size : int or None
        Bytes after which it is cut and continued; None to leave it and begin at its start.

    Raises
    ------
    StorageError
        If the disk is full or can't be written.
    """
    with storage_errors(path.parent):
        path.touch()
        with path.open("r+b") as file:
            if size is not None:
                file.truncate(size)
                file.seek(size)
            yield file


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file completely or not at all; see ``replacing``."""
    with replacing(path, durable=durable) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file completely or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON completely or not at all; NaN is an error, because JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append one JSON object as a line."""
    line = json.dumps(value, allow_nan=False).encode() + b"\n"
    with storage_errors(path.parent), path.open("ab+") as file:
        # A killed writer may have left half a line, to which this line must not be added.
        if file.tell() and _last_byte(file) != b"\n":
            line = b"\n" + line
        is_new = not file.tell()
        file.write(line)  # one small write, so that the lines of two writers don't mix
        file.flush()
        system.flush(file.fileno())
        if is_new:
            system.flush_folder(path.parent)


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a ``.jsonl`` file without incomplete lines; a missing file has no lines."""
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    values = []
    for line in lines:
        with contextlib.suppress(ValueError):  # half an object is never valid JSON
            values.append(json.loads(line))
    return [value for value in values if isinstance(value, dict)]


def remove_file(path: Path) -> None:
    """Remove a file for good, if there is one.

    Raises
    ------
    StorageError
        If it can't be removed.
    """
    with storage_errors(path.parent):
        try:
            path.unlink()
        except FileNotFoundError:
            return
        system.flush_folder(path.parent)


@contextlib.contextmanager
def new_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Build a folder beside its place; it appears there complete, or not at all.

    Parameters
    ----------
    target : Path
        Place of the folder when the block has ended without an error.
    replace : bool
        True to replace a folder in that place, at the very end and not before.

    Yields
    ------
    Path
        The temporary folder to write into.

    Raises
    ------
    NameTakenError
        If the target exists at the end and ``replace`` is false.
    StorageError
        If the disk is full or can't be written. An older folder is then still there.
    """
    sweep(target.parent, target.name)
    with storage_errors(target.parent), scratch(target) as staging:
        yield staging
        _flush_tree(staging)
        if replace and target.exists():
            _exchange(staging, target)
        else:
            _put_in_place(staging, target)
        system.flush_folder(target.parent)


@contextlib.contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """Make a temporary folder beside a place, and remove it at the end; a sweep removes it after a kill."""
    with storage_errors(beside.parent):
        make_folder(beside.parent)
        folder, descriptor = _make_scratch(beside)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _make_scratch(beside: Path) -> tuple[Path, int | None]:
    """Make a temporary folder that no sweep takes from this process; return what holds it, too."""
    while True:
        folder = drawn(beside, "partial")
        folder.mkdir()
        try:
            descriptor = system.open_folder(folder)
        except FileNotFoundError:  # a sweep was faster
            continue
        if descriptor is None or system.hold(descriptor, folder):
            return folder, descriptor
        os.close(descriptor)


def _flush_tree(folder: Path) -> None:
    """Flush all files of a folder, and the folders in it."""
    places = [Path(place) for place, _, _ in os.walk(folder)]
    entries = [entry for place in places for entry in os.scandir(place)]
    paths = [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]
    with ThreadPoolExecutor(_FLUSHED_TOGETHER) as pool:
        list(pool.map(_flush_file, paths))  # a list, so that an error is raised here
    for place in places:
        system.flush_folder(place)


def _flush_file(path: Path) -> None:
    with path.open("rb+") as file:  # Windows flushes only what is open for writing
        system.flush(file.fileno())


def _put_in_place(staging: Path, target: Path) -> None:
    try:
        if target.exists():  # ``rename`` silently replaces an empty folder
            raise FileExistsError(errno.EEXIST, "exists", str(target))
        staging.rename(target)
    except OSError as error:
        if error.errno in _OCCUPIED:
            raise NameTakenError(
                f"Something called “{target.name}” appeared meanwhile. Choose another name, or "
                "replace it on purpose (--replace)."
            ) from error
        raise


def _exchange(staging: Path, target: Path) -> None:
    """Replace an old folder; it is removed only when the new one is in its place."""
    # In one step the old folder is then called ``staging`` and is removed under that name.
    if not system.exchange(staging, target):
        _exchange_in_two_steps(staging, target)


def _exchange_in_two_steps(staging: Path, target: Path) -> None:
    """Replace an old folder by two renames; ``mend`` undoes the first one if the second never came."""
    with retired(target) as aside:
        staging.rename(target)
        system.flush_folder(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def retired(target: Path) -> Iterator[Path]:
    """Take a folder out of its place, and put it back if the block raises.

    A sweep after a kill puts it back too, unless another folder is in its place.

    Yields
    ------
    Path
        Where the folder lies now; the caller removes it.
    """
    aside = drawn(target, "retired")
    # Held under its new name too, so that no other process puts it back meanwhile.
    with system.abandoned(target):
        try:
            target.rename(aside)
            yield aside
        except BaseException:  # Ctrl-C too
            if aside.exists() and not target.exists():
                aside.rename(target)
            raise
