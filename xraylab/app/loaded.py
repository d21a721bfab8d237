"""
Loaded models, shared by all sessions in turns, and networks on paper; the app loads torch only here.

- at most two models stay in memory; sessions that ask for the same one at once wait for one load
- the server loads the model that reads before the first film comes, in a thread of low priority
- importing this module loads no torch; ``prepare`` does, before any module that needs it
"""

import logging
import os
import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from xraylab import actions
from xraylab.app import waiting
from xraylab.app.once import Once
from xraylab.errors import XRayLabError
from xraylab.models import Model, model_that_reads
from xraylab.reading.turns import OnPlace, Turns
from xraylab.settings import Settings, load_settings

if TYPE_CHECKING:
    from xraylab.networks.parameters import Layer
    from xraylab.networks.registry import Network
    from xraylab.reading.loaded import LoadedModel

T = TypeVar("T")
_TURNS = Turns()  # of all sessions and models, which share the processor
_MOST = 2  # models in memory
_GIVE_WAY = 3.0  # seconds without a reader before a model is loaded ahead, if there was one
_POLICY = "OMP_WAIT_POLICY"
_importing = threading.Lock()
_log = logging.getLogger(__name__)


def prepare() -> None:
    """Load torch, if it isn't loaded yet."""
    with _importing:
        # OpenMP's threads spin while they wait for each other, which keeps cores busy that other screens
        # need: on a busy machine a reading took twenty times as long. The variable is read once, when torch
        # is loaded; training workers must not inherit it.
        before = os.environ.get(_POLICY)
        os.environ[_POLICY] = "passive"
        try:
            import torch  # noqa: F401
        finally:
            if before is None:
                del os.environ[_POLICY]
            else:
                os.environ[_POLICY] = before


_shelf: "Once[LoadedModel]" = Once(_MOST)


def _key(model: Model) -> Hashable:
    # The hash of the weights is part of the key: a model that was replaced under its name is loaded anew.
    return model.folder, model.kept, model.card.model_sha256, model.name


def _load(name: str) -> "LoadedModel":
    prepare()
    return actions.load_for_reading(load_settings(), name)


def is_loaded(model: Model) -> bool:
    """Return whether a model is in memory, ready to read."""
    return _shelf.has(_key(model))


def loaded(model: Model, on_place: OnPlace | None = None) -> "LoadedModel":
    """Return a model with its weights in memory, which works in this session's turns.

    Parameters
    ----------
    on_place : callable, optional
        Shows the number of readers before this one while the session waits for its turn.
    """
    return loaded_for(waiting.reader(), model, on_place)


def loaded_for(reader: Hashable, model: Model, on_place: OnPlace | None = None) -> "LoadedModel":
    """Return a loaded model that works in a reader's turns, from any thread."""
    shared = _shelf.take(_key(model), partial(_TURNS.run, "loading", partial(_load, model.name)))
    return replace(shared, in_turn=_TURNS.of(reader, on_place))


class _Loading:
    """Whether a model is being loaded ahead, for the words on the screens."""

    now = False

    def __enter__(self) -> None:
        _Loading.now = True

    def __exit__(self, *_: object) -> None:
        _Loading.now = False


def is_loading() -> bool:
    """Return whether the model that reads films is being loaded ahead."""
    return _Loading.now


def load_ahead(settings: Settings) -> None:
    """Load the model that reads films; if it can't be loaded, the screen that needs it says why."""
    try:
        if (model := model_that_reads(settings)) is not None:
            with _Loading():
                _TURNS.run("loading", prepare)
            # A sample that was clicked meanwhile is read by a small model, and need not wait for this one.
            _TURNS.give_way(_GIVE_WAY)
            with _Loading():
                loaded_for("loading", model)
    except XRayLabError as error:
        _log.info("the model that reads could not be loaded ahead: %s", error)


def in_turn(piece: Callable[[], T], on_place: OnPlace | None = None) -> T:
    """Run a piece of work of a network in this session's turn, and return its result."""
    prepare()
    return _TURNS.run(waiting.reader(), piece, on_place)


def parameter_table(entry: "Network", *, classes: int, tail: int | None) -> "tuple[Layer, ...]":
    """Return the layers of a network with their parameters (see ``networks.parameters``)."""
    prepare()
    from xraylab.networks import parameters

    return parameters.parameter_table(entry, classes=classes, tail=tail)
