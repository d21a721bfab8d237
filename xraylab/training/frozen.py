"""
Frozen parts: a network is a chain of stages, and the stages before the trained ones are run only once.

``passes.activations`` computes the input of the trained part, which is the input of its first submodule.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from xraylab.networks.registry import Network


@contextmanager
def trained_part(net: nn.Module, entry: Network, tail: int) -> Iterator[nn.Module]:
    """Take the frozen stages out of a network, until the end of the block.

    Yields
    ------
    nn.Module
        The trained part, with the network's own parameters: ``part(activations(...))`` equals ``net(x)``.
    """
    if tail == 0:
        yield net.get_submodule(entry.head)
        return
    names = [name for stage in entry.stages[:-tail] for name in stage]
    frozen = {name: net.get_submodule(name) for name in names}
    # Identities keep the network's own ``forward``: cached activations pass them unchanged.
    for name in names:
        net.set_submodule(name, nn.Identity())
    try:
        yield net
    finally:
        for name, module in frozen.items():
            net.set_submodule(name, module)
