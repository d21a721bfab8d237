"""Read films with a shipped model: cost of score and heatmap compared with the network's own passes."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.frame import Difference
from benchmarks.material import Material
from xraylab.imaging import Film
from xraylab.models import load_shipped
from xraylab.networks.inputs import finding_logit
from xraylab.networks.passes import BATCH
from xraylab.reading.heatmap import heatmaps
from xraylab.reading.loaded import load
from xraylab.reading.read import Reading, read_films
from xraylab.reading.scoring import score_pixels
from xraylab.settings import load_settings

_SAME_SCORE = 1e-6
_FILMS = 200


class _Read:
    """Parts that both rows share: a loaded model and its films."""

    def __init__(self, name: str, films: int, target: float, model: str = "mobilenet_v2") -> None:
        self.name, self.films, self.target, self.model = name, films, target, model

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Load the model, and make the inputs of the plain passes."""
        self.loaded = load(load_shipped(load_settings(), self.model))
        part = self.loaded.parts[0]
        rows = np.resize(np.arange(len(material.files.raw)), self.films)
        self.raw, self.pixels = [material.files.raw[row] for row in rows], material.files.pixels[rows]
        self.net, self.x = part.net, material.inputs(part.entry, self.films)

    def check(self) -> Sequence[Difference]:
        """Compare the scores."""
        with torch.no_grad():
            plain = torch.cat([finding_logit(self.net(some)) for some in _batches(self.x)])
        apart = np.abs(self.scores() - plain.sigmoid().numpy()).max()
        return [Difference(what="scores", largest=float(apart), allowed=_SAME_SCORE)]

    def scores(self) -> NDArray[np.float64]:
        """Return the scores (films,) of the way that is timed."""
        return score_pixels(self.loaded, self.pixels).score


class ReadCam(_Read):
    """Score and Grad-CAM of one film, with a warm model."""

    def __init__(self, model: str = "mobilenet_v2") -> None:
        super().__init__("read_cam", 1, 0.77, model)

    @property
    def compared(self) -> str:
        """Description of both ways."""
        return (
            f"One forward and backward pass of {self.model} to its input on one film, against its score "
            "and its Grad-CAM, from the film's stored bytes."
        )

    def baseline(self) -> Tensor:
        """Run the network itself."""
        x = self.x.clone().requires_grad_()
        finding_logit(self.net(x)).sum().backward()  # type: ignore[no-untyped-call]
        return x

    def ours(self) -> object:
        """Score and draw as the Read screen does."""
        return score_pixels(self.loaded, self.pixels), heatmaps(self.loaded, self.pixels[0])


class ReadBatch(_Read):
    """Read many films as ``predict`` does."""

    def __init__(self, films: int = _FILMS, model: str = "mobilenet_v2") -> None:
        super().__init__("read_batch", films, 0.8, model)

    @property
    def compared(self) -> str:
        """Description of both ways."""
        return (
            f"Forward passes of {self.model} on {self.films} films that are its inputs already, {BATCH} at a "
            "time, against the work of page and `predict` on the films' files: decode, gate, score, decide."
        )

    @torch.no_grad()
    def baseline(self) -> Tensor:
        """Run the network itself."""
        return torch.cat([self.net(some) for some in _batches(self.x)])

    def ours(self) -> list[Reading]:
        """Read the files from beginning to end."""
        return list(read_films(self.loaded, (Film(str(number), raw) for number, raw in enumerate(self.raw))))

    def scores(self) -> NDArray[np.float64]:
        """Return the scores (films,) of the readings."""
        return np.array([reading.score for reading in self.ours()], np.float64)


def _batches(x: Tensor) -> list[Tensor]:
    return [x[start : start + BATCH] for start in range(0, len(x), BATCH)]
