"""
Backups: one plain zip archive of a home, made while the app and trainings go on.

- everything that changes the home writes into the trail first, so holding the database's write lock stops it:
  meanwhile each file gets a second name in a staging folder, which takes no time, and the database is copied
- the archive is then written from there; its members aren't compressed, so none can unpack to more than it is
- what can be computed or downloaded again is left out: checkpoints, pretrained weights,
  fetched files, cache, logs, copies; what was deleted stays deleted
"""

import contextlib
import hashlib
import os
import shutil
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from pydantic import Field

from xraylab import __version__, database, documents, trail
from xraylab.copies import write_copy
from xraylab.data import datasets
from xraylab.errors import DatasetError, NameTakenError, StorageError
from xraylab.files import Record, remove_file, replacing, scratch, storage_errors, write_bytes
from xraylab.leftovers import sweep
from xraylab.settings import Settings

MANIFEST = "manifest.json"
DATABASE = "xraylab.db"
FOLDERS = ("datasets", "models", "runs", "cases", "openings")
FILES = (
    *("config.toml", "openings.jsonl", "pairs.jsonl", "reads.json", "speeds.json"),
    "trail-anchors.jsonl",
)
LEFT_OUT = (
    *("checkpoints of runs", "pretrained weights", "teaching phantoms", "fetched files of datasets"),
    *("cache", "logs", "copies", "what was deleted in the last day"),
)
_CHUNK = 2**20  # bytes
_PIXELS = "pixels.npy"
_TRIES, _PAUSE = 50, 0.02  # seconds


class Member(Record):
    """One file of a backup."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(Record):
    """The last member of a backup, which lists all others."""

    schema_: Literal["xraylab.backup/1"] = Field("xraylab.backup/1", alias="schema")
    version: str  # of XRayLab
    database: str  # newest migration of the database
    made_at: datetime
    pixels: bool  # whether the films of datasets are in it
    members: tuple[Member, ...]


def backup(
    settings: Settings, file: Path, *, pixels: bool = True, actor: str = trail.PYTHON
) -> documents.Backup:
    """Write a home into one archive, which appears complete or not at all.

    Parameters
    ----------
    file : Path
        The archive; it must not exist.
    pixels : bool
        Whether the films of the datasets go with it. Without them no model can be trained from it again, but
        all numbers, locks, openings and cases are there.

    Raises
    ------
    NameTakenError
        If the file exists.
    StorageError
        If the disk is full, the home or the file can't be written, or the database is damaged.
    """
    sweep(file.parent, file.name)  # what a killed backup left of this file
    if file.exists():
        raise NameTakenError(f"{file} exists already. Choose another name for the backup.")
    changed = "with films" if pixels else "without films"
    trail.enter(settings, trail.HOME, "backed up", actor=actor, changed=changed)
    with _staged(settings, pixels=pixels) as staging, replacing(file) as out:
        members = _write_archive(out, staging, pixels=pixels)
    return documents.Backup(
        file=str(file),
        bytes=file.stat().st_size,
        sha256=digest_of(file),
        members=members,
        pixels=pixels,
        left_out=[*LEFT_OUT, *([] if pixels else ["films of datasets"])],
    )


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with storage_errors(file), file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextlib.contextmanager
def _staged(settings: Settings, *, pixels: bool) -> Iterator[Path]:
    """Yield a folder that holds the home as it was at one moment."""
    with storage_errors(settings.home), scratch(settings.home / "backup") as staging:
        _stage(settings, staging)
        if not pixels:
            _drop_films(settings.model_copy(update={"home": staging}))
        yield staging


def _drop_films(staged: Settings) -> None:
    """Keep fingerprints in place of the films of datasets, by which their openings are counted."""
    for films in staged.datasets.glob(f"*/{_PIXELS}"):
        with contextlib.suppress(DatasetError):  # of a damaged dataset the record alone is kept
            stored = datasets.load_dataset(staged, films.parent.name).fingerprints().stored
            write_bytes(films.parent / datasets.FINGERPRINTS_FILE, stored.tobytes(), durable=False)
        remove_file(films)


def _stage(settings: Settings, staging: Path) -> None:
    """Give every file a second name, all at a moment when no folder was being exchanged."""
    for _ in range(_TRIES):
        # With the lock held nobody can write an entry, so no model, lock or case comes or goes.
        with database.writing(settings):
            if _at_rest(settings.home, staging):
                write_copy(settings.database, staging / DATABASE)
                return
        # An action that wrote its entry before may need the lock to put its folder in place.
        for place in staging.iterdir():
            shutil.rmtree(place) if place.is_dir() else remove_file(place)
        time.sleep(_PAUSE)
    raise StorageError(
        "The home changes all the time, or a replacement was cut off. Start any command, which mends that, "
        "and try again."
    )


def _at_rest(home: Path, staging: Path) -> bool:
    """Give every file a second name; return False if files came or went meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        before = _inodes(home)
        for file in before:
            _second_name(file, staging / file.relative_to(home))
        return _inodes(home) == before and not _half_replaced(home)
    return False


def _inodes(home: Path) -> dict[Path, int]:
    return {file: file.stat().st_ino for file in _files(home)}


def _half_replaced(home: Path) -> bool:
    """Return whether a folder was moved away for another that isn't in its place yet."""
    retired = (match for folder in FOLDERS for match in (home / folder).glob(".*.retired"))
    return any(not _target(place).exists() for place in retired)


def _target(retired: Path) -> Path:
    return retired.with_name(retired.name[1:].rsplit(".", 2)[0])


def _files(home: Path) -> Iterator[Path]:
    """Yield the files of a home that belong to a backup."""
    yield from (home / name for name in FILES if (home / name).is_file())
    for folder in FOLDERS:
        for file in sorted((home / folder).rglob("*")):
            parts = file.relative_to(home).parts
            unfinished = any(part.startswith(".") for part in parts)
            if file.is_file() and not file.is_symlink() and not unfinished and file.suffix != ".pt":
                yield file


def _second_name(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    # A file that lines are added to would go on growing under its second name.
    if file.suffix in (".jsonl", ".txt"):
        copy_file(file, place)
        return
    try:
        os.link(file, place)
    except OSError:  # a file system without links, or a folder that lies on another disk
        copy_file(file, place)


def copy_file(file: Path, place: Path) -> None:
    """Copy a file into a temporary folder, where nothing needs to outlive a power cut."""
    with file.open("rb") as source, replacing(place, durable=False) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)


def _write_archive(out: IO[bytes], staging: Path, *, pixels: bool) -> int:
    """Write the staged files with their manifest; return their number."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        members = [
            _add(archive, file, file.relative_to(staging))
            for file in sorted(staging.rglob("*"))
            if file.is_file()
        ]
        manifest = Manifest(
            version=__version__,
            database=database.HEAD,
            made_at=datetime.now(UTC),
            pixels=pixels,
            members=tuple(members),
        )
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    return len(members)


def _add(archive: zipfile.ZipFile, file: Path, name: Path) -> Member:
    path, digest, size = PurePosixPath(*name.parts).as_posix(), hashlib.sha256(), 0
    with file.open("rb") as source, archive.open(path, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Member(name=path, bytes=size, sha256=digest.hexdigest())
