"""
The parts of an evaluation's PDF about its lock: the thresholds, and the films by review band.

- drawn from the JSON document only; rates are those at the threshold, and the zones stand next to them
"""

from typing import Any

from reportlab.platypus import Spacer

from xraylab import formats
from xraylab.documents import AtPrevalence, EvaluationReport, ReviewBand, SplitReport
from xraylab.errors import RecipeError
from xraylab.evaluation.rules import parse_rule
from xraylab.findings import Finding
from xraylab.formats import DASH, count, percent
from xraylab.reports.markdown import tidy
from xraylab.reports.sections import SPLIT_TITLES
from xraylab.reports.typeset import WIDTH, Head, grid, note

_NAME = 60  # characters of a name in a line


def lock_lines(report: EvaluationReport) -> list[str]:
    """Write the thresholds of the lock, how and when they were chosen, and the openings."""
    lock = report.lock
    rule = _rule_words(lock.rule)
    when = f"{lock.locked_at:%Y-%m-%d %H:%M}"
    by = tidy(lock.actor, longest=_NAME)
    lines = [
        f"Threshold {_exact(lock.threshold)}: a film is called positive when its score is this or higher.",
        f"Chosen by the rule “{rule}” on {of_films(lock.n, 'validation film')}, {when}, by {by}.",
    ]
    if lock.review_from is not None:
        lines.append(
            f"Review band from {_exact(lock.review_from)}: a film between the two needs a reader."
            f"{_review_rule(lock.review_rule)}"
        )
    if lock.one_decision is not None:
        lines.append(lock.one_decision)
    if report.test is not None or lock.after_opening:
        lines.append(report.order)
    return lines


def _exact(threshold: float) -> str:
    """Write a threshold with all its digits, at least three: a rounded one could classify otherwise."""
    return max(f"{threshold:.3f}", repr(threshold), key=len)


def _rule_words(rule: str) -> str:
    try:
        return parse_rule(rule).words
    except RecipeError:  # the lock was made by another version, which knew other rules
        return tidy(rule, longest=_NAME)


def _review_rule(rule: str | None) -> str:
    return "" if rule is None else f" Its lower end was chosen by the rule “{_rule_words(rule)}”."


def below_cells(band: ReviewBand) -> tuple[str, str]:
    """Write how many of the films below have the finding, and the interval of their share."""
    return f"{count(band.below_positive)} of {count(band.below.films)}", formats.interval(
        *band.below_positive_ci
    )


def of_a_thousand(values: AtPrevalence, finding: Finding) -> str:
    """Write the films of a thousand by zone if there is a review band, else by call."""
    films, zones = values.thousand, values.band_thousand
    if zones is not None:
        return (
            f"{zones.above} above ({zones.above_positive} {finding.ill}), {zones.between} need a reader "
            f"({zones.between_positive}), {zones.below} below ({zones.below_positive})"
        )
    if films is None:
        return DASH
    return (
        f"{films.found} found, {films.missed} missed, {films.false_alarms} false alarms, "
        f"{films.rightly_below} correctly negative"
    )


def below_elsewhere(splits: list[SplitReport]) -> list[Any]:
    """Write the NPV of the films below a review band, which is higher than that below the threshold."""
    titles = SPLIT_TITLES
    values = [
        f"{titles[split.split]} {percent(there.npv_below)} ({formats.interval(*there.npv_below_interval)})"
        for split in splits
        if (there := split.at_prevalence).npv_below is not None and there.npv_below_interval is not None
    ]
    head = "PPV and NPV are those at the threshold. NPV of the films below the review band: "
    return [note(f"{head}{'; '.join(values)}.")] if values else []


def zones(split: SplitReport) -> list[Any]:
    """Tabulate the films above, between and below the review band; nothing without one."""
    band = split.band
    if band is None:
        return []
    heads = [Head("By review band", 1), Head("Above", 1), Head("Needs a reader", 1), Head("Below", 1)]
    zones = band.above, band.between, band.below
    rows = [
        [f"With {split.finding.name}", *(count(zone.positives) for zone in zones)],
        [f"Without {split.finding.name}", *(count(zone.negatives) for zone in zones)],
        ["Share of all films", *(percent(zone.share) for zone in zones)],
    ]
    meaning = (
        f"Of {of_films(band.below.films, 'film')} below, {count(band.below_positive)} {split.finding.ill} "
        f"({percent(band.below_positive_share)}, {formats.interval(*band.below_positive_ci)}). The table "
        "above and all rates are those at the threshold: there a film that needs a reader counts as called "
        "negative."
    )
    return [Spacer(0, 6), grid(heads, rows, width=WIDTH * 0.72), note(meaning)]


def of_films(number: int, what: str) -> str:
    """Write a number with its noun: ``1 film``, ``15 films``."""
    return f"{count(number)} {what}{'' if number == 1 else 's'}"
