"""
What is in use: the dataset and the model that every screen speaks of.

- kept under plain session keys, since Streamlit drops a widget's own state when its page is left
- until somebody chooses, the newest is in use; what was chosen and is gone gives way to the newest
- without a model of one's own it is a shipped one, the ensemble if there is one
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import streamlit as st

from xraylab.app import wording
from xraylab.data.datasets import DatasetInfo, list_datasets
from xraylab.models import Model, list_models
from xraylab.settings import Settings

_MODEL, _DATASET = "model in use", "dataset in use"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def model_in_use(settings: Settings) -> Model | None:
    """The model chosen, else the newest of one's own, else the shipped ensemble; None if there is none."""
    return _in_use(_models(settings), _MODEL)


def dataset_in_use(settings: Settings) -> DatasetInfo | None:
    """The dataset chosen, else the newest; None if there is none."""
    return _in_use(_datasets(settings), _DATASET)


def use_model(name: str) -> None:
    """Put a model in use."""
    st.session_state[_MODEL] = name


def use_dataset(name: str) -> None:
    """Put a dataset in use."""
    st.session_state[_DATASET] = name


def pick_model(settings: Settings, *, key: str) -> Model | None:
    """Draw the choice of model and return the one in use."""
    return _pick("Model", _models(settings), _MODEL, key=key, words=model_words)


def pick_dataset(settings: Settings, *, key: str) -> DatasetInfo | None:
    """Draw the choice of dataset and return the one in use."""
    return _pick("Films", _datasets(settings), _DATASET, key=key)


def model_words(model: Model) -> str:
    """A model's name as screens write it."""
    return wording.model(model.name, shipped=model.shipped)


def _models(settings: Settings) -> dict[str, Model]:
    return {model.name: model for model in list_models(settings)}


def _datasets(settings: Settings) -> dict[str, DatasetInfo]:
    return {info.name: info for info in list_datasets(settings)}


def _in_use(found: Mapping[str, T], what: str) -> T | None:
    return found.get(st.session_state.get(what, ""), next(iter(found.values()), None))


def _pick(
    label: str,
    found: Mapping[str, T],
    what: str,
    *,
    key: str,
    words: Callable[[T], str] = lambda one: one.name,
) -> T | None:
    current = _in_use(found, what)
    if current is None:
        return None
    names = list(found)
    chosen = str(
        st.selectbox(
            label,
            names,
            index=names.index(current.name),
            format_func=lambda name: words(found[name]) if name in found else name,  # it may be gone by now
            key=key,
        )
    )
    if chosen != current.name:
        st.session_state[what] = chosen
    return found[chosen]
