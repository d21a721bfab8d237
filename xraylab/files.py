"""
Files: every write is atomic, and a full disk is a sentence.

- a file is written beside its place and renamed over it; a folder is built beside its place and renamed
- a reader of ``.jsonl`` passes over a torn line, which a killed writer may leave, and so does the next writer
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
    """Base of everything kept as JSON: frozen, and a file's ``schema`` key is the field ``schema_``."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NO_NAME_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.", re.IGNORECASE)
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST}
_OCCUPIED = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


def check_name(name: str, *, what: str) -> str:
    """Return ``name`` if it can be a folder's name everywhere; otherwise say what a name looks like.

    Raises
    ------
    NameTakenError
        If the name is empty, longer than 64 characters, or holds anything but letters, digits, ``.``,
        ``_`` and ``-``, does not start with a letter or digit, or is one that Windows keeps for itself.
    """
    if not _NAME.fullmatch(name) or _NO_NAME_ON_WINDOWS.fullmatch(name):
        raise NameTakenError(
            f"“{name}” can't be the name of a {what}. Use up to 64 letters, digits, dots, dashes or "
            "underscores, starting with a letter or digit and not ending with a dot."
        )
    return name


@contextlib.contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn the operating system's errors about room and permission into a sentence.

    Raises
    ------
    StorageError
        If the disk is full, the file too large for it, or the folder may not be written or is a file.
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
    """Open a file beside ``path`` to write to; it takes the place of ``path`` when the block ends well.

    Raises
    ------
    StorageError
        If the disk is full or may not be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; NaN is an error, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append one JSON object as a line; a single small write, so that lines of two writers don't mix."""
    line = json.dumps(value, allow_nan=False).encode() + b"\n"
    with storage_errors(path.parent), path.open("ab+") as file:
        # A writer that was killed may have left half a line: what follows must not become part of it.
        if file.tell() and _last_byte(file) != b"\n":
            line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a ``.jsonl`` file without lines that were torn off; a missing file has no lines."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    values = []
    for line in lines:
        with contextlib.suppress(ValueError):  # half an object is never JSON
            values.append(json.loads(line))
    return [value for value in values if isinstance(value, dict)]


@contextlib.contextmanager
def new_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Build a folder beside its place; it appears there complete, or not at all.

    Parameters
    ----------
    target : Path
        Where the folder shall be once the block ends without an error.
    replace : bool
        Whether a folder already there gives way, at the very end and not before.

    Yields
    ------
    Path
        The folder to write into until then.

    Raises
    ------
    NameTakenError
        If the target exists at the end and ``replace`` is false.
    StorageError
        If the disk is full or may not be written. What was there before is still there.
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
    """Put right what a killed ``new_folder`` left beside a folder's place; nobody may be building there.

    A folder that had to give way, when its heir had not arrived, comes back; what was half built goes.
    """
    drawn = "[0-9a-f]" * 32  # and no more: “.b.*” would be beside “b.c” too
    for retired in target.parent.glob(f".{target.name}.{drawn}.retired"):
        if target.exists():
            shutil.rmtree(retired, ignore_errors=True)
        else:
            retired.rename(target)
    for staging in target.parent.glob(f".{target.name}.{drawn}.partial"):
        shutil.rmtree(staging, ignore_errors=True)


def _put_in_place(staging: Path, target: Path) -> None:
    try:
        if target.exists():  # an empty folder would silently give way
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
    """Let a new folder take an old one's place; the old one goes only when the new one is there."""
    retired = target.with_name(f".{target.name}.{uuid.uuid4().hex}.retired")
    try:
        target.rename(retired)
        staging.rename(target)
    except BaseException:  # Ctrl-C may come between the two
        if retired.exists() and not target.exists():
            retired.rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(retired, ignore_errors=True)
