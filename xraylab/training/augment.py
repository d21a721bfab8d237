"""
Augmentation on the device, with its own random draw for each film of a batch.

- augmentation imitates other machines and postures: rotation, scale, shift and shear, contrast, brightness
  and gamma, a little sharpness and noise
- degradation imitates the loss of quality in files: more blur and noise, down- and up-scaling, JPEG. In some
  datasets compression differs between the classes, and a network must not learn it
- erasing hides a rectangle; flips are off by default, because the heart is on the left
- ``draw`` draws the random numbers of a whole batch on the processor, ``apply`` uses them on any device; a
  slice of the draws, applied to the same slice of the films, gives the same films
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

_ROTATION = math.radians(10)
_SCALE = 0.15  # on the logarithm
_SHIFT = 0.08  # of half the side
_SHEAR = 0.05
_STRETCH = 0.2  # of width over height, on the logarithm
_CONTRAST = 0.3
_BRIGHTNESS = 0.12
_GAMMA = 0.35  # on the logarithm
_NOISE = 0.03
_BLUR = 0.9  # share of the detail that may be taken away
_SHARPEN = 0.4  # share of the detail that may be added
_DEGRADED_SHARPNESS = 0.5  # amount that degradation adds to blurring and sharpening
_SHARE = 0.5  # share of films that degradation rescales, and share that it re-encodes
_SHRINK = 2.0  # a film may be shrunk to 1 / (1 + 2) of its side
_BEST_QUALITY, _QUALITY_RANGE = 95, 45  # of JPEG: 95 to 50, at strength 2 down to 5
_HIDDEN = (0.1, 0.4)  # shortest and longest side of an erased rectangle, as a share of the film's side

# ITU-T T.81, table K.1, row by row
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_BLOCK = 8


class _Varies(Protocol):
    """Anything with the fields of a variation; in practice a recipe."""

    @property
    def augmentation(self) -> float: ...
    @property
    def degradation(self) -> float: ...
    @property
    def erasing(self) -> float: ...
    @property
    def flips(self) -> bool: ...
    @property
    def stretch(self) -> float: ...
    @property
    def leave_out(self) -> Collection[str]: ...


@dataclass(frozen=True)
class Variation:
    """Amount by which films are varied; false if nothing is varied."""

    augmentation: float = 0.0  # 0 none, 1 the usual amount, 2 the most
    degradation: float = 0.0  # 0 none, 1 the usual amount, 2 the most
    erasing: float = 0.0  # share of films
    flips: bool = False  # half of the films are mirrored
    stretch: float = 0.0  # 0 none, 1 the usual amount, 2 the most
    leave_out: frozenset[str] = frozenset()  # families of ``imaging.perturbations`` that are left out

    @classmethod
    def of(cls, recipe: _Varies) -> "Variation":
        """Return the variation that a recipe asks for."""
        return cls(
            recipe.augmentation,
            recipe.degradation,
            recipe.erasing,
            recipe.flips,
            recipe.stretch,
            frozenset(recipe.leave_out),
        )

    def __bool__(self) -> bool:
        return bool(self.augmentation or self.degradation or self.erasing or self.flips or self.stretch)

    def makes(self, family: str) -> bool:
        """Return True unless a family of changes is left out."""
        return family not in self.leave_out


class _Column(IntEnum):
    """Meaning of each column of the draws; append new columns, so that a seed keeps its films."""

    ROTATION = 0
    SCALE = 1
    SHIFT_X = 2
    SHIFT_Y = 3
    SHEAR = 4
    CONTRAST = 5
    BRIGHTNESS = 6
    GAMMA = 7
    SHARPNESS = 8
    GRAIN = 9
    GRAIN_X = 10
    GRAIN_Y = 11
    RESCALED = 12
    SHRINK = 13
    REENCODED = 14
    QUALITY = 15
    ERASED = 16
    HEIGHT = 17
    WIDTH = 18
    TOP = 19
    LEFT = 20
    MIRRORED = 21
    STRETCH = 22


# Columns of the first version. Later columns have a stream of their own, so that a seed still gives the films
# that it gave before.
_FIRST = 22


@dataclass(frozen=True, eq=False)
class Draws:
    """Random numbers for the films of a batch; ``draws[rank::size]`` are those of one process."""

    how: Variation
    values: Tensor  # (n, columns) in [0, 1), on the processor
    grain: int  # seed of the noise field, of which each film gets its own window

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | Tensor) -> "Draws":
        return Draws(self.how, self.values[rows], self.grain)


def draw(n: int, how: Variation, generator: torch.Generator) -> Draws:
    """Draw the random numbers for a batch of films.

    Parameters
    ----------
    n : int
        Number of films.
    generator : torch.Generator
        On the processor. It advances by the same amount for every variation, and not at all for none.
    """
    if not how:
        return Draws(how, torch.empty(n, 0), 0)
    values = torch.rand(n, _FIRST, generator=generator)
    grain = int(torch.randint(2**62, (), generator=generator))
    later = torch.rand(n, len(_Column) - _FIRST, generator=torch.Generator().manual_seed(grain + 1))
    return Draws(how, torch.cat([values, later], 1), grain)


def augment(films: Tensor, how: Variation, generator: torch.Generator) -> Tensor:
    """Vary films as other machines, postures and files would.

    Parameters
    ----------
    films : float tensor of shape (B, 1, side, side) in [0, 1]
    how : Variation
        Kind and amount of variation; ``Variation()`` changes nothing.
    generator : torch.Generator
        On the processor; the same state gives the same films on every device.

    Returns
    -------
    float tensor of the same shape, in [0, 1]; the given tensor if nothing is varied
    """
    return apply(films, draw(len(films), how, generator))


@torch.no_grad()
def apply(films: Tensor, draws: Draws) -> Tensor:
    """Vary films by random numbers that were drawn for them.

    Parameters
    ----------
    films : float tensor of shape (B, 1, side, side) in [0, 1]
    draws : Draws
        For B films.

    Returns
    -------
    float tensor of the same shape, in [0, 1]; the given tensor if nothing is varied

    Raises
    ------
    ValueError
        If the draws are not for B films.
    """
    if len(draws) != len(films):
        raise ValueError(f"draws of {len(draws)} films for {len(films)} films")
    how = draws.how
    if not how:
        return films
    # One transfer to the device; columns have the shape (B, 1, 1, 1), so that they broadcast over films.
    u = draws.values.to(films.device).T.reshape(len(_Column), -1, 1, 1, 1)
    signed = u * 2 - 1
    # The order of the world: first the patient and the machine, then the file.
    if how.flips:
        films = torch.where(u[_Column.MIRRORED] < 1 / 2, films.flip(-1), films)
    if how.augmentation or how.stretch:
        films = _posed(films, signed * how.augmentation, signed[_Column.STRETCH] * how.stretch)
    if (how.augmentation or how.degradation) and how.makes("blur"):
        sharpness = how.augmentation + _DEGRADED_SHARPNESS * how.degradation
        films = _resharpened(films, signed[_Column.SHARPNESS] * sharpness)
    if how.augmentation and (how.makes("contrast") or how.makes("gamma")):
        films = _exposed(films, signed * how.augmentation, how)
    if (how.augmentation or how.degradation) and how.makes("noise"):
        deviation = _NOISE * (how.augmentation + how.degradation) * u[_Column.GRAIN]
        films = torch.addcmul(films, deviation, _grain(films, draws)).clamp_(0, 1)
    if how.degradation and how.makes("rescaling"):
        films = _rescaled(films, draws)
    if how.degradation and how.makes("jpeg"):
        films = _reencoded(films, draws)
    return _erased(films, draws) if how.erasing else films


def _posed(films: Tensor, signed: Tensor, stretch: Tensor) -> Tensor:
    """Rotate, scale, shear, shift and stretch films; the area from outside is black, as on a film."""
    angle, log_zoom, shift_x, shift_y, shear = signed[:5]
    zoom = (_SCALE * log_zoom).exp()
    cos, sin, slant = (_ROTATION * angle).cos() * zoom, (_ROTATION * angle).sin() * zoom, _SHEAR * shear
    into = torch.cat([cos, slant * cos - sin, _SHIFT * shift_x, sin, slant * sin + cos, _SHIFT * shift_y], 1)
    # Films are squeezed to a square, so a film with other proportions looks stretched.
    wider = (_STRETCH / 2 * stretch).exp()
    into = into.view(-1, 2, 3) * torch.cat([wider, 1 / wider], 1).view(-1, 2, 1)
    return warp(films, into)


def warp(films: Tensor, theta: Tensor) -> Tensor:
    """Apply an affine map to each film.

    Parameters
    ----------
    films : float tensor of shape (B, 1, height, width)
    theta : tensor of shape (B, 2, 3)
        Maps each point to the point where its value is taken, in units of half a side from the middle, as
        for torch's ``affine_grid``.

    Returns
    -------
    float tensor of the same shape; 0 for points from outside
    """
    height, width = films.shape[-2:]
    x, y = (((torch.arange(n, device=films.device) * 2 + 1) / n - 1)[:, None] for n in (width, height))
    # A row of points plus a column of offsets is one addition; affine_grid multiplies matrices.
    across = theta[:, None, :, 0] * x  # (B, width, 2)
    down = theta[:, None, :, 1] * y + theta[:, None, :, 2]  # (B, height, 2)
    grid = across[:, None] + down[:, :, None]  # (B, height, width, 2)
    return functional.grid_sample(films, grid, padding_mode="zeros", align_corners=False)


def _resharpened(films: Tensor, signed: Tensor) -> Tensor:
    """Blur films with a positive amount, sharpen those with a negative one; one small kernel per film."""
    binomial = torch.tensor([1.0, 4, 6, 4, 1], device=films.device) / 16  # close to a Gaussian
    smooth = binomial.outer(binomial)
    same = torch.zeros_like(smooth)
    same[2, 2] = 1
    amount = torch.where(signed > 0, _BLUR * signed, _SHARPEN * signed).clamp(max=1)
    kernels = same + amount * (smooth - same)  # (B, 1, 5, 5)
    # Films become channels of one picture, so that a grouped convolution applies a different kernel to each.
    padded = functional.pad(films, (2, 2, 2, 2), mode="replicate").transpose(0, 1)
    return functional.conv2d(padded, kernels, groups=len(films)).transpose(0, 1)


def _exposed(films: Tensor, signed: Tensor, how: Variation) -> Tensor:
    """Change contrast, brightness and gamma."""
    mean = films.mean(dim=(2, 3), keepdim=True)
    if not how.makes("contrast"):
        signed = signed.clone()
        signed[[_Column.CONTRAST, _Column.BRIGHTNESS]] = 0
    if not how.makes("gamma"):
        signed = signed.clone()
        signed[_Column.GAMMA] = 0
    contrast = 1 + _CONTRAST * signed[_Column.CONTRAST]
    base = mean * (1 - contrast) + _BRIGHTNESS * signed[_Column.BRIGHTNESS]
    exponent = (_GAMMA * signed[_Column.GAMMA]).exp()
    # A power computed by logarithm and exponential takes half the time of pow.
    return torch.addcmul(base, films, contrast).clamp_(1e-4, 1).log_().mul_(exponent).exp_()


def _grain(films: Tensor, draws: Draws) -> Tensor:
    """Return normal noise, (B, 1, side, side)."""
    height, width = films.shape[-2:]
    # Windows of one field: a field for each film would take ten times as long.
    seeded = torch.Generator().manual_seed(draws.grain)
    field = torch.randn(2 * height, 2 * width, generator=seeded).to(films.device)
    tops = (draws.values[:, _Column.GRAIN_Y] * (height + 1)).long().tolist()
    lefts = (draws.values[:, _Column.GRAIN_X] * (width + 1)).long().tolist()
    windows = [field[top : top + height, left : left + width] for top, left in zip(tops, lefts, strict=True)]
    return torch.stack(windows).unsqueeze(1)


def _rescaled(films: Tensor, draws: Draws) -> Tensor:
    """Shrink a share of the films and enlarge them again, each by its own factor."""
    films = films.clone()
    for film in _chosen(draws, _Column.RESCALED, _SHARE).tolist():
        factor = 1 + _SHRINK * draws.how.degradation * float(draws.values[film, _Column.SHRINK])
        size = tuple(max(round(side / factor), 1) for side in films.shape[-2:])
        small = functional.interpolate(films[film, None], size, mode="bilinear", antialias=True)
        films[film] = functional.interpolate(small, films.shape[-2:], mode="bilinear")[0]
    return films


def _reencoded(films: Tensor, draws: Draws) -> Tensor:
    """Re-encode a share of the films as JPEG, each with its own quality."""
    chosen = _chosen(draws, _Column.REENCODED, _SHARE)
    if len(chosen) == 0:
        return films
    loss = _QUALITY_RANGE * draws.how.degradation * draws.values[chosen, _Column.QUALITY]
    rows = chosen.to(films.device)
    return films.index_copy(0, rows, reencode(films[rows], (_BEST_QUALITY - loss).round().to(films.device)))


def _erased(films: Tensor, draws: Draws) -> Tensor:
    """Hide a random rectangle in a share of the films."""
    films = films.clone()
    height, width = films.shape[-2:]
    least, most = _HIDDEN
    for film in _chosen(draws, _Column.ERASED, draws.how.erasing).tolist():
        values = draws.values[film].tolist()
        rows, columns = (
            max(round(side * (least + (most - least) * values[column])), 1)
            for side, column in ((height, _Column.HEIGHT), (width, _Column.WIDTH))
        )
        top = int(values[_Column.TOP] * (height - rows + 1))
        left = int(values[_Column.LEFT] * (width - columns + 1))
        # The film's own mean: a black rectangle would change its brightness, which a network could use.
        films[film, :, top : top + rows, left : left + columns] = films[film].mean()
    return films


def _chosen(draws: Draws, column: _Column, share: float) -> Tensor:
    """Return the places of the films that a change applies to, (m,)."""
    # On the processor: the number of places is needed at once, and a GPU would have to be waited for.
    return (draws.values[:, column] < share).nonzero()[:, 0]


def reencode(films: Tensor, quality: Tensor) -> Tensor:
    """Return films as a grey JPEG file would give them back, without writing a file.

    Parameters
    ----------
    films : float tensor of shape (B, 1, height, width) in [0, 1]
        Rounded to 8 bits first, as in a file.
    quality : tensor of shape (B,)
        Whole numbers from 1 to 100, on libjpeg's scale.

    Returns
    -------
    float tensor of the same shape, multiples of 1/255 in [0, 1]

    References
    ----------
    ITU-T T.81 (1992), annexes A and K; the scaling of the table is libjpeg's ``jpeg_quality_scaling``.
    """
    height, width = films.shape[-2:]
    padded = functional.pad(films, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    down, across = padded.shape[-2] // _BLOCK, padded.shape[-1] // _BLOCK
    split = (padded * 255).round_().sub_(128).view(-1, down, _BLOCK, across, _BLOCK)
    blocks = split.transpose(2, 3).reshape(len(films), -1, _BLOCK**2)
    transform = _transform().to(films.device)
    tables = _tables(quality).to(films)[:, None]  # (B, 1, 64)
    coefficients = (blocks @ transform.T).div_(tables).round_().mul_(tables)
    restored = (coefficients @ transform).view(-1, down, across, _BLOCK, _BLOCK).transpose(2, 3)
    grey = restored.reshape(padded.shape)[..., :height, :width]
    return (grey + 128).round_().clamp_(0, 255).div_(255)


@lru_cache(maxsize=1)
def _transform() -> Tensor:
    """Return the cosine transform of a flattened block, (64, 64), orthonormal: frequencies x pixels."""
    n = torch.arange(_BLOCK, dtype=torch.float64)
    cosines = ((2 * n + 1) * n[:, None] * math.pi / (2 * _BLOCK)).cos() * math.sqrt(2 / _BLOCK)
    cosines[0] /= math.sqrt(2)
    return torch.kron(cosines, cosines).float()


def _tables(quality: Tensor) -> Tensor:
    """Return the quantisation tables (B, 64) for qualities (B,)."""
    # Each entry is a percentage of the standard's table, by the formula of libjpeg.
    percent = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)[:, None]  # noqa: PLR2004
    standard = torch.tensor(_LUMINANCE, device=quality.device).view(1, -1)
    return ((standard * percent + 50) / 100).floor().clamp(1, 255)
