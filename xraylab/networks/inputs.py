"""
Inputs: turn stored films into a network's input, and its outputs into one logit.

- training and reading both use these functions, so that they can't differ
- a film is resized to the network's side with antialiasing and normalised; all three channels are the same
"""

import torch
from torch import Tensor
from torch.nn import functional

from xraylab.networks.registry import Network


def to_input(pixels: Tensor, entry: Network) -> Tensor:
    """Turn stored films into a network's input.

    Parameters
    ----------
    pixels : uint8 tensor of shape (B, 256, 256)
    entry : Network
        Gives the side and the normalisation.

    Returns
    -------
    float32 tensor of shape (B, 3, side, side), channels last
    """
    return normalise(to_grey(pixels, entry), entry)


def to_grey(pixels: Tensor, entry: Network) -> Tensor:
    """Turn stored films (B, 256, 256) into float films (B, 1, side, side) in [0, 1], not normalised."""
    grey = pixels.float().div_(255).unsqueeze(1)
    return functional.interpolate(grey, size=(entry.side, entry.side), mode="bilinear", antialias=True)


def normalise(grey: Tensor, entry: Network) -> Tensor:
    """Normalise float films (B, 1, side, side), channel by channel as the network's weights expect."""
    mean, std = (
        torch.tensor(value, device=grey.device).view(1, 3, 1, 1) for value in (entry.mean, entry.std)
    )
    return ((grey - mean) / std).contiguous(memory_format=torch.channels_last)


def finding_logit(outputs: Tensor) -> Tensor:
    """Return the log odds of the finding, float64 (B,), from outputs (B, classes) without it first.

    Its sigmoid is one minus the softmax probability of the first, for any number of classes.
    """
    outputs = outputs.double()
    return outputs[:, 1:].logsumexp(dim=1) - outputs[:, 0]
