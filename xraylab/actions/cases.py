"""
Keeping films that were read: the case log and its exports.

- what goes into the log is taken out of a reading field by field; its name and its file never are
- exporting the log is itself a line of its trail
"""

from typing import TYPE_CHECKING

from xraylab import documents, records
from xraylab.errors import NotConfirmedError
from xraylab.imaging import StandardFilm, decode, standardise
from xraylab.models import Model
from xraylab.records import Call, Case, Kept, NewCase, Tags
from xraylab.reports.tables import as_csv
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.read import Reading

_HEAD = (
    "case",
    "made_at",
    "changed_at",
    "deleted_at",
    "model",
    "hash",
    "score",
    "decision",
    "threshold",
    "review_from",
    "warnings",
    "overridden",
    "synthetic",
    "call",
    "agrees",
    "note",
    "film_kept",
)


def keep_case(
    settings: Settings,
    model: Model,
    reading: "Reading",
    *,
    actor: str,
    call: Call | None = None,
    note: str = "",
    film: bytes | None = None,
    looked: bool = False,
) -> int:
    """Keep a film that was read, under a neutral number.

    Parameters
    ----------
    call, note : str, optional
        The reader's own.
    film : bytes, optional
        The film's file, only if its picture shall be kept too.
    looked : bool
        The word of a person who looked at the film that no name or number stands in it; its picture is kept
        on that word alone.

    Returns
    -------
    int
        The case's number.

    Raises
    ------
    ValueError
        If the reading has no score.
    NotConfirmedError
        If the picture shall be kept without that word; then nothing is kept.
    XRayLabError
        If the note is too long, the film can't be read or nothing can be written; then nothing is kept.
    """
    if reading.score is None:
        raise ValueError("a film that was refused can't be kept")
    if film is not None and not looked:
        raise NotConfirmedError(
            "Look at the film first: a name or number that stands in the picture would be kept with it. "
            "Confirm that you looked (looked=True in code), or keep the case without its picture."
        )
    case = NewCase(
        model=model.name,
        model_sha256=model.card.model_sha256,
        score=reading.score,
        decision=reading.decision,
        threshold=reading.threshold,
        review_from=reading.review_from,
        warnings=reading.warnings,
        overridden=reading.overridden,
        synthetic=reading.synthetic,
        call=call,
        note=note,
    )
    picture = None if film is None else Kept(decode(film), _tags(standardise(film)))
    return records.keep(settings, case, actor=actor, picture=picture)


def change_case(settings: Settings, number: int, *, call: Call | None, note: str, actor: str) -> Case:
    """Change the reader's call and note.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted.
    XRayLabError
        If the note is too long.
    """
    return records.change(settings, number, call=call, note=note, actor=actor)


def delete_case(settings: Settings, number: int, *, actor: str) -> None:
    """Wipe a case; its number and times stay.

    Raises
    ------
    NotFoundError
        If there is no such case, or it was deleted already.
    """
    records.delete(settings, number, actor=actor)


def list_cases(settings: Settings) -> list[Case]:
    """Every case, also deleted ones, by number."""
    return records.all_cases(settings)


def note_export(settings: Settings, kind: str, *, actor: str, number: int | None = None) -> None:
    """Write into the trail that a case, or the whole log, was exported, and as what."""
    records.note_export(settings, kind, actor=actor, number=number)


def cases_csv(settings: Settings, *, actor: str) -> str:
    """The log as CSV, deleted cases with their times only; the export is written into the trail."""
    note_export(settings, "csv", actor=actor)
    return as_csv(_HEAD, (_cells(_row(case)) for case in list_cases(settings)))


def cases_json(settings: Settings, *, actor: str) -> str:
    """The log and its trail as JSON; the export is the trail's last line."""
    note_export(settings, "json", actor=actor)
    log = documents.CaseLog(
        cases=[_row(case) for case in list_cases(settings)],
        trail=[
            documents.TrailRow(
                case=entry.number,
                actor=entry.actor,
                action=entry.action,
                changed=entry.changed,
                at=entry.at,
            )
            for entry in records.full_trail(settings)
        ],
    )
    return log.model_dump_json(indent=2) + "\n"


def _row(case: Case) -> documents.CaseRow:
    told = case.content
    times = {"made_at": case.made_at, "changed_at": case.changed_at, "deleted_at": case.deleted_at}
    if told is None:
        return documents.CaseRow(case=case.number, **times)
    return documents.CaseRow(
        case=case.number,
        **times,
        model=told.model,
        model_sha256=told.model_sha256,
        score=told.score,
        decision=told.decision,
        threshold=told.threshold,
        review_from=told.review_from,
        warnings=list(told.warnings),
        overridden=told.overridden,
        synthetic=told.synthetic,
        call=told.call,
        agrees=case.agrees,
        note=told.note,
        film_kept=case.pixels_kept,
    )


def _cells(row: documents.CaseRow) -> list[object]:
    """A row of the document as cells, in the order of the head."""
    times = [
        moment.isoformat() if moment else None for moment in (row.made_at, row.changed_at, row.deleted_at)
    ]
    warnings = None if row.warnings is None else " ".join(row.warnings)
    return [
        row.case,
        *times,
        row.model,
        row.model_sha256,
        row.score,
        row.decision,
        row.threshold,
        row.review_from,
        warnings,
        row.overridden,
        row.synthetic,
        row.call,
        row.agrees,
        row.note,
        row.film_kept,
    ]


def _tags(film: StandardFilm) -> Tags:
    signs = film.signs
    return Tags.allowed(signs.modality, signs.view, signs.body_part, signs.age)
