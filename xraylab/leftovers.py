"""
Leftovers: temporary files and folders whose process died before it could remove them.

- ``.NAME.<32 digits>.partial`` is half-built or half-removed; ``.NAME.<32 digits>.retired`` had to give way
- a live process holds what it writes, see ``system``, so that no sweep takes it
"""

import contextlib
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from xraylab import system

# Exactly the 32 digits of an id: a file of the user may have a similar name.
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{32}\.(?P<kind>partial|retired)")


def drawn(path: Path, kind: str) -> Path:
    """Return a new temporary name beside a path.

    Parameters
    ----------
    kind : str
        ``partial`` or ``retired``.
    """
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.{kind}")


def as_known(where: Path) -> Path:
    """Return the folder itself, or the one that holds the temporary folder in which it lies."""
    matches = [place.parent for place in (where, *where.parents) if _TEMPORARY.fullmatch(place.name)]
    return matches[-1] if matches else where


@dataclass(frozen=True)
class Swept:
    """What a sweep did with the leftovers of dead processes, and what it left alone."""

    removed: tuple[Path, ...] = ()
    restored: tuple[Path, ...] = ()  # folders whose replacement never arrived
    in_use: tuple[Path, ...] = ()  # a live process writes them
    stuck: tuple[Path, ...] = ()  # the system refuses to remove them

    def __add__(self, other: "Swept") -> "Swept":
        """Put two results together."""
        return Swept(
            self.removed + other.removed,
            self.restored + other.restored,
            self.in_use + other.in_use,
            self.stuck + other.stuck,
        )


def sweep(folder: Path, name: str | None = None, *, undo_only: bool = False) -> Swept:
    """Remove the temporary files and folders of dead processes in a folder, or put them back.

    A folder whose replacement never arrived goes back to its place. Folders inside aren't searched.

    Parameters
    ----------
    name : str, optional
        Only leftovers of the file or folder of this name.
    undo_only : bool
        True to put folders back and remove nothing.
    """
    swept = Swept()
    for entry in _entries(folder):
        match = _TEMPORARY.fullmatch(entry.name)
        if match and name in (None, match["name"]) and not entry.is_symlink():
            goes_back = match["kind"] == "retired" and not (folder / match["name"]).exists()
            if goes_back or not undo_only:
                swept += _clear(Path(entry.path), folder / match["name"] if goes_back else None)
    return swept


def any_in(folder: Path) -> bool:
    """Return whether a folder holds a temporary file or folder, of a live process or a dead one."""
    return any(_TEMPORARY.fullmatch(entry.name) for entry in _entries(folder))


def mend(folder: Path) -> None:
    """Put folders back whose replacement never arrived; call it before the folder is listed."""
    sweep(folder, undo_only=True)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # it is missing, or may not be read: then nothing in it may be removed either
        return []


def _clear(leftover: Path, place: Path | None) -> Swept:
    """Remove one leftover, or rename it to its place if one is given."""
    with system.abandoned(leftover) as dead:
        if not dead:
            return Swept(in_use=(leftover,))
        with contextlib.suppress(OSError):  # another process may sweep at the same time
            if place is not None:
                leftover.rename(place)
                return Swept(restored=(place,))
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink()
    return Swept(stuck=(leftover,)) if leftover.exists() else Swept(removed=(leftover,))
