"""
The address of the Threshold screen: it restores what somebody saw there.

- it names the model, the films, the threshold, the review band and the prevalence; nothing of any film
- it is followed once a session, when the screen is first drawn; whatever in it isn't so is passed over
- it can't open anything: of a model whose test films are sealed it shows validation
"""

import contextlib
import math

import streamlit as st

from xraylab.app import choice, wording
from xraylab.app.components.threshold_cockpit import PREVALENCE, Chosen
from xraylab.models import Model, list_models
from xraylab.settings import Settings

_FOLLOWED = "threshold link followed"
_MODEL, _FILMS, _AT, _REVIEW, _PREVALENCE = "model", "films", "at", "review", "prevalence"
_LOWEST, _HIGHEST = 0.01, 0.9  # prevalences that the cockpit's own slider reaches


def store_of(model: Model) -> str:
    """Session key of what a model's cockpit stands at."""
    return f"threshold {model.card.model_sha256}"


def split_key(model: Model) -> str:
    """Session key of which of a model's films are looked at."""
    return f"threshold split {model.name}"


def follow(settings: Settings) -> None:
    """Put in use what the address says, the first time in a session."""
    session, said = st.session_state, st.query_params
    if session.get(_FOLLOWED) or _MODEL not in said:
        session[_FOLLOWED] = True
        return
    session[_FOLLOWED] = True
    name = said[_MODEL]
    model = next((one for one in list_models(settings) if one.name == name), None)
    if model is None:
        st.info(f"The link is to a model that isn’t here, “{wording.plain(name[:80])}”. This is another one.")
        return
    choice.use_model(model.name)
    if said.get(_FILMS) == "test" and model.test_opened:
        session[split_key(model)] = "test"
    chosen = _chosen(said.get(_AT, ""), said.get(_REVIEW, ""))
    if chosen is not None:
        session[store_of(model)] = chosen
    prevalence = _number(said.get(_PREVALENCE, ""))
    if _LOWEST <= prevalence <= _HIGHEST:
        session[PREVALENCE] = prevalence


def keep(model: Model, split: str, chosen: Chosen) -> None:
    """Write into the address what is seen now."""
    review = {} if chosen.review_from is None else {_REVIEW: repr(chosen.review_from)}
    prevalence = st.session_state.get(PREVALENCE)
    share = {} if prevalence is None else {_PREVALENCE: f"{prevalence:g}"}
    now = {_MODEL: model.name, _FILMS: split, _AT: repr(chosen.threshold), **review, **share}
    if st.query_params.to_dict() != now:
        st.query_params.from_dict(now)


def _chosen(at: str, review: str) -> Chosen | None:
    """A threshold with its band, as far as they are some."""
    threshold, start = _number(at), _number(review)
    if not 0 <= threshold <= 1:
        return None
    return Chosen(threshold, start if 0 <= start <= threshold else None)


def _number(text: str) -> float:
    with contextlib.suppress(ValueError):
        return float(text)
    return math.nan
