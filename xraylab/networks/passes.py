"""
Parts of a forward pass: up to the head or any other stage, and what the middle layer shows on the way.

torchvision's networks flatten and pool in ``forward``, between their submodules. So the network itself runs,
and an exception at the place in question saves the time of the rest.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xraylab.networks.inputs import to_input
from xraylab.networks.registry import Network

BATCH = 32  # films at once
_ON_PROCESSOR = 8  # of 32, less stays in the caches, and each layer's memory is asked of the system anew


class _Reached(Exception):  # noqa: N818 - not an error: the forward pass has come to the place in question
    def __init__(self, activation: Tensor) -> None:
        self.activation = activation


def batch_on(device: torch.device) -> int:
    """Return how many films pass a network at once on a device."""
    return _ON_PROCESSOR if device.type == "cpu" else BATCH


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


@torch.no_grad()
def middle_means(
    net: nn.Module,
    entry: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    *,
    device: torch.device,
    on_progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Compute the mean activations of the entry's ``middle``, (m, c); the layers behind it aren't run.

    Parameters are those of ``all_outputs``.
    """
    net.eval()
    means, size = [], batch_on(device)

    def stop(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        raise _Reached(output)

    with watched(net, entry.middle) as seen:  # its hook comes before the one that stops
        handle = net.get_submodule(entry.middle).register_forward_hook(stop)
        try:
            for start in range(0, len(rows), size):
                films = np.ascontiguousarray(pixels[rows[start : start + size]])
                with suppress(_Reached):
                    net(to_input(torch.from_numpy(films).to(device), entry))
                means.append(seen.pop().float().cpu().numpy())
                if on_progress:
                    on_progress(min(start + size, len(rows)))
        finally:
            handle.remove()
    return np.concatenate(means)


@contextmanager
def watched(net: nn.Module, layer: str | None) -> Iterator[list[Tensor]]:
    """Record a submodule's mean activations (B, d) of the last batch, until the block ends."""
    seen: list[Tensor] = []
    if layer is None:
        yield seen
        return

    def record(_module: nn.Module, _inputs: object, activations: Tensor) -> None:
        # averaged at once, since the next layer may change the activations in place
        seen[:] = [activations.unsqueeze(-1).flatten(2).mean(dim=2)]

    handle = net.get_submodule(layer).register_forward_hook(record)
    try:
        yield seen
    finally:
        handle.remove()
