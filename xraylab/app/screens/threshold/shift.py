"""Whether other films score like validation: a panel that computes nothing until it is asked to."""

import math
from pathlib import Path

import streamlit as st

from xraylab import actions, formats
from xraylab.app import widgets, wording
from xraylab.app.curves import mirrored_scores, two_calibrations
from xraylab.app.faults import guard
from xraylab.documents import Difference, ShiftOfClass, ShiftSide
from xraylab.errors import DatasetError
from xraylab.models import Lock, Model
from xraylab.settings import Settings

_TEST, _OTHER = "test", "other"
_WORDS = {_TEST: "opened test films", _OTHER: "labelled films from elsewhere"}
_CLASSES = {"NORMAL": "Normal films", "PNEUMONIA": "Films with pneumonia"}
_ONE = {
    "NORMAL": "A normal film above one of validation",
    "PNEUMONIA": "With pneumonia, above one of validation",
}
_Estimate = tuple[str, str]  # a number and its interval


def draw(settings: Settings, model: Model) -> None:
    """Draw the panel, closed: open, it asks which films to compare, and scores them on demand."""
    panel = st.expander("Do other films score alike?", key="shift panel", on_change="rerun")
    if panel.open:
        with panel, guard():
            _draw_open(settings, model)


def _draw_open(settings: Settings, model: Model) -> None:
    lock = model.lock
    if lock is None:
        st.caption("Lock a threshold first: the panel shows what the lock does on both sets of films.")
        return
    chosen = _pick_films(model)
    with st.form(f"shift {chosen}", border=False):
        path = ""
        if chosen == _OTHER:
            path = st.text_input(
                "A zip archive or folder on this machine, with NORMAL and PNEUMONIA folders",
                key="shift path",
                placeholder="/path/to/films",
            )
        pressed = st.form_submit_button("Compare with validation", type="primary")
    # A result is that of one lock: test films that a new lock has sealed again are not shown from here.
    store, which = f"shift found {chosen}", (model.card.model_sha256, lock.locked_at)
    if pressed:
        st.session_state.pop(store, None)
        st.session_state[store] = which, _compare(settings, model, chosen, path.strip())
    made_for, found = st.session_state.get(store, (None, None))
    if found is not None and made_for == which:
        _draw_found(found, lock)


def _pick_films(model: Model) -> str:
    if not model.test_opened:
        st.caption(
            "The test films are sealed until they are opened at this lock; others can be compared now."
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
    bar = st.progress(0.0, text="Reading films")

    def report(done: int, total: int) -> None:
        bar.progress(done / total, text=f"{formats.count(done)} of {formats.count(total)} films")

    try:
        return actions.shift(settings, model.name, str(Path(path).expanduser()), on_progress=report)
    finally:
        bar.empty()


def _draw_found(found: actions.Shifted, lock: Lock) -> None:
    told = found.document
    widgets.notes([told.verdict])
    widgets.figures([_chance(one) for one in told.classes])
    for label, (column, one) in enumerate(zip(st.columns(2), told.classes, strict=True)):
        validation, other = (side.scores[side.labels == label] for side in (found.validation, found.other))
        with column:
            mirrored_scores(
                validation,
                other,
                lock.threshold,
                title=_CLASSES[one.label],
                key=f"shift scores {one.label}",
            )
    left, right = st.columns([3, 2])
    with left:
        _draw_table(told.validation, told.other, told.differences, _WORDS.get(told.data, "Other films"))
        st.caption(_about(found))
    with right:
        two_calibrations(found.found.validation.reliability, found.found.other.reliability, key="shift bins")


def _chance(one: ShiftOfClass) -> tuple[str, str, str]:
    """How often one of the others scores above one of validation."""
    bounds = f"{formats.interval(*one.chance_ci)} · {wording.p_words(one.adjusted_p)}"
    return _ONE[one.label], formats.percent(one.chance), bounds


def _draw_table(
    validation: ShiftSide, other: ShiftSide, differences: dict[str, Difference], name: str
) -> None:
    def rate(what: str) -> tuple[_Estimate, _Estimate, _Estimate]:
        apart = differences[what]
        first, second = (
            (formats.percent(getattr(side, what)), formats.interval(*getattr(side, f"{what}_ci")))
            for side in (validation, other)
        )
        return first, second, wording.points(apart.value, apart.low, apart.high)

    def number(what: str) -> tuple[str, str, str]:
        first, second = (_number(getattr(side, what)) for side in (validation, other))
        return first, second, ""

    aucs = [(formats.auc(side.auc), formats.auc_interval(*side.auc_ci)) for side in (validation, other)]
    area = differences["auc"]
    widgets.table(
        ("At the lock", "Validation", name[0].upper() + name[1:], "Other less validation"),
        [
            ("Sensitivity", *rate("sensitivity")),
            ("Specificity", *rate("specificity")),
            ("AUC", *aucs, wording.apart(area.value, area.low, area.high, lambda value: f"{value:.3f}")),
            ("Brier score", *number("brier")),
            ("Calibration error", *number("ece")),
            ("Calibration slope", *number("slope")),
            ("Calibration intercept", *number("intercept")),
            ("Share of pneumonia", *rate("prevalence")),
        ],
    )


def _number(value: float) -> str:
    return formats.DASH if math.isnan(value) else f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def _about(found: actions.Shifted) -> str:
    told = found.document
    sets = (told.other, told.validation)
    other, validation = (f"{_counted(one.n, 'film')} of {_counted(one.patients, 'patient')}" for one in sets)
    sentences = [
        f"{other}, against {validation} of validation.",
        "Intervals are at 95 % and clustered by patient, p is Holm’s over both classes; a calibration slope "
        "of 1 and an intercept of 0 would be perfect. Bars grow with the square root of the share.",
    ]
    if told.other.refused:
        sentences.append(f"{_counted(told.other.refused, 'file')} couldn’t be read.")
    if told.other.warned:
        sentences.append(
            f"{_counted(told.other.warned, 'film')} of another kind than those the model was trained on."
        )
    sentences += [side.no_slope for side in (told.validation, told.other) if side.no_slope]
    return wording.plain(" ".join(sentences))


def _counted(number: int, noun: str) -> str:
    return f"{formats.count(number)} {noun}{'' if number == 1 else 's'}"
