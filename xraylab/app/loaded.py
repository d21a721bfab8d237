"""Loaded models, shared by all sessions, and networks on paper; the app imports torch here alone."""

from pathlib import Path

import streamlit as st

from xraylab import actions
from xraylab.models import Model
from xraylab.networks import parameters
from xraylab.networks.parameters import Layer
from xraylab.networks.registry import Network
from xraylab.reading.loaded import LoadedModel
from xraylab.settings import load_settings


@st.cache_resource(max_entries=2, show_spinner="Loading the model")
def _loaded(folder: Path, kept: Path | None, model_sha256: str, name: str) -> LoadedModel:
    return actions.load_for_reading(load_settings(), name)


def loaded(model: Model) -> LoadedModel:
    """A model with its weights in memory; at most two are kept."""
    return _loaded(model.folder, model.kept, model.card.model_sha256, model.name)


def parameter_table(entry: Network, *, classes: int, tail: int | None) -> tuple[Layer, ...]:
    """The layers of a network with their parameters (see ``networks.parameters``)."""
    return parameters.parameter_table(entry, classes=classes, tail=tail)
