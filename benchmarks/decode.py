"""Decode films: the usual loader against the grey draft decode, and against the pixel store."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision import transforms

from benchmarks.frame import Difference
from benchmarks.material import Files, Material
from xraylab.imaging import SIDE
from xraylab.imaging.decoding.pixels import standardise

# The draft shrinks a film before it is brought to the square; a grainy film shows that most.
_ALL_FILMS, _ONE_FILM = 1.0, 2.5  # mean difference in grey levels that is allowed
_usual = transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.ToTensor()])


class _Decode:
    """Parts that both rows share: the baseline, and its distance from ours."""

    files: Files

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Load the files into memory."""
        self.files = material.files

    def baseline(self) -> Tensor:
        """Decode every file with PIL and torchvision, (n, 3, 256, 256) in [0, 1]."""
        return torch.stack([_usual(Image.open(io.BytesIO(raw)).convert("RGB")) for raw in self.files.raw])

    def _differences(self, pixels: Tensor) -> Sequence[Difference]:
        """Compare grey pixels (n, 256, 256), 0 to 255, with those of the baseline."""
        # the grey of a coloured file is its luma (ITU-R BT.601), which a JPEG stores directly
        grey = (self.baseline() * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1) * 255
        apart = (grey - pixels.float()).abs().mean(dim=(1, 2))
        return [
            Difference(what="mean grey levels (of 255)", largest=float(apart.mean()), allowed=_ALL_FILMS),
            Difference(what="of the worst film", largest=float(apart.max()), allowed=_ONE_FILM),
        ]


class DecodeDraft(_Decode):
    """Decode files to pixels."""

    name = "decode_draft"
    target = 3.0
    compared = (
        "Each file by PIL to RGB, Resize(256) and ToTensor, against each file to the 256 × 256 grey bytes "
        "that XRayLab stores, by a draft decode and with its header facts; one thread."
    )

    def ours(self) -> NDArray[np.uint8]:
        """Standardise every file, (n, 256, 256)."""
        return np.stack([standardise(raw).pixels for raw in self.files.raw])

    def check(self) -> Sequence[Difference]:
        """Compare the pixels of both ways."""
        return self._differences(torch.from_numpy(self.ours()))


class DecodeMemmap(_Decode):
    """Read films as every epoch does."""

    name = "decode_memmap"
    target = 300.0
    compared = (
        "Each file by PIL to RGB, Resize(256) and ToTensor, as a loader does in every epoch, against a batch "
        "of the same films in random order from the pixel store's memory map, as bytes for the device."
    )

    def prepare(self, material: Material) -> None:
        """Write the pixel store."""
        super().prepare(material)
        file = material.folder / "pixels.npy"
        np.save(file, self.files.pixels)
        self.pixels: NDArray[np.uint8] = np.load(file, mmap_mode="r")
        self.order = np.random.default_rng(0).permutation(len(self.pixels))

    def ours(self) -> Tensor:
        """Read every film, (n, 256, 256)."""
        return torch.from_numpy(self.pixels[self.order])

    def check(self) -> Sequence[Difference]:
        """Compare the pixels of both ways."""
        return self._differences(self.ours()[np.argsort(self.order)])
