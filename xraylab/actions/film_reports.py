"""
Reports of films that were read: PDF, picture, DICOM and the table of scores.

- a document is drawn when it is asked for and returned as bytes; nothing is written to the home
- reportlab and highdicom are loaded by the function that needs them, when it is called
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xraylab import __version__, documents, trail
from xraylab.data.entries import printable
from xraylab.evaluation.prevalence import USUAL
from xraylab.evaluation.rules import rule_words
from xraylab.findings import Finding
from xraylab.imaging import Film
from xraylab.models import Lock, Model
from xraylab.reports.film import DrawnHeatmap, FilmReport, Standing, standing_rates
from xraylab.reports.tables import as_csv
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.heatmap import Heatmap
    from xraylab.reading.read import Reading


def standing_of(model: Model, lock: Lock | None) -> Standing:
    """Compute how a model did on its validation films, at the lock that decided its readings.

    Parameters
    ----------
    lock : Lock or None
        As ``usable_lock`` returns it; without one the rates stay NaN.

    Raises
    ------
    NotFoundError
        If its predictions are missing or damaged.
    WeightsError
        If its stored predictions are those of other weights.
    """
    # The rates are those of the validation films; test films are counted only once they were opened.
    table = model.table("validation")
    rates: dict[str, Any] = {} if lock is None else standing_rates(table, lock.threshold, lock.review_from)
    card = model.card
    return Standing(
        model=model.name,
        model_sha256=card.model_sha256,
        arch=card.arch,
        dataset=card.dataset.name,
        backend=card.backend,
        rule=None if lock is None else rule_words(lock.rule),
        finding=card.finding,
        n=table.n,
        patients=table.n_groups,
        positives=table.positives,
        calibrated=card.calibrated,
        copies=0 if card.calibrated_on is None else card.calibrated_on.copies,
        models=max(1, len(card.members)),  # a single model lists no members
        films=table,
        test=model.table("test") if lock is not None and model.test_opened else None,
        **rates,
    )


def drawn_heatmap(heatmap: "Heatmap", finding: Finding) -> DrawnHeatmap:
    """Draw a heatmap as documents and the page show it."""
    from xraylab.reading.heatmap import METHODS, overlay_png

    return DrawnHeatmap(
        png=overlay_png(heatmap.values),
        method=METHODS[heatmap.method].title,
        grids=heatmap.grids,
        fixed=heatmap.fixed,
        strongest=float(heatmap.values.max()),
        finding=finding,
    )


def film_report(
    standing: Standing,
    reading: "Reading",
    film: Film,
    *,
    overlay: DrawnHeatmap | None = None,
    call: str | None = None,
    note: str = "",
    blind: bool = False,
    prevalence: float = USUAL,
    now: datetime | None = None,
) -> FilmReport:
    """Collect what the documents on one film say.

    Parameters
    ----------
    standing : Standing
        Of the model that read the film.
    reading : Reading
        With a score; a film that was refused has no report.
    film : Film
        Its picture is decoded here, unless the film holds it already.
    overlay : DrawnHeatmap, optional
        Its heatmap.
    call, note : str, optional
        The reader's own opinion.
    blind : bool
        Whether the call was made before the score was shown.
    prevalence : float
        Share of films with the finding where the film is read, in (0, 1).
    now : datetime, optional
        When the report was made; by default the clock's time, in UTC.

    Raises
    ------
    ValueError
        If the reading has no score.
    """
    if reading.score is None:
        raise ValueError("a film that was refused has no report")
    # The film's name is left out on purpose: a report identifies the film by its hash alone.
    return FilmReport(
        standing=standing,
        film_sha256=film.sha256,
        film=film.picture,
        overlay=overlay,
        score=reading.score,
        decision=reading.decision,
        threshold=reading.threshold,
        review_from=reading.review_from,
        warnings=reading.warnings,
        overridden=reading.overridden,
        synthetic=reading.synthetic,
        made_at=now or datetime.now(UTC),
        version=__version__,
        call=call,
        note=note,
        blind=blind,
        notes=reading.notes,
        spread=reading.spread,
        kinds=reading.subtype,
        prevalence=prevalence,
    )


def film_pdf(report: FilmReport) -> bytes:
    """Draw a film's report as a PDF, on one page if its words fit."""
    from xraylab.reports.film_pdf import film_pdf as draw

    return draw(report)


def film_png(report: FilmReport) -> bytes:
    """Draw a film and its heatmap as one PNG, with the notice burned in."""
    from xraylab.reports.film_picture import film_png as draw

    return draw(report)


def deidentified_dicom(report: FilmReport, film: Film, *, looked: bool = False) -> bytes:
    """Write a film's picture as a de-identified DICOM Secondary Capture; see ``reports.secondary_capture``.

    Parameters
    ----------
    report : FilmReport
    film : Film
        The film of the report; its file says whether it was compressed with loss.
    looked : bool
        Whether a person looked at the film and confirms that it shows no name or number.

    Raises
    ------
    NotConfirmedError
        If nobody confirmed it.
    """
    from xraylab.imaging.headers import lossy_before
    from xraylab.reports.secondary_capture import deidentified

    return deidentified(report, looked=looked, lossy=lossy_before(film))


def study_dicom(report: FilmReport, film: Film, *, confirmed: bool = False) -> bytes:
    """Write a film's picture as a DICOM Secondary Capture of its own study; it identifies the patient.

    Parameters
    ----------
    report : FilmReport
    film : Film
        The film of the report, read from a DICOM file.
    confirmed : bool
        Whether a person confirms that it may go to the patient's study.

    Raises
    ------
    NotConfirmedError
        If nobody confirmed it.
    XRayLabError
        If the film was not read from a DICOM file, or its study can't be read.
    """
    from xraylab.reports.secondary_capture import for_the_study

    return for_the_study(report, film, confirmed=confirmed)


def note_film(settings: Settings, report: FilmReport, kind: str, *, actor: str) -> None:
    """Write into the trail that a document on a film is exported; call it before the file is handed out.

    Parameters
    ----------
    kind : str
        The format, as people call it.
    """
    objects = {"film": report.film_sha256, "model": report.standing.model_sha256}
    name, changed = report.standing.model, f"as {kind}"
    trail.enter(settings, trail.FILM, "exported", actor=actor, name=name, objects=objects, changed=changed)


def note_scores(settings: Settings, model: Model, films: int, *, actor: str) -> None:
    """Write into the trail that the scores of a batch, with their reports if there are any, are exported."""
    trail.enter(
        settings,
        trail.FILM,
        "exported",
        actor=actor,
        name=model.name,
        objects={"model": model.card.model_sha256},
        changed=f"scores of {films} {'film' if films == 1 else 'films'} as CSV",
    )


def predicted(
    reading: "Reading", *, heatmap: str | None = None, report: str | None = None
) -> documents.Predicted:
    """Return a reading as a row of a document.

    Parameters
    ----------
    reading : Reading
    heatmap, report : str, optional
        Paths of the files that were written for it.
    """
    # On Linux a name may hold bytes that are no text; documents can't, so those bytes are spelt out.
    return documents.Predicted(
        file=printable(reading.name),
        score=reading.score,
        decision=reading.decision,
        threshold=reading.threshold,
        warnings=list(reading.warnings),
        notes=list(reading.notes),
        refused=reading.refused,
        heatmap=None if heatmap is None else printable(heatmap),
        spread=reading.spread,
        subtype=dict(reading.subtype) or None,
        report=report,
        overridden=reading.overridden,
        review_from=reading.review_from,
        synthetic=reading.synthetic,
    )


def scores_csv(model: Model, rows: Iterable[documents.Predicted]) -> str:
    """Return a batch as CSV, one row per film in its order; a file's name may identify a patient."""
    # Model and hash are repeated in every row, so that rows of several tables can be mixed.
    head = (
        "film",
        "file",
        "score",
        "decision",
        "threshold",
        "review_from",
        "warnings",
        "overridden",
        "notes",
        "disagreement",
        "synthetic",
        "refused",
        "report",
        "model",
        "hash",
    )
    table = (
        (
            number,
            row.file,
            row.score,
            row.decision,
            row.threshold,
            row.review_from,
            " ".join(row.warnings),
            row.overridden,
            " ".join(row.notes),
            row.spread,
            row.synthetic,
            row.refused,
            row.report,
            model.name,
            model.card.model_sha256,
        )
        for number, row in enumerate(rows, 1)
    )
    return as_csv(head, table)
