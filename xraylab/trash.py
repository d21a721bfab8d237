"""
The trash: deleted models, datasets, runs and cases, kept whole for a day so that a deletion can be undone.

::

    trash/<id>/deleted.json    what it was, when it was deleted and by whom
    trash/<id>/content/        its folder as it was, or a copy of a case's picture

- the record comes first and the folder follows by one rename, so a killed process leaves the object whole,
  either in its place or here; a record whose folder never came is passed over, and goes after the day
- the database keeps no trace of it here: a case's call and note stand in the record, and go with it
- no backup has the trash
"""

import contextlib
import errno
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from xraylab import system
from xraylab.errors import NameTakenError, NotFoundError, StorageError
from xraylab.files import Record, check_name, new_folder, storage_errors, write_bytes, write_text
from xraylab.leftovers import Swept, drawn
from xraylab.settings import Settings
from xraylab.stored import TABLE_BYTES, Count, Label, Moment, read_file

Kind = Literal["model", "dataset", "run", "case"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DAY = timedelta(days=1)  # for which a deletion can be undone
_RECORD, _CONTENT = "deleted.json", "content"
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")


class Deleted(Record):
    """One deleted object (``deleted.json``)."""

    schema_: Literal["xraylab.deleted/1"] = Field("xraylab.deleted/1", alias="schema")
    id: str = Field(pattern=f"^{_ID.pattern}$")
    kind: Kind
    name: Label
    title: Label = ""  # as people call it, if the name is only a number
    deleted_at: Moment
    actor: Label
    account: Label = ""
    bytes: Count
    facts: dict[str, Any] = Field(default_factory=dict)  # what isn't in its folder

    @property
    def until(self) -> datetime:
        """When it is removed for good."""
        return self.deleted_at + DAY


@dataclass(frozen=True)
class New:
    """An object that is about to be deleted."""

    kind: Kind
    name: str
    actor: str
    bytes: int
    title: str = ""
    account: str = ""
    facts: dict[str, Any] | None = None


def keep(settings: Settings, new: New, *, copy_of: Path | None = None) -> Deleted:
    """Write the record of an object that is about to be deleted.

    Parameters
    ----------
    copy_of : Path, optional
        A folder whose files are copied beside the record, for an object that is no folder itself.

    Raises
    ------
    StorageError
        If the disk is full or can't be written; then nothing was changed.
    """
    now = datetime.now(UTC)
    deleted = Deleted(
        id=f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}",
        kind=new.kind,
        name=new.name,
        title=new.title,
        deleted_at=now,
        actor=new.actor,
        account=new.account,
        bytes=new.bytes,
        facts=new.facts or {},
    )
    with new_folder(_place(settings, deleted)) as staging:
        write_text(staging / _RECORD, deleted.model_dump_json(indent=2) + "\n")
        if copy_of is not None and copy_of.is_dir():
            copy_files(copy_of, staging / _CONTENT)
    return deleted


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of a folder; nothing else in it is followed."""
    for file in sorted(source.iterdir()):
        if file.is_file() and not file.is_symlink() and not file.name.startswith("."):
            write_bytes(target / file.name, read_file(file, TABLE_BYTES))


def content_of(settings: Settings, deleted: Deleted) -> Path:
    """Return where the folder of a deleted object lies; there is none for a case without a picture."""
    return _place(settings, deleted) / _CONTENT


def move_in(settings: Settings, deleted: Deleted, folder: Path) -> None:
    """Move the folder of an object beside its record.

    Raises
    ------
    NotFoundError
        If the folder is gone.
    StorageError
        If it can't be moved; then it stays in its place, and the record goes.
    """
    try:
        move(folder, content_of(settings, deleted))
    except BaseException:
        # If only the flush after the rename failed, the object lies here and can be restored.
        if not content_of(settings, deleted).exists():
            drop(settings, deleted)
        raise


def move_out(settings: Settings, deleted: Deleted, target: Path) -> None:
    """Move the folder of a deleted object back; ``drop`` its record then.

    Raises
    ------
    NameTakenError
        If something has its place meanwhile.
    NotFoundError
        If it is in the trash no more.
    StorageError
        If it can't be moved.
    """
    move(content_of(settings, deleted), target)


def move(folder: Path, target: Path) -> None:
    """Give a folder another name, at once or not at all.

    Raises
    ------
    NameTakenError
        If something has that name already.
    NotFoundError
        If the folder is gone.
    StorageError
        If the system refuses, as between two drives.
    """
    with storage_errors(folder.parent):
        try:
            if os.path.lexists(target):  # ``rename`` silently replaces an empty folder
                raise FileExistsError(errno.EEXIST, "exists", str(target))
            folder.rename(target)
        except FileNotFoundError as error:
            raise NotFoundError(f"“{folder.name}” is gone: another process moved or removed it.") from error
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise NameTakenError(f"There is a “{target.name}” already. Choose another name.") from error
            if error.errno == errno.EXDEV:
                raise StorageError(
                    f"{folder} lies on another drive than the home, so it can't be kept for a day. Delete it "
                    "for good, if you are sure."
                ) from error
            raise
        for place in {folder.parent, target.parent}:
            system.flush_folder(place)


def listed(settings: Settings) -> list[Deleted]:
    """Return what can still be restored, newest first."""
    now = datetime.now(UTC)
    return sorted(
        (
            deleted
            for place in _places(settings)
            if (deleted := _read(place)) is not None
            and _is_recent(deleted, now)
            and (deleted.kind == "case" or content_of(settings, deleted).is_dir())
        ),
        key=lambda deleted: (deleted.deleted_at, deleted.id),
        reverse=True,
    )


def records(settings: Settings) -> list[Deleted]:
    """Return every record that can be read, those without their folder too."""
    return [deleted for place in _places(settings) if (deleted := _read(place)) is not None]


def drop(settings: Settings, deleted: Deleted) -> None:
    """Remove a deleted object for good, or the record of one that is back in its place.

    Raises
    ------
    StorageError
        If it can't be removed.
    """
    remove_folder(_place(settings, deleted))


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it.

    Raises
    ------
    StorageError
        If it can't be removed.
    """
    with storage_errors(folder.parent), contextlib.suppress(FileNotFoundError):
        # Its name goes first, so that a killed process leaves no half of it under the name.
        aside = drawn(folder, "partial")
        with system.abandoned(folder):
            folder.rename(aside)
        shutil.rmtree(aside)
        system.flush_folder(folder.parent)


def sweep(settings: Settings, *, now: datetime | None = None) -> tuple[Swept, list[Deleted]]:
    """Remove for good what was deleted more than a day ago.

    Returns
    -------
    swept : Swept
    removed : list of Deleted
        The records that could be read, of what was removed.
    """
    moment, swept, gone = now or datetime.now(UTC), Swept(), []
    for place in _places(settings):
        deleted = _read(place)
        if deleted is not None and _is_recent(deleted, moment):
            continue
        try:
            remove_folder(place)
        except (StorageError, OSError):
            swept += Swept(stuck=(place,))
        else:
            swept += Swept(removed=(place,))
            gone += [deleted] if deleted is not None else []
    return swept, gone


def bytes_below(folder: Path) -> int:
    """Return the bytes of all files below a folder; links aren't followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # a file that is being replaced
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - a tree of 10,000 files
    return total


def _is_recent(deleted: Deleted, now: datetime) -> bool:
    # Both ways, so that a clock that was set back doesn't keep a patient's data for ever.
    return abs(now - deleted.deleted_at) < DAY


def _read(place: Path) -> Deleted | None:
    try:
        deleted = Deleted.model_validate_json(read_file(place / _RECORD))
        if deleted.kind in ("model", "dataset"):
            check_name(deleted.name, what=deleted.kind)  # it becomes part of a path again
    except (OSError, ValidationError, NameTakenError):
        return None
    return deleted if deleted.id == place.name else None


def _place(settings: Settings, deleted: Deleted) -> Path:
    return settings.trash / deleted.id


def _places(settings: Settings) -> list[Path]:
    try:
        return sorted(place for place in settings.trash.iterdir() if _ID.fullmatch(place.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
