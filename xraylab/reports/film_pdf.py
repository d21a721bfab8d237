"""
The report of one film as a PDF: one A4 page, or two if the text is long, drawn from a ``FilmReport``.

- a notice that it is not for diagnosis is burned into both pictures and printed on every page
- if the text needs the space, the pictures get smaller, down to a readable size; text that still doesn't fit
  continues on a second page
- this module loads reportlab, which takes a moment, so it is imported only when a PDF is written
"""

import io
from collections.abc import Sequence
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Image, Table

from xraylab import formats
from xraylab.findings import capital
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

_HIGHEST = (96 * mm, 80 * mm, 64 * mm)  # heights of a picture; the first that leaves room for text is used
_GAP = 6
_PAGE = 252 * mm  # height of the text
_NAME, _SENTENCE = 60, 300  # characters
_Pictures = list[tuple[bytes, tuple[int, int]]]  # as PNG, with width and height
_BOXES = "A box stands for a character that this document's fonts lack."
_NO_DIAGNOSIS = (
    "Not for diagnosis or triage, and no reason to leave a film unread. A score above the threshold is not a "
    "diagnosis. A score below it doesn't mean that nothing is wrong. No other finding was looked for."
)


def film_pdf(report: FilmReport) -> bytes:
    """Draw the report.

    Returns
    -------
    bytes
        A PDF file; the same bytes for the same report.
    """
    title = _title(report)
    pictures = [(png(picture), picture.size) for picture in burned_films(report)]
    highest = next(
        (high for high in _HIGHEST if _height(_page(report, pictures, high)) <= _PAGE), _HIGHEST[-1]
    )
    return bound(lambda _: _page(report, pictures, highest), title=title, running=f"{title} · {BURNED_IN}")


def _height(parts: Sequence[Any]) -> float:
    """Return the height of flowables on a page; of two spaces that meet, the larger one counts."""
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
    """Set one of XRayLab's own sentences as a note, with typographic apostrophes."""
    return note(words.replace("'", "’"))


def _title(report: FilmReport) -> str:
    return f"Film {report.known_by}" + (f" – {SYNTHETIC}" if report.synthetic else "")


def _pictures(report: FilmReport, pictures: _Pictures, highest: float) -> Any:
    """Set the film, and next to it the film with its heatmap."""
    width, height = pictures[0][1]
    wide = (WIDTH - _GAP) / 2
    scale = min(wide / width, highest / height)  # the same for width and height: a film is never distorted
    cells = [
        Image(io.BytesIO(picture), width=width * scale, height=height * scale, hAlign="LEFT")
        for picture, _ in pictures
    ]
    captions = [note("The film"), *([note(_caption(report.overlay))] if report.overlay is not None else [])]
    return _bare([cells, captions], [wide + _GAP] * len(cells))


def _caption(drawn: DrawnHeatmap) -> str:
    if drawn.strongest == 0:
        return f"With its heatmap ({drawn.method}), which is blank: nothing in the film raised the score"
    if drawn.faint:
        return f"With its heatmap ({drawn.method}), hardly visible: nothing in the film raised the score much"
    return f"With the heatmap of its {drawn.finding.name} score ({drawn.method})"


def _bare(rows: list[list[Any]], widths: list[float]) -> Any:
    """Set parts side by side, without lines."""
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
    """Set score and decision, a chart of the score next to them, and an explanation below."""
    decision, decision_note = report.decision_words
    films = report.standing.films
    if not report.decided:  # a score in large type would be read as a decision
        return [
            spaced(decision, "head", spaceBefore=2),
            spaced(decision_note),
            _small(film_words.undecided(report.score)),
            *map(_small, report.about_score),
        ]
    words = [
        spaced(f"{report.standing.finding.score} {score(report.score)}", "head", spaceBefore=2),
        spaced(f"{decision}. {decision_note}".strip()),
    ]
    if report.overridden:
        words.append(spaced(report.despite_warnings.replace("'", "’"), textColor=MISSED))
    if films is not None:
        words.append(spaced(film_words.position(films, report.score, locked=report.threshold is not None)))
    if report.kinds:
        words.append(_small(film_words.kinds(report.kinds, report.standing.finding)))
    below = [*map(_small, report.about_score)]
    if films is None or not films.n:  # without validation films there is nothing to compare the score with
        return [*words, *below]
    cuts = [cut for cut in (report.review_from, report.threshold) if cut is not None]
    drawn = charts.standing(films, report.score, cuts)
    return [_bare([[words, drawn]], [WIDTH - drawn.width - _GAP, drawn.width + _GAP]), *below]


def _warnings(report: FilmReport) -> list[Any]:
    if not report.warnings:
        return [note("No warnings.")]
    parts = [
        spaced("Warnings", "small head"),
        *(spaced(tidy(warning, longest=_SENTENCE)) for warning in report.warnings),
    ]
    # An overridden warning is printed in red next to the decision instead.
    if report.despite_warnings and not report.overridden:
        parts.append(spaced(report.despite_warnings))
    return parts


def _notes(report: FilmReport) -> list[Any]:
    """Set further remarks on the film; they prevent no decision, so they are printed small."""
    remarks = " ".join(tidy(remark, longest=_SENTENCE) for remark in report.notes)
    return [_small(remarks)] if report.notes else []


def _reader(report: FilmReport) -> list[Any]:
    if report.call is None and not report.note:
        return []
    call = capital(report.call or "none")
    made = ", made before the score was shown" if report.blind else ""
    parts = [spaced("The reader’s own call", "small head"), spaced(f"{call}{made}.")]
    if report.note:
        parts.append(spaced(report.note, textColor=MUTED))
    # A note may be in a script that the fonts lack, so the boxes in it are explained.
    if any(sign.isprintable() and visible(sign) != sign for sign in report.note):
        parts.append(_small(_BOXES))
    return parts


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
            "Sensitivity",
            percent(standing.sensitivity),
            formats.interval(*standing.sensitivity_interval),
            f"of films {standing.finding.ill}, at the threshold or above",
        ],
        [
            "Specificity",
            percent(standing.specificity),
            formats.interval(*standing.specificity_interval),
            f"of films {standing.finding.well}, below the threshold",
        ],
    ]
    if report.review_from is not None:
        rows[1:1] = [["Needs a reader from", score(report.review_from), "", "up to the threshold"]]
        rows.append(
            [
                f"{standing.finding.capital_cases} below both",
                percent(standing.missed_below),
                formats.interval(*standing.missed_below_interval),
                f"of films {standing.finding.ill}, below both thresholds",
            ]
        )
    return [spaced("The lock", "small head"), grid(heads, rows), *map(_small, report.below_words)]


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
        "on which the threshold was chosen, so these figures look better than they are; another hospital or "
        "machine can change them."
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
            f"is identified by the first digits of its file’s SHA-256, {tidy(report.film_sha256)[:32]}…"
        ),
    ]
