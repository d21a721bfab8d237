"""Reading films with a shipped model: what a score and a heatmap cost beside the network's own passes."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.frame import Difference
from benchmarks.material import Material
from xraylab.imaging import Film
from xraylab.models import load_shipped
from xraylab.networks.inference import BATCH
from xraylab.networks.inputs import pneumonia_logit
from xraylab.reading.heatmap import heatmaps
from xraylab.reading.loaded import load
from xraylab.reading.read import Reading, read_films
from xraylab.reading.scoring import score_pixels
from xraylab.settings import load_settings

_SAME_SCORE = 1e-6
_FILMS = 200


class _Read:
    """A model as it is read with."""

    def __init__(self, name: str, films: int, target: float, model: str = "mobilenet_v2") -> None:
        self.name, self.films, self.target, self.model = name, films, target, model

    def unavailable(self) -> str | None:
        """It runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Load, and make the inputs that the plain passes get."""
        self.loaded = load(load_shipped(load_settings(), self.model))
        part = self.loaded.parts[0]
        rows = np.resize(np.arange(len(material.files.raw)), self.films)
        self.raw, self.pixels = [material.files.raw[row] for row in rows], material.files.pixels[rows]
        self.net, self.x = part.net, material.inputs(part.entry, self.films)

    def check(self) -> Sequence[Difference]:
        """How far the scores lie apart."""
        with torch.no_grad():
            plain = torch.cat([pneumonia_logit(self.net(some)) for some in _batches(self.x)])
        apart = np.abs(self.scores() - plain.sigmoid().numpy()).max()
        return [Difference(what="scores", largest=float(apart), allowed=_SAME_SCORE)]

    def scores(self) -> NDArray[np.float64]:
        """(films,) as the way that is timed gives them."""
        return score_pixels(self.loaded, self.pixels).score


class ReadCam(_Read):
    """One film, warm: score and Grad-CAM."""

    def __init__(self, model: str = "mobilenet_v2") -> None:
        super().__init__("read_cam", 1, 0.77, model)

    @property
    def compared(self) -> str:
        """In words."""
        return (
            f"One forward and backward pass of {self.model} to its input on one film, against its score "
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
    """Many films, as ``predict`` reads them."""

    def __init__(self, films: int = _FILMS, model: str = "mobilenet_v2") -> None:
        super().__init__("read_batch", films, 0.8, model)

    @property
    def compared(self) -> str:
        """In words."""
        return (
            f"Forward passes of {self.model} on {self.films} films that are its inputs already, {BATCH} at a "
            "time, against what page and `predict` do with the films' files: decode, gate, score, decide."
        )

    @torch.no_grad()
    def baseline(self) -> Tensor:
        """The network itself."""
        return torch.cat([self.net(some) for some in _batches(self.x)])

    def ours(self) -> list[Reading]:
        """All of it."""
        return list(read_films(self.loaded, (Film(str(number), raw) for number, raw in enumerate(self.raw))))

    def scores(self) -> NDArray[np.float64]:
        """(films,) of the readings."""
        return np.array([reading.score for reading in self.ours()], np.float64)


def _batches(x: Tensor) -> list[Tensor]:
    return [x[start : start + BATCH] for start in range(0, len(x), BATCH)]
