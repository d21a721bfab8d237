"""
Frozen parts: a network is a chain of stages, and the stages before the trained ones are run only once.

- ``activations`` computes the input of the trained part, which is the input of its first submodule
- ``trained_part`` gives the trained part as a module, until the end of a block
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from xraylab.networks.registry import Network


class _Reached(Exception):  # noqa: N818 - not an error: the forward pass has reached the trained part
    def __init__(self, activation: Tensor) -> None:
        self.activation = activation


def entrance(entry: Network, tail: int) -> str:
    """Return the name of the first trained submodule: of the first trained stage, or the head."""
    return entry.stages[-tail][0] if tail else entry.head


def activations(net: nn.Module, entry: Network, tail: int, x: Tensor) -> Tensor:
    """Run the frozen part on films.

    Parameters
    ----------
    tail : int
        Number of stages that are trained together with the head; 0 for the head alone.
    x : Tensor
        As ``inputs.to_input`` returns it.

    Returns
    -------
    Tensor of shape (B, ...)
        The input of the first trained submodule; the submodules after it are not run.
    """

    # torchvision's networks flatten and pool in ``forward``, between their submodules. So the network itself
    # runs, up to the trained part, and an exception saves the time of the rest.
    def stop(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        raise _Reached(inputs[0])

    hook = net.get_submodule(entrance(entry, tail)).register_forward_pre_hook(stop)
    try:
        net(x)
    except _Reached as reached:
        return reached.activation
    finally:
        hook.remove()
    raise RuntimeError(f"{entry.name} never comes by {entrance(entry, tail)}")


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
