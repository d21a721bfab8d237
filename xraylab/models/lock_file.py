"""Read a model's lock (``lock.json``)."""

import contextlib
from pathlib import Path

from pydantic import ValidationError

from xraylab.models.schema import Lock


def read_lock(file: Path) -> Lock | None:
    """Read a lock; None if it is missing or damaged."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, ValidationError):
        return Lock.model_validate_json(file.read_bytes())
    return None


def knows_of_opening(file: Path) -> bool:
    """Return whether a lock was made after an opening or has seen one."""
    lock = read_lock(file)
    # A damaged lock may have known of an opening, so the next one carries the stamp to be safe.
    return file.exists() if lock is None else lock.knows_of_opening
