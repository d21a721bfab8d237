"""
The run folder: the facts of one run, as files that outlive the table.

::

    runs/<id>/
    ├── recipe.json      what was asked for; there before the run can be found
    ├── history.jsonl    one line an epoch
    ├── progress.json    the latest progress, replaced whole
    ├── log.txt          everything the run wrote, tracebacks included
    ├── checkpoint/      where the training stands after its last whole epoch, and the best so far
    ├── keep             there when the best so far shall become the model, without training on
    └── result.json      how it ended, and what is worth knowing about it

NaN and infinity are written as null: JSON has neither.
"""

import contextlib
import json
import math
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xraylab.errors import NotFoundError
from xraylab.files import append_line, new_folder, read_lines, storage_errors, write_bytes, write_json
from xraylab.settings import Settings
from xraylab.training import checkpoint

RECIPE = "recipe.json"
HISTORY = "history.jsonl"
PROGRESS = "progress.json"
RESULT = "result.json"
LOG = "log.txt"
CHECKPOINT = "checkpoint"
KEEP = "keep"


def path(settings: Settings, run_id: str) -> Path:
    """Return where a run keeps its facts."""
    return settings.runs / run_id


def create(settings: Settings, run_id: str, recipe: dict[str, Any]) -> None:
    """Make a run's folder with its recipe in it, whole or not at all.

    Raises
    ------
    NameTakenError
        If there is such a run already.
    StorageError
        If the disk is full or may not be written.
    """
    with new_folder(path(settings, run_id)) as staging:
        write_json(staging / RECIPE, recipe)


def remove(settings: Settings, run_id: str) -> None:
    """Remove a run's folder, as far as that goes."""
    shutil.rmtree(path(settings, run_id), ignore_errors=True)


def folders(settings: Settings) -> Iterator[Path]:
    """Yield every run folder that has a recipe, oldest first."""
    if settings.runs.is_dir():
        yield from sorted(
            found.parent
            for found in settings.runs.glob(f"*/{RECIPE}")
            if not found.parent.name.startswith(".")
        )


def read_recipe(settings: Settings, run_id: str) -> dict[str, Any]:
    """Read what a run was submitted with: its names, and under ``training`` the recipe itself.

    Raises
    ------
    NotFoundError
        If there is no such run, or its recipe cannot be read.
    """
    recipe = _read(path(settings, run_id) / RECIPE)
    if recipe is None:
        raise NotFoundError(f"There is no run “{run_id}” with a readable recipe.")
    return recipe


def append_history(settings: Settings, run_id: str, epoch: dict[str, Any]) -> None:
    """Add one epoch to the history."""
    append_line(path(settings, run_id) / HISTORY, finite(epoch))


def read_history(settings: Settings, run_id: str) -> list[dict[str, Any]]:
    """Read the epochs so far; none if there are none yet."""
    return read_lines(path(settings, run_id) / HISTORY)


def replace_history(settings: Settings, run_id: str, epochs: list[dict[str, Any]]) -> None:
    """Make the history say just this: a run that goes on from a checkpoint may have told more before."""
    lines = [json.dumps(finite(epoch), allow_nan=False) + "\n" for epoch in epochs]
    write_bytes(path(settings, run_id) / HISTORY, "".join(lines).encode())


def write_progress(settings: Settings, run_id: str, progress: dict[str, Any]) -> None:
    """Replace the latest progress.

    It is written often and worth nothing after a power cut, so it isn't forced to the disk.
    """
    target = path(settings, run_id) / PROGRESS
    temporary = target.with_name(f".{PROGRESS}.{uuid.uuid4().hex}.partial")
    with storage_errors(target.parent):
        try:
            temporary.write_text(json.dumps(finite(progress), allow_nan=False), encoding="utf-8")
            # Windows refuses to replace a file that is being read; the next progress will get through.
            with contextlib.suppress(PermissionError):
                temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def read_progress(settings: Settings, run_id: str) -> dict[str, Any] | None:
    """Read the latest progress; None before there is any."""
    return _read(path(settings, run_id) / PROGRESS)


def write_result(settings: Settings, run_id: str, result: dict[str, Any]) -> None:
    """Say how a run ended, unless its folder was removed meanwhile."""
    if path(settings, run_id).is_dir():
        write_json(path(settings, run_id) / RESULT, result)


def read_result(settings: Settings, run_id: str) -> dict[str, Any] | None:
    """Read how a run ended; None while it has not."""
    return _read(path(settings, run_id) / RESULT)


def remove_result(settings: Settings, run_id: str) -> None:
    """Take back how a run ended: it goes on."""
    file = path(settings, run_id) / RESULT
    with storage_errors(file.parent):
        file.unlink(missing_ok=True)


def has_checkpoint(settings: Settings, run_id: str) -> bool:
    """Say whether a run came as far as its first checkpoint."""
    return checkpoint.exists(path(settings, run_id) / CHECKPOINT)


def mark_keep(settings: Settings, run_id: str, *, keep: bool = True) -> None:
    """Say that the best so far shall become the model without training on, or that it shall not."""
    file = path(settings, run_id) / KEEP
    with storage_errors(file.parent):
        if keep:
            file.touch()
        else:
            file.unlink(missing_ok=True)


def is_kept(settings: Settings, run_id: str) -> bool:
    """Say whether the best so far shall become the model without training on."""
    return (path(settings, run_id) / KEEP).exists()


def sweep(settings: Settings, run_id: str) -> None:
    """Remove what a killed process was writing and had not put in its place; nobody may work on the run."""
    for left in path(settings, run_id).rglob(".*.partial"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def read_log(settings: Settings, run_id: str, *, tail: int = 64_000) -> str:
    """Read the last ``tail`` bytes of the log, from the start of a line; empty before there is one."""
    try:
        with (path(settings, run_id) / LOG).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - tail))
            text = file.read()
    except FileNotFoundError:
        return ""
    if size > tail:
        text = text.partition(b"\n")[2]
    return text.decode("utf-8", errors="replace")


def _read(file: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def finite(value: Any) -> Any:
    """Replace NaN and infinity by None, at any depth."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
