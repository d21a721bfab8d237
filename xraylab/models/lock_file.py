"""Read a model's lock (``lock.json``)."""

import contextlib
import os
from pathlib import Path

from pydantic import ValidationError

from xraylab.models.schema import Lock
from xraylab.stored import read_file


def read_lock(file: Path) -> Lock | None:
    """Read a lock; None if it is missing or damaged, or another version of XRayLab wrote it."""
    with contextlib.suppress(OSError, ValidationError):
        return Lock.model_validate_json(read_file(file))
    return None


def knows_of_opening(file: Path) -> bool:
    """Return whether a lock was made after an opening or has seen one."""
    lock = read_lock(file)
    # A damaged lock may have known of an opening, so the next one carries the stamp to be safe.
    return os.path.lexists(file) if lock is None else lock.knows_of_opening
