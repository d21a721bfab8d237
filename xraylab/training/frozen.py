"""
Frozen parts: a network is a chain of stages, and what lies before the trained ones is run once.

- ``activations`` is what the trained part is fed with: the input of its first submodule
- ``trained_part`` is that part as a module of its own, for as long as a block lasts
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from xraylab.networks.registry import Network


class _Reached(Exception):  # noqa: N818 - no error: the forward pass has gone as far as it needs to
    def __init__(self, activation: Tensor) -> None:
        self.activation = activation


def entrance(entry: Network, tail: int) -> str:
    """The submodule whose input the trained part takes: of the first trained stage, or the head."""
    return entry.stages[-tail][0] if tail else entry.head


def activations(net: nn.Module, entry: Network, tail: int, x: Tensor) -> Tensor:
    """What the frozen part makes of films.

    Parameters
    ----------
    tail : int
        How many stages are trained beside the head; 0 for the head alone.
    x : Tensor
        As ``inputs.to_input`` gives it.

    Returns
    -------
    Tensor of shape (B, ...)
        The input of the first trained submodule; nothing behind it is run.
    """

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
    """The part of a network behind its frozen stages: ``part(activations(...))`` equals ``net(x)``.

    Its parameters are the network's own. While the block lasts the frozen stages are out of the network.
    """
    if tail == 0:
        yield net.get_submodule(entry.head)
        return
    names = [name for stage in entry.stages[:-tail] for name in stage]
    taken = {name: net.get_submodule(name) for name in names}
    for name in names:
        net.set_submodule(name, nn.Identity())
    try:
        yield net
    finally:
        for name, module in taken.items():
            net.set_submodule(name, module)
