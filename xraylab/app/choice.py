"""
The dataset and the models that the screens refer to.

- the model in use reads films: somebody chose it in this session, or *Use for reading* stored it in the home;
  by default it is the shipped ensemble, and never a model because it is the newest
- the model looked at is that of Threshold, Models and Compare; by default it is the model in use, and a
  choice there doesn't change what reads
- kept under plain session keys, because Streamlit drops a widget's own state when its page is left
- until a user chooses, the newest dataset is in use; if the chosen one is gone, the newest takes its place
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import streamlit as st

from xraylab import actions
from xraylab.app import wording
from xraylab.data.datasets import DatasetInfo, list_datasets
from xraylab.models import Model, list_models, model_that_reads
from xraylab.settings import Settings

_MODEL, _DATASET, _LOOKED_AT = "model in use", "dataset in use", "model looked at"  # session keys
_ACTOR = "app"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def model_in_use(settings: Settings) -> Model | None:
    """Return the model that reads films; None without any."""
    return _reading(_models(settings), settings)


def model_looked_at(settings: Settings) -> Model | None:
    """Return the model whose numbers are shown: the one chosen to look at, else the one in use."""
    models = _models(settings)
    return _chosen(models, _LOOKED_AT) or _reading(models, settings)


def dataset_in_use(settings: Settings) -> DatasetInfo | None:
    """Return the chosen dataset, else the newest; None without any."""
    return _in_use(_datasets(settings), _DATASET)


def use_model(name: str) -> None:
    """Let a model read films in this session, and show its numbers."""
    st.session_state[_MODEL] = st.session_state[_LOOKED_AT] = name


def use_for_reading(settings: Settings, name: str) -> None:
    """Let a model read films from now on, in every session."""
    actions.use_for_reading(settings, name, actor=_ACTOR)
    use_model(name)


def look_at(name: str) -> None:
    """Show the numbers of a model; the model that reads films stays."""
    st.session_state[_LOOKED_AT] = name


def use_dataset(name: str) -> None:
    """Put a dataset in use."""
    st.session_state[_DATASET] = name


def follow(old: str, new: str) -> None:
    """Let the choices of this session follow a new name."""
    for key in (_MODEL, _DATASET, _LOOKED_AT):
        if st.session_state.get(key) == old:
            st.session_state[key] = new


def pick_model(settings: Settings, *, key: str) -> Model | None:
    """Draw the choice of the model to look at, and return it."""
    current = model_looked_at(settings)
    return _pick("Model", _models(settings), current, _LOOKED_AT, key=key, words=model_words)


def pick_reading_model(settings: Settings, *, key: str) -> Model | None:
    """Draw the choice of the model that reads films in this session, and return it."""
    current = model_in_use(settings)
    chosen = _pick("Model", _models(settings), current, _MODEL, key=key, words=model_words)
    if chosen is not None and current is not None and chosen.name != current.name:
        st.rerun()  # the sidebar, which names the model in use, is drawn already
    return chosen


def pick_dataset(settings: Settings, *, key: str) -> DatasetInfo | None:
    """Draw the choice of dataset and return the one in use."""
    offered = _datasets(settings)
    return _pick("Films", offered, _in_use(offered, _DATASET), _DATASET, key=key)


def model_words(model: Model) -> str:
    """Return a model's name as screens write it."""
    return wording.model(model.name, shipped=model.shipped)


def _models(settings: Settings) -> dict[str, Model]:
    return {model.name: model for model in list_models(settings)}


def _datasets(settings: Settings) -> dict[str, DatasetInfo]:
    return {info.name: info for info in list_datasets(settings)}


def _reading(models: Mapping[str, Model], settings: Settings) -> Model | None:
    # A choice of this session goes first; it may be of a model that is gone by now.
    return _chosen(models, _MODEL) or model_that_reads(settings, list(models.values()))


def _chosen(models: Mapping[str, Model], session_key: str) -> Model | None:
    """Return the model that this session chose, which another session may have renamed since."""
    name = st.session_state.get(session_key, "")
    return models.get(name) or next((model for model in models.values() if name in model.names), None)


def _in_use(offered: Mapping[str, T], session_key: str) -> T | None:
    # The list comes newest first: the first entry is the default.
    return offered.get(st.session_state.get(session_key, ""), next(iter(offered.values()), None))


def _pick(
    label: str,
    offered: Mapping[str, T],
    current: T | None,
    session_key: str,
    *,
    key: str,
    words: Callable[[T], str] = lambda item: item.name,
) -> T | None:
    if current is None:
        return None
    # The widget forgets its value when its page is left, and keeps it when an import or a mend puts another
    # dataset in use: either time it follows the session's choice.
    drawn = f"{key} drawn"
    if st.session_state.get(key) not in offered or st.session_state.get(drawn) != current.name:
        st.session_state[key] = current.name
    chosen = str(
        st.selectbox(
            label,
            list(offered),
            # Streamlit also formats a value from the last run, whose model may be deleted by now.
            format_func=lambda name: words(offered[name]) if name in offered else name,
            key=key,
        )
    )
    if chosen != current.name:
        st.session_state[session_key] = chosen
    st.session_state[drawn] = chosen
    return offered[chosen]
