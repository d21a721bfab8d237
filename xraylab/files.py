"""
Files: every write is atomic, and a full disk is a sentence.

- a file is written beside its place and renamed over it; a folder is built beside its place and renamed
- a reader of ``.jsonl`` tolerates a torn last line, which a killed writer may leave
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
from typing import Any

from pydantic import BaseModel, ConfigDict

from xraylab.errors import NameTakenError, StorageError


class Record(BaseModel):
    """Base of everything kept as JSON: frozen, and a file's ``schema`` key is the field ``schema_``."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}


def check_name(name: str, *, what: str) -> str:
    """Return ``name`` if it can be a folder's name everywhere; otherwise say what a name looks like.

    Raises
    ------
    NameTakenError
        If the name is empty, longer than 64 characters, or holds anything but letters, digits, ``.``,
        ``_`` and ``-``, or does not start with a letter or digit.
    """
    if not _NAME.fullmatch(name):
        raise NameTakenError(
            f"“{name}” can't be the name of a {what}. Use up to 64 letters, digits, dots, dashes or "
            "underscores, starting with a letter or digit."
        )
    return name


@contextlib.contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn the operating system's errors about room and permission into a sentence.

    Raises
    ------
    StorageError
        If the disk is full, the file too large for it, or the folder may not be written.
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
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; NaN is an error, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append one JSON object as a line; a single small write, so that lines of two writers don't mix."""
    with storage_errors(path.parent), path.open("ab") as file:
        file.write(json.dumps(value, allow_nan=False).encode() + b"\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a ``.jsonl`` file, without a last line that was torn off; a missing file has no lines."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop()  # what follows the last newline: nothing, or half a line
    values = [json.loads(line) for line in lines if line]
    with contextlib.suppress(ValueError):
        values += [json.loads(torn)] if torn else []
    return values


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
        If the disk is full or may not be written.
    """
    staging = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    retired = target.with_name(f".{target.name}.{uuid.uuid4().hex}.retired")
    with storage_errors(target.parent):
        staging.mkdir(parents=True)
        try:
            yield staging
            if replace and target.exists():
                target.rename(retired)
            elif target.exists():
                raise NameTakenError(
                    f"Something called “{target.name}” appeared meanwhile. Choose another name, or "
                    "replace it on purpose (--replace)."
                )
            try:
                staging.rename(target)
            except OSError:
                if retired.exists():
                    retired.rename(target)
                raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            shutil.rmtree(retired, ignore_errors=True)
