"""The decision on a film, its score, and what the score means on the model's own films."""

import html
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from xraylab import actions, formats
from xraylab.app import widgets, wording
from xraylab.app.components.threshold_cockpit import PREVALENCE
from xraylab.app.faults import guard
from xraylab.app.screens.read import explain
from xraylab.evaluation.band import review_band
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import Finding
from xraylab.models import Lock, Model, decides_alike
from xraylab.reports import film_words

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from xraylab.reading.read import Reading

_PREVALENCE_HELP = (
    "The share of films {ill} where you work. Sensitivity and specificity are assumed to stay as "
    "they are on the validation films."
)


def draw_decision(model: Model, reading: "Reading", *, decide: Callable[[], None]) -> None:
    """Draw the decision, the score and the warnings.

    Parameters
    ----------
    reading : Reading
        With a score.
    decide : callable
        Decides the film in spite of its warnings.
    """
    # Filled last: damaged predictions must hide neither the score nor the decision.
    large, decision = st.empty(), st.container()
    if reading.decision is not None:
        _draw_score(large, reading, model.card.finding)
    decision.html(f'<p class="xl-decision">{_decision_words(reading, model.card.finding)}</p>')
    draw_remarks(model, reading, decide)
    if reading.decision is not None and model.card.calibrated:
        with guard():
            _draw_score(large, reading, model.card.finding, model.table("validation"))


def draw_meaning(model: Model, reading: "Reading") -> None:
    """Draw what the score means on the model's validation films, and what the lock did there.

    Parameters
    ----------
    reading : Reading
        With a score.
    """
    validation = model.table("validation")
    if reading.decision is None:
        st.html(f'<p class="xl-undecided">{html.escape(film_words.undecided(_score(reading)))}</p>')
        _draw_standing(model, reading, validation)
    else:
        _draw_standing(model, reading, validation)
        _draw_meaning(model, reading, validation)
    if model.lock is not None:
        _draw_lock(model, model.lock, validation, negative=reading.decision == "negative")


def draw_remarks(model: Model, reading: "Reading", decide: Callable[[], None]) -> None:
    """Draw warnings and notes, and offer a decision in spite of warnings."""
    for warning in reading.warnings:
        st.warning(wording.plain(warning))
    if reading.warnings and not reading.overridden and reading.threshold is not None:
        if st.button("Decide anyway", key="decide anyway"):
            decide()
    elif reading.overridden:
        st.caption(film_words.OVERRIDDEN)
    of_lock = decides_alike(model)
    for note in reading.notes:
        (st.warning if note == of_lock else st.caption)(wording.plain(note))


def prevalence() -> float:
    """Return the prevalence that the reader set, on this screen or on Threshold."""
    return float(st.session_state.get(PREVALENCE, actions.PREVALENCE))


def _score(reading: "Reading") -> float:
    return float("nan") if reading.score is None else reading.score


def _draw_score(
    place: "DeltaGenerator", reading: "Reading", finding: Finding, validation: ThresholdTable | None = None
) -> None:
    """Draw the score in large type; given the validation films, at the reader's prevalence too."""
    figures = [(finding.score, formats.score(_score(reading)), "")]
    if validation is not None:
        there = film_words.at_prevalence(
            _score(reading), validation.positives, validation.n, share := prevalence()
        )
        figures.append((f"At {formats.percent(share)} prevalence", formats.score(there), ""))
    with place:
        widgets.figures(figures)


def _draw_meaning(model: Model, reading: "Reading", validation: ThresholdTable) -> None:
    """Draw what the decision means: below the cuts, at the reader's prevalence, by kind."""
    if reading.decision == "negative" and model.lock is not None:
        _draw_below(model, model.lock, validation)
    _draw_prevalence(model.card.finding)
    if not model.card.calibrated:
        st.caption(film_words.NOT_MOVED)
    if reading.subtype:
        widgets.figures([(name.capitalize(), formats.percent(share), "") for name, share in reading.subtype])
        st.caption(film_words.kinds_caveat(model.card.finding))


def _draw_prevalence(finding: Finding) -> None:
    """Draw the reader's prevalence, which Threshold shares."""
    key = "read prevalence"
    # Streamlit drops a widget's value when its page is left, and Threshold may have set another meanwhile.
    st.session_state.setdefault(key, round(100 * prevalence()))

    def keep() -> None:
        st.session_state[PREVALENCE] = st.session_state[key] / 100

    st.slider(
        f"Prevalence of {finding.name} here",
        1,
        90,
        key=key,
        format=f"%d{formats.NARROW_SPACE}%%",
        on_change=keep,
        help=_PREVALENCE_HELP.format(ill=finding.ill),
    )


def _draw_standing(model: Model, reading: "Reading", validation: ThresholdTable) -> None:
    """Draw the place of the score among the validation films, and how much an ensemble's models differ."""
    score = _score(reading)
    if reading.spread is not None:
        st.caption(film_words.disagreement(reading.spread, len(model.card.members)))
    explain.draw_standing(model, validation, score, model.lock)
    st.markdown(film_words.position(validation, score, locked=model.lock is not None))


def _draw_lock(model: Model, lock: Lock, validation: ThresholdTable, *, negative: bool) -> None:
    """Draw the lock with its rates; what "below" means stands here unless it stands at the decision."""
    point = validation.at(lock.threshold)
    widgets.figures(
        [
            ("Threshold", formats.score(lock.threshold), ""),
            (
                "Sensitivity at threshold",
                formats.percent(point.sensitivity),
                formats.interval(*validation.interval("sensitivity", lock.threshold)),
            ),
            (
                "Specificity at threshold",
                formats.percent(point.specificity),
                formats.interval(*validation.interval("specificity", lock.threshold)),
            ),
        ]
    )
    if lock.review_from is not None:
        _draw_band(validation, lock.review_from, lock.threshold)
    if not negative:
        _draw_below(model, lock, validation)
    st.caption(
        f"On {formats.count(validation.n)} validation films of {formats.count(validation.n_groups)} "
        f"patients ({wording.plain(model.card.dataset.name)})."
    )


def _draw_below(model: Model, lock: Lock, validation: ThresholdTable) -> None:
    """Write what "below" means on the validation films, and on the test films if they were opened."""
    splits = {"validation": validation} | ({"test": model.table("test")} if model.test_opened else {})
    for split, films in splits.items():
        words = film_words.below(
            films, lock.threshold, lock.review_from, prevalence=prevalence(), split=split
        )
        st.caption(wording.plain(words))


def _draw_band(validation: ThresholdTable, review_from: float, threshold: float) -> None:
    """Draw what the lock's review band does with the validation films."""
    band, finding = review_band(validation, review_from, threshold), validation.finding
    widgets.figures(
        [
            ("Needs a reader from", formats.score(review_from), ""),
            ("Films that need a reader", formats.percent(band.between.share), ""),
            (
                f"Films below {finding.ill}",
                f"{formats.count(band.missed)} of {formats.count(band.below.films)}",
                formats.interval(*band.below_interval),
            ),
            (
                f"{finding.capital_cases} below both thresholds",
                formats.percent(band.missed_rate),
                formats.interval(*band.missed_interval),
            ),
        ]
    )


def _decision_words(reading: "Reading", finding: Finding) -> str:
    decision, caveat = formats.decision(
        reading.decision, reading.threshold, reading.review_from, scored=finding.score
    )
    decision = html.escape(decision)
    return f"{decision}<small>{html.escape(caveat)}</small>" if caveat else decision
