"""
Augmentation on the device, with its own draw for each film of a batch.

- geometry: small rotation, scale and shift; no flips, since the heart has a side
- grey values: contrast, brightness, gamma, noise
- sharpness: blurred or sharpened at random, since compression differs between the classes of some datasets
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

_ROTATION = math.radians(10)
_SCALE = 0.15
_SHIFT = 0.08  # of half the side
_CONTRAST = 0.3
_BRIGHTNESS = 0.12
_GAMMA = 0.35  # on the logarithm
_NOISE = 0.03
_BLUR = 0.9  # share of the detail that may be taken away
_SHARPEN = 0.4  # or added


def augment(films: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Vary films as other machines, postures and files would.

    Parameters
    ----------
    films : float tensor of shape (B, 1, side, side) in [0, 1]
    strength : float
        0 changes nothing, 1 is the usual amount.
    generator : torch.Generator
        On the processor; the same state gives the same films on every device.

    Returns
    -------
    float tensor of the same shape, in [0, 1]
    """
    if strength == 0:
        return films
    draw = (torch.rand(10, len(films), generator=generator) * 2 - 1).to(films.device) * strength
    noise = torch.randn(films.shape, generator=generator).to(films.device)
    films = _warp(films, draw[0], draw[1], draw[2], draw[3])
    films = _resharpen(films, draw[4])
    contrast, brightness, gamma, grain = (draw[i].view(-1, 1, 1, 1) for i in (5, 6, 7, 8))
    mean = films.mean(dim=(2, 3), keepdim=True)
    films = (films - mean) * (1 + _CONTRAST * contrast) + mean + _BRIGHTNESS * brightness
    films = films.clamp(1e-4, 1) ** (_GAMMA * gamma).exp()
    return (films + _NOISE * grain * noise).clamp_(0, 1)


def _warp(films: Tensor, rotation: Tensor, scale: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
    angle = _ROTATION * rotation
    zoom = (_SCALE * scale).exp()
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack(
        [torch.stack([cos, -sin, _SHIFT * dx], dim=1), torch.stack([sin, cos, _SHIFT * dy], dim=1)], dim=1
    )
    grid = functional.affine_grid(theta, list(films.shape), align_corners=False)
    return functional.grid_sample(films, grid, padding_mode="zeros", align_corners=False)


def _resharpen(films: Tensor, draw: Tensor) -> Tensor:
    side = films.shape[-1]
    coarse = functional.interpolate(films, scale_factor=0.5, mode="bilinear", antialias=True)
    smooth = functional.interpolate(coarse, size=(side, side), mode="bilinear")
    amount = torch.where(draw > 0, _BLUR * draw, _SHARPEN * draw).view(-1, 1, 1, 1)
    return films + amount * (smooth - films)
