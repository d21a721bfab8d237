"""Threshold: move the cut, lock it, and only then open the test films."""

import streamlit as st

from xraylab import actions
from xraylab.app import choice, phantoms, shell, status, widgets, wording
from xraylab.app.cache import table_of
from xraylab.app.components.threshold_cockpit import threshold_cockpit
from xraylab.app.faults import guard
from xraylab.app.screens import cases, details, export, shift
from xraylab.errors import XRayLabError
from xraylab.evaluation.rules import choose, parse_rule
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.models import Model, openings_of
from xraylab.settings import Settings, load_settings

_RULES = ("youden", "sensitivity:0.95", "specificity:0.95", "f1", "cost:10")
_ACTOR = "app"
_ASKED = "threshold asked to open"  # the model whose test split somebody wants to open, not confirmed yet
_REMINDERS = {
    "radiographs": "Normals here are not coughing children with another disease: those raise more alarms.",
    "phantoms": "Phantoms are no children.",
}
_SPLIT_WORDS = {"validation": "validation", "test": "test (opened)"}


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    status.recall("threshold")
    if choice.model_in_use(settings) is None:
        phantoms.offer(
            settings, "There is no model yet whose threshold could be moved.", key="threshold phantoms"
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = choice.pick_model(settings, key="threshold model")
        if model is None:
            return
        splits = ["validation", "test"] if model.test_opened else ["validation"]
        split = st.selectbox(
            "Films",
            splits,
            format_func=_SPLIT_WORDS.__getitem__,
            key=f"threshold split {model.name}",
            width=220,
        )
    table = table_of(model, split)
    presets = _presets(table) if split == "validation" else {}  # nothing is ever chosen on test films
    lock = model.lock
    cell = f"threshold cell {model.name} {split}"
    threshold = threshold_cockpit(
        table,
        key=f"cockpit {model.name} {split}",
        store=f"threshold {model.card.model_sha256}",
        locked=lock.threshold if lock else None,
        presets={parse_rule(rule).words: value for rule, value in presets.items()},
        reminder=_REMINDERS[model.card.dataset.kind],
        cell=cell,
    )
    cases.draw(settings, model, split, table, threshold, store=cell)
    details.draw(model, split, table, threshold)
    export.draw(settings, model, split)
    _draw_lock(settings, model, threshold, presets)
    shift.draw(settings, model)
    shell.next_step("Read films", "read")


def _presets(table: ThresholdTable) -> dict[str, float]:
    """The thresholds that the usual rules choose; none for films of one class."""
    found = {}
    for rule in _RULES:
        try:
            found[rule] = choose(table, parse_rule(rule))
        except XRayLabError:
            continue
    return found


def _draw_lock(settings: Settings, model: Model, threshold: float, presets: dict[str, float]) -> None:
    lock = model.lock
    with st.container(horizontal=True, vertical_alignment="center", key="xl-lock"):
        words = status.lock_words(lock) if lock else "not locked"
        st.markdown(wording.plain(words[0].upper() + words[1:]))
        same = lock is not None and lock.threshold == threshold
        if st.button(f"Lock at {wording.score(threshold)}", key="lock", disabled=same, help=_LOCK_HELP):
            rule = next(
                (rule for rule, value in presets.items() if value == threshold), f"value:{threshold!r}"
            )
            made = actions.lock(settings, model.name, rule, actor=_ACTOR)
            status.remember("threshold", f"Locked at {wording.score(made.threshold)}.")
            st.rerun()
        offered = lock is not None and not model.test_opened
        if offered and st.button("Open the test split …", key="open"):
            st.session_state[_ASKED] = model.name
    if offered and st.session_state.get(_ASKED) == model.name:
        _confirm_opening(settings, model)
    if model.test_opened:
        _draw_test(settings, model)


_LOCK_HELP = (
    "Fixes the operating point that decisions on uploaded films use. Chosen on validation films only."
)


def _think_again() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Open the test split", on_dismiss=_think_again)
def _confirm_opening(settings: Settings, model: Model) -> None:
    """Ask first: an opening counts for good."""
    with guard():
        st.markdown(
            "The test films give an honest estimate once, at the locked threshold. Opening them is recorded "
            f"for good; a lock made afterwards is marked. {_openings_words(settings, model)}"
        )
        if st.button("Open the test split", type="primary", key="open test"):
            actions.open_test(settings, model.name, actor=_ACTOR)
            _think_again()
            status.remember("threshold", "The test split is open. Its numbers at the lock stand below.")
            st.rerun()


def _openings_words(settings: Settings, model: Model) -> str:
    events = openings_of(settings, model)
    if not events:
        return f"The test split of {wording.plain(model.card.dataset.name)} has never been opened."
    models = len({event["model"] for event in events})
    times = "once" if len(events) == 1 else f"{len(events)} times"
    return (
        f"The test split of {wording.plain(model.card.dataset.name)} was opened {times}, for {models} "
        f"{'model' if models == 1 else 'models'}."
    )


def _draw_test(settings: Settings, model: Model) -> None:
    result = actions.test_result(settings, model.name)
    st.subheader("Test films at the lock", anchor=False)
    names = ("sensitivity", "specificity", "precision", "npv", "f1", "accuracy")
    words = ("Sensitivity", "Specificity", "Precision (PPV)", "NPV", "F1", "Accuracy")
    widgets.figures(
        [
            ("AUC", wording.auc(result.auc), wording.auc_interval(*result.auc_ci)),
            *(
                (word, wording.percent(getattr(result, name)), wording.interval(*result.intervals[name]))
                for name, word in zip(names, words, strict=True)
            ),
        ]
    )
    st.caption(
        f"{wording.count(result.n)} films of {wording.count(result.patients)} patients. "
        f"{_openings_words(settings, model)}"
    )
