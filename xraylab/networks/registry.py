"""
The registry of networks: name, input and builder of each.

- every network has one output per class, that without the finding first; ``finding_logit`` turns them into
  one number
- a new network is one of ``entries``, or comes with another package through the entry point
  ``xraylab.networks``
- torch isn't imported before a network is built
"""

import importlib
import logging
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from xraylab.errors import NotFoundError
from xraylab.files import check_name
from xraylab.networks.entries import NETWORKS
from xraylab.networks.entry import Network

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ENTRY_POINTS", "Network", "build", "network", "networks"]

ENTRY_POINTS = "xraylab.networks"

_log = logging.getLogger(__name__)


def networks() -> tuple[Network, ...]:
    """Return all networks, those of other packages last."""
    return NETWORKS + _outside()


def network(name: str) -> Network:
    """Return the network with this name.

    Raises
    ------
    NotFoundError
        If there is no network with this name.
    """
    entries = networks()
    for entry in entries:
        if entry.name == name:
            return entry
    raise NotFoundError(
        f"There is no network “{name}”. There are: {', '.join(entry.name for entry in entries)}."
    )


def build(entry: Network, *, classes: int = 2) -> "nn.Module":
    """Build a network with random weights; seed torch first to make them repeatable."""
    module, _, function = entry.builder.partition(":")
    builder: Callable[[int], nn.Module] = getattr(importlib.import_module(module), function)
    return builder(classes)


@cache
def _outside() -> tuple[Network, ...]:
    """Return the networks of other packages, read once; unusable ones are logged and left out."""
    usable: dict[str, Network] = {}
    taken = {entry.name for entry in NETWORKS}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            entries = _load(point)
        except Exception:  # an error in another package must not stop XRayLab
            _log.exception("the networks of %s (%s) can't be used", _package(point), point.value)
            continue
        for entry in entries:
            if entry.name in taken:
                _log.error("the network %s of %s is left out: the name is taken", entry.name, _package(point))
                continue
            taken.add(entry.name)
            usable[entry.name] = entry
    return tuple(usable.values())


def _load(point: EntryPoint) -> tuple[Network, ...]:
    loaded = point.load()
    entries = tuple(loaded) if isinstance(loaded, Iterable) else (loaded,)
    for entry in entries:
        if not isinstance(entry, Network):
            raise TypeError(f"{entry!r} is not an xraylab.networks.registry.Network")
        check_name(entry.name, what="network")
    return entries


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "another package"
