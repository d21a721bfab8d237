"""
Inference: compute a network's outputs for stored films, in fp32. All scores are made here.

- Read screen, ``predict``, ``evaluate`` and validation during training all use ``outputs``
- callers may pass a faster backend
- a film's score doesn't depend on the other films of its batch, to within 1e-6
- features are recorded by a hook during the same pass, so no film goes through the network twice
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xraylab.networks.backends import Run
from xraylab.networks.inputs import finding_logit, to_input
from xraylab.networks.passes import batch_on, watched
from xraylab.networks.registry import Network


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
        It is put into eval mode here.
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
    """Compute the outputs of films, one per class, in one pass.

    Parameters
    ----------
    pixels : uint8 array of shape (n, 256, 256), may be a memory map
    rows : int array of shape (m,), optional
        Rows of the films to use; all by default.
    on_progress : callable, optional
        Called with the number of films done so far; may raise to stop.
    on_features : callable, optional
        Called with each batch's features, float32 (B, d): the mean activations of the entry's ``middle``.
        Allowed only if ``shows_features`` is true.
    run : callable, optional
        As for ``outputs``.

    Returns
    -------
    float32 tensor of shape (m, classes), on the processor
    """
    chosen = np.arange(len(pixels)) if rows is None else rows
    size = batch_on(device)
    starts = range(0, len(chosen), size)
    done = []
    stream = outputs(net, entry, (pixels[chosen[s : s + size]] for s in starts), device=device, run=run)
    with watched(net, entry.middle if on_features else None) as seen:
        for start, output in zip(starts, stream, strict=True):
            done.append(output)
            if on_features:
                on_features(seen.pop().float().cpu().numpy())
            if on_progress:
                on_progress(min(start + size, len(chosen)))
    return torch.cat(done) if done else torch.empty(0, 2)


def shows_features(net: nn.Module, run: Run | None) -> bool:
    """Return whether a forward pass runs the network itself, so that a hook can record features."""
    return run is None or run is net


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
    """Compute the logits of the finding of films, float64 (m,); parameters are those of ``all_outputs``."""
    class_outputs = all_outputs(net, entry, pixels, rows, device=device, on_progress=on_progress, run=run)
    logit: NDArray[np.float64] = finding_logit(class_outputs).numpy()
    return logit


def kinds_given_finding(outputs: Tensor) -> NDArray[np.float64]:
    """Return the probability of each kind, given the finding: (m, classes - 1) from (m, classes) outputs."""
    kinds: NDArray[np.float64] = outputs[:, 1:].double().softmax(dim=1).numpy()
    return kinds
