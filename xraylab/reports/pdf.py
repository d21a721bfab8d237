"""
The evaluation of a model as a PDF, drawn only from its JSON document.

- this module loads reportlab, which takes a moment, so it is imported only when a PDF is written
- every page carries a notice that this is not a medical device
- the same document gives the same bytes: nothing in the file depends on time or machine
"""

import math
from collections.abc import Mapping
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, KeepTogether, PageBreak, Paragraph, Spacer, Table

from xraylab import formats
from xraylab.documents import (
    AverageRow,
    ClassRow,
    ClassTable,
    Estimated,
    EvaluationReport,
    SplitReport,
)
from xraylab.findings import Finding
from xraylab.formats import DASH, count, percent, ratio, score
from xraylab.reports import charts
from xraylab.reports.calibration import bin_rows, sentences
from xraylab.reports.markdown import tidy
from xraylab.reports.names import AVERAGES, NAMES, written, written_interval
from xraylab.reports.pdf_checklists import checklist_pages
from xraylab.reports.pdf_lock import (
    below_cells,
    below_elsewhere,
    lock_lines,
    of_a_thousand,
    of_films,
    zones,
)
from xraylab.reports.pdf_standards import by_patient, methods, provenance, sample_size, unclear
from xraylab.reports.sections import SPLIT_TITLES, sections
from xraylab.reports.typeset import (
    ALARM,
    MISSED,
    NOTICE,
    TEXT,
    WIDTH,
    Head,
    Pages,
    bound,
    from_markdown,
    grid,
    headed,
    note,
    spaced,
    visible,
)

_NAME, _LONG = 60, 120  # characters of a name in a line, and in a title
_BY_PATIENT = "95 %, by patient"
_COUNTS = {"n": "Films", "positives": "Films {ill}", "patients": "Patients"}
_KEY = ("auc", "average_precision", "sensitivity", "specificity", "balanced_accuracy", "ppv", "npv")
_METHODS = (
    "Intervals are at 95 %. By patient: films are clustered by patient; this is the interval to quote. By "
    "film: each film counts as a separate patient, for comparison with work that does so; this interval is "
    "too narrow if patients have several films. Wilson: Wilson’s interval with an effective sample size. "
    "MOVER: made from the intervals of sensitivity and specificity. DeLong: with Obuchowski’s extension to "
    "clusters. Jackknife: each patient left out once. PPV, NPV, F1 and accuracy hold only at the prevalence "
    "of these films."
)
_ELSEWHERE = (
    "This assumes that sensitivity and specificity stay as measured here. Another hospital, another machine "
    "or other illnesses among the {well_films} can change them."
)
_BOXES = "A box stands for a character that this document’s fonts lack; the JSON has it."
_SEALED = (
    "The test films are sealed: their results haven’t been seen at this lock. The model was chosen on the "
    "validation films, so their figures look better than they are."
)
_FLATTERED = "They were used to choose the model’s threshold, so these figures look better than they are."


def evaluation_pdf(report: EvaluationReport) -> bytes:
    """Draw an evaluation.

    Returns
    -------
    bytes
        A PDF file; the same bytes for the same document.
    """
    return bound(
        lambda pages: _story(report, pages),
        title=f"Evaluation of {tidy(report.model, longest=_LONG)}",
        running=f"Evaluation of {tidy(report.model, longest=_NAME)}",
    )


def _story(report: EvaluationReport, pages: Pages) -> list[Any]:
    splits = [report.validation] + ([report.test] if report.test is not None else [])
    titles = sections(report)
    return [
        *_summary(report, splits, titles),
        PageBreak(),
        *methods(report, titles),
        *provenance(report, titles),
        *(part for split in splits for part in _split(report, split, titles)),
        *checklist_pages(report, titles, pages),
        PageBreak(),
        *_card(report.card, titles),
    ]


def _card(markdown: str, titles: Mapping[str, str]) -> list[Any]:
    """Set the model card, and mark those of its headings that checklists may point to."""
    parts = from_markdown(markdown)
    for part in parts:
        key = f"card/{part.getPlainText()}" if part.__class__ is Paragraph else ""
        if key in titles and part.style.name == "small head":
            part.section = key
    return parts


def _summary(report: EvaluationReport, splits: list[SplitReport], titles: Mapping[str, str]) -> list[Any]:
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
        headed(titles["lock"], "lock"),
        *map(spaced, lock_lines(report)),
        headed(titles["key figures"], "key figures"),
        _key_figures(splits),
        *([] if report.test is not None else [note(_SEALED)]),
        headed(titles["prevalence"], "prevalence"),
        _at_prevalence(splits),
        *below_elsewhere(splits),
        note(_ELSEWHERE.format(well_films=report.finding.well_films)),
        note(_METHODS),
    ]


def _key_figures(splits: list[SplitReport]) -> Any:
    heads = [Head("", 1.2)]
    for split in splits:
        heads += [Head(SPLIT_TITLES[split.split], 0.9, right=True), Head(_BY_PATIENT, 1, muted=True)]
    finding = splits[0].finding
    rows = [
        [
            words.format(ill=finding.ill),
            *(cell for split in splits for cell in (count(getattr(split, name)), "")),
        ]
        for name, words in _COUNTS.items()
    ]
    rows += [
        [NAMES[name], *(cell for split in splits for cell in _worded(name, split.estimates[name]))]
        for name in _KEY
    ]
    bands = [split.band for split in splits if split.band is not None]
    if bands:
        rows.append(["Films that need a reader", *(c for b in bands for c in (percent(b.between.share), ""))])
        rows.append([f"Films below {finding.ill}", *(cell for band in bands for cell in below_cells(band))])
    return grid(heads, rows)


def _at_prevalence(splits: list[SplitReport]) -> Any:
    heads = [
        Head("", 1.1),
        Head("PPV", 0.7, right=True),
        Head(_BY_PATIENT, 1, muted=True),
        Head("NPV", 0.7, right=True),
        Head(_BY_PATIENT, 1, muted=True),
        Head("among 1,000 films", 2.6),
    ]
    rows = []
    for split in splits:
        values = split.at_prevalence
        rows.append(
            [
                SPLIT_TITLES[split.split],
                percent(values.ppv),
                formats.interval(*values.ppv_interval),
                percent(values.npv),
                formats.interval(*values.npv_interval),
                of_a_thousand(values, split.finding),
            ]
        )
    return grid(heads, rows)


def _split(report: EvaluationReport, split: SplitReport, titles: Mapping[str, str]) -> list[Any]:
    def head(section: str, kind: str = "small head") -> Any:
        key = f"{split.split}/{section}"
        return headed(titles[key], key, kind)

    without = count(split.n - split.positives)
    words = (
        f"{of_films(split.n, 'film')} of {of_films(split.patients, 'patient')}; "
        f"{count(split.positives)} {split.finding.ill}, {without} without."
    )
    if split.refused:
        words += f" {of_films(split.refused, 'more film')} could not be scored or have no label."
    words += f" {_FLATTERED if split.split == 'validation' else report.order}"
    return [
        PageBreak(),
        head("charts", "head"),
        spaced(words),
        charts.histogram(split, report.lock.threshold),
        Spacer(0, 6),
        _beside(charts.roc(split), charts.precision_recall(split)),
        _beside(charts.calibration(split), charts.decision(split)),
        _bins(split),
        KeepTogether([head("confusion"), _confusion(split), *zones(split)]),
        CondPageBreak(90 * mm),  # so that the table of figures starts with several rows
        head("figures"),
        _figures(split),
        KeepTogether([head("patients"), *by_patient(split)]),
        KeepTogether([head("unclear"), *unclear(split)]),
        KeepTogether([head("size"), *sample_size(split)]),
        head("calibration"),
        *_calibrated(split),
        *([head("kinds"), _kinds(split)] if split.kinds else []),
        *_classes("Classification report", split.report, split.finding),
        *(_classes("Classification report by kind", split.by_kind, split.finding) if split.by_kind else ()),
    ]


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
        [f"With {split.finding.name}", _cell(tp, "found", TEXT), _cell(fn, "missed", MISSED)],
        [
            f"Without {split.finding.name}",
            _cell(fp, "false alarm" if fp == 1 else "false alarms", ALARM),
            _cell(tn, "correctly negative", TEXT),
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
        Head("method", 0.8, muted=True),
    ]
    rows = []
    for name, words in NAMES.items():
        estimate = split.estimates[name]
        by_film = written_interval(name, estimate.by_film)
        rows.append([words, *_worded(name, estimate), by_film, estimate.method])
    return grid(heads, rows)


def _worded(name: str, estimate: Estimated) -> list[str]:
    """Write an estimate and its interval by patient."""
    return [written(name, estimate.value), written_interval(name, estimate.interval)]


def _bins(split: SplitReport) -> Any:
    """Tabulate the dots of the calibration chart."""
    heads = [
        Head("Score", 1),
        Head("films", 0.7, right=True),
        Head("of all films", 0.8, right=True),
        Head("mean score", 0.9, right=True),
        Head(f"{split.finding.ill}, 95 % by patient", 1.8, right=True),
    ]
    return grid(heads, [list(row) for row in bin_rows(split.curves.bins)])


def _calibrated(split: SplitReport) -> list[Any]:
    return [
        spaced(sentences(split.calibration, split.finding)),
        spaced(_weighed(split)),
        note(_meant(split)),
    ]


def _weighed(split: SplitReport) -> str:
    """Write net benefit and expected cost in sentences."""
    worth, prevalence = split.worth, percent(split.at_prevalence.prevalence)
    case, cases = split.finding.case, split.finding.cases
    if math.isnan(worth.cost):
        return (
            f"Net benefit and expected cost: {DASH}. They depend on what a missed {case} costs in false "
            "alarms, which only a person can say. The decision curve shows the net benefit for threshold "
            f"probabilities from 1 to 50 %, at a prevalence of {prevalence}."
        )
    return (
        f"If a missed {case} costs {ratio(worth.cost)} false alarms (threshold probability "
        f"{score(worth.threshold_probability)}), the net benefit is {_signed(worth.net_benefit)} {cases} "
        f"found per film, against {_signed(worth.net_benefit_of_all)} if every film were called positive. "
        f"The expected cost is {ratio(worth.expected_cost)} false alarms per film. At a prevalence of "
        f"{prevalence} the two are {_signed(worth.net_benefit_at_prevalence)} and "
        f"{ratio(worth.expected_cost_at_prevalence)}."
    )


def _meant(split: SplitReport) -> str:
    """Explain how scores were read as probabilities."""
    decision, probability = split.decision, split.at_prevalence.probability_at_threshold
    if not decision.calibrated:
        return (
            "The scores of this model aren’t calibrated. The decision curve reads them as probabilities "
            "anyway, so it may be too low."
        )
    meaning = (
        ""
        if math.isnan(probability)
        else f" A score equal to the threshold means a probability of {score(probability)} there."
    )
    flattered = (
        " The model was calibrated on these same films, so its calibration looks better than it is."
        if split.split == "validation"
        else ""
    )
    return (
        f"Scores are moved by the prior odds from the {percent(decision.measured_at)} of validation to a "
        f"prevalence of {percent(decision.prevalence)} before net benefit is computed.{meaning}{flattered}"
    )


def _signed(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:+.3f}".replace("-", "−")


def _kinds(split: SplitReport) -> Any:
    heads = [
        Head("Kind, by file name", 1.4),
        Head("films", 0.6, right=True),
        Head("patients", 0.6, right=True),
        Head("Sensitivity", 0.8, right=True),
        Head(_BY_PATIENT, 1, muted=True),
    ]
    rows = [
        [
            tidy(kind.kind, longest=_NAME),
            count(kind.n),
            count(kind.patients),
            percent(kind.sensitivity),
            formats.interval(*kind.interval),
        ]
        for kind in split.kinds
    ]
    return grid(heads, rows)


def _classes(title: str, report: ClassTable, finding: Finding) -> list[Any]:
    # Only a model of several kinds has a probability, and so an AUC, for each class.
    areas = any(row.auc is not None for row in report.classes)
    heads = [
        Head("Class", 1.6),
        Head("Precision", 0.8, right=True),
        Head("Recall", 0.8, right=True),
        Head("F1", 0.8, right=True),
        Head("films", 0.7, right=True),
    ]
    heads += [Head("AUC against the rest", 1, right=True), Head(_BY_PATIENT, 1, muted=True)] * areas
    rows = [[tidy(row.name, longest=_NAME), *_class_rates(row), *_class_area(row)] for row in report.classes]
    rows += [[AVERAGES[row.average], *_class_rates(row), *[""] * (2 * areas)] for row in report.averages]
    notes = [
        f"{row.average.capitalize()} average: without {', '.join(names)}, which has no {rate}."
        for row in report.averages
        for rate, names in row.left_out.items()
        if names
    ]
    if report.left_out:
        films = of_films(report.left_out, "film")
        notes.append(f"{films} {finding.ill} of another or an unknown kind: left out.")
    calls = [_calls(report)] if areas else []
    return [KeepTogether([spaced(title, "small head"), grid(heads, rows), *map(note, notes), *calls])]


def _class_rates(row: ClassRow | AverageRow) -> list[str]:
    return [percent(row.precision), percent(row.recall), percent(row.f1), count(row.support)]


def _class_area(row: ClassRow) -> list[str]:
    if row.auc is None or row.auc_ci is None:
        return []
    return [formats.auc(row.auc), formats.auc_interval(*row.auc_ci)]


def _calls(report: ClassTable) -> Any:
    heads = [
        Head("Films, by true class", 1.4),
        *(Head(f"called {tidy(row.name, longest=_NAME)}", 1, right=True) for row in report.classes),
    ]
    rows = [
        [tidy(row.name, longest=_NAME), *map(count, calls)]
        for row, calls in zip(report.classes, report.confusion, strict=True)
    ]
    return grid(heads, rows)
