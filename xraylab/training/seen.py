"""
One pass of films through a network whose frozen part won't change: all that a training of its head needs.

- the input of the head, from which the head is trained and every score follows
- the mean activations of the middle layer, by which the gate later knows an unusual film
- computed in fp32 as the scorer computes, so that the head's outputs are the scores that are published
- kept on disk for other seeds and grids
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xraylab.networks.inputs import to_input
from xraylab.networks.passes import activations, watched
from xraylab.networks.registry import Network
from xraylab.training.batches import frozen_batch
from xraylab.training.cache import ActivationCache, cache_key


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network makes of n films below its head, in their order."""

    inputs: Tensor  # (n, ...) float32, on the processor: the input of the head
    middle: NDArray[np.float32]  # (n, c): mean activations of the entry's ``middle``
    computed: bool = True  # False if an earlier training had kept them

    @torch.no_grad()
    def outputs(self, net: nn.Module, entry: Network, rows: NDArray[np.intp]) -> Tensor:
        """Return what the network with its present head gives for films.

        Parameters
        ----------
        rows : int array of shape (m,)
            Places among the n films.

        Returns
        -------
        float32 tensor of shape (m, classes)
        """
        head = net.get_submodule(entry.head).eval()
        made: Tensor = head(self.inputs[torch.from_numpy(rows)])
        return made.float()


def see(
    net: nn.Module,
    entry: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None = None,
    *,
    films: str = "",
    cache: ActivationCache | None = None,
    device: torch.device,
    on_progress: Callable[[int], None] | None = None,
) -> Seen:
    """Pass films through the frozen part of a network, or take what an earlier training kept.

    Parameters
    ----------
    pixels : uint8 array of shape (n, 256, 256), may be a memory map
    rows : int array of shape (m,), optional
        The films to pass; by default all.
    films : str
        Hash of the pixels; without it nothing is kept.
    on_progress : callable, optional
        Called with the number of films done so far; may raise to stop.
    """
    batch, net = frozen_batch(entry, device), net.eval()
    chosen = np.arange(len(pixels)) if rows is None else rows
    kept = cache if films else None
    key = cache_key(
        net,
        entry,
        0,
        films=films,
        rows=chosen,
        batch=batch,
        device=device,
        autocast=False,
    )
    names = [f"{key}.{part}" for part in ("inputs", "middle")]
    found = [kept.read(name) for name in names] if kept else []
    if kept and all(tensor is not None for tensor in found):
        inputs, middle = (tensor for tensor in found if tensor is not None)
        return Seen(inputs, middle.numpy(), computed=False)
    inputs, middle = _pass(net, entry, pixels, chosen, batch, device, on_progress)
    if kept:
        for name, tensor in zip(names, (inputs, middle), strict=True):
            kept.write(name, tensor)
    return Seen(inputs, middle.numpy())


@torch.no_grad()
def _pass(
    net: nn.Module,
    entry: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    batch: int,
    device: torch.device,
    on_progress: Callable[[int], None] | None,
) -> tuple[Tensor, Tensor]:
    inputs, middle = [], []
    with watched(net, entry.middle) as seen:
        for start in range(0, len(rows), batch):
            films = np.ascontiguousarray(pixels[rows[start : start + batch]])
            x = to_input(torch.from_numpy(films).to(device), entry)
            inputs.append(activations(net, entry, 0, x).float().cpu())
            middle.append(seen.pop().float().cpu())
            if on_progress:
                on_progress(start + len(films))
    return torch.cat(inputs), torch.cat(middle)
