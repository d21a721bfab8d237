"""Loaded models, shared by all sessions in turns, and networks on paper; the app imports torch only here."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import streamlit as st

# OpenMP's threads spin while they wait for each other, which keeps cores busy that other screens need: on a
# busy machine a reading took twenty times as long. The variable is read once, when torch is loaded; training
# workers must not inherit it.
os.environ["OMP_WAIT_POLICY"] = "passive"
import torch  # noqa: F401

del os.environ["OMP_WAIT_POLICY"]

from xraylab import actions
from xraylab.app import waiting
from xraylab.models import Model
from xraylab.networks import parameters
from xraylab.networks.parameters import Layer
from xraylab.networks.registry import Network
from xraylab.reading.loaded import LoadedModel
from xraylab.reading.turns import OnPlace, Turns
from xraylab.settings import load_settings

T = TypeVar("T")
_TURNS = Turns()  # of all sessions and models, which share the processor


# A resource and not data: the network is shared as it is, and never copied for each session.
@st.cache_resource(max_entries=2, show_spinner="Loading the model")
def _loaded(folder: Path, kept: Path | None, model_sha256: str, name: str) -> LoadedModel:
    return _TURNS.run("loading", partial(actions.load_for_reading, load_settings(), name))


def loaded(model: Model, on_place: OnPlace | None = None) -> LoadedModel:
    """Return a model with its weights in memory, which works in this session's turns.

    At most two models are kept; sessions that ask for the same model at once wait until it is loaded.

    Parameters
    ----------
    on_place : callable, optional
        Shows the number of readers before this one while the session waits for its turn.
    """
    # The hash of the weights is part of the key: a model that was replaced under its name is loaded anew.
    shared = _loaded(model.folder, model.kept, model.card.model_sha256, model.name)
    return replace(shared, in_turn=_TURNS.of(waiting.reader(), on_place))


def in_turn(piece: Callable[[], T], on_place: OnPlace | None = None) -> T:
    """Run a piece of work of a network in this session's turn, and return its result."""
    return _TURNS.run(waiting.reader(), piece, on_place)


def parameter_table(entry: Network, *, classes: int, tail: int | None) -> tuple[Layer, ...]:
    """Return the layers of a network with their parameters (see ``networks.parameters``)."""
    return parameters.parameter_table(entry, classes=classes, tail=tail)
