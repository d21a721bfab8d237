"""
The parts of an evaluation's PDF that reporting standards ask for, drawn from the JSON document only.

- how films were prepared, scored and counted; what validation was used for; flow, openings and hashes
- for each split: patients, films without a clear answer, and the films that a narrower interval needs
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xraylab import formats
from xraylab.documents import (
    ByPatient,
    EvaluationReport,
    FilmFlow,
    HeldOutFlow,
    OpeningRow,
    Provenance,
    Reason,
    SampleSize,
    SplitReport,
)
from xraylab.findings import Finding
from xraylab.formats import DASH, count, percent, ratio
from xraylab.reports.markdown import tidy
from xraylab.reports.pdf_lock import of_films
from xraylab.reports.sections import SPLIT_TITLES
from xraylab.reports.typeset import WIDTH, Head, grid, headed, note, spaced

_NAME, _LONG = 60, 160  # characters of a name in a cell, and of a reason or a note
_MOST_REASONS, _MOST_OPENINGS = 12, 24  # rows; the JSON holds all of them
_METHODS = (
    "Each film is turned to grey values and stretched to 256 × 256. Its aspect ratio is lost, but no part of "
    "the film is. The network sees the film alone: it gets neither its tags nor any clinical information. "
    "A score doesn’t depend on other films.",
    "The label of a film is what its source says, {classes}. It is the reference standard here. "
    "XRayLab doesn’t know who set it, by what method, or whether they knew other findings. Labels don’t "
    "depend on the model.",
    "Films are assigned to training, validation or test by patient, so that no patient is in two of them. "
    "The model card says where the patients come from.",
    "A film that can’t be scored, or has no label, is left out and counted. No value is imputed. A film is "
    "called positive when its score is at least the threshold; a film in the review band counts as called "
    "negative in every rate, and is counted apart too.",
)
_CHOSEN = {
    "epoch": "the epoch whose weights were kept",
    "early stop": "when the training ended",
    "weights": "the weights that the training started from, which may have been chosen by these films",
    "recipe": "the recipe, of several that were compared on these films",
    "calibration": "the calibration of the scores",
    "threshold": "the threshold",
    "review band": "the lower end of the review band",
}
_HASHED = (
    "Each hash is the SHA-256 of the sorted fingerprints of 16 bytes that XRayLab keeps of the films, "
    "without repeats. Films that the figures leave out, because the first weights were made from them, "
    "aren’t included. The same films have the same hash, whatever their files are called."
)
_BY_PATIENT = (
    "Each patient counts once. A patient {ill} has at least one film {ill}, and is found "
    "if at least one of these films is called positive. A patient {well} is correctly negative if "
    "no film is called positive. Intervals are Wilson’s. A patient with more "
    "films has more chances to be found, and more chances of a false alarm."
)
_WARNED = (
    "Films that the gate warns of: not known here, because stored predictions don’t hold warnings. Where the "
    "films are at hand, “evaluate” counts them."
)
_SIZE = (
    "Films of the class that make the 95 % interval as narrow as stated, from its middle to its ends, if "
    "rate and design effect stay as observed (Wilson’s interval solved for the number of films: Piegorsch "
    "2004). The design effect is the number of films that count as much as one independent film."
)


def methods(report: EvaluationReport, titles: Mapping[str, str]) -> list[Any]:
    """Describe how the figures came about, and what the validation films were used for."""
    uses = [_CHOSEN.get(use, tidy(use, longest=_NAME)) for use in report.validation_used_for]
    return [
        headed(titles["methods"], "methods", "head"),
        *(spaced(words.format(classes=" or ".join(report.finding.classes))) for words in _METHODS),
        headed(titles["validation"], "validation"),
        spaced(f"They chose: {'; '.join(uses) or DASH}. Figures on them look better than they are."),
        spaced(report.order),
    ]


def provenance(report: EvaluationReport, titles: Mapping[str, str]) -> list[Any]:
    """Tabulate flow, openings and hashes; nothing if they weren't looked up."""
    known = report.provenance
    if known is None:
        return []
    return [
        headed(titles["flow"], "flow"),
        *_flow(known.flow, report.finding),
        headed(titles["openings"], "openings"),
        *_openings(known.openings),
        headed(titles["hashes"], "hashes"),
        *_hashes(known),
    ]


def _flow(flow: FilmFlow, finding: Finding) -> list[Any]:
    heads = [Head("", 2.6), *(Head(words, 0.8, right=True) for words in ("files or films", "patients"))]
    heads += [Head(finding.ill, 0.9, right=True), Head("without", 0.7, right=True)]
    rows = [*_source_rows(flow)]
    for split in flow.splits:
        counts = (split.films, split.patients, split.positives, split.negatives)
        rows.append([f"Split: {tidy(split.split, longest=_NAME)}", *map(_known, counts)])
    for held_out in flow.held_out:
        rows += [[words, count(films), "", "", ""] for words, films in _held_out_rows(held_out)]
    sentences = [*flow.unknown, *flow.notes]
    return [grid(heads, rows), *(note(tidy(sentence, longest=400)) for sentence in sentences)]


def _source_rows(flow: FilmFlow) -> list[list[str]]:
    """Write the rows from the files in the source to the films in no split; none if they aren't known."""
    if flow.files is None:
        return []
    left_out = "Left out of every split, because they would share a patient"
    return [
        ["Files in the source", count(flow.files), "", "", ""],
        *_reason_rows("Ignored", flow.ignored or []),
        *_reason_rows("Refused", flow.refused or []),
        ["Films read", _known(flow.films), _known(flow.patients), "", ""],
        [left_out, _known(flow.left_out), "", "", ""],
    ]


def _reason_rows(what: str, reasons: Sequence[Reason]) -> list[list[str]]:
    """Write a row per reason, the most frequent first; all others together."""
    if not reasons:
        return [[f"{what}: none", "0", "", "", ""]]
    shown, others = reasons[:_MOST_REASONS], reasons[_MOST_REASONS:]
    rows = [[f"{what}: {tidy(row.reason, longest=_LONG)}", count(row.files), "", "", ""] for row in shown]
    if others:
        rows.append([f"{what}: other reasons", count(sum(row.files for row in others)), "", "", ""])
    return rows


def _held_out_rows(flow: HeldOutFlow) -> list[tuple[str, int]]:
    name = SPLIT_TITLES[flow.split]
    used = f"{name} that the first weights were made from ({count(flow.trained_on_before)} trained on)"
    return [
        (used, flow.used_before),
        *(
            (f"{name} not scored: {tidy(row.reason, longest=_LONG)}", row.files)
            for row in flow.not_scored[:_MOST_REASONS]
        ),
        (f"{name} without a label", flow.unlabelled),
        (f"{name} that the figures stand on", flow.evaluated),
    ]


def _known(number: int | None) -> str:
    return DASH if number is None else count(number)


def _openings(openings: Sequence[OpeningRow]) -> list[Any]:
    if not openings:
        return [spaced("None on record, for any model.")]
    heads = [Head("when (UTC)", 1), Head("results of model", 1.4), Head("films of", 1.4), Head("by", 1)]
    rows = [
        [
            f"{row.at:%Y-%m-%d %H:%M}",
            *(tidy(name, longest=_NAME) or DASH for name in (row.model, row.data, row.actor)),
        ]
        for row in openings[-_MOST_OPENINGS:]
    ]
    earlier = len(openings) - len(rows)
    notes = [note(f"{of_films(earlier, 'earlier opening')} in the JSON.")] if earlier else []
    return [grid(heads, rows), *notes]


def _hashes(known: Provenance) -> list[Any]:
    rows = [[tidy(row.split), count(row.films), row.sha256] for row in known.hashes]
    pixels = f"Pixels of all films in the dataset, from the model card: {tidy(known.pixel_hash, longest=64)}"
    heads = [Head("Split", 0.7), Head("different films", 0.7, right=True), Head("SHA-256", 4)]
    table = [grid(heads, rows), note(_HASHED)] if rows else [note("It isn’t known which films these are.")]
    return [*table, note(pixels)]


def by_patient(split: SplitReport) -> list[Any]:
    """Tabulate sensitivity and specificity by patient."""
    counts = split.by_patient
    if counts is None:
        return [spaced(DASH)]
    heads = [
        Head("Each patient once", 1.6),
        *(Head(words, 0.7, right=True) for words in ("patients", "right", "Share")),
        Head("95 %", 1, muted=True),
    ]
    both = (
        f" {of_films(counts.both, 'patient')} {split.finding.ill} also had films without."
        if counts.both
        else ""
    )
    return [
        grid(heads, _patient_rows(counts, split.finding)),
        note(_BY_PATIENT.format(ill=split.finding.ill, well=split.finding.well) + both),
    ]


def _patient_rows(counts: ByPatient, finding: Finding) -> list[list[str]]:
    rates = (
        (f"With {finding.name} (sensitivity)", counts.ill, counts.found),
        (f"Without {finding.name} (specificity)", counts.well, counts.negative),
    )
    values = (
        (counts.sensitivity, counts.sensitivity_interval),
        (counts.specificity, counts.specificity_interval),
    )
    return [
        [words, count(patients), count(right), percent(rate), formats.interval(*ends)]
        for (words, patients, right), (rate, ends) in zip(rates, values, strict=True)
    ]


def unclear(split: SplitReport) -> list[Any]:
    """Write how many films have no clear answer: in the review band, warned of, or not scored."""
    band = split.band
    reader = (
        "The lock has no review band, so every scored film is called positive or negative."
        if band is None
        else f"Films in the review band, which need a reader: {count(band.between.films)} of "
        f"{count(split.n)} ({percent(band.between.share)}), {count(band.between.positives)} of them "
        f"{split.finding.ill}."
    )
    warned = _WARNED if split.warned is None else f"Films that the gate warns of: {count(split.warned)}."
    return [
        spaced(reader),
        spaced(f"Films without a score or a label: {count(split.refused)}."),
        spaced(warned),
    ]


def sample_size(split: SplitReport) -> list[Any]:
    """Tabulate how many films narrower intervals need."""
    if not split.sample_size:
        return [spaced(DASH)]
    halves = [needed.half_width for needed in split.sample_size[0].needed]
    heads = [
        Head("Observed", 2.2),
        Head("design effect", 0.7, right=True),
        *(Head(f"for ± {100 * half:g} points", 1.5, right=True) for half in halves),
    ]
    return [grid(heads, [_size_row(row) for row in split.sample_size], width=WIDTH), note(_SIZE)]


def _size_row(row: SampleSize) -> list[str]:
    has = f"{row.figure.capitalize()} {percent(row.observed)} ± {100 * row.half_width:.1f} points on"
    return [
        f"{has} {of_films(row.films, 'film')} of {of_films(row.patients, 'patient')}",
        ratio(row.design_effect),
        *(
            f"{of_films(needed.films, 'film')} of {of_films(needed.patients, 'patient')}"
            for needed in row.needed
        ),
    ]
