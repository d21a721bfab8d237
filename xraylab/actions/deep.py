"""
The deep checks of the doctor: hashes, the database, orphans and the chain of the trail.

- every check reads and changes nothing; what ``--mend`` can mend says so
- a fault is a sentence with what to do about it
"""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select

from xraylab import chain, copies, database, trail
from xraylab.actions.backups import digest_of
from xraylab.data import datasets
from xraylab.data.catalog import manifest_sha256
from xraylab.data.openings import read_openings
from xraylab.errors import UnreadableImageError, XRayLabError
from xraylab.imaging import decode
from xraylab.models import ENSEMBLE, load_model
from xraylab.settings import Settings

_CHUNK = 64  # films hashed at once, 4 MB
_MENDS = "“doctor --mend” mends this."

Look = Callable[[Settings], tuple[bool, str]]


def looks() -> dict[str, Look]:
    """Return the deep checks by their names, in their order."""
    return {
        "database content": _look_at_content,
        "trail": _look_at_trail,
        "models": lambda settings: _all(faults_of_models(settings), "every model has its hash"),
        "datasets": lambda settings: _all(faults_of_datasets(settings), "all films have their hash"),
        "openings": lambda settings: _all(faults_of_openings(settings), "all films have their hash"),
        "kept pictures": lambda settings: _all(faults_of_pictures(settings), "each has its case"),
    }


def _all(faults: Iterator[str], well: str) -> tuple[bool, str]:
    sentences = list(faults)
    return not sentences, " ".join(sentences) or well


def damage_of(file: Path) -> str | None:
    """Return what SQLite finds wrong with a database; None if it is whole or missing."""
    if not file.exists():
        return None
    # In a folder that may not be written SQLite can't make the files that go with a write-ahead log.
    mode = "mode=ro" if os.access(file.parent, os.W_OK) else "mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?{mode}", uri=True)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            found = [] if found == ["ok"] else found
            found += [f"row {row[1]} of {row[0]} refers to nothing" for row in _unowned(connection)]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "; ".join(found) or None


def _unowned(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("PRAGMA foreign_key_check").fetchmany(3)


def _look_at_content(settings: Settings) -> tuple[bool, str]:
    if (damage := damage_of(settings.database)) is not None:
        return False, f"{settings.database} is damaged ({damage}). Don't delete it. {_MENDS}"
    kept = copies.kept_copies(settings.database)
    if bad := [copy for copy in kept if damage_of(copy) is not None]:
        return False, f"The copy {bad[0]} is damaged. Move it away: the database itself is whole."
    return True, f"whole; {len(kept)} {'copy' if len(kept) == 1 else 'copies'} from before an upgrade" + (
        f", the newest {kept[0].name}" if kept else ""
    )


def _look_at_trail(settings: Settings) -> tuple[bool, str]:
    """Check the chain against itself, the anchors and the copies."""
    entries = [entry.plain() for entry in trail.entries(settings)]
    anchors = [*trail.anchors(settings), *_anchors_in_copies(settings)]
    checked = chain.check(entries, anchors)
    if checked.faults:
        return False, (
            f"{' '.join(checked.faults)} Somebody or another program changed the database. Keep this home as "
            "it is, and compare with a backup or an exported trail."
        )
    last = f"the newest has {checked.last[:16]}…" if entries else "none yet"
    # Honest about the limit: this home alone can't witness against a person who may write all of it.
    return True, (
        f"{checked.entries} entries, {last}. {' '.join((*checked.notes, ''))}A person who can write the "
        "whole home could have written the trail anew: a backup or an exported trail elsewhere would show it."
    )


def _anchors_in_copies(settings: Settings) -> Iterator[tuple[int, str]]:
    newest = "SELECT sequence, sha256 FROM trail ORDER BY sequence DESC LIMIT 1"
    for copy in copies.kept_copies(settings.database):
        # A copy of an earlier schema has no chain.
        with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(copy)) as old:
            yield from old.execute(newest)


def faults_of_models(settings: Settings) -> Iterator[str]:
    """Yield a sentence for every model in the home that isn't what its card says."""
    for folder in _folders(settings.models, "card.json"):
        try:
            model = load_model(settings, folder.name)
            model.films("validation")
        except XRayLabError as error:
            yield str(error)
            continue
        file = folder / ("members.json" if model.card.arch == ENSEMBLE else "model.safetensors")
        if not file.exists() or digest_of(file) != model.card.model_sha256:
            yield f"{file} is missing or isn't what the model's card says. {model.remedy}"


def faults_of_datasets(settings: Settings) -> Iterator[str]:
    """Yield a sentence for every dataset whose films or catalog aren't those that were imported."""
    for folder in _folders(settings.datasets, "dataset.json"):
        try:
            dataset = datasets.load_dataset(settings, folder.name)
            dataset.fingerprints("test")
            # After a restored backup without films there are fingerprints in their place.
            without_films = (folder / datasets.FINGERPRINTS_FILE).exists()
            changed = not without_films and _hash_of(dataset) != dataset.info.pixel_hash
            relabelled = dataset.manifest not in (None, manifest_sha256(dataset.catalog))
        except XRayLabError as error:
            yield str(error)
            continue
        if changed:
            yield (
                f"The films of the dataset “{folder.name}” were changed or damaged since their import. "
                "Import them again in its place."
            )
        if relabelled:
            yield (
                f"Labels, patients or splits of the dataset “{folder.name}” were changed since it was made. "
                "Import or mend it again in its place."
            )


def _hash_of(dataset: datasets.Dataset) -> str:
    digest = hashlib.sha256()
    for first in range(0, len(dataset.pixels), _CHUNK):
        digest.update(dataset.pixels[first : first + _CHUNK].tobytes())
    return digest.hexdigest()


def faults_of_openings(settings: Settings) -> Iterator[str]:
    """Yield a sentence for every opening whose films aren't known any more."""
    for digest in dict.fromkeys(opening.films for opening in read_openings(settings) if opening.films):
        file = settings.home / "openings" / digest
        if not file.is_file() or digest_of(file) != digest:
            yield (
                f"{file} is missing or damaged, so an opening isn't recognised on its films. Restore it from "
                "a backup."
            )


def faults_of_pictures(settings: Settings) -> Iterator[str]:
    """Yield a sentence for every case without its picture, and every picture without its case or damaged."""
    claimed = claimed_pictures(settings)
    for number in cases_without_picture(settings):
        yield f"The picture of case {number} is missing. {_MENDS}"
    for folder in settings.cases.glob("*"):
        if not folder.name.isdecimal() or not claimed.get(int(folder.name)):
            yield (
                f"{folder} holds the picture of no case. Look whether a backup has the case; else remove the "
                "folder."
            )
        elif not _is_picture(folder / "film.png"):
            yield f"{folder / 'film.png'} is damaged. Restore it from a backup, or delete the case."


def claimed_pictures(settings: Settings) -> dict[int, bool]:
    """Return for each case whether it has a picture."""
    query = select(database.cases.c.number, database.cases.c.pixels_kept)
    with database.reading(settings) as db:
        return {row.number: bool(row.pixels_kept) for row in db.execute(query)}


def cases_without_picture(settings: Settings) -> list[int]:
    """Return the numbers of the cases that should have a picture, and have none."""
    return [
        number
        for number, kept in claimed_pictures(settings).items()
        if kept and not (settings.cases / str(number) / "film.png").exists()
    ]


def _is_picture(file: Path) -> bool:
    # A PNG holds checksums of its own, so a changed byte is found when it is decoded. A home may have been
    # restored from anywhere, so its pictures are decoded apart as all others.
    try:
        decode(file.read_bytes())
    except (OSError, UnreadableImageError):
        return False
    return True


def _folders(room: Path, record: str) -> list[Path]:
    return sorted(file.parent for file in room.glob(f"*/{record}") if not file.parent.name.startswith("."))
