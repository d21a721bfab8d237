"""
The one scorer: stored films to outputs, in fp32.

- a faster backend may be handed in by whoever asks for one
- page, ``predict``, ``evaluate`` and validation during training all come through ``outputs``
- a film's score doesn't depend on the batch it came in, to within 1e-6
- what the network makes of a film on the way is looked at as it passes by: no film goes through it twice
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xraylab.networks.backends import Run
from xraylab.networks.inputs import pneumonia_logit, to_input
from xraylab.networks.registry import Network

BATCH = 32


@torch.no_grad()
def outputs(
    net: nn.Module,
    entry: Network,
    batches: Iterator[NDArray[np.uint8]],
    *,
    device: torch.device,
    run: Run | None = None,
) -> Iterator[Tensor]:
    """Run a network over batches of films, one batch at a time.

    Parameters
    ----------
    net : nn.Module
        Put into eval mode here.
    batches : iterator of uint8 arrays of shape (B, 256, 256)
    run : callable, optional
        The network on a backend, from ``backends.forward``; by default the network itself, in fp32.

    Yields
    ------
    float32 tensors of shape (B, classes), on the processor
    """
    net.eval()
    for batch in batches:
        x = to_input(torch.from_numpy(np.ascontiguousarray(batch)).to(device), entry)
        yield (run or net)(x).float().cpu()


def all_outputs(
    net: nn.Module,
    entry: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None = None,
    *,
    device: torch.device,
    on_progress: Callable[[int], None] | None = None,
    on_features: Callable[[NDArray[np.float32]], None] | None = None,
    run: Run | None = None,
) -> Tensor:
    """Outputs of films, one a class, in one pass.

    Parameters
    ----------
    pixels : uint8 array of shape (n, 256, 256), may be a memory map
    rows : int array of shape (m,), optional
        Which films; all by default.
    on_progress : callable, optional
        Called with the films done so far; may raise to stop.
    on_features : callable, optional
        Called with each batch's features, float32 (B, d): the mean activations of the entry's ``middle``.
        Only where ``shows_features``.
    run : callable, optional
        As for ``outputs``.

    Returns
    -------
    float32 tensor of shape (m, classes), on the processor
    """
    chosen = np.arange(len(pixels)) if rows is None else rows
    starts = range(0, len(chosen), BATCH)
    done = []
    stream = outputs(net, entry, (pixels[chosen[s : s + BATCH]] for s in starts), device=device, run=run)
    with _watched(net, entry.middle if on_features else None) as seen:
        for start, output in zip(starts, stream, strict=True):
            done.append(output)
            if on_features:
                on_features(seen.pop().float().cpu().numpy())
            if on_progress:
                on_progress(min(start + BATCH, len(chosen)))
    return torch.cat(done) if done else torch.empty(0, 2)


def shows_features(net: nn.Module, run: Run | None) -> bool:
    """Whether a forward pass goes through the network itself, so that features can be looked at."""
    return run is None or run is net


@contextmanager
def _watched(net: nn.Module, layer: str | None) -> Iterator[list[Tensor]]:
    """Keep a submodule's mean activations (B, d) of the last batch, until the block ends."""
    seen: list[Tensor] = []
    if layer is None:
        yield seen
        return

    def look(_module: nn.Module, _given: object, made: Tensor) -> None:
        # at once, since what follows may work in place on the map
        seen[:] = [made.unsqueeze(-1).flatten(2).mean(dim=2)]

    handle = net.get_submodule(layer).register_forward_hook(look)
    try:
        yield seen
    finally:
        handle.remove()


def logits(
    net: nn.Module,
    entry: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None = None,
    *,
    device: torch.device,
    on_progress: Callable[[int], None] | None = None,
    run: Run | None = None,
) -> NDArray[np.float64]:
    """Pneumonia logits of films, float64 (m,); the rest is as in ``all_outputs``."""
    found = all_outputs(net, entry, pixels, rows, device=device, on_progress=on_progress, run=run)
    logit: NDArray[np.float64] = pneumonia_logit(found).numpy()
    return logit


def kinds_given_pneumonia(outputs: Tensor) -> NDArray[np.float64]:
    """Probability of each kind of pneumonia, if it is one: (m, classes - 1) from (m, classes) outputs."""
    kinds: NDArray[np.float64] = outputs[:, 1:].double().softmax(dim=1).numpy()
    return kinds
