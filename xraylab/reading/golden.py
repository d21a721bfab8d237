"""
The golden film: a check that this installation reads and scores like the one that made the film.

- it is a JPEG of a teaching phantom, with its expected standard pixels and its expected score by a small
  network whose weights come from a formula; ``python -m xraylab.reading.golden`` makes all three
- its expected score by each shipped model lies in the folder of these models; ``make_shipped`` writes it
- decoders may differ by up to 3 grey levels, arithmetic by a few units in the sixth decimal
"""

import io
import json
import math
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, ValidationError

from xraylab.data.phantoms import phantom
from xraylab.errors import NotFoundError
from xraylab.evaluation.averaging import probability
from xraylab.files import Record, write_bytes, write_json, write_text
from xraylab.imaging import decode, standardise
from xraylab.models import load_shipped, shipped_names
from xraylab.networks.inference import logits
from xraylab.networks.registry import build, network
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels
from xraylab.settings import Settings, shipped_models

PIXEL_TOLERANCE = 3  # grey levels, of any pixel
SCORE_TOLERANCE = 1e-5  # the pixels are given, so only arithmetic may differ

_HERE = Path(__file__).parent / "golden"
_SIZE = (600, 500)
_SHIPPED = "golden.json"  # among the shipped models


class ShippedScores(Record):
    """The golden film's score by each shipped model (``starter/golden.json``)."""

    schema_: Literal["xraylab.starter-golden/1"] = Field("xraylab.starter-golden/1", alias="schema")
    scores: dict[str, float]


def pixel_difference() -> int:
    """Return the largest difference between the golden film as read here and as expected, in grey levels."""
    here = standardise((_HERE / "film.jpeg").read_bytes()).pixels.astype(np.int16)
    there = decode((_HERE / "standard.png").read_bytes()).astype(np.int16)
    return int(np.abs(here - there).max())


def score_difference() -> float:
    """Return the difference between the golden film's score here and the expected one."""
    # From the stored pixels, so that a decoder's difference doesn't count here a second time.
    expected: float = json.loads((_HERE / "score.json").read_bytes())["score"]
    return abs(_score(decode((_HERE / "standard.png").read_bytes())) - expected)


def expected_of_shipped() -> dict[str, float]:
    """Return the golden film's expected score by each shipped model; empty if no model is shipped.

    Raises
    ------
    NotFoundError
        If the list of expected scores is missing or damaged.
    """
    file = shipped_models() / _SHIPPED
    if not file.exists() and not shipped_names():
        return {}
    try:
        return ShippedScores.model_validate_json(file.read_bytes()).scores
    except (OSError, ValidationError) as error:
        raise NotFoundError(
            "The scores expected of the models that come with XRayLab are missing or damaged. Install "
            "XRayLab again."
        ) from error


def shipped_difference(settings: Settings, name: str) -> float:
    """Return the difference between the golden film's score by a shipped model and the expected one.

    Returns
    -------
    float
        NaN if no score is expected of this model.

    Raises
    ------
    XRayLabError
        If the model is missing or damaged.
    """
    return abs(_score_by_shipped(settings, name) - expected_of_shipped().get(name, math.nan))


def make_shipped(settings: Settings) -> None:
    """Write the golden film's score by each shipped model, for a release."""
    scores = {name: _score_by_shipped(settings, name) for name in shipped_names()}
    write_text(shipped_models() / _SHIPPED, ShippedScores(scores=scores).model_dump_json(indent=2) + "\n")


def _score_by_shipped(settings: Settings, name: str) -> float:
    pixels = decode((_HERE / "standard.png").read_bytes())
    return float(score_pixels(load(load_shipped(settings, name)), pixels[None]).score[0])


def _score(pixels: NDArray[np.uint8]) -> float:
    """Score the film by a small network whose weights come from a formula."""
    entry = network("small_cnn")
    net = build(entry)
    with torch.no_grad():
        for number, parameter in enumerate(net.parameters(), 1):
            if (
                parameter.dim() > 1
            ):  # batch norms keep their start values, and the only bias is the last layer's
                parameter.copy_(_scattered(parameter.numel(), number).reshape(parameter.shape))
                parameter.mul_(
                    (6 / parameter[0].numel()) ** 0.5
                )  # keeps the signal's variance, after He et al. (2015)
        parameter.zero_()
    return float(probability(logits(net, entry, pixels[None], device=torch.device("cpu")))[0])


def _scattered(n: int, number: int) -> torch.Tensor:
    """Return noise-like numbers in (-1, 1), from a formula that every processor computes to within 1e-9."""
    return (torch.sin(torch.arange(n, dtype=torch.float64) * 12.9898 + number * 78.233) * 43758.5453).frac()


def make() -> None:
    """Write the golden film, its expected pixels and its expected score."""
    film = Image.fromarray(phantom(1, 1, seed=7).pixels).resize(_SIZE, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    film.save(buffer, format="JPEG", quality=90)
    standard = standardise(buffer.getvalue()).pixels
    picture = io.BytesIO()
    Image.fromarray(standard).save(picture, format="PNG", optimize=True)
    write_bytes(_HERE / "film.jpeg", buffer.getvalue())
    write_bytes(_HERE / "standard.png", picture.getvalue())
    write_json(_HERE / "score.json", {"schema": "xraylab.golden/1", "score": _score(standard)})


if __name__ == "__main__":
    make()
