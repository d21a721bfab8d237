"""
The case log: one row a film that a reader kept, and a trail of who did what to it.

- a case is known by its number; agreement with the model is derived from call and decision, never stored
- the trail is append-only, which SQLite enforces; it tells that a note was changed, not what it said
- deleting wipes a case's content and keeps its number and times, so that a gap in the numbers has a reason
"""

import json
import math
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, insert, select, update

from xraylab import database
from xraylab.errors import NotFoundError, XRayLabError
from xraylab.records import pictures
from xraylab.settings import Settings

Call = Literal["pneumonia", "no pneumonia", "unsure"]
CALLS: tuple[Call, ...] = get_args(Call)
LONGEST_NOTE = 1000
_SAME = {"positive": "pneumonia", "negative": "no pneumonia"}  # what a reader would have to say to agree
_CONTENT = (
    "model",
    "model_sha256",
    "score",
    "decision",
    "threshold",
    "review_from",
    "warnings",
    "overridden",
    "synthetic",
    "call",
    "note",
    "pixels_kept",
)


@dataclass(frozen=True)
class NewCase:
    """What is kept of a reading."""

    model: str
    model_sha256: str
    score: float  # 0 to 1
    decision: str | None  # positive, negative or review
    threshold: float | None  # of the lock that decided; None without one
    review_from: float | None = None
    warnings: tuple[str, ...] = ()
    overridden: bool = False
    synthetic: bool = False
    call: Call | None = None
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A case as it stands; a deleted one has nothing but number and times."""

    number: int
    made_at: datetime
    changed_at: datetime
    deleted_at: datetime | None
    content: NewCase | None
    pixels_kept: bool = False

    @property
    def agrees(self) -> bool | None:
        """Whether reader and model say the same; None where one of them doesn't say."""
        told = self.content
        if told is None or told.call in (None, "unsure") or told.decision not in _SAME:
            return None
        return told.call == _SAME[told.decision]


@dataclass(frozen=True)
class Entry:
    """A line of the trail."""

    number: int | None  # of the case; None where the whole log was meant
    actor: str
    action: str  # created, call, note, exported or deleted
    changed: str
    at: datetime


def keep(
    settings: Settings,
    case: NewCase,
    *,
    actor: str,
    picture: pictures.Kept | None = None,
    now: float | None = None,
) -> int:
    """Keep a case under the next number.

    Parameters
    ----------
    picture : Kept, optional
        The film, only if the reader asked for it to be kept.
    now : float, optional
        Unix seconds; by default the clock's.

    Returns
    -------
    int
        The case's number, from 1 on; none is used twice.

    Raises
    ------
    XRayLabError
        If the note is too long.
    ValueError
        If the score isn't in [0, 1] or the call isn't one of ``CALLS``.
    StorageError
        If it can't be written; then nothing was kept.
    """
    if not 0 <= case.score <= 1:
        raise ValueError(f"a score is in [0, 1], not {case.score}")
    moment = _moment(now)
    values = {
        "model": case.model,
        "model_sha256": case.model_sha256,
        "score": case.score,
        "decision": case.decision,
        "threshold": case.threshold,
        "review_from": case.review_from,
        "warnings": json.dumps(case.warnings),
        "overridden": case.overridden,
        "synthetic": case.synthetic,
        "call": _checked_call(case.call),
        "note": tidy_note(case.note),
        "pixels_kept": picture is not None,
        "made_at": moment,
        "changed_at": moment,
    }
    with database.writing(settings) as db:
        number = int(db.scalars(insert(database.cases).returning(database.cases.c.number), values).one())
        kept = ", with the film" if picture is not None else ""
        _log(db, number, actor, "created", f"call {case.call or 'none'}{kept}", moment)
        if picture is not None:
            pictures.write(settings, number, picture)  # if it fails, the case isn't there either
    return number


def change(
    settings: Settings, number: int, *, call: Call | None, note: str, actor: str, now: float | None = None
) -> Case:
    """Change the reader's call and note; what stays the same leaves no line in the trail.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted.
    XRayLabError
        If the note is too long.
    """
    tidy = tidy_note(note)
    moment = _moment(now)
    with database.writing(settings) as db:
        before = _content(_row(db, number))
        lines = []
        if _checked_call(call) != before.call:
            lines.append(("call", f"{before.call or 'none'} to {call or 'none'}"))
        if tidy != before.note:
            lines.append(("note", f"{len(before.note)} to {len(tidy)} characters"))
        for action, changed in lines:
            _log(db, number, actor, action, changed, moment)
        if lines:
            values = {"call": call, "note": tidy, "changed_at": moment}
            db.execute(update(database.cases).where(database.cases.c.number == number).values(**values))
        after = _case(_row(db, number))
    if lines:
        database.forget(settings)  # the old note is overwritten in the file too
    return after


def delete(settings: Settings, number: int, *, actor: str, now: float | None = None) -> None:
    """Wipe a case and its picture; its number and times stay.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted already.
    StorageError
        If its picture may not be removed; then nothing was deleted.
    """
    moment = _moment(now)
    with database.writing(settings) as db:
        _row(db, number)
        pictures.remove(settings, number)
        wiped: dict[str, Any] = dict.fromkeys(_CONTENT)
        where = database.cases.c.number == number
        db.execute(update(database.cases).where(where).values(**wiped, changed_at=moment, deleted_at=moment))
        _log(db, number, actor, "deleted", "content wiped", moment)
    database.forget(settings)


def note_export(
    settings: Settings, kind: str, *, actor: str, number: int | None = None, now: float | None = None
) -> None:
    """Write into the trail that a case was exported, or the whole log, and as what.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted.
    """
    with database.writing(settings) as db:
        if number is None:
            there = select(database.cases.c.number).where(database.cases.c.deleted_at.is_(None))
            kept = len(db.execute(there).all())
            changed = f"{kept} {'case' if kept == 1 else 'cases'} as {kind}"
        else:
            _row(db, number)
            changed = f"as {kind}"
        _log(db, number, actor, "exported", changed, _moment(now))


def all_cases(settings: Settings) -> list[Case]:
    """Every case, also deleted ones, by number."""
    with database.reading(settings) as db:
        rows = db.execute(select(database.cases).order_by(database.cases.c.number)).mappings().all()
    return [_case(dict(row)) for row in rows]


def find(settings: Settings, number: int) -> Case:
    """A case by its number.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted.
    """
    with database.reading(settings) as db:
        return _case(_row(db, number))


def full_trail(settings: Settings) -> list[Entry]:
    """The whole trail, oldest first."""
    with database.reading(settings) as db:
        rows = db.execute(select(database.trail).order_by(database.trail.c.id)).all()
    return [Entry(row.case_number, row.actor, row.action, row.changed, _time(row.at)) for row in rows]


def tidy_note(note: str) -> str:
    """A note without signs that can't be seen.

    Raises
    ------
    XRayLabError
        If it is longer than ``LONGEST_NOTE``.
    """
    tidy = "".join(sign for sign in note if sign == "\n" or unicodedata.category(sign)[0] != "C").strip()
    if len(tidy) > LONGEST_NOTE:
        raise XRayLabError(f"The note has more than {LONGEST_NOTE} characters. Shorten it and save again.")
    return tidy


def _checked_call(call: str | None) -> str | None:
    if call is not None and call not in CALLS:
        raise ValueError(f"a call is one of {', '.join(CALLS)}, not {call!r}")
    return call


def _log(db: Connection, number: int | None, actor: str, action: str, changed: str, moment: float) -> None:
    line = {"case_number": number, "actor": actor, "action": action, "changed": changed, "at": moment}
    db.execute(insert(database.trail).values(**line))


def _row(db: Connection, number: int) -> Mapping[str, Any]:
    """A case that is there."""
    row = db.execute(select(database.cases).where(database.cases.c.number == number)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no case {number}.")
    if row["deleted_at"] is not None:
        raise NotFoundError(f"Case {number} was deleted, so it can't be changed or shown.")
    return dict(row)


def _case(row: Mapping[str, Any]) -> Case:
    gone = row["deleted_at"] is not None
    return Case(
        number=row["number"],
        made_at=_time(row["made_at"]),
        changed_at=_time(row["changed_at"]),
        deleted_at=_time(row["deleted_at"]) if gone else None,
        content=None if gone else _content(row),
        pixels_kept=bool(row["pixels_kept"]),
    )


def _content(row: Mapping[str, Any]) -> NewCase:
    told = {name: row[name] for name in _CONTENT if name not in ("warnings", "pixels_kept")}
    return NewCase(**told, warnings=tuple(json.loads(row["warnings"])))


def _moment(now: float | None) -> float:
    moment = time.time() if now is None else now
    if not math.isfinite(moment):
        raise ValueError(f"a time is a number of seconds, not {moment}")
    return moment


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
