"""
Stored files: read what anyone may have put into a folder, and the types of its records' fields.

- a pipe, a device, a folder or a file that is too large is an ``OSError`` before a byte is read: opening a
  pipe would wait for ever
- a time without a zone is UTC, as XRayLab writes it; mixing both kinds would break every comparison
- a number is finite, and a count has a limit that no real one reaches
- nothing here raises anything but ``OSError`` or ``ValueError``, so that a bad file costs the caller one row
"""

import contextlib
import errno
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, Field, StringConstraints

RECORD_BYTES = 16 * 2**20  # of a JSON record: a card has 4 kB, and a dataset may list thousands of files
LINES_BYTES = 256 * 2**20
TABLE_BYTES = 2**30
WEIGHTS_BYTES = 4 * 2**30  # the largest network of the registry has 0.4 GB
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # a zone moves a time by a day at most, and years end at 9999
_MOST = 10**12


def _as_utc(moment: datetime) -> datetime:
    """Return a time with a zone, UTC if it has none; reject one that some zone or system can't show."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"the year {moment.year} is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_as_utc)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=_MOST)]
Label = Annotated[str, StringConstraints(max_length=1000)]  # a word or sentence for a list or a table


def moment(text: object) -> datetime | None:
    """Parse a stored time in ISO 8601; None if it isn't one."""
    try:
        return _as_utc(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except ValueError:
        return None


def check_file(path: Path, most: int = TABLE_BYTES) -> None:
    """Check that a path leads to a regular file of at most ``most`` bytes, without opening it.

    Raises
    ------
    OSError
        If it is missing, a folder, a pipe, a device, a circle of links, or too large.
    """
    _check(path, path.stat(), most)


def read_file(path: Path, most: int = RECORD_BYTES) -> bytes:
    """Read a regular file of at most ``most`` bytes.

    Raises
    ------
    OSError
        As ``check_file``, or if it can't be read.
    """
    check_file(path, most)
    # O_NONBLOCK, because the file may be replaced by a pipe after the check.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        _check(path, os.fstat(file.fileno()), most)
        data = file.read(most + 1)
    if len(data) > most:
        _refuse(errno.EFBIG, path)
    return data


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the objects of a ``.jsonl`` file; lines that can't be read, and files that aren't, have none."""
    values = []
    with contextlib.suppress(OSError):
        for line in read_file(path, LINES_BYTES).split(b"\n"):
            # Half an object is never valid JSON; one that is nested too deeply raises RecursionError.
            with contextlib.suppress(ValueError, RecursionError):
                values.append(json.loads(line, parse_constant=_no_number))
    return [value for value in values if isinstance(value, dict)]


def read_object(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None if the file is missing or holds anything else."""
    try:
        value = json.loads(read_file(path), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check(path: Path, status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        _refuse(errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL, path)
    if status.st_size > most:
        _refuse(errno.EFBIG, path)


def _refuse(number: int, path: Path) -> NoReturn:
    raise OSError(number, os.strerror(number), str(path))
