"""
The run folder: the facts of one run, as files that outlive the table.

::

    runs/<id>/
    ├── recipe.json      the request; written before the run is in the table
    ├── history.jsonl    one line per epoch
    ├── progress.json    the latest progress, replaced as a whole
    ├── log.txt          everything that the run wrote, tracebacks included
    ├── checkpoint/      the training after its last complete epoch, and its best epoch so far
    ├── .unqueued        an empty file: the run isn't in the table yet, see ``unqueued``
    ├── keep             an empty file: make a model of the best epoch, without more training
    └── result.json      the final state, and notes on the training

NaN and infinity are written as null, because JSON has neither.
"""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xraylab.errors import NotFoundError
from xraylab.files import append_line, new_folder, remove_file, write_bytes, write_json
from xraylab.leftovers import sweep as sweep_folder
from xraylab.settings import Settings
from xraylab.stored import check_file, read_lines, read_object
from xraylab.training import checkpoint

RECIPE = "recipe.json"
HISTORY = "history.jsonl"
PROGRESS = "progress.json"
RESULT = "result.json"
LOG = "log.txt"
CHECKPOINT = "checkpoint"
KEEP = "keep"
_UNQUEUED = ".unqueued"
_LOG_BYTES = 2**40  # only the end is read


def path(settings: Settings, run_id: str) -> Path:
    """Return the folder of a run."""
    return settings.runs / run_id


def create(settings: Settings, run_id: str, recipe: dict[str, Any]) -> None:
    """Make a run's folder with its recipe in it, completely or not at all, marked as not queued yet.

    Raises
    ------
    NameTakenError
        If a run with this id exists.
    StorageError
        If the disk is full or can't be written.
    """
    with new_folder(path(settings, run_id)) as staging:
        write_json(staging / RECIPE, recipe)
        write_bytes(staging / _UNQUEUED, b"")


def confirm(settings: Settings, run_id: str) -> None:
    """Take the mark away, because the run is in the table."""
    remove_file(path(settings, run_id) / _UNQUEUED)


def marked(settings: Settings) -> list[Path]:
    """Return the folders of runs that may never have been queued."""
    return [mark.parent for mark in settings.runs.glob(f"*/{_UNQUEUED}") if mark.parent.name[0] != "."]


def remove(settings: Settings, run_id: str) -> None:
    """Remove a run's folder; leave behind what the system refuses to delete."""
    shutil.rmtree(path(settings, run_id), ignore_errors=True)


def folders(settings: Settings) -> Iterator[Path]:
    """Yield every run folder that has a recipe, oldest first."""
    if settings.runs.is_dir():
        # Folders that are still being built have names with a leading dot. Ids sort by time.
        yield from sorted(
            recipe.parent
            for recipe in settings.runs.glob(f"*/{RECIPE}")
            if not recipe.parent.name.startswith(".")
        )


def read_recipe(settings: Settings, run_id: str) -> dict[str, Any]:
    """Read the request of a run: its names, and the training itself under ``training``.

    Raises
    ------
    NotFoundError
        If there is no such run, or its recipe can't be read.
    """
    recipe = read_object(path(settings, run_id) / RECIPE)
    if recipe is None:
        raise NotFoundError(f"There is no run “{run_id}” with a readable recipe.")
    return recipe


def append_history(settings: Settings, run_id: str, epoch: dict[str, Any]) -> None:
    """Add one epoch to the history."""
    append_line(path(settings, run_id) / HISTORY, finite(epoch))


def read_history(settings: Settings, run_id: str) -> list[dict[str, Any]]:
    """Read the complete epochs so far, oldest first."""
    return read_lines(path(settings, run_id) / HISTORY)


def replace_history(settings: Settings, run_id: str, epochs: list[dict[str, Any]]) -> None:
    """Replace the history, because a killed run may have written epochs that its checkpoint lacks."""
    lines = [json.dumps(finite(epoch), allow_nan=False) + "\n" for epoch in epochs]
    write_bytes(path(settings, run_id) / HISTORY, "".join(lines).encode())


def write_progress(settings: Settings, run_id: str, progress: dict[str, Any]) -> None:
    """Replace the latest progress."""
    data = json.dumps(finite(progress), allow_nan=False).encode()
    if path(settings, run_id).is_dir():  # as in ``write_result``
        # Not durable: this is written twice per second, and nobody needs it after a power cut.
        write_bytes(path(settings, run_id) / PROGRESS, data, durable=False)


def read_progress(settings: Settings, run_id: str) -> dict[str, Any] | None:
    """Read the latest progress; None before the first one."""
    return read_object(path(settings, run_id) / PROGRESS)


def write_result(settings: Settings, run_id: str, result: dict[str, Any]) -> None:
    """Write how a run ended, unless its folder was removed meanwhile."""
    if path(settings, run_id).is_dir():  # a user may delete the folder; don't bring half of it back
        write_json(path(settings, run_id) / RESULT, result)


def read_result(settings: Settings, run_id: str) -> dict[str, Any] | None:
    """Read how a run ended; None while it has not ended."""
    return read_object(path(settings, run_id) / RESULT)


def remove_result(settings: Settings, run_id: str) -> None:
    """Remove how a run ended, because it goes on."""
    remove_file(path(settings, run_id) / RESULT)


def remove_checkpoint(settings: Settings, run_id: str) -> None:
    """Remove the checkpoint of a run whose model is in its place."""
    shutil.rmtree(path(settings, run_id) / CHECKPOINT, ignore_errors=True)


def has_checkpoint(settings: Settings, run_id: str) -> bool:
    """Return True if a run has written its first checkpoint."""
    return checkpoint.exists(path(settings, run_id) / CHECKPOINT)


def mark_keep(settings: Settings, run_id: str, *, keep: bool = True) -> None:
    """Ask for a model of the best epoch without more training, or take that back."""
    file = path(settings, run_id) / KEEP
    if keep:
        write_bytes(file, b"")
    else:
        remove_file(file)


def is_kept(settings: Settings, run_id: str) -> bool:
    """Return True if the best epoch is to become the model without more training."""
    return (path(settings, run_id) / KEEP).exists()


def sweep(settings: Settings, run_id: str) -> None:
    """Remove the temporary files of a killed process."""
    for place in (path(settings, run_id), path(settings, run_id) / CHECKPOINT):
        sweep_folder(place)


def read_log(settings: Settings, run_id: str, *, tail: int = 64_000) -> str:
    """Read the last ``tail`` bytes of the log, from the start of a line; empty without a log."""
    try:
        check_file(path(settings, run_id) / LOG, _LOG_BYTES)
        with (path(settings, run_id) / LOG).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - tail))
            text = file.read()
    except OSError:
        return ""
    if size > tail:  # the cut may lie in the middle of a line, or of a character
        text = text.partition(b"\n")[2]
    return text.decode("utf-8", errors="replace")


def finite(value: Any) -> Any:
    """Replace NaN and infinity by None, at any depth."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
