"""Lock the threshold that the cockpit shows, and only then open the test films."""

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import status, widgets, wording
from xraylab.app.components.threshold_cockpit import Chosen, move_to
from xraylab.app.faults import guard
from xraylab.evaluation.rules import parse_rule, rule_that_chose
from xraylab.models import Model, choose_threshold, openings_of, why_no_floor
from xraylab.settings import Settings

_ACTOR = "app"
_ASKED = "threshold asked to open"  # the model whose test split somebody wants to open, not confirmed yet
_FLOOR = parse_rule("floor:0.95")
_FLOOR_HELP = (
    "The highest threshold whose sensitivity is at least 95\u202f%, with 95\u202f% confidence; by MAPIE, "
    "on one film a patient."
)
_HELP = "Fixes the operating point that decisions on uploaded films use. Chosen on validation films only."


def draw(settings: Settings, model: Model, chosen: Chosen, *, store: str) -> None:
    """Draw the lock, the button that makes one, and the way to the test films.

    Parameters
    ----------
    chosen : Chosen
        The threshold and the band that the cockpit shows, with the rules that chose them.
    store : str
        Session key of the cockpit.
    """
    lock = model.lock
    wanted = _without_empty_band(chosen)
    with st.container(horizontal=True, vertical_alignment="center", key="xl-lock"):
        words = status.lock_words(lock) if lock else "not locked"
        st.markdown(wording.plain(words[0].upper() + words[1:]))
        cut = status.cut_words(wanted.threshold, wanted.review_from)
        if st.button(f"Lock at {cut}", key="lock", disabled=wanted == locked_at(model), help=_HELP):
            made = actions.lock(settings, model.name, wanted.cut, actor=_ACTOR, review=wanted.review_cut)
            cut = status.cut_words(made.threshold, made.review_from)
            status.remember("threshold", f"Locked at {cut}.")
            st.rerun()
        _offer_floor(model, store)
        offered = lock is not None and not model.test_opened
        if offered and st.button("Open the test split …", key="open"):
            st.session_state[_ASKED] = model.name
    if offered and st.session_state.get(_ASKED) == model.name:
        _confirm_opening(settings, model)
    if model.test_opened:
        _draw_test(settings, model)


def locked_at(model: Model) -> Chosen | None:
    """Return what the cockpit shows at a model's lock; None if it isn't locked."""
    lock = model.lock
    if lock is None:
        return None
    # The rule of a lock that was made for other weights would choose another threshold for these.
    rules = (lock.rule, lock.review_rule) if lock.fits(model.card) else (None, None)
    return Chosen(lock.threshold, lock.review_from, *map(rule_that_chose, rules))


def _without_empty_band(chosen: Chosen) -> Chosen:
    """Drop a band that no score can lie in."""
    empty = chosen.review_from == chosen.threshold
    return Chosen(chosen.threshold, rule=chosen.rule) if empty else chosen


def _offer_floor(model: Model, store: str) -> None:
    """Offer the sensitivity floor; if the model can't have one, the button's help says why."""
    why = why_no_floor(model, _FLOOR.share)

    def move() -> None:
        status.forget_fault("threshold")
        with guard():
            move_to(Chosen(choose_threshold(model, _FLOOR), rule=_FLOOR), store)

    st.button(
        f"Sensitivity floor 95{formats.NARROW_SPACE}%",
        key="floor",
        on_click=move,
        disabled=why is not None,
        help=wording.plain(why) if why else _FLOOR_HELP,
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
            ("AUC", formats.auc(result.auc), formats.auc_interval(*result.auc_ci)),
            *(
                (word, formats.percent(getattr(result, name)), formats.interval(*result.intervals[name]))
                for name, word in zip(names, words, strict=True)
            ),
        ]
    )
    if result.band is not None:
        _draw_band(result.band)
    st.caption(
        f"{formats.count(result.n)} films of {formats.count(result.patients)} patients. "
        f"{_openings_words(settings, model)}"
    )


def _draw_band(band: documents.ReviewBand) -> None:
    """What the lock's review band does with the test films."""
    widgets.figures(
        [
            ("Needs a reader", formats.percent(band.review.share), ""),
            ("Missed below the band", formats.percent(band.missed_rate), formats.interval(*band.missed_ci)),
        ]
    )
