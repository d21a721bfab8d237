"""Material of the rows: files of films, their pixels, and networks with random weights."""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from xraylab.data.phantoms import phantom
from xraylab.data.selection import SourceFile
from xraylab.data.sources import open_source
from xraylab.imaging import standardise
from xraylab.networks.inputs import to_input
from xraylab.networks.registry import Network, build

CPU = torch.device("cpu")
NATIVE = (1300, 1000)  # width and height of a phantom's file: those of a typical reference film
_GRAIN = 3.0  # grey levels of noise; without it a JPEG decodes faster than a film's
_QUALITY = 90
_SETTLED_BY = 32  # films
_CLASSES = 2


@dataclass(frozen=True, eq=False)
class Files:
    """Undecoded files with their labels and their split."""

    raw: list[bytes]
    labels: NDArray[np.int64]
    train: NDArray[np.intp]
    validation: NDArray[np.intp]

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """Pixels as XRayLab stores them, (n, 256, 256)."""
        return np.stack([standardise(raw).pixels for raw in self.raw])


@dataclass(frozen=True, eq=False)
class Material:
    """Films and options of one run of the benchmarks."""

    films: int
    folder: Path  # for files that a row writes
    data: Path | None = None  # a labelled zip or folder; None makes phantoms

    @property
    def words(self) -> str:
        """Description of the films."""
        return "teaching phantoms" if self.data is None else f"films of {self.data.name}"

    @cached_property
    def files(self) -> Files:
        """Files of both classes in equal numbers if possible, a fifth of them for validation."""
        if self.data is None:
            return sorted_out(*phantom_files(self.films))
        with open_source(self.data) as source:
            chosen: list[SourceFile] = []
            for label in range(_CLASSES):
                own = [file for file in source.files if file.label == label]
                chosen += own[: self.films // _CLASSES]
            return sorted_out([file.read() for file in chosen], [file.label for file in chosen])

    def inputs(self, entry: Network, n: int) -> Tensor:
        """Return network inputs of n films, (n, 3, side, side); repeat films if there are too few."""
        rows = np.resize(np.arange(len(self.files.raw)), n)
        return to_input(torch.from_numpy(self.files.pixels[rows]), entry)

    def labels(self, n: int) -> Tensor:
        """Return the labels of the same films, (n,)."""
        return torch.from_numpy(np.resize(self.files.labels, n))

    def network(self, entry: Network) -> nn.Module:
        """Return a network with random weights, in eval mode.

        Its batch norms have seen films. Otherwise the features of all films would be the same.
        """
        torch.manual_seed(0)
        net = build(entry)
        norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = None  # the plain mean over the next forward pass
        with torch.no_grad():
            net.train()(self.inputs(entry, min(_SETTLED_BY, len(self.files.raw))))
        for norm in norms:
            norm.momentum = 0.1
        return net.eval()


def phantom_files(n: int) -> tuple[list[bytes], list[int]]:
    """Return JPEG files of phantoms at a film's native size, half of each class, and their labels."""
    wanted = [n - n // _CLASSES, n // _CLASSES]
    raw, labels = [], []
    patient = 0
    while any(wanted):
        film = phantom(patient, 1, seed=0)
        patient += 1
        if wanted[film.label]:
            wanted[film.label] -= 1
            raw.append(_jpeg(film.pixels, patient))
            labels.append(film.label)
    return raw, labels


def _jpeg(pixels: NDArray[np.uint8], seed: int) -> bytes:
    large = np.asarray(Image.fromarray(pixels).resize(NATIVE, Image.Resampling.BICUBIC), np.float32)
    noisy = large + _GRAIN * np.random.default_rng(seed).standard_normal(large.shape, np.float32)
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def sorted_out(raw: list[bytes], labels: list[int]) -> Files:
    """Hold out a fifth of each class for validation."""
    held_out: list[int] = []
    order = np.random.default_rng(0).permutation(len(labels)).tolist()
    for label in range(_CLASSES):
        own = [row for row in order if labels[row] == label]
        held_out += own[: max(len(own) // 5, 1)]
    return Files(
        raw,
        np.array(labels, np.int64),
        train=np.array([row for row in order if row not in held_out], np.intp),
        validation=np.array(held_out, np.intp),
    )
