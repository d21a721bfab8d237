"""
From stored pixels to what a network sees, and from its outputs to one number.

- training and reading both come through here, so that they can't differ
- the film is shrunk to the network's square with antialiasing and normalised; grey goes into all channels
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
        Whose side and normalisation to use.

    Returns
    -------
    float32 tensor of shape (B, 3, side, side), channels last
    """
    return normalise(to_grey(pixels, entry), entry)


def to_grey(pixels: Tensor, entry: Network) -> Tensor:
    """Turn stored films (B, 256, 256) into float films (B, 1, side, side) in [0, 1], not yet normalised."""
    grey = pixels.float().div_(255).unsqueeze(1)
    return functional.interpolate(grey, size=(entry.side, entry.side), mode="bilinear", antialias=True)


def normalise(grey: Tensor, entry: Network) -> Tensor:
    """Normalise float films (B, 1, side, side), channel by channel as the network's weights expect."""
    mean, std = (
        torch.tensor(value, device=grey.device).view(1, 3, 1, 1) for value in (entry.mean, entry.std)
    )
    return ((grey - mean) / std).contiguous(memory_format=torch.channels_last)


def pneumonia_logit(outputs: Tensor) -> Tensor:
    """Log odds of "not NORMAL", float64 (B,), from outputs of shape (B, classes) with NORMAL first.

    Its sigmoid is one minus the softmax probability of NORMAL, whatever the number of classes.
    """
    outputs = outputs.double()
    return outputs[:, 1:].logsumexp(dim=1) - outputs[:, 0]
