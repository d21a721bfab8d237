"""
Keep films that were read: the case log and its exports.

- each field of a case is copied from the reading by name; the film's name and its file are never copied
- every export of the log adds a line to its trail
"""

from typing import TYPE_CHECKING

from xraylab import documents, records
from xraylab.errors import NotConfirmedError
from xraylab.imaging import Film, Signs
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
    "blind",
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
    blind: bool = False,
    film: Film | None = None,
    looked: bool = False,
) -> int:
    """Keep a film that was read, under a neutral number.

    Parameters
    ----------
    actor : str
        The person or program that keeps it, for the trail.
    call, note : str, optional
        The reader's own opinion.
    blind : bool
        Whether the call was made before the score was shown.
    film : Film, optional
        The film that was read; give it only to keep its picture too.
    looked : bool
        Whether a person looked at the film and confirms that it shows no name or number. Without this no
        picture is kept.

    Returns
    -------
    int
        The case's number.

    Raises
    ------
    ValueError
        If the reading has no score, or a call that wasn't made is said to be blind.
    NotConfirmedError
        If a film is given and nobody confirmed it; then nothing is kept.
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
    # Field by field: a new field of a reading is kept only if somebody decides so here.
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
        finding=model.card.finding.name,
        blind=blind,
    )
    picture = None if film is None else Kept(film.picture, _tags(film.signs))
    return records.keep(settings, case, actor=actor, picture=picture)


def change_case(settings: Settings, number: int, *, call: Call | None, note: str, actor: str) -> Case:
    """Change the reader's call and note; another call is not a blind one.

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
    """List every case by number, deleted ones too."""
    return records.all_cases(settings)


def note_export(settings: Settings, kind: str, *, actor: str, number: int | None = None) -> None:
    """Write into the trail that a case, or the whole log, was exported in a format."""
    records.note_export(settings, kind, actor=actor, number=number)


def cases_csv(settings: Settings, *, actor: str) -> str:
    """Return the log as CSV; a deleted case has only its number and times."""
    # Noted first: an export that can't be noted must not happen.
    note_export(settings, "csv", actor=actor)
    return as_csv(_HEAD, (_cells(_row(case)) for case in list_cases(settings)))


def cases_json(settings: Settings, *, actor: str) -> str:
    """Return the log and its trail as JSON; this export is the trail's last line."""
    note_export(settings, "json", actor=actor)  # before the trail is read, so that it is in it
    log = documents.CaseLog(
        cases=[_row(case) for case in list_cases(settings)],
        trail=[
            documents.TrailRow(
                case=entry.case,
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
    content = case.content
    times = {"made_at": case.made_at, "changed_at": case.changed_at, "deleted_at": case.deleted_at}
    if content is None:
        return documents.CaseRow(case=case.number, **times)
    return documents.CaseRow(
        case=case.number,
        **times,
        model=content.model,
        model_sha256=content.model_sha256,
        score=content.score,
        decision=content.decision,
        threshold=content.threshold,
        review_from=content.review_from,
        warnings=list(content.warnings),
        overridden=content.overridden,
        synthetic=content.synthetic,
        finding=content.finding,
        call=content.call_words,
        blind=content.blind,
        agrees=case.agrees,
        note=content.note,
        film_kept=case.pixels_kept,
    )


def _cells(row: documents.CaseRow) -> list[object]:
    """Return a row of the document as cells, in the order of the head."""
    times = [
        moment.isoformat() if moment else None for moment in (row.made_at, row.changed_at, row.deleted_at)
    ]
    # A deleted case has no warnings at all, which is not the same as an empty list.
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
        row.blind,
        row.agrees,
        row.note,
        row.film_kept,
    ]


def _tags(signs: Signs) -> Tags:
    # Only these four of a film's signs are kept; the notes and anything new stay out.
    return Tags.allowed(signs.modality, signs.view, signs.body_part, signs.age)
