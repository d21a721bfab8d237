"""
Give a deleted case its content back, within the day for which the trash keeps it.

- what deleting wipes is kept as plain values, checked again before any of them gets into the log
- the picture comes before its case and carries a mark until the case is in the log, as when it was kept
"""

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select, update

from xraylab import database, trail
from xraylab.errors import NotFoundError, XRayLabError
from xraylab.records import pictures
from xraylab.records.log import CONTENT, Case, NewCase, find, tidy_note, write_beside
from xraylab.records.sweeping import sweep
from xraylab.settings import Settings


@dataclass(frozen=True)
class _Facts:
    """What deleting wipes of a case."""

    content: NewCase
    pixels_kept: bool


_FACTS = TypeAdapter(_Facts)


def facts_of(case: Case) -> dict[str, Any]:
    """Return the content of a case as JSON values, from which ``restore`` makes it again.

    Raises
    ------
    NotFoundError
        If the case was deleted.
    """
    if case.content is None:
        raise NotFoundError(f"Case {case.number} was deleted already.")
    facts: dict[str, Any] = _FACTS.dump_python(_Facts(case.content, case.pixels_kept), mode="json")
    return facts


def restore(settings: Settings, number: int, facts: Mapping[str, Any], *, picture: Path, actor: str) -> Case:
    """Give a deleted case its content back.

    Parameters
    ----------
    facts : mapping
        As ``facts_of`` returned them before the deletion.
    picture : Path
        Folder with its picture and tags, if it had a picture.

    Raises
    ------
    NotFoundError
        If the facts can't be used, there is no such case, or it isn't deleted.
    StorageError
        If it can't be written; then it stays deleted.
    """
    known = _checked(facts)
    try:
        with trail.writing(settings) as db:
            where = database.cases.c.number == number
            row = db.execute(select(database.cases.c.deleted_at).where(where)).first()
            if row is None or row.deleted_at is None:
                raise NotFoundError(f"Case {number} isn't deleted, so there is nothing to restore.")
            db.execute(update(database.cases).where(where).values(**_values(known), deleted_at=None))
            write_beside(db, number, known.content)
            model = {"model": known.content.model_sha256}
            trail.add(db, trail.CASE, "restored", actor=actor, case=number, objects=model)
            if known.pixels_kept:
                pictures.put_back(settings, number, picture)
    except BaseException:
        # Only the log can tell whether a commit that failed restored the case.
        with contextlib.suppress(XRayLabError):
            sweep(settings)
        raise
    if known.pixels_kept:
        pictures.confirm(pictures.folder_of(settings, number))
    return find(settings, number)


def _values(known: _Facts) -> dict[str, Any]:
    """Return the columns of the table of cases that deleting wiped."""
    values = {name: getattr(known.content, name) for name in CONTENT if name != "pixels_kept"}
    warnings = json.dumps(known.content.warnings)
    return values | {"warnings": warnings, "pixels_kept": known.pixels_kept, "changed_at": time.time()}


def _checked(facts: Mapping[str, Any]) -> _Facts:
    try:
        known = _FACTS.validate_python(facts)
        tidy_note(known.content.note)
    except (ValueError, XRayLabError) as error:
        raise NotFoundError("What is known of this case can't be read, so it can't be restored.") from error
    if not 0 <= known.content.score <= 1:
        raise NotFoundError("The score of this case isn't one, so it can't be restored.")
    if known.content.blind and known.content.call is None:
        raise NotFoundError("This case has no call that could have been made blind, so it can't be restored.")
    return known
