"""
Parameters: a table of a network's layers with their output shape, parameters and whether they train.

- computed on torch's meta device, which allocates no memory for weights, so large networks are no problem
- layers without parameters, such as pooling, are left out
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from xraylab.networks.registry import Network, build

HEAD = "head"


class Layer(NamedTuple):
    """One layer that has parameters."""

    name: str  # as in the network's state dictionary
    kind: str  # "Conv2d"
    shape: tuple[int, ...]  # of its output for one film at the network's side, without the batch
    parameters: int
    trainable: bool
    stage: str  # "1" next to the film, then "2" and so on, and "head"


class Totals(NamedTuple):
    """Number of parameters in a table, trainable and frozen."""

    trainable: int
    frozen: int


@lru_cache(maxsize=64)
def parameter_table(entry: Network, *, classes: int, tail: int | None) -> tuple[Layer, ...]:
    """Tabulate the layers of a network, from film to head.

    Parameters
    ----------
    classes : int
        Number of outputs.
    tail : int or None
        How many stages train together with the head, as ``Stage.tail``: 0 is the head alone, None all stages.

    Returns
    -------
    tuple of Layer
        Their parameters add up to those of the network.
    """
    net = _on_paper(entry, classes)
    shapes = _shapes(net, entry)
    frozen = 0 if tail is None else len(entry.stages) - tail
    layers = []
    for name, module in net.named_modules():
        count = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if count:
            number = _stage(entry, name)
            trainable = number is None or number >= frozen
            stage = HEAD if number is None else str(number + 1)
            layers.append(Layer(name, type(module).__name__, shapes[name], count, trainable, stage))
    return tuple(layers)


def totals(table: Sequence[Layer]) -> Totals:
    """Sum the trainable and the frozen parameters of a table."""
    trainable = sum(layer.parameters for layer in table if layer.trainable)
    return Totals(trainable, sum(layer.parameters for layer in table) - trainable)


def measure(entry: Network) -> tuple[int, float]:
    """Return the values for ``parameters`` and ``gflop`` of a new entry in the registry."""
    net = _on_paper(entry, 2)
    with FlopCounterMode(display=False) as counter:
        net(_film(entry))
    return sum(parameter.numel() for parameter in net.parameters()), counter.get_total_flops() / 1e9


def _on_paper(entry: Network, classes: int) -> nn.Module:
    with torch.device("meta"):
        return build(entry, classes=classes).eval()


def _film(entry: Network) -> Tensor:
    return torch.zeros(1, 3, entry.side, entry.side, device="meta")


@torch.no_grad()
def _shapes(net: nn.Module, entry: Network) -> dict[str, tuple[int, ...]]:
    """Return the output shape of every submodule, by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in net.named_modules():

        def keep(_module: nn.Module, _given: tuple[Tensor, ...], out: Tensor, name: str = name) -> None:
            shapes[name] = tuple(out.shape[1:])

        module.register_forward_hook(keep)
    net(_film(entry))
    return shapes


def _stage(entry: Network, name: str) -> int | None:
    """Return the stage that a submodule belongs to; None for the head."""
    for number, stage in enumerate(entry.stages):
        if any(name == part or name.startswith(part + ".") for part in stage):
            return number
    return None
