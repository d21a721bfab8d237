"""Reading films: what a score and a heatmap cost beside the network's own passes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.frame import Difference
from benchmarks.material import CPU, Material
from xraylab.evaluation.averaging import ALONE
from xraylab.networks.inference import BATCH
from xraylab.networks.inputs import pneumonia_logit
from xraylab.networks.registry import network
from xraylab.reading.heatmap import heatmaps
from xraylab.reading.loaded import LoadedModel, Part
from xraylab.reading.scoring import score_pixels

_SAME_SCORE = 1e-6
_FILMS = 200


class _OnPaper:
    """A model of which only the averaging is asked for."""

    averaging = ALONE


class _Read:
    """A network with random weights, loaded as a model is."""

    def __init__(self, name: str, films: int, target: float, arch: str = "mobilenet_v2") -> None:
        self.name, self.films, self.target, self.arch = name, films, target, arch

    def unavailable(self) -> str | None:
        """It runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Load, and make the inputs that the plain passes get."""
        entry = network(self.arch)
        net = material.network(entry).requires_grad_(requires_grad=False)
        net = net.to(memory_format=torch.channels_last)
        self.loaded = LoadedModel(_OnPaper, (Part(net, entry),), CPU)  # type: ignore[arg-type]
        rows = np.resize(np.arange(len(material.files.raw)), self.films)
        self.pixels, self.x = material.files.pixels[rows], material.inputs(entry, self.films)
        self.net = net

    def check(self) -> Sequence[Difference]:
        """How far the scores lie apart."""
        with torch.no_grad():
            plain = torch.cat([pneumonia_logit(self.net(some)) for some in _batches(self.x)])
        apart = np.abs(score_pixels(self.loaded, self.pixels).score - plain.sigmoid().numpy()).max()
        return [Difference(what="scores", largest=float(apart), allowed=_SAME_SCORE)]


class ReadCam(_Read):
    """One film, warm: score and Grad-CAM."""

    def __init__(self, arch: str = "mobilenet_v2") -> None:
        super().__init__("read_cam", 1, 0.77, arch)

    @property
    def compared(self) -> str:
        """In words."""
        return (
            f"One forward and backward pass of {self.arch} to its input on one film, against its score "
            "and its Grad-CAM, from the film's stored bytes."
        )

    def baseline(self) -> Tensor:
        """The network itself."""
        x = self.x.clone().requires_grad_()
        pneumonia_logit(self.net(x)).sum().backward()  # type: ignore[no-untyped-call]
        return x

    def ours(self) -> object:
        """As the Read screen does."""
        return score_pixels(self.loaded, self.pixels), heatmaps(self.loaded, self.pixels[0])


class ReadBatch(_Read):
    """Many films, as ``predict`` scores them."""

    def __init__(self, films: int = _FILMS, arch: str = "mobilenet_v2") -> None:
        super().__init__("read_batch", films, 0.8, arch)

    @property
    def compared(self) -> str:
        """In words."""
        return (
            f"Forward passes of {self.arch} on {self.films} films that are its inputs already, {BATCH} at a "
            "time, against the scorer that page and `predict` share, from the films' stored bytes."
        )

    @torch.no_grad()
    def baseline(self) -> Tensor:
        """The network itself."""
        return torch.cat([self.net(some) for some in _batches(self.x)])

    def ours(self) -> object:
        """The scorer."""
        return score_pixels(self.loaded, self.pixels)


def _batches(x: Tensor) -> list[Tensor]:
    return [x[start : start + BATCH] for start in range(0, len(x), BATCH)]
