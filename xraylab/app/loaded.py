"""Loaded models, shared by all sessions, and networks on paper; the app imports torch only here."""

from pathlib import Path

import streamlit as st

from xraylab import actions
from xraylab.models import Model
from xraylab.networks import parameters
from xraylab.networks.parameters import Layer
from xraylab.networks.registry import Network
from xraylab.reading.loaded import LoadedModel
from xraylab.settings import load_settings


# A resource and not data: the network is shared as it is, and never copied for each session.
@st.cache_resource(max_entries=2, show_spinner="Loading the model")
def _loaded(folder: Path, kept: Path | None, model_sha256: str, name: str) -> LoadedModel:
    return actions.load_for_reading(load_settings(), name)


def loaded(model: Model) -> LoadedModel:
    """Return a model with its weights in memory; at most two are kept."""
    # The hash of the weights is part of the key: a model that was replaced under its name is loaded anew.
    return _loaded(model.folder, model.kept, model.card.model_sha256, model.name)


def parameter_table(entry: Network, *, classes: int, tail: int | None) -> tuple[Layer, ...]:
    """Return the layers of a network with their parameters (see ``networks.parameters``)."""
    return parameters.parameter_table(entry, classes=classes, tail=tail)
