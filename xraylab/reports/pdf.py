"""
The evaluation as a PDF: one A4 document, drawn from the JSON document and from nothing else.

- reportlab lays it out; this module is imported when a PDF is asked for, and not before
- every page carries the notice of what it isn't for
- the same document gives the same bytes: nothing in the file depends on when or where it was drawn
"""

import math
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, KeepTogether, PageBreak, Spacer, Table

from xraylab import formats
from xraylab.documents import (
    AverageRow,
    ClassRow,
    ClassTable,
    Estimated,
    EvaluationReport,
    SplitReport,
    Worth,
)
from xraylab.errors import RecipeError
from xraylab.evaluation.rules import parse_rule
from xraylab.formats import DASH, count, percent, ratio, score
from xraylab.reports import charts
from xraylab.reports.markdown import tidy
from xraylab.reports.names import AVERAGES, NAMES, written, written_interval
from xraylab.reports.typeset import (
    ALARM,
    MISSED,
    NOTICE,
    TEXT,
    WIDTH,
    Head,
    bound,
    from_markdown,
    grid,
    note,
    spaced,
    visible,
)

_NAME, _LONG = 60, 120  # characters of a name in a line, and in a title
_BY_PATIENT = "95 %, by patient"
_COUNTS = {"n": "Films", "positives": "Films with pneumonia", "patients": "Patients"}
_KEY = ("auc", "average_precision", "sensitivity", "specificity", "balanced_accuracy", "ppv", "npv")
_TITLES = {"validation": "Validation films", "test": "Test films"}
_METHODS = (
    "Intervals are at 95 %. By patient: films of one patient count as the cluster they are, and this is the "
    "interval to quote. By film: each film taken as its own patient, for comparison with work that does so; "
    "too narrow where patients have several films. Wilson: Wilson’s interval on an effective sample size. "
    "MOVER: made from those of sensitivity and specificity. DeLong: as Obuchowski extended it to clusters. "
    "Bootstrap: 2,000 draws of patients. PPV, NPV, F1 and accuracy hold at these films’ own share of "
    "pneumonia."
)
_ELSEWHERE = (
    "If sensitivity and specificity stay as measured here, which another hospital, another machine or other "
    "illnesses among the normal films can change."
)
_BOXES = "A box stands for a sign that this document’s fonts lack; the JSON has it."
_SEALED = (
    "The test films are sealed: nobody has opened them at this lock. The figures of the validation films, by "
    "which the model was chosen, flatter it."
)
_FLATTERED = "They chose the model’s threshold, so these figures flatter it."
_FREE = "Nothing was chosen by them before they were opened."
_STAMPED = "They had been opened before the lock was made, so they are no longer free of choices."


def evaluation_pdf(report: EvaluationReport) -> bytes:
    """Draw an evaluation.

    Returns
    -------
    bytes
        Of a PDF; the same for the same document.
    """
    return bound(
        lambda: _story(report),
        title=f"Evaluation of {tidy(report.model, longest=_LONG)}",
        running=f"Evaluation of {tidy(report.model, longest=_NAME)}",
    )


def _story(report: EvaluationReport) -> list[Any]:
    splits = [report.validation] + ([report.test] if report.test is not None else [])
    return [
        *_summary(report, splits),
        *(part for split in splits for part in _split(report, split)),
        PageBreak(),
        *from_markdown(report.card),
    ]


def _summary(report: EvaluationReport, splits: list[SplitReport]) -> list[Any]:
    made = f"{report.made_at:%Y-%m-%d %H:%M} {report.made_at.tzname() or ''}".strip()
    arch, dataset, kind = (tidy(name, longest=_NAME) for name in (report.arch, report.dataset, report.kind))
    about = (
        f"{NOTICE} Network {arch}, trained and judged on {dataset} ({kind}). Written {made} by XRayLab "
        f"{report.version}. Hash {tidy(report.model_sha256)[:16]}."
    )
    boxes = visible(report.model) != tidy(report.model)
    return [
        spaced(f"Evaluation of {tidy(report.model, longest=_LONG)}", "title"),
        note(about),
        *([note(_BOXES)] if boxes else []),
        spaced("The lock", "small head"),
        *map(spaced, _lock_lines(report)),
        spaced("Key figures", "small head"),
        _key_figures(splits),
        *([] if report.test is not None else [note(_SEALED)]),
        spaced(f"Where {percent(report.prevalence)} of the films have pneumonia", "small head"),
        _at_prevalence(splits),
        note(_ELSEWHERE),
        note(_METHODS),
    ]


def _lock_lines(report: EvaluationReport) -> list[str]:
    lock = report.lock
    exact = max(f"{lock.threshold:.3f}", repr(lock.threshold), key=len)
    try:
        rule = parse_rule(lock.rule).words
    except RecipeError:
        rule = tidy(lock.rule, longest=_NAME)
    when = f"{lock.locked_at:%Y-%m-%d %H:%M}"
    by = tidy(lock.actor, longest=_NAME)
    lines = [
        f"Threshold {exact}: a film is called positive when its score is that or more.",
        f"Chosen by the rule “{rule}” on {_of(lock.n, 'validation film')}, {when}, by {by}.",
    ]
    if lock.after_opening:
        lines.append(
            "It was made after the test split had been opened, so the test films may have played a part."
        )
    if report.test is not None and report.test_openings:
        times = "once" if report.test_openings == 1 else f"{count(report.test_openings)} times"
        lines.append(f"The test split has been opened {times}, counting every model.")
    return lines


def _key_figures(splits: list[SplitReport]) -> Any:
    heads = [Head("", 1.2)]
    for split in splits:
        heads += [Head(_TITLES[split.split], 0.9, right=True), Head(_BY_PATIENT, 1, muted=True)]
    rows = [
        [words, *(cell for split in splits for cell in (count(getattr(split, name)), ""))]
        for name, words in _COUNTS.items()
    ]
    rows += [
        [NAMES[name], *(cell for split in splits for cell in _worded(name, split.estimates[name]))]
        for name in _KEY
    ]
    return grid(heads, rows)


def _at_prevalence(splits: list[SplitReport]) -> Any:
    heads = [
        Head("", 1.1),
        Head("PPV", 0.7, right=True),
        Head(_BY_PATIENT, 1, muted=True),
        Head("NPV", 0.7, right=True),
        Head(_BY_PATIENT, 1, muted=True),
        Head("of a thousand films", 2.6),
    ]
    rows = []
    for split in splits:
        found, films = split.at_prevalence, split.at_prevalence.thousand
        told = (
            f"{films.found} found, {films.missed} missed, {films.false_alarms} false alarms, "
            f"{films.rightly_below} rightly below"
            if films
            else DASH
        )
        rows.append(
            [
                _TITLES[split.split],
                percent(found.ppv),
                formats.interval(*found.ppv_interval),
                percent(found.npv),
                formats.interval(*found.npv_interval),
                told,
            ]
        )
    return grid(heads, rows)


def _split(report: EvaluationReport, split: SplitReport) -> list[Any]:
    without = count(split.n - split.positives)
    words = (
        f"{_of(split.n, 'film')} of {_of(split.patients, 'patient')}; {count(split.positives)} with "
        f"pneumonia, {without} without."
    )
    if split.refused:
        words += f" {_of(split.refused, 'more film')} could not be scored or have no label."
    judged = _STAMPED if report.lock.after_opening else _FREE
    words += f" {_FLATTERED if split.split == 'validation' else judged}"
    return [
        PageBreak(),
        spaced(_TITLES[split.split], "head"),
        spaced(words),
        charts.histogram(split, report.lock.threshold),
        Spacer(0, 6),
        _beside(charts.roc(split), charts.precision_recall(split)),
        _beside(charts.calibration(split), charts.decision(split)),
        KeepTogether([spaced("At the lock", "small head"), _confusion(split)]),
        CondPageBreak(90 * mm),
        spaced("Every figure", "small head"),
        _figures(split),
        *_calibrated(split),
        *_kinds(split),
        *_classes("Classification report", split.report),
        *(_classes("Classification report by kind", split.by_kind) if split.by_kind else ()),
    ]


def _of(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _beside(left: Any, right: Any) -> Any:
    return Table(
        [[left, right]],
        colWidths=[WIDTH / 2] * 2,
        style=[
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("ALIGN", (1, 0), (1, 0), "RIGHT"),
        ],
    )


def _confusion(split: SplitReport) -> Any:
    (tn, fp), (fn, tp) = split.confusion
    heads = [Head("", 1), Head("Called positive", 1), Head("Called negative", 1)]
    rows = [
        ["With pneumonia", _cell(tp, "found", TEXT), _cell(fn, "missed", MISSED)],
        [
            "Without",
            _cell(fp, "false alarm" if fp == 1 else "false alarms", ALARM),
            _cell(tn, "rightly below", TEXT),
        ],
    ]
    return grid(heads, rows, width=WIDTH * 0.72)


def _cell(films: int, words: str, colour: Any) -> Any:
    return spaced(f"{count(films)} {words}", "cell", textColor=colour)


def _figures(split: SplitReport) -> Any:
    heads = [
        Head("Figure", 1.5),
        Head("Estimate", 0.8, right=True),
        Head(_BY_PATIENT, 1, muted=True),
        Head("details: 95 %, by film", 1.1, muted=True),
        Head("how", 0.8, muted=True),
    ]
    rows = []
    for name, words in NAMES.items():
        one = split.estimates[name]
        rows.append([words, *_worded(name, one), written_interval(name, one.by_film), one.method])
    return grid(heads, rows)


def _worded(name: str, one: Estimated) -> list[str]:
    """An estimate and its interval by patient, in words."""
    return [written(name, one.value), written_interval(name, one.interval)]


def _calibrated(split: SplitReport) -> list[Any]:
    found, worth = split.calibration, split.worth
    slope = (
        f"Calibration slope {found.slope:.3f}, intercept {_signed(found.intercept)} (1 and 0 would be "
        "perfect)."
        if found.why is None
        else f"Calibration slope and intercept: {DASH}. {tidy(found.why)}"
    )
    errors = (
        f"Brier score {score(found.brier)}, expected calibration error {score(found.ece)} over ten bins "
        "(0 would be perfect)."
    )
    weighed = _weighed(worth, percent(split.at_prevalence.prevalence))
    return [spaced("Calibration and worth", "small head"), spaced(f"{slope} {errors}"), spaced(weighed)]


def _weighed(worth: Worth, prevalence: str) -> str:
    """What the calls are worth, in a sentence."""
    if math.isnan(worth.cost):
        return f"Net benefit and expected cost: {DASH}. A threshold of 0 or 1 weighs nothing."
    return (
        f"Where a missed pneumonia is worth {ratio(worth.cost)} false alarms (threshold probability "
        f"{score(worth.threshold_probability)}), the net benefit is {_signed(worth.net_benefit)} found "
        f"pneumonias a film, against {_signed(worth.net_benefit_of_all)} if every film were called positive, "
        f"and the expected cost {ratio(worth.expected_cost)} false alarms a film; at {prevalence} pneumonia "
        f"{_signed(worth.net_benefit_at_prevalence)} and {ratio(worth.expected_cost_at_prevalence)}."
    )


def _signed(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:+.3f}".replace("-", "−")


def _kinds(split: SplitReport) -> list[Any]:
    if not split.kinds:
        return []
    heads = [
        Head("Kind, by file name", 1.4),
        Head("films", 0.6, right=True),
        Head("patients", 0.6, right=True),
        Head("Sensitivity", 0.8, right=True),
        Head(_BY_PATIENT, 1, muted=True),
    ]
    rows = [
        [
            tidy(one.kind, longest=_NAME),
            count(one.n),
            count(one.patients),
            percent(one.sensitivity),
            formats.interval(*one.interval),
        ]
        for one in split.kinds
    ]
    return [spaced("Sensitivity by kind of pneumonia", "small head"), grid(heads, rows)]


def _classes(title: str, told: ClassTable) -> list[Any]:
    areas = any(row.auc is not None for row in told.classes)
    heads = [
        Head("Class", 1.6),
        Head("Precision", 0.8, right=True),
        Head("Recall", 0.8, right=True),
        Head("F1", 0.8, right=True),
        Head("films", 0.7, right=True),
    ]
    heads += [Head("AUC against the rest", 1, right=True), Head(_BY_PATIENT, 1, muted=True)] * areas
    rows = [[tidy(row.name, longest=_NAME), *_class_rates(row), *_class_area(row)] for row in told.classes]
    rows += [[AVERAGES[row.average], *_class_rates(row), *[""] * (2 * areas)] for row in told.averages]
    notes = [
        f"{row.average.capitalize()} average: without {', '.join(names)}, which has no {rate}."
        for row in told.averages
        for rate, names in row.left_out.items()
        if names
    ]
    if told.left_out:
        films = _of(told.left_out, "film")
        notes.append(f"{films} with pneumonia of another kind, or of none that is known: left out.")
    calls = [_calls(told)] if areas else []
    return [KeepTogether([spaced(title, "small head"), grid(heads, rows), *map(note, notes), *calls])]


def _class_rates(row: ClassRow | AverageRow) -> list[str]:
    return [percent(row.precision), percent(row.recall), percent(row.f1), count(row.support)]


def _class_area(row: ClassRow) -> list[str]:
    if row.auc is None or row.auc_ci is None:
        return []
    return [formats.auc(row.auc), formats.auc_interval(*row.auc_ci)]


def _calls(told: ClassTable) -> Any:
    heads = [
        Head("Films, by true class", 1.4),
        *(Head(f"called {tidy(row.name, longest=_NAME)}", 1, right=True) for row in told.classes),
    ]
    rows = [
        [tidy(row.name, longest=_NAME), *map(count, calls)]
        for row, calls in zip(told.classes, told.confusion, strict=True)
    ]
    return grid(heads, rows)
