"""
The case log: one row per film that a reader kept; all changes are entries of the trail, with their actors.

- a case is identified by its number; agreement with the model is derived from call and decision, never stored
- a change and its entry in the trail are one transaction, so that neither is there without the other; the
  entry says that a note was changed, not its text
- deleting wipes a case's content and keeps its number and times, so that a gap in the numbers is explained
"""

import contextlib
import json
import math
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update
from sqlalchemy import delete as delete_rows

from xraylab import database, trail
from xraylab.errors import NotFoundError, XRayLabError
from xraylab.findings import PNEUMONIA
from xraylab.records import pictures
from xraylab.records.calls import CALLS, Call, agrees, call_words
from xraylab.records.sweeping import sweep
from xraylab.settings import Settings

LONGEST_NOTE = 1000
CONTENT = (  # columns of the table of cases that deleting wipes
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
    """The fields of a reading that are kept."""

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
    finding: str = PNEUMONIA.name  # what the model looked for
    blind: bool = False  # whether the call was made before the score was shown

    @property
    def call_words(self) -> str | None:
        """The reader's call in words; None without one."""
        return None if self.call is None else call_words(self.call, self.finding)


@dataclass(frozen=True)
class Case:
    """A case in its present state; a deleted one has only its number and times."""

    number: int
    made_at: datetime
    changed_at: datetime
    deleted_at: datetime | None
    content: NewCase | None  # None once deleted
    pixels_kept: bool = False

    @property
    def agrees(self) -> bool | None:
        """Whether reader and model agree; None if either of them gave no clear answer."""
        content = self.content
        return None if content is None else agrees(content.call, content.decision)


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
    case : NewCase
    actor : str
        The person or program that keeps it.
    picture : Kept, optional
        The film, only if the reader asked to keep it.
    now : float, optional
        Unix seconds; by default the clock's time.

    Returns
    -------
    int
        The case's number, from 1 on; no number is used twice.

    Raises
    ------
    XRayLabError
        If the note is too long.
    ValueError
        If the score isn't in [0, 1], the call isn't one of ``CALLS``, or a case without a call says that it
        was made blind.
    StorageError
        If it can't be written; then nothing is kept.
    """
    if not 0 <= case.score <= 1:
        raise ValueError(f"a score is in [0, 1], not {case.score}")
    if case.blind and case.call is None:
        raise ValueError("a call that wasn't made can't be blind")
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
    try:
        with trail.writing(settings) as db:
            number = _next_number(settings, db)
            db.execute(insert(database.cases), {"number": number, **values})
            write_beside(db, number, case)
            blind = ", made before the score was shown" if case.blind else ""
            kept = ", with the film" if picture is not None else ""
            model, call = {"model": case.model_sha256}, case.call_words or "none"
            _log(db, number, actor, "created", f"call {call}{blind}{kept}", moment, objects=model)
            if picture is not None:
                # Inside the transaction: if writing fails, the case isn't kept either.
                pictures.write(settings, number, picture)
    except BaseException:
        # Only the log can tell whether a commit that failed kept the case.
        with contextlib.suppress(XRayLabError):
            sweep(settings)
        raise
    if picture is not None:
        pictures.confirm(pictures.folder_of(settings, number))
    return number


def write_beside(db: Connection, number: int, case: NewCase) -> None:
    """Write what other tables hold of a case: its finding, and whether its call was made blind."""
    db.execute(insert(database.case_findings), {"number": number, "finding": case.finding})
    if case.blind:
        db.execute(insert(database.blind_calls), {"number": number})


def _wipe_beside(db: Connection, number: int) -> None:
    for table in database.beside_cases:
        db.execute(delete_rows(table).where(table.c.number == number))


def _next_number(settings: Settings, db: Connection) -> int:
    last = db.execute(select(func.max(database.cases.c.number))).scalar()
    return pictures.free_number(settings, 1 + (last or 0))


def change(
    settings: Settings, number: int, *, call: Call | None, note: str, actor: str, now: float | None = None
) -> Case:
    """Change the reader's call and note; an unchanged field adds no line to the trail.

    Another call is not a blind one, since the score has been shown. The same call stays what it was.

    Returns
    -------
    Case
        After the change.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted.
    XRayLabError
        If the note is too long.
    """
    tidy = tidy_note(note)
    moment = _moment(now)
    with trail.writing(settings) as db:
        before = _content(_row(db, number))
        lines = []
        if _checked_call(call) != before.call:
            after_words = "none" if call is None else call_words(call, before.finding)
            blind = ", after the score was shown" if before.blind else ""
            lines.append(("call", f"{before.call_words or 'none'} to {after_words}{blind}"))
            db.execute(delete_rows(database.blind_calls).where(database.blind_calls.c.number == number))
        if tidy != before.note:
            # Only lengths: the trail can't be wiped, and a note may hold what has to be deleted later.
            lines.append(("note", f"{len(before.note)} to {len(tidy)} characters"))
        for action, changed in lines:
            _log(db, number, actor, action, changed, moment)
        if lines:
            values = {"call": call, "note": tidy, "changed_at": moment}
            db.execute(update(database.cases).where(database.cases.c.number == number).values(**values))
        after = _case(_row(db, number))
    if lines:
        database.forget(settings)  # overwrites the old note in the database file too
    return after


def delete(
    settings: Settings,
    number: int,
    *,
    actor: str,
    changed: str = "content wiped",
    now: float | None = None,
) -> None:
    """Wipe a case and its picture; its number and times stay.

    Parameters
    ----------
    changed : str
        What the trail says of it.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted already.
    StorageError
        If its picture can't be moved aside; then nothing is deleted. Or if the picture can't be removed after
        that; then the next start tries again.
    """
    moment = _moment(now)
    # The picture is moved aside first: if that fails, the case stays as it was. It is removed at the end.
    with pictures.removing(settings, number), trail.writing(settings) as db:
        _row(db, number)  # raises unless the case exists
        wiped: dict[str, Any] = dict.fromkeys(CONTENT)
        where = database.cases.c.number == number
        db.execute(update(database.cases).where(where).values(**wiped, changed_at=moment, deleted_at=moment))
        _wipe_beside(db, number)
        _log(db, number, actor, "deleted", changed, moment)
    database.forget(settings)


def note_export(
    settings: Settings, kind: str, *, actor: str, number: int | None = None, now: float | None = None
) -> None:
    """Write into the trail that a case, or the whole log, was exported in a format.

    Parameters
    ----------
    kind : str
        The format, as people call it.
    number : int, optional
        Of the case; by default the whole log.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted.
    """
    with trail.writing(settings) as db:
        if number is None:
            there = select(database.cases.c.number).where(database.cases.c.deleted_at.is_(None))
            kept = len(db.execute(there).all())
            changed = f"{kept} {'case' if kept == 1 else 'cases'} as {kind}"
        else:
            _row(db, number)
            changed = f"as {kind}"
        _log(db, number, actor, "exported", changed, _moment(now))


def all_cases(settings: Settings) -> list[Case]:
    """List every case by number, deleted ones too."""
    with database.reading(settings) as db:
        rows = db.execute(_whole().order_by(database.cases.c.number)).mappings().all()
    return [_case(dict(row)) for row in rows]


def find(settings: Settings, number: int) -> Case:
    """Return a case by its number.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted.
    """
    with database.reading(settings) as db:
        return _case(_row(db, number))


def full_trail(settings: Settings) -> list[trail.Entry]:
    """Return the trail of the case log, oldest entry first."""
    return trail.entries(settings, subject=trail.CASE)


def tidy_note(note: str) -> str:
    """Remove invisible characters from a note, except line breaks, and spaces round it.

    Raises
    ------
    XRayLabError
        If it is longer than ``LONGEST_NOTE``.
    """
    # Control and formatting characters (category C) can hide text or turn its direction.
    tidy = "".join(sign for sign in note if sign == "\n" or unicodedata.category(sign)[0] != "C").strip()
    if len(tidy) > LONGEST_NOTE:
        raise XRayLabError(f"The note has more than {LONGEST_NOTE} characters. Shorten it and save again.")
    return tidy


def _checked_call(call: str | None) -> str | None:
    if call is not None and call not in CALLS:
        raise ValueError(f"a call is one of {', '.join(CALLS)}, not {call!r}")
    return call


def _log(
    db: Connection, number: int | None, actor: str, action: str, changed: str, moment: float, **facts: Any
) -> None:
    trail.add(db, trail.CASE, action, actor=actor, case=number, changed=changed, now=moment, **facts)


def _whole() -> Select[Any]:
    """Select cases, each with its finding, null in older cases, and whether its call was made blind."""
    cases, findings, blind = database.cases, database.case_findings, database.blind_calls
    return select(cases, findings.c.finding, blind.c.number.is_not(None).label("blind")).select_from(
        cases.outerjoin(findings).outerjoin(blind, blind.c.number == cases.c.number)
    )


def _row(db: Connection, number: int) -> Mapping[str, Any]:
    """Return the row of a case that exists and was not deleted."""
    row = db.execute(_whole().where(database.cases.c.number == number)).mappings().first()
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
    fields = {name: row[name] for name in CONTENT if name not in ("warnings", "pixels_kept")}
    return NewCase(
        **fields,
        finding=row["finding"] or PNEUMONIA.name,
        blind=bool(row["blind"]),
        warnings=tuple(json.loads(row["warnings"])),
    )


def _moment(now: float | None) -> float:
    moment = time.time() if now is None else now
    if not math.isfinite(moment):
        raise ValueError(f"a time is a number of seconds, not {moment}")
    return moment


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
