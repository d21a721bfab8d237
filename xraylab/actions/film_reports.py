"""
Reports of films that were read: PDF, picture, DICOM and the table of scores.

- drawn when asked for and handed over as bytes; nothing is written to the home
- reportlab and highdicom are loaded by what needs them, when it is called
- a case that was kept remembers that it was exported, and as what
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xraylab import __version__, documents
from xraylab.data.sources import printable
from xraylab.errors import RecipeError
from xraylab.evaluation.rules import parse_rule
from xraylab.imaging import decode, is_dicom
from xraylab.models import Lock, Model
from xraylab.reports.film import DrawnHeatmap, FilmReport, Standing, standing_rates
from xraylab.reports.tables import as_csv

if TYPE_CHECKING:
    from xraylab.reading.heatmap import Heatmap
    from xraylab.reading.read import Reading


def standing_of(model: Model, lock: Lock | None) -> Standing:
    """Return how well a model did on its validation films, at the lock that decided its readings.

    Raises
    ------
    NotFoundError
        If its predictions are missing or damaged.
    WeightsError
        If its stored predictions are those of other weights.
    """
    table = model.table("validation")
    rates: dict[str, Any] = {} if lock is None else standing_rates(table, lock.threshold, lock.review_from)
    card = model.card
    return Standing(
        model=model.name,
        model_sha256=card.model_sha256,
        arch=card.arch,
        dataset=card.dataset.name,
        backend=card.backend,
        rule=None if lock is None else _rule_words(lock.rule),
        n=table.n,
        patients=table.n_groups,
        positives=table.positives,
        calibrated=card.calibrated,
        models=max(1, len(card.members)),
        films=table,
        **rates,
    )


def drawn_heatmap(heatmap: "Heatmap") -> DrawnHeatmap:
    """A heatmap as documents and the page show it."""
    from xraylab.reading.heatmap import METHODS, overlay_png

    return DrawnHeatmap(
        png=overlay_png(heatmap.values),
        method=METHODS[heatmap.method].title,
        grids=heatmap.grids,
        fixed=heatmap.fixed,
        strongest=float(heatmap.values.max()),
    )


def film_report(
    standing: Standing,
    reading: "Reading",
    data: bytes,
    *,
    overlay: DrawnHeatmap | None = None,
    call: str | None = None,
    note: str = "",
    now: datetime | None = None,
) -> FilmReport:
    """What documents say of a film that was read.

    Parameters
    ----------
    reading : Reading
        With a score; a film that was refused has no report.
    data : bytes
        The film's file.
    overlay : DrawnHeatmap, optional
        Its heatmap.
    call, note : str, optional
        The reader's own.

    Raises
    ------
    ValueError
        If the reading has no score.
    """
    if reading.score is None:
        raise ValueError("a film that was refused has no report")
    return FilmReport(
        standing=standing,
        film_sha256=hashlib.sha256(data).hexdigest(),
        film=decode(data),
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
        notes=reading.notes,
        spread=reading.spread,
        kinds=reading.subtype,
    )


def film_pdf(report: FilmReport) -> bytes:
    """A film's report as a PDF, of one page where its words have room."""
    from xraylab.reports.film_pdf import film_pdf as draw

    return draw(report)


def film_png(report: FilmReport) -> bytes:
    """A film and its heatmap as one PNG, with the notice burned in."""
    from xraylab.reports.film_picture import film_png as draw

    return draw(report)


def deidentified_dicom(report: FilmReport, data: bytes, *, looked: bool = False) -> bytes:
    """A film's picture as a de-identified DICOM Secondary Capture; see ``reports.secondary_capture``.

    Parameters
    ----------
    looked : bool
        The word of a person who looked at the film that no name or number stands in it.

    Raises
    ------
    NotConfirmedError
        Without that word.
    """
    from xraylab.reports.secondary_capture import deidentified, lossy_before

    return deidentified(report, looked=looked, lossy=lossy_before(data))


def study_dicom(report: FilmReport, data: bytes, *, confirmed: bool = False) -> bytes:
    """A film's picture as a DICOM Secondary Capture of its own study; it tells whose film it is.

    Parameters
    ----------
    confirmed : bool
        A person's word that it may go to the patient's study.

    Raises
    ------
    NotConfirmedError
        Without that word.
    XRayLabError
        If the film was no DICOM file, or its study can't be read.
    """
    from xraylab.reports.secondary_capture import for_the_study

    return for_the_study(report, data, confirmed=confirmed)


def came_as_dicom(data: bytes) -> bool:
    """Whether a film's file is DICOM, so that there is a study to go back to."""
    return is_dicom(data)


def predicted(
    reading: "Reading", *, heatmap: str | None = None, report: str | None = None
) -> documents.Predicted:
    """A reading as a row of a document.

    A file's name may hold bytes that are no text, which no document can carry: they are spelt out.
    """
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
    """The films of a batch, a row each, as they were given; a file's name may tell whose film it is."""
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


def _rule_words(rule: str) -> str:
    try:
        return parse_rule(rule).words
    except RecipeError:
        return rule
