"""
The address of the Threshold screen, which restores the view that it was copied from.

- it names the model, the split, the threshold and the review band with their rules, and the prevalence, and
  nothing about a film
- it is followed once per session, when the screen is first drawn; invalid parts are ignored
- it can't reveal test results: if a model's test films are sealed, it shows the validation films
- it changes in place, so that the browser's Back leads to the screen before (see ``components.address``)
"""

import contextlib
import math
from collections.abc import Mapping

import streamlit as st

from xraylab.app import choice, wording
from xraylab.app.components.address import keep_address
from xraylab.app.components.threshold_cockpit import PREVALENCE, Chosen
from xraylab.errors import XRayLabError
from xraylab.evaluation.rules import Rule, rule_that_chose
from xraylab.models import Model, choose_threshold, list_models
from xraylab.settings import Settings

_FOLLOWED = "threshold link followed"
_MODEL, _FILMS, _AT, _REVIEW, _PREVALENCE = "model", "films", "at", "review", "prevalence"
_RULE, _REVIEW_RULE = "rule", "review_rule"  # of the threshold, and of the lower end of the band
_NAMES = (_MODEL, _FILMS, _AT, _REVIEW, _PREVALENCE, _RULE, _REVIEW_RULE)
_LOWEST, _HIGHEST = 0.01, 0.9  # prevalences that the cockpit's own slider reaches


def store_of(model: Model) -> str:
    """Return the session key of the cut that a model's cockpit shows."""
    return f"threshold {model.card.model_sha256}"


def split_key(model: Model) -> str:
    """Return the session key of the split that is shown for a model."""
    return f"threshold split {model.name}"


def follow(settings: Settings) -> None:
    """Show what the address asks for, on the first call of a session."""
    session, address = st.session_state, st.query_params
    # Only once: the address follows the view from then on, and following it would undo a user's choice.
    if session.get(_FOLLOWED) or _MODEL not in address:
        session[_FOLLOWED] = True
        return
    session[_FOLLOWED] = True
    name = address[_MODEL]
    models = list_models(settings)
    # An old link follows a rename, unless another model has that name now.
    model = next((known for known in models if known.name == name), None) or next(
        (known for known in models if name in known.names), None
    )
    if model is None:
        # Anyone can write an address, so its words are escaped and cut.
        st.info(f"The link’s model isn’t here: “{wording.plain(name[:80])}”. Another one is shown.")
        return
    choice.look_at(model.name)
    if address.get(_FILMS) == "test" and model.test_opened:
        session[split_key(model)] = "test"
    chosen = _chosen(model, address)
    if chosen is not None:
        session[store_of(model)] = chosen
    prevalence = _number(address.get(_PREVALENCE, ""))
    if _LOWEST <= prevalence <= _HIGHEST:
        session[PREVALENCE] = prevalence


def keep(model: Model, split: str, chosen: Chosen) -> None:
    """Write the present view into the address."""
    # repr() keeps every digit: a rounded threshold could classify a film differently.
    rule = {} if chosen.rule is None else {_RULE: str(chosen.rule)}
    review = {} if chosen.review_from is None else {_REVIEW: repr(chosen.review_from)}
    review_rule = {} if chosen.review_rule is None else {_REVIEW_RULE: str(chosen.review_rule)}
    prevalence = st.session_state.get(PREVALENCE)
    share = {} if prevalence is None else {_PREVALENCE: f"{prevalence:g}"}
    cuts = {_AT: repr(chosen.threshold), **rule, **review, **review_rule}
    keep_address("threshold", {_MODEL: model.name, _FILMS: split, **cuts, **share}, of_screen=_NAMES)


def _chosen(model: Model, address: Mapping[str, str]) -> Chosen | None:
    """Parse threshold and review band with their rules; return None if the threshold is invalid."""
    threshold, start = _number(address.get(_AT, "")), _number(address.get(_REVIEW, ""))
    if not 0 <= threshold <= 1:
        return None
    rule = _rule(model, address.get(_RULE), threshold)
    if not 0 <= start <= threshold:
        return Chosen(threshold, rule=rule)
    return Chosen(threshold, start, rule, _rule(model, address.get(_REVIEW_RULE), start))


def _rule(model: Model, text: str | None, threshold: float) -> Rule | None:
    """Read the rule of a threshold; None unless the rule chooses this very threshold for this model."""
    # The lock is made by the rule, so with the rule of another cut the lock would differ from what is shown.
    rule = rule_that_chose(text)
    if rule is None:
        return None
    with contextlib.suppress(XRayLabError):
        return rule if choose_threshold(model, rule) == threshold else None
    return None


def _number(text: str) -> float:
    # NaN fails every comparison with a range, so an invalid number needs no case of its own.
    with contextlib.suppress(ValueError):
        return float(text)
    return math.nan
