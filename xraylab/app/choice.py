"""
The dataset and the model in use, which every screen refers to.

- kept under plain session keys, because Streamlit drops a widget's own state when its page is left
- until a user chooses, the newest is in use; if the chosen one is gone, the newest takes its place
- without a model made here, a shipped one is in use: the ensemble, if it is installed
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import streamlit as st

from xraylab.app import wording
from xraylab.data.datasets import DatasetInfo, list_datasets
from xraylab.models import Model, list_models
from xraylab.settings import Settings

_MODEL, _DATASET = "model in use", "dataset in use"  # session keys


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def model_in_use(settings: Settings) -> Model | None:
    """Return the chosen model, else the newest made here, else a shipped one; None without any."""
    return _in_use(_models(settings), _MODEL)


def dataset_in_use(settings: Settings) -> DatasetInfo | None:
    """Return the chosen dataset, else the newest; None without any."""
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
    """Return a model's name as screens write it."""
    return wording.model(model.name, shipped=model.shipped)


def _models(settings: Settings) -> dict[str, Model]:
    return {model.name: model for model in list_models(settings)}


def _datasets(settings: Settings) -> dict[str, DatasetInfo]:
    return {info.name: info for info in list_datasets(settings)}


def _in_use(offered: Mapping[str, T], session_key: str) -> T | None:
    # Both lists come newest first, shipped models last: the first entry is the default.
    return offered.get(st.session_state.get(session_key, ""), next(iter(offered.values()), None))


def _pick(
    label: str,
    offered: Mapping[str, T],
    session_key: str,
    *,
    key: str,
    words: Callable[[T], str] = lambda item: item.name,
) -> T | None:
    current = _in_use(offered, session_key)
    if current is None:
        return None
    names = list(offered)
    chosen = str(
        st.selectbox(
            label,
            names,
            # The widget forgets its value when its page is left, so it starts from the session's choice.
            index=names.index(current.name),
            # Streamlit also formats a value from the last run, whose model may be deleted by now.
            format_func=lambda name: words(offered[name]) if name in offered else name,
            key=key,
        )
    )
    if chosen != current.name:
        st.session_state[session_key] = chosen
    return offered[chosen]
