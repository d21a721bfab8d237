"""
Restoring a backup: everything is checked before anything is touched, and nothing is deleted.

- the archive is unpacked beside the home; each member must be listed, with its size and hash, and go to a
  place that a backup has
- a home that isn't empty stays as it is, or is kept aside under another name if it shall be replaced
"""

import contextlib
import errno
import hashlib
import re
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from xraylab import database, documents, system, trail
from xraylab.actions.backups import DATABASE, FILES, FOLDERS, MANIFEST, Manifest, Member, digest_of
from xraylab.errors import NameTakenError, NotFoundError, StorageError
from xraylab.files import replacing, scratch, storage_errors
from xraylab.runs import table
from xraylab.runs.orphans import reconcile
from xraylab.settings import Settings

_CHUNK = 2**20  # bytes
_LARGEST_MANIFEST = 256 * 2**20  # bytes; a million members
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")  # of a path: no dot in front, no separator, no drive
_NOTHING = {"logs", "cache"}  # a command that only looked may have left these in a new home
_REMEDY = "Nothing was changed. Use another copy of the backup."


def restore_backup(
    settings: Settings, file: Path, *, replace: bool = False, actor: str = trail.PYTHON
) -> documents.Restored:
    """Put a backup in the place of the home.

    Parameters
    ----------
    replace : bool
        Whether a home that isn't empty may be replaced; it is then kept under the name in ``kept_aside``.

    Raises
    ------
    NotFoundError
        If there is no such file.
    NameTakenError
        If the home isn't empty and ``replace`` is false.
    StorageError
        If the archive isn't a whole backup, comes from a newer XRayLab or doesn't fit on the disk, or a
        training is running in the home. Nothing is changed then.
    """
    if not file.is_file():
        raise NotFoundError(f"There is no backup {file}. Check the path.")
    _check_home(settings, replace=replace)
    digest = digest_of(file)
    with _unpacked(settings.home, file) as (manifest, staging):
        _check_idle(settings)
        aside = _put_in_place(staging, settings.home)
    trail.enter(
        settings,
        trail.HOME,
        "restored",
        actor=actor,
        objects={"backup": digest},
        changed=f"from a backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC",
    )
    return documents.Restored(
        home=str(settings.home),
        made_at=manifest.made_at,
        version=manifest.version,
        members=len(manifest.members),
        pixels=manifest.pixels,
        kept_aside=None if aside is None else str(aside),
    )


def _check_home(settings: Settings, *, replace: bool) -> None:
    """Reject a home that holds something, unless it shall be replaced."""
    home = settings.home
    if not home.exists() or {place.name for place in home.iterdir()} <= _NOTHING:
        return
    if not replace:
        raise NameTakenError(
            f"{home} isn't empty. Choose another home with XRAYLAB_HOME, or replace it on purpose "
            "(--replace): it is then kept under another name."
        )


def _check_idle(settings: Settings) -> None:
    """Reject a home in which a training runs, since its worker would go on writing there."""
    if not settings.database.exists():
        return
    with contextlib.suppress(StorageError):  # a damaged database is a reason to restore
        reconcile(settings)
        if table.list_runs(settings, states=["running"]):
            raise NameTakenError("A training is running in this home. Cancel it, or wait until it is done.")


@contextlib.contextmanager
def _unpacked(home: Path, file: Path) -> Iterator[tuple[Manifest, Path]]:
    """Unpack a backup beside the home, check all of it, and yield its manifest and the folder."""
    with storage_errors(home.parent), scratch(home) as staging:
        try:
            with zipfile.ZipFile(file) as archive:
                manifest = _manifest(archive, file)
                _check_room(manifest, staging)
                for member in manifest.members:
                    _unpack(archive, member, staging)
        # zipfile raises many kinds of exception on hostile bytes.
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
            raise _rejected("it is damaged") from error
        _check_database(staging / DATABASE)
        yield manifest, staging


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    """Read the manifest, and check that it lists exactly what the archive holds."""
    inside = {info.filename: info for info in archive.infolist()}
    listed = inside.pop(MANIFEST, None)
    if listed is None or listed.file_size > _LARGEST_MANIFEST:
        raise _rejected("it has no manifest")
    try:
        with archive.open(listed) as opened:
            manifest = Manifest.model_validate_json(opened.read(listed.file_size))
    except ValidationError as error:
        raise _rejected("its manifest is damaged, or of a newer XRayLab") from error
    if len(archive.infolist()) != len(manifest.members) + 1 or inside.keys() != {
        member.name for member in manifest.members
    }:
        raise _rejected("it doesn't hold exactly the files of its manifest")
    for member in manifest.members:
        _check_member(inside[member.name], member)
    # Members that share their bytes could hold more than the archive is long.
    if sum(member.bytes for member in manifest.members) > file.stat().st_size:
        raise _rejected("its members are larger than the archive")
    if DATABASE not in inside:
        raise _rejected("it has no database")
    if manifest.database > database.HEAD:
        raise StorageError("The backup was made by a newer XRayLab. Update XRayLab. Nothing was changed.")
    return manifest


def _check_member(info: zipfile.ZipInfo, member: Member) -> None:
    """Reject a member that isn't a plain file in a place that a backup has."""
    parts = info.filename.split("/")
    known = len(parts) > 1 and parts[0] in FOLDERS if len(parts) > 1 else parts[0] in (DATABASE, *FILES)
    if not known or not all(map(_PART.fullmatch, parts)):
        raise _rejected("a path in it leads where no backup has a file")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or info.is_dir():
        raise _rejected("it holds a link or something else that isn't a plain file")
    if info.flag_bits & 1 or info.compress_type != zipfile.ZIP_STORED:
        raise _rejected("a member is compressed or encrypted, which no backup is")
    if info.file_size != member.bytes:
        raise _rejected("a member has another size than its manifest says")


def _check_room(manifest: Manifest, staging: Path) -> None:
    needed, free = sum(member.bytes for member in manifest.members), shutil.disk_usage(staging).free
    if needed > free:
        raise StorageError(
            f"The backup needs {needed / 2**30:.1f} GB, and the disk that holds {staging.parent} has "
            f"{free / 2**30:.1f} GB free. Free some space and try again. Nothing was changed."
        )


def _unpack(archive: zipfile.ZipFile, member: Member, staging: Path) -> None:
    """Write one member, never more bytes than are listed, and check its hash."""
    place, digest, left = staging / member.name, hashlib.sha256(), member.bytes
    with archive.open(member.name) as source, replacing(place) as target:
        while left and (chunk := source.read(min(_CHUNK, left))):
            target.write(chunk)
            digest.update(chunk)
            left -= len(chunk)
    if left or digest.hexdigest() != member.sha256:
        raise _rejected("a member was changed or damaged")


def _check_database(file: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            whole = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        whole = False
    if not whole:
        raise _rejected("its database is damaged")


def _put_in_place(staging: Path, home: Path) -> Path | None:
    """Exchange the home; return the name that the old one is kept under, if there was one."""
    aside = None
    if home.exists() and any(home.iterdir()):
        aside = home.with_name(f"{home.name}-before-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        _rename(home, aside)
    try:
        _rename(staging, home)  # replaces an empty folder
        system.flush_folder(home.parent)
    except BaseException:
        if aside is not None:
            aside.rename(home)
        raise
    return aside


def _rename(place: Path, to: Path) -> None:
    try:
        place.rename(to)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        raise StorageError(
            f"{place} can't be exchanged, because a disk is mounted there. Restore into a folder on that "
            "disk, and name it with XRAYLAB_HOME. Nothing was changed."
        ) from error


def _rejected(why: str) -> StorageError:
    return StorageError(f"This file isn't a backup that can be restored: {why}. {_REMEDY}")
