"""
What is in use: the dataset and the model that every screen speaks of.

- kept under plain session keys, since Streamlit drops a widget's own state when its page is left
- until somebody chooses, the newest is in use; what was chosen and is gone gives way to the newest
"""

from collections.abc import Sequence

import streamlit as st

from xraylab.data.datasets import DatasetInfo, list_datasets
from xraylab.models import Model, list_models
from xraylab.settings import Settings

_MODEL, _DATASET = "model in use", "dataset in use"


def model_in_use(settings: Settings) -> Model | None:
    """The model chosen, else the newest; None if there is none."""
    models = {model.name: model for model in list_models(settings)}
    return models.get(st.session_state.get(_MODEL, ""), next(iter(models.values()), None))


def dataset_in_use(settings: Settings) -> DatasetInfo | None:
    """The dataset chosen, else the newest; None if there is none."""
    infos = {info.name: info for info in list_datasets(settings)}
    return infos.get(st.session_state.get(_DATASET, ""), next(iter(infos.values()), None))


def use_model(name: str) -> None:
    """Put a model in use."""
    st.session_state[_MODEL] = name


def use_dataset(name: str) -> None:
    """Put a dataset in use."""
    st.session_state[_DATASET] = name


def pick_model(settings: Settings, *, key: str) -> Model | None:
    """Draw the choice of model and return the one in use."""
    current = model_in_use(settings)
    if current is None:
        return None
    models = {model.name: model for model in list_models(settings)}
    chosen = _pick("Model", list(models), current.name, key=key)
    use_model(chosen) if chosen != current.name else None
    return models[chosen]


def pick_dataset(settings: Settings, *, key: str) -> DatasetInfo | None:
    """Draw the choice of dataset and return the one in use."""
    current = dataset_in_use(settings)
    if current is None:
        return None
    infos = {info.name: info for info in list_datasets(settings)}
    chosen = _pick("Films", list(infos), current.name, key=key)
    if chosen != current.name:
        use_dataset(chosen)
    return infos[chosen]


def _pick(label: str, names: Sequence[str], current: str, *, key: str) -> str:
    return str(st.selectbox(label, names, index=names.index(current), key=key))
