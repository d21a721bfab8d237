"""
Settle what a killed process left of kept films, so that each picture has its case, and each case its picture.

- a picture comes before its case and carries a mark until the case is in the log
- a deleted case comes before the end of its picture
- a picture without a mark and without a case stays: the log itself was lost, and may be restored
"""

import shutil
from pathlib import Path

from sqlalchemy import Connection, select

from xraylab import database, leftovers
from xraylab.leftovers import Swept
from xraylab.records import pictures
from xraylab.settings import Settings


def sweep(settings: Settings) -> Swept:
    """Remove pictures of cases that were never kept, or were deleted, and temporary folders.

    Raises
    ------
    StorageError
        If the database can't be read or written.
    """
    # Nothing to settle is the usual case. It is found without the write lock, and without making a database.
    if not settings.cases.is_dir() or not settings.database.exists() or _is_settled(settings):
        return Swept()
    # Under the write lock no process is between a picture and its case.
    with database.writing(settings) as db:
        swept = leftovers.sweep(settings.cases)
        claimed = _claimed(db)
        for folder in _folders(settings):
            swept += leftovers.sweep(folder) + _settle(folder, claimed.get(int(folder.name)))
    return swept


def _is_settled(settings: Settings) -> bool:
    with database.reading(settings) as db:
        claimed = _claimed(db)
    return not leftovers.any_in(settings.cases) and not any(
        pictures.is_marked(folder) or leftovers.any_in(folder) or claimed.get(int(folder.name)) is False
        for folder in _folders(settings)
    )


def _folders(settings: Settings) -> list[Path]:
    """Return the folders of pictures."""
    return [folder for folder in settings.cases.iterdir() if folder.name.isdecimal() and folder.is_dir()]


def _claimed(db: Connection) -> dict[int, bool]:
    """Return for each case whether it has a picture."""
    rows = db.execute(select(database.cases.c.number, database.cases.c.pixels_kept)).all()
    return {row.number: bool(row.pixels_kept) for row in rows}


def _settle(folder: Path, claimed: bool | None) -> Swept:
    """Settle a picture by its case: whether the case has a picture, or None if there is no such case."""
    if claimed:
        pictures.confirm(folder)
    if claimed or (claimed is None and not pictures.is_marked(folder)):
        return Swept()
    shutil.rmtree(folder, ignore_errors=True)
    return Swept(stuck=(folder,)) if folder.exists() else Swept(removed=(folder,))
