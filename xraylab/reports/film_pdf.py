"""
One film as a PDF: an A4 page, two where there is much to say, drawn from a ``FilmReport`` and nothing else.

- the notice of what it isn't for is burned into both pictures and stands on every page
- where words need the room the pictures give way, down to a size that can still be looked at; what doesn't
  fit then goes on over the page in the same type
- reportlab is loaded with this module, so it is imported when a PDF is asked for, and not before
"""

import io
from collections.abc import Sequence
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Image, Table

from xraylab import formats
from xraylab.formats import percent, score
from xraylab.imaging.picture import png
from xraylab.reports import charts, film_words
from xraylab.reports.film import BURNED_IN, SYNTHETIC, DrawnHeatmap, FilmReport
from xraylab.reports.film_picture import burned_films
from xraylab.reports.markdown import tidy
from xraylab.reports.typeset import (
    MISSED,
    MUTED,
    NOTICE,
    WIDTH,
    Head,
    bound,
    grid,
    note,
    spaced,
    visible,
)

_HIGHEST = (96 * mm, 80 * mm, 64 * mm)  # of a film on the page; the first that leaves room for all words
_GAP = 6
_PAGE = 252 * mm  # height of the text
_NAME, _SENTENCE = 60, 300  # characters
_Pictures = list[tuple[bytes, tuple[int, int]]]  # as PNG, with width and height
_BOXES = "A box stands for a sign that this document's fonts lack."
_NO_DIAGNOSIS = (
    "Not for diagnosis, for triage, or to leave a film unread. A score above the threshold is no diagnosis, "
    "one below it doesn't mean that nothing is wrong, and no other finding was looked for."
)


def film_pdf(report: FilmReport) -> bytes:
    """Draw the page.

    Returns
    -------
    bytes
        Of a PDF; the same for the same report.
    """
    title = _title(report)
    pictures = [(png(picture), picture.size) for picture in burned_films(report)]
    highest = next(
        (high for high in _HIGHEST if _height(_page(report, pictures, high)) <= _PAGE), _HIGHEST[-1]
    )
    return bound(lambda: _page(report, pictures, highest), title=title, running=f"{title} · {BURNED_IN}")


def _height(parts: Sequence[Any]) -> float:
    """How much of a page flowables take; of two spaces that meet the larger one counts."""
    height, below = 0.0, 0.0
    for part in parts:
        height += max(below, part.getSpaceBefore()) + part.wrap(WIDTH, 10 * _PAGE)[1]
        below = part.getSpaceAfter()
    return height


def _page(report: FilmReport, pictures: _Pictures, highest: float) -> list[Any]:
    return [
        spaced(_title(report), "title"),
        spaced(BURNED_IN, "small head", textColor=MISSED, spaceBefore=0),
        note(f"{NOTICE} Written {report.made_at:%Y-%m-%d %H:%M} by XRayLab {tidy(report.version)}."),
        _pictures(report, pictures, highest),
        *([_small(report.overlay.words)] if report.overlay is not None else []),
        *_score(report),
        *_warnings(report),
        *_notes(report),
        *_reader(report),
        *_lock(report),
        *_about_films(report),
        _small(_NO_DIAGNOSIS),
    ]


def _small(words: str) -> Any:
    """A note in our own words, with the apostrophe of print."""
    return note(words.replace("'", "’"))


def _title(report: FilmReport) -> str:
    return f"Film {report.known_by}" + (f" – {SYNTHETIC}" if report.synthetic else "")


def _pictures(report: FilmReport, pictures: _Pictures, highest: float) -> Any:
    """The film, and beside it the film under its heatmap."""
    width, height = pictures[0][1]
    wide = (WIDTH - _GAP) / 2
    scale = min(wide / width, highest / height)
    cells = [
        Image(io.BytesIO(picture), width=width * scale, height=height * scale, hAlign="LEFT")
        for picture, _ in pictures
    ]
    captions = [note("The film"), *([note(_caption(report.overlay))] if report.overlay is not None else [])]
    return _bare([cells, captions], [wide + _GAP] * len(cells))


def _caption(drawn: DrawnHeatmap) -> str:
    if drawn.strongest == 0:
        return f"Under its heatmap ({drawn.method}), which is blank: nothing in the film raised the score"
    if drawn.faint:
        return f"Under its heatmap ({drawn.method}), hardly seen: nothing in the film raised the score much"
    return f"Under the heatmap of its pneumonia score ({drawn.method})"


def _bare(rows: list[list[Any]], widths: list[float]) -> Any:
    """Things side by side, without lines."""
    return Table(
        rows,
        colWidths=widths,
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), _GAP),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ],
        hAlign="LEFT",
    )


def _score(report: FilmReport) -> list[Any]:
    """Score and decision, beside them where the score stands, and below what it means."""
    said, beside = report.said
    films = report.standing.films
    words = [
        spaced(f"Pneumonia score {score(report.score)}", "head", spaceBefore=2),
        spaced(f"{said}. {beside}".strip()),
    ]
    if report.overridden:
        words.append(spaced(report.despite_warnings.replace("'", "’"), textColor=MISSED))
    if films is not None:
        words.append(spaced(film_words.position(films, report.score)))
    if report.kinds:
        words.append(_small(film_words.kinds(report.kinds)))
    below = [*map(_small, report.about_score)]
    if films is None or not films.n:
        return [*words, *below]
    cuts = [cut for cut in (report.review_from, report.threshold) if cut is not None]
    drawn = charts.standing(films, report.score, cuts)
    return [_bare([[words, drawn]], [WIDTH - drawn.width - _GAP, drawn.width + _GAP]), *below]


def _warnings(report: FilmReport) -> list[Any]:
    if not report.warnings:
        return [note("No warnings.")]
    told = [
        spaced("Warnings", "small head"),
        *(spaced(tidy(warning, longest=_SENTENCE)) for warning in report.warnings),
    ]
    if report.despite_warnings and not report.overridden:
        told.append(spaced(report.despite_warnings))
    return told


def _notes(report: FilmReport) -> list[Any]:
    """What else to know of the film; it stopped no decision, so it steps back."""
    return [_small(" ".join(tidy(one, longest=_SENTENCE) for one in report.notes))] if report.notes else []


def _reader(report: FilmReport) -> list[Any]:
    if report.call is None and not report.note:
        return []
    call = report.call or "none"
    told = [spaced("The reader’s own call", "small head"), spaced(f"{call[0].upper()}{call[1:]}.")]
    if report.note:
        told.append(spaced(report.note, textColor=MUTED))
    if any(sign.isprintable() and visible(sign) != sign for sign in report.note):
        told.append(_small(_BOXES))
    return told


def _lock(report: FilmReport) -> list[Any]:
    heads = [
        Head("", 1.2),
        Head("", 0.6, right=True),
        Head("95 %, by patient", 0.9, muted=True),
        Head("", 2.4),
    ]
    standing = report.standing
    rows = [
        ["Threshold", _or_dash(report.threshold), "", _rule(report)],
        [
            "Sensitivity there",
            percent(standing.sensitivity),
            formats.interval(*standing.sensitivity_interval),
            "of films with pneumonia, at the threshold or above",
        ],
        [
            "Specificity there",
            percent(standing.specificity),
            formats.interval(*standing.specificity_interval),
            "of films without, below the threshold",
        ],
    ]
    if report.review_from is not None:
        rows[1:1] = [["Needs a reader from", score(report.review_from), "", "up to the threshold"]]
        rows.append(
            [
                "Pneumonias below both",
                percent(standing.missed_below),
                formats.interval(*standing.missed_below_interval),
                "of films with pneumonia, below both thresholds",
            ]
        )
    return [spaced("The lock", "small head"), grid(heads, rows)]


def _or_dash(threshold: float | None) -> str:
    return formats.DASH if threshold is None else score(threshold)


def _rule(report: FilmReport) -> str:
    rule = report.standing.rule
    return "not locked yet" if rule is None else f"chosen by “{tidy(rule, longest=_NAME)}”"


def _about_films(report: FilmReport) -> list[Any]:
    standing = report.standing
    name, arch, films = (
        tidy(word, longest=_NAME) for word in (standing.model, standing.arch, standing.dataset)
    )
    chosen = (
        "which chose the threshold, so these figures flatter it; another hospital or machine can change them."
        if report.threshold is not None
        else "on which no threshold was chosen yet."
    )
    return [
        note(
            f"On {formats.count(standing.n)} validation films of {formats.count(standing.patients)} patients "
            f"({films}), {chosen}"
        ),
        note(
            f"Model {name} ({arch}, {tidy(standing.backend)}), hash {tidy(report.model_known_by)}. The film "
            f"is known by the first digits of its file’s SHA-256, {tidy(report.film_sha256)[:32]}…"
        ),
    ]
