"""The panel that compares the scores of other films with those of validation, on demand."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from xraylab import actions, formats
from xraylab.app import curves, waiting, widgets, wording
from xraylab.app.faults import guard
from xraylab.documents import Shift, ShiftOfClass
from xraylab.errors import DatasetError
from xraylab.findings import Finding, capital
from xraylab.models import Lock, Model
from xraylab.reports.calibration import signed, signed_interval
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.loaded import LoadedModel

_TEST, _OTHER = "test", "other"
_WORDS = {_TEST: "revealed test films", _OTHER: "labelled films from elsewhere"}
_Estimate = tuple[str, str]  # a number and its interval


def draw(settings: Settings, model: Model) -> None:
    """Draw the panel, closed at first; inside, the user chooses films, which are then scored."""
    panel = st.expander("Does it hold on other films?", key="shift panel", on_change="rerun")
    # Streamlit runs the content of a closed expander too, so it is skipped here.
    if panel.open:
        with panel, guard():
            _draw_open(settings, model)


def _draw_open(settings: Settings, model: Model) -> None:
    lock = model.lock
    if lock is None:
        st.caption("Lock a threshold first. The panel compares how the lock performs on both sets of films.")
        return
    chosen = _pick_films(model)
    with st.form(f"shift {chosen}", border=False):
        path = ""
        if chosen == _OTHER:
            path = st.text_input(
                "Path of a zip archive or folder on this machine, with "
                f"{' and '.join(model.card.finding.classes)} folders",
                key="shift path",
                placeholder="/path/to/films",
            )
        pressed = st.form_submit_button("Compare with validation", type="primary")
    # A result belongs to one lock: a new lock seals the test films again, and their result must not stay.
    store, made_with = f"shift found {chosen}", (model.card.model_sha256, lock.locked_at)
    if pressed:
        st.session_state.pop(
            store, None
        )  # if this comparison fails, an old result must not look like its own
        st.session_state[store] = made_with, _compare(settings, model, chosen, path.strip())
    kept_for, comparison = st.session_state.get(store, (None, None))
    if comparison is not None and kept_for == made_with:
        _draw_comparison(comparison, lock, model.card.finding)


def _pick_films(model: Model) -> str:
    if not model.test_opened:
        st.caption(
            "Test films are sealed until they are revealed at this lock; other films can be compared now."
        )
        return _OTHER
    return str(
        st.segmented_control(
            "Compare validation with",
            [_TEST, _OTHER],
            default=_TEST,
            required=True,
            format_func=_WORDS.__getitem__,
            key="shift films",
        )
    )


def _compare(settings: Settings, model: Model, chosen: str, path: str) -> actions.Shifted:
    if chosen == _TEST:
        return actions.shift(settings, model.name)
    if not path:
        raise DatasetError("Type the path of a labelled zip archive or folder on this machine.")
    with waiting.progress("Reading films") as (move, place):

        def report(done: int, total: int) -> None:
            move(done / total, f"{formats.count(done)} of {formats.count(total)} films")

        def load(model: Model) -> "LoadedModel":
            from xraylab.app.loaded import loaded  # loads torch, so only when films are scored

            return loaded(model, place)

        folder = str(Path(path).expanduser())
        return actions.shift(settings, model.name, folder, on_progress=report, load=load)


def _draw_comparison(comparison: actions.Shifted, lock: Lock, finding: Finding) -> None:
    document = comparison.document
    widgets.notes([document.verdict])
    words = (capital(finding.well_film), finding.title)
    widgets.figures([_chance(shift, word) for shift, word in zip(document.classes, words, strict=True)])
    titles = (capital(finding.well_films), f"Films {finding.ill}")
    # The classes come in the order of their labels: 0 is absent, 1 is present.
    for label, (column, shift) in enumerate(zip(st.columns(2), document.classes, strict=True)):
        validation, other = (
            side.scores[side.labels == label] for side in (comparison.validation, comparison.other)
        )
        with column:
            curves.mirrored_scores(
                validation,
                other,
                lock.threshold,
                title=titles[label],
                key=f"shift scores {shift.label}",
            )
    left, right = st.columns([3, 2])
    with left:
        name = _WORDS.get(document.data, "Other films")  # a path from the user has no place in a head
        _draw_table(document, name, finding)
        st.caption(_about(document))
    with right:
        measured = comparison.comparison
        sides = {"validation": measured.validation.reliability, "other films": measured.other.reliability}
        curves.calibration(sides, finding, key="shift bins")


def _chance(shift: ShiftOfClass, word: str) -> tuple[str, str, str]:
    """Return the chance that a film of the other set scores above one of validation, 50 % without a shift."""
    bounds = f"{formats.interval(*shift.chance_ci)} · {wording.p_words(shift.adjusted_p)}"
    return f"{word} scores above one of validation", formats.percent(shift.chance), bounds


def _draw_table(document: Shift, name: str, finding: Finding) -> None:
    validation, other, differences = document.validation, document.other, document.differences

    def rate(field: str) -> tuple[_Estimate, _Estimate, _Estimate]:
        difference = differences[field]
        first, second = (
            (formats.percent(getattr(side, field)), formats.interval(*getattr(side, f"{field}_ci")))
            for side in (validation, other)
        )
        return first, second, wording.points(difference.value, difference.low, difference.high)

    def number(field: str) -> tuple[str, str, str]:
        first, second = (signed(getattr(side, field)) for side in (validation, other))
        return first, second, ""  # no interval of these differences is known to hold

    def fitted(field: str) -> tuple[_Estimate, _Estimate, str]:
        first, second = (
            (
                signed(getattr(side.calibration, field)),
                signed_interval(getattr(side.calibration, f"{field}_ci")),
            )
            for side in (validation, other)
        )
        return first, second, ""

    aucs = [(formats.auc(side.auc), formats.auc_interval(*side.auc_ci)) for side in (validation, other)]
    area = differences["auc"]
    widgets.table(
        ("At the lock", "Validation", name[0].upper() + name[1:], "Difference (other − validation)"),
        [
            ("Sensitivity", *rate("sensitivity")),
            ("Specificity", *rate("specificity")),
            ("AUC", *aucs, wording.apart(area.value, area.low, area.high, lambda value: f"{value:.3f}")),
            ("Brier score", *number("brier")),
            ("Calibration error", *number("ece")),
            ("Calibration slope", *fitted("slope")),
            ("Calibration intercept", *fitted("intercept")),
            (f"Observed / expected {finding.cases}", *fitted("observed_expected")),
            (f"Share of {finding.name}", *rate("prevalence")),
        ],
    )


def _about(document: Shift) -> str:
    other, validation = (
        f"{formats.counted(side.n, 'film')} of {formats.counted(side.patients, 'patient')}"
        for side in (document.other, document.validation)
    )
    sentences = [
        f"{other}, against {validation} of validation.",
        "Intervals are at 95 % and clustered by patient. Each p is adjusted by Holm’s method for both "
        "classes. A calibration slope of 1, an intercept of 0 and observed / expected of 1 are perfect. Bars "
        "show square roots.",
    ]
    if document.other.refused:
        sentences.append(f"{formats.counted(document.other.refused, 'file')} couldn’t be read.")
    if document.other.warned:
        sentences.append(
            f"{formats.counted(document.other.warned, 'film')} of another kind than the training films."
        )
    sides = document.validation.calibration, document.other.calibration
    sentences += [reason for side in sides for reason in (side.why, side.too_few) if reason]
    return wording.plain(" ".join(sentences))
