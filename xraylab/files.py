"""
Files: every write is atomic, and a full disk becomes a sentence for the user.

- a file or folder is written beside its place under a temporary name, and then renamed
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
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict

from xraylab.errors import NameTakenError, StorageError


class Record(BaseModel):
    """Base of everything that is stored as JSON: frozen; the key ``schema`` is the field ``schema_``."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NO_NAME_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.", re.IGNORECASE)
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST}
_OCCUPIED = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


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
    """Turn the system's errors about disk space and permissions into a sentence.

    Raises
    ------
    StorageError
        If the disk is full, the file is too large for it, or the folder can't be written or is a file.
    """
    try:
        yield
    except OSError as error:
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
        raise


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file, which replaces ``path`` when the block ends without an error.

    Raises
    ------
    StorageError
        If the disk is full or can't be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # else a power cut could leave the new name with an empty file
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file completely or not at all."""
    with replacing(path) as file:
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
        file.write(line)  # one small write, so that the lines of two writers don't mix
        file.flush()
        os.fsync(file.fileno())


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
    staging = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    with storage_errors(target.parent):
        staging.mkdir(parents=True)
        try:
            yield staging
            if replace and target.exists():
                _exchange(staging, target)
            else:
                _put_in_place(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def mend_folder(target: Path) -> None:
    """Clean up after a killed ``new_folder``; no process may be building there.

    Restore the old folder if its replacement never arrived, and remove half-built folders.
    """
    # Exactly the 32 digits of an id: “.b.*” would also match the temporary folders of a model “b.c”.
    drawn = "[0-9a-f]" * 32
    for retired in target.parent.glob(f".{target.name}.{drawn}.retired"):
        if target.exists():
            shutil.rmtree(retired, ignore_errors=True)
        else:
            retired.rename(target)
    for staging in target.parent.glob(f".{target.name}.{drawn}.partial"):
        shutil.rmtree(staging, ignore_errors=True)


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
    retired = target.with_name(f".{target.name}.{uuid.uuid4().hex}.retired")
    try:
        target.rename(retired)
        staging.rename(target)
    except BaseException:  # Ctrl-C may come between the two renames
        if retired.exists() and not target.exists():
            retired.rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(retired, ignore_errors=True)
