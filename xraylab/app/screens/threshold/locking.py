"""Lock the threshold that the cockpit shows, and only then reveal the test results."""

import html
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import status, widgets, wording
from xraylab.app.components.threshold_cockpit import Chosen, move_to
from xraylab.app.faults import guard
from xraylab.app.glossary import explained
from xraylab.errors import XRayLabError
from xraylab.evaluation.rules import rule_that_chose
from xraylab.models import (
    Lock,
    Model,
    asks_before_lock,
    decides_alike,
    openings_of,
    replaced_here,
)
from xraylab.settings import Settings

_ACTOR = "app"
_ASKED = "threshold asked to open"  # name of the model whose opening waits for confirmation
_LOCKING = "threshold asked to lock"  # the same for a lock that would replace a shipped one
_HELP = "Fixes the threshold for decisions on uploaded films. It is chosen on validation films only."
_REVEAL_HELP = (
    "Test films measure the locked threshold on patients that no choice has used. Each time is "
    "recorded, because only the first result is independent."
)


@dataclass(frozen=True, eq=False)
class Opened:
    """Results on a model's test films at its lock, and what is on record about these films."""

    result: documents.Evaluated
    openings: str


def opened(settings: Settings, model: Model) -> Opened:
    """Return the results on the test films, once they are revealed."""
    return Opened(actions.test_result(settings, model.name), _openings_words(settings, model))


def draw(
    settings: Settings, model: Model, chosen: Chosen, opened: Callable[[], Opened], *, store: str
) -> None:
    """Draw the lock, the button that makes one, and the button that reveals the test results.

    Parameters
    ----------
    chosen : Chosen
        The threshold and the band that the cockpit shows, with the rules that chose them.
    opened : callable
        Returns the results on the test films, which don't depend on ``chosen``; called if they are revealed.
    store : str
        Session key of the cockpit.
    """
    lock = model.lock
    wanted = _without_empty_band(chosen)
    with st.container(horizontal=True, vertical_alignment="center", key="xl-lock"):
        words = status.lock_words(lock) if lock else "not locked"
        st.html(
            f'<p class="xl-locked" title="{html.escape(explained(words))}">'
            f"{html.escape(words[0].upper() + words[1:])}</p>"
        )
        cut = status.cut_words(wanted.threshold, wanted.review_from)
        if st.button(f"Lock {cut}", key="lock", disabled=wanted == locked_at(model), help=_HELP):
            if asks_before_lock(model):
                st.session_state[_LOCKING] = model.name
            else:
                _lock(settings, model, wanted)
        if replaced_here(model) and model.lock_as_made is not None:
            _offer_shipped(settings, model, model.lock_as_made, store)
        offered = lock is not None and not model.test_opened
        if offered and st.button("Reveal test results (recorded) …", key="open", help=_REVEAL_HELP):
            st.session_state[_ASKED] = model.name
    if same := decides_alike(model):
        st.warning(wording.plain(same))
    # Not at the page's top: there it would push the cockpit down, and the page would jump.
    status.recall("threshold")
    if st.session_state.get(_LOCKING) == model.name and asks_before_lock(model):
        _confirm_lock(settings, model, wanted)
    # Outside the row, and by a session key: a dialog must be opened again on each rerun while it is shown.
    if offered and st.session_state.get(_ASKED) == model.name:
        _confirm_opening(settings, model)
    if model.test_opened and lock is not None:
        _draw_test(opened(), status.cut_words(lock.threshold, lock.review_from))


def _lock(settings: Settings, model: Model, wanted: Chosen) -> None:
    made = actions.lock(settings, model.name, wanted.cut, actor=_ACTOR, review=wanted.review_cut)
    status.remember("threshold", f"Locked at {status.cut_words(made.threshold, made.review_from)}.")
    st.rerun()


def _keep_shipped() -> None:
    st.session_state.pop(_LOCKING, None)


@st.dialog("Replace the shipped threshold", on_dismiss=_keep_shipped)
def _confirm_lock(settings: Settings, model: Model, wanted: Chosen) -> None:
    """Ask once before a lock of this home takes the place of the shipped one."""
    with guard():
        shipped = model.require_lock()
        st.markdown(
            f"{wording.plain(model.name)} came with the threshold "
            f"{status.cut_words(shipped.threshold, shipped.review_from)}. Your lock at "
            f"{status.cut_words(wanted.threshold, wanted.review_from)} replaces it in this home: decisions "
            "on films use it from now on, and test results are sealed until you reveal them at your lock. "
            "*Restore the shipped threshold* undoes this."
        )
        if st.button(f"Lock {status.cut_words(wanted.threshold, wanted.review_from)}", key="lock anyway"):
            _keep_shipped()
            _lock(settings, model, wanted)


def _offer_shipped(settings: Settings, model: Model, shipped: Lock, store: str) -> None:
    """Draw the button that restores the lock that a model came with."""

    # A callback: the cockpit is drawn above this button, so its handle must be moved before the page is.
    def restore() -> None:
        status.forget_fault("threshold")
        try:
            made = actions.restore_lock(settings, model.name, actor=_ACTOR)
        except XRayLabError as error:
            status.remember_fault("threshold", str(error))
            return
        cut = status.cut_words(made.threshold, made.review_from)
        status.remember(
            "threshold", f"The shipped threshold {cut} is valid again. What was revealed stays on record."
        )
        if (chosen := locked_at(model)) is not None:
            move_to(chosen, store)

    if st.button(
        "Restore the shipped threshold",
        key="restore",
        on_click=restore,
        help=f"Makes {status.cut_words(shipped.threshold, shipped.review_from)} valid again.",
    ):
        st.rerun()  # the whole page: sidebar and test results depend on the lock


def locked_at(model: Model) -> Chosen | None:
    """Return what the cockpit shows at a model's lock; None if it isn't locked."""
    lock = model.lock
    if lock is None:
        return None
    # The rule of a lock that was made for other weights would choose another threshold for these.
    rules = (lock.rule, lock.review_rule) if lock.fits(model.card) else (None, None)
    return Chosen(lock.threshold, lock.review_from, *map(rule_that_chose, rules))


def _without_empty_band(chosen: Chosen) -> Chosen:
    """Drop an empty review band."""
    empty = chosen.review_from == chosen.threshold
    return Chosen(chosen.threshold, rule=chosen.rule) if empty else chosen


def _think_again() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Reveal test results", on_dismiss=_think_again)
def _confirm_opening(settings: Settings, model: Model) -> None:
    """Ask first, because an opening can't be undone."""
    # A guard of its own, because a dialog reruns without its page, like a fragment.
    with guard():
        st.markdown(
            "The test films give an honest estimate once, at the locked threshold. Revealing them is "
            "recorded permanently, and a lock made afterwards is marked. "
            f"{_openings_words(settings, model)}"
        )
        if st.button("Reveal test results", type="primary", key="open test"):
            actions.open_test(settings, model.name, actor=_ACTOR)
            _think_again()
            status.remember("threshold", "Test results are revealed. The numbers at the lock are below.")
            st.rerun()


def _openings_words(settings: Settings, model: Model) -> str:
    events = openings_of(settings, model)
    if not events:
        return "On record, no results on these test films have been revealed."
    # An opening for another model of the same films counts too: it may have guided the choice of this one.
    models = len({event.model for event in events})
    return (
        "On record, results on these test films were revealed "
        f"{wording.times(len(events))}, for {formats.counted(models, 'model')}."
    )


def _draw_test(opened: Opened, cut: str) -> None:
    """Draw the results on the test films on a surface of their own: the handle doesn't change them."""
    with st.container(key="xl-test"):
        st.header(f"Test films, at the lock {cut}", anchor=False)
        _draw_results(opened)


def _draw_results(opened: Opened) -> None:
    result = opened.result
    names = ("sensitivity", "specificity", "precision", "npv", "f1", "accuracy")
    words = ("Sensitivity", "Specificity", "Precision (PPV)", "NPV", "F1", "Accuracy")
    widgets.figures(
        [
            ("AUC", formats.auc(result.auc), formats.auc_interval(*result.auc_ci)),
            *(
                (word, formats.percent(getattr(result, name)), formats.interval(*result.intervals[name]))
                for name, word in zip(names, words, strict=True)
            ),
        ]
    )
    if result.band is not None:
        _draw_band(result.band, result.finding)
    st.caption(
        f"{formats.count(result.n)} films of {formats.count(result.patients)} patients, with 95"
        f"{formats.NARROW_SPACE}% intervals. The handle above doesn’t change these figures. {opened.openings}"
    )


def _draw_band(band: documents.ReviewBand, finding: str) -> None:
    """Draw what the lock's review band does with the test films."""
    widgets.figures(
        [
            ("Needs a reader", formats.percent(band.between.share), ""),
            (
                f"Films below with {finding}",
                f"{formats.count(band.below_positive)} of {formats.count(band.below.films)}",
                formats.interval(*band.below_positive_ci),
            ),
            ("Missed below the band", formats.percent(band.missed_rate), formats.interval(*band.missed_ci)),
        ]
    )
