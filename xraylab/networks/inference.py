"""
The one scorer: stored films to outputs, in fp32.

- a faster backend may be handed in by whoever asks for one
- page, ``predict``, ``evaluate`` and validation during training all come through ``outputs``
- a film's score doesn't depend on the batch it came in, to within 1e-6
"""

from collections.abc import Callable, Iterator

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
    for start, output in zip(starts, stream, strict=True):
        done.append(output)
        if on_progress:
            on_progress(min(start + BATCH, len(chosen)))
    return torch.cat(done) if done else torch.empty(0, 2)


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
