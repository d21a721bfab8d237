"""Leftovers of dead processes: swept when a process starts, and reported by the doctor."""

import contextlib
import functools
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from xraylab import records
from xraylab.actions.deleting import sweep_trash
from xraylab.data import resuming
from xraylab.errors import StorageError
from xraylab.files import append_line, make_folder, read_lines
from xraylab.leftovers import Swept
from xraylab.runs.orphans import reconcile
from xraylab.runs.unqueued import sweep_unqueued
from xraylab.settings import Settings
from xraylab.tidy import sweep_home

_FILE = "leftovers.jsonl"
_log = logging.getLogger(__name__)


@functools.lru_cache(maxsize=16)  # a page is drawn many times in one process
def sweep_at_start(settings: Settings) -> Swept:
    """Sweep the home once in this process, and note what was swept; never raise."""
    swept = Swept()
    for sweep in (_end_dead_runs, sweep_unqueued, records.sweep, sweep_home, resuming.sweep, sweep_trash):
        swept += _tried(sweep, settings)
    if swept.removed or swept.restored:
        with contextlib.suppress(StorageError, OSError):
            _note(settings, swept)
    return swept


def _end_dead_runs(settings: Settings) -> Swept:
    if settings.database.exists():
        reconcile(settings)
    return Swept()


def _tried(sweep: Callable[[Settings], Swept], settings: Settings) -> Swept:
    # A database that is locked or damaged must not keep a command from starting that doesn't need it.
    try:
        return sweep(settings)
    except (StorageError, OSError):
        _log.warning("the leftovers of earlier processes could not be swept", exc_info=True)
        return Swept()


def _note(settings: Settings, swept: Swept) -> None:
    make_folder(settings.logs)
    append_line(
        settings.logs / _FILE,
        {
            "at": datetime.now(UTC).isoformat(),
            "removed": _names(settings, swept.removed),
            "restored": _names(settings, swept.restored),
        },
    )


def _names(settings: Settings, paths: tuple[Path, ...]) -> list[str]:
    return [path.relative_to(settings.home).as_posix() for path in paths]


def look_at_leftovers(settings: Settings) -> tuple[bool, str]:
    """Report what this process swept, what earlier ones swept, and what can't be removed.

    Returns
    -------
    ok : bool
        False if something can't be removed.
    detail : str
        A line for the doctor.
    """
    swept = sweep_at_start(settings)
    lines = read_lines(settings.logs / _FILE)
    before = sum(len(line.get("removed", ())) + len(line.get("restored", ())) for line in lines)
    now = len(swept.removed) + len(swept.restored)
    words = [f"{now} swept at this start, {max(before - now, 0)} at earlier ones"]
    if swept.in_use:
        words.append(f"{len(swept.in_use)} in use by other processes")
    if swept.stuck:
        stuck = ", ".join(_names(settings, swept.stuck))
        words.append(f"these can't be removed, so remove them by hand: {stuck}")
    return not swept.stuck, "; ".join(words)
