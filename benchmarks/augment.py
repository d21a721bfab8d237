"""Augment a batch, each film with its own draw: kornia against ours, the same families."""

from collections.abc import Sequence
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.frame import Difference
from benchmarks.material import Material
from xraylab.networks.inputs import to_grey
from xraylab.networks.registry import network
from xraylab.training.augment import Variation, augment, reencode, warp

_BATCH = 32
_HOW = Variation(augmentation=1.0, degradation=1.0, erasing=0.1)
_QUALITIES = (50.0, 65.0, 80.0, 95.0)


class Augment:
    """Everything that the preset ``robust`` does to a batch."""

    name = "augment"
    target = 1.0
    compared = (
        "A batch of 32 films at 224 through kornia (affine, contrast, brightness, gamma, blur, sharpening, "
        "noise, down- and up-scaling, JPEG, erasing, drawn per film) against the same families by "
        "`training/augment.py`. Kornia re-encodes three channels, the only number that it accepts."
    )

    def unavailable(self) -> str | None:
        """Return the reason if kornia is missing; nothing else needs it."""
        return None if find_spec("kornia") else "kornia is not installed"

    def prepare(self, material: Material) -> None:
        """Make the batch, and kornia's chain."""
        entry = network("mobilenet_v2")
        rows = torch.arange(_BATCH) % len(material.files.raw)
        self.films = to_grey(torch.from_numpy(material.files.pixels[rows.numpy()]), entry)
        self.chain = _kornia_chain()
        self.random = torch.Generator().manual_seed(0)

    def check(self) -> Sequence[Difference]:
        """Apply the same maps and the same qualities with both."""
        from kornia.enhance import jpeg_codec_differentiable
        from kornia.geometry.transform import warp_affine

        films = self.films[:4]
        theta = torch.eye(2, 3) + 0.1 * torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(1))
        maps = _pixel_maps(theta, films.shape[-1])
        warped = warp_affine(films, maps[:, :2], (films.shape[-2], films.shape[-1]), align_corners=True)
        quality = torch.tensor(_QUALITIES)
        encoded = jpeg_codec_differentiable(films.expand(-1, 3, -1, -1), quality)[:, :1]
        apart = (encoded - reencode(films, quality)).abs().mean(dim=(1, 2, 3)).max() * 255
        return [
            Difference(
                what="grey values after one affine map",
                largest=float((warped - warp(films, theta)).abs().max()),
                allowed=1e-3,
            ),
            # kornia rounds by a differentiable function, so its whole numbers are not quite whole
            Difference(
                what="mean grey levels (of 255) of a re-encoded film", largest=float(apart), allowed=1.5
            ),
        ]

    @torch.no_grad()
    def baseline(self) -> Tensor:
        """Augment the batch with kornia."""
        varied: Tensor = self.chain(self.films)
        return varied

    def ours(self) -> Tensor:
        """Augment it as training does."""
        return augment(self.films, _HOW, self.random)


def _kornia_chain() -> nn.Module:
    import kornia.augmentation as by_kornia

    return nn.Sequential(
        by_kornia.RandomAffine(10.0, (0.04, 0.04), (0.86, 1.16), 3.0, p=1.0),
        by_kornia.RandomGaussianBlur((5, 5), (0.1, 1.0), p=0.5),
        by_kornia.RandomSharpness(0.4, p=0.5),
        by_kornia.RandomContrast((0.7, 1.3)),
        by_kornia.RandomBrightness((0.88, 1.12)),
        by_kornia.RandomGamma((0.7, 1.42)),
        by_kornia.RandomGaussianNoise(0.0, 0.015, p=1.0),
        _Rescale(),
        _InColour(by_kornia.RandomJPEG((50.0, 95.0), p=0.5)),
        by_kornia.RandomErasing((0.02, 0.1), p=0.1),
    )


class _Rescale(nn.Module):
    """Scale half of the films down and up in a loop, because kornia has no such augmentation."""

    def forward(self, films: Tensor) -> Tensor:
        side = films.shape[-1]
        done = []
        for film in torch.split(films, 1):
            if torch.rand(()) < 1 / 2:
                small = round(side / (1 + 2 * float(torch.rand(()))))
                shrunk = functional.interpolate(film, (small, small), mode="bilinear", antialias=True)
                done.append(functional.interpolate(shrunk, (side, side), mode="bilinear"))
            else:
                done.append(film)
        return torch.cat(done)


class _InColour(nn.Module):
    """Give an augmentation the three channels that it needs."""

    def __init__(self, augmentation: nn.Module) -> None:
        super().__init__()
        self.augmentation = augmentation

    def forward(self, films: Tensor) -> Tensor:
        varied: Tensor = self.augmentation(films.expand(-1, 3, -1, -1))
        return varied[:, :1]


def _pixel_maps(theta: Tensor, side: int) -> Tensor:
    """Return kornia's maps (B, 3, 3) from torch's.

    Kornia maps forward in pixels, torch backward in units of half a side.
    """
    to_half_sides = torch.tensor([[2 / side, 0, 1 / side - 1], [0, 2 / side, 1 / side - 1], [0, 0, 1]])
    last = torch.tensor([0.0, 0.0, 1.0]).expand(len(theta), 1, 3)
    back = torch.linalg.inv(to_half_sides) @ torch.cat([theta, last], dim=1) @ to_half_sides
    forward: Tensor = torch.linalg.inv(back)
    return forward
