"""
One film as a PDF: one A4 page, drawn from a ``FilmReport`` and from nothing else.

- the notice of what it isn't for is burned into both pictures and stands on the page
- what doesn't fit on the page is set smaller; there is never a second page
- reportlab is loaded with this module, so it is imported when a PDF is asked for, and not before
"""

import io
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Image, KeepInFrame, Spacer, Table

from xraylab import wording
from xraylab.reports.film import BURNED_IN, SYNTHETIC, FilmReport
from xraylab.reports.film_picture import burned_films, png
from xraylab.reports.markdown import tidy
from xraylab.reports.typeset import MISSED, MUTED, NOTICE, WIDTH, Head, bound, grid, note, spaced
from xraylab.wording import count, percent, score

_HIGHEST = 96 * mm  # of a film on the page
_GAP = 6
_PAGE = 250 * mm  # height of the text
_NAME, _WARNING = 60, 300  # characters
_BELOW = (
    "The heatmap shows which regions raised the pneumonia score, on a coarse grid. It is about the model, "
    "not about the child."
)
_ABOUT_SCORE = (
    "It is no probability of disease: where pneumonia is rarer, fewer of the films that score this have it."
)
_NO_DIAGNOSIS = (
    "Not for diagnosis, for triage, or to leave a film unread. A score above the threshold is no diagnosis, "
    "one below it doesn’t mean that nothing is wrong, and no other finding was looked for."
)


def film_pdf(report: FilmReport) -> bytes:
    """Draw the page.

    Returns
    -------
    bytes
        Of a PDF of one page; the same for the same report.
    """
    title = f"Film {report.known_by}"
    return bound(lambda: [_page(report)], title=title, running=title)


def _page(report: FilmReport) -> Any:
    parts = [
        spaced(_title(report), "title"),
        spaced(BURNED_IN, "small head", textColor=MISSED, spaceBefore=0),
        note(f"{NOTICE} Written {report.made_at:%Y-%m-%d %H:%M} by XRayLab {tidy(report.version)}."),
        _pictures(report),
        *([note(_BELOW)] if report.overlay is not None else []),
        spaced(f"Pneumonia score {score(report.score)}", "head", spaceBefore=6),
        *_decision(report),
        *_warnings(report),
        *_reader(report),
        spaced("The lock", "small head"),
        _lock(report),
        *_about_films(report),
        note(_NO_DIAGNOSIS),
    ]
    return KeepInFrame(WIDTH, _PAGE, parts, mode="shrink", hAlign="LEFT")


def _title(report: FilmReport) -> str:
    return f"Film {report.known_by}" + (f" – {SYNTHETIC}" if report.synthetic else "")


def _pictures(report: FilmReport) -> Any:
    """The film, and beside it the film under its heatmap."""
    pictures = burned_films(report)
    width, height = pictures[0].size
    wide = (WIDTH - _GAP) / 2
    scale = min(wide / width, _HIGHEST / height)
    cells = [
        Image(io.BytesIO(png(picture)), width=width * scale, height=height * scale) for picture in pictures
    ]
    captions = [note("The film"), note("Under the heatmap of its pneumonia score")][: len(cells)]
    return Table(
        [cells, captions],
        colWidths=[width * scale + _GAP] * len(cells),
        style=[
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), _GAP),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ],
        hAlign="LEFT",
    )


def _decision(report: FilmReport) -> list[Any]:
    said, beside = report.said
    standing = report.standing
    share = (
        f"The score was learnt and checked where {percent(standing.prevalence)} of the films have pneumonia "
        f"({count(standing.positives)} of {count(standing.n)} validation films). {_ABOUT_SCORE}"
    )
    return [spaced(f"{said}."), *([spaced(beside)] if beside else []), note(share)]


def _warnings(report: FilmReport) -> list[Any]:
    if not report.warnings:
        return [note("No warnings.")]
    override = (
        "Decided in spite of the warnings, on a person’s word."
        if report.overridden
        else "Not decided because of the warnings."
    )
    return [
        spaced("Warnings", "small head"),
        *(spaced(tidy(warning, longest=_WARNING)) for warning in report.warnings),
        *([spaced(override)] if report.threshold is not None else []),
    ]


def _reader(report: FilmReport) -> list[Any]:
    if report.call is None and not report.note:
        return []
    call = report.call or "none"
    told = [spaced("The reader’s own call", "small head"), spaced(f"{call[0].upper()}{call[1:]}.")]
    return [*told, spaced(report.note, textColor=MUTED)] if report.note else told


def _lock(report: FilmReport) -> Any:
    heads = [Head("", 1.3), Head("", 0.8, right=True), Head("95 %, by patient", 1, muted=True), Head("", 2)]
    standing = report.standing
    rows = [
        ["Threshold", _or_dash(report.threshold), "", _rule(report)],
        [
            "Sensitivity there",
            percent(standing.sensitivity),
            wording.interval(*standing.sensitivity_interval),
            "of films with pneumonia, score at the threshold or above",
        ],
        [
            "Specificity there",
            percent(standing.specificity),
            wording.interval(*standing.specificity_interval),
            "of films without, score below the threshold",
        ],
    ]
    if report.review_from is not None:
        rows[1:1] = [["Needs a reader from", score(report.review_from), "", "up to the threshold"]]
        rows.append(
            [
                "Pneumonias below both",
                percent(standing.missed_below),
                wording.interval(*standing.missed_below_interval),
                "of films with pneumonia, score below both thresholds",
            ]
        )
    return grid(heads, rows)


def _or_dash(threshold: float | None) -> str:
    return wording.DASH if threshold is None else score(threshold)


def _rule(report: FilmReport) -> str:
    rule = report.standing.rule
    return "not locked yet" if rule is None else f"chosen by “{tidy(rule, longest=_NAME)}”"


def _about_films(report: FilmReport) -> list[Any]:
    standing = report.standing
    name, arch, films = (
        tidy(word, longest=_NAME) for word in (standing.model, standing.arch, standing.dataset)
    )
    return [
        note(
            f"On {count(standing.n)} validation films of {count(standing.patients)} patients ({films}), "
            "which chose the threshold, so these figures flatter it; another hospital or machine can change "
            "them."
        ),
        note(
            f"Model {name} ({arch}, {tidy(standing.backend)}), hash {tidy(report.model_known_by)}. The film "
            f"is known by the first digits of its file’s SHA-256, {tidy(report.film_sha256)[:32]}…"
        ),
        Spacer(0, 2),
    ]
