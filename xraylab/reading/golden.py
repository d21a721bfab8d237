"""
The golden film: a check that this installation reads and scores as the one it was made on.

- a JPEG of a teaching phantom, the bytes it should be standardised to, and the score that a small network
  with weights from a formula gives it; all three are made by ``python -m xraylab.reading.golden``
- what each shipped model should make of it stands beside those models, made by ``make_shipped``
- decoders may differ by a grey level or three, arithmetic by a few units in the sixth decimal
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
    """Largest difference, in grey levels, between the golden film as read here and as it should be."""
    here = standardise((_HERE / "film.jpeg").read_bytes()).pixels.astype(np.int16)
    there = decode((_HERE / "standard.png").read_bytes()).astype(np.int16)
    return int(np.abs(here - there).max())


def score_difference() -> float:
    """How far the golden film's score here is from the one it should have."""
    expected: float = json.loads((_HERE / "score.json").read_bytes())["score"]
    return abs(_score(decode((_HERE / "standard.png").read_bytes())) - expected)


def expected_of_shipped() -> dict[str, float]:
    """The score that the golden film should have by each shipped model; none where no model is shipped.

    Raises
    ------
    NotFoundError
        If the list of them is missing or damaged.
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
    """How far the golden film's score by a shipped model is from the one known; NaN if none is.

    Raises
    ------
    XRayLabError
        If the model is missing or damaged.
    """
    return abs(_score_by_shipped(settings, name) - expected_of_shipped().get(name, math.nan))


def make_shipped(settings: Settings) -> None:
    """Write what the golden film scores by each shipped model beside them, for a release."""
    scores = {name: _score_by_shipped(settings, name) for name in shipped_names()}
    write_text(shipped_models() / _SHIPPED, ShippedScores(scores=scores).model_dump_json(indent=2) + "\n")


def _score_by_shipped(settings: Settings, name: str) -> float:
    pixels = decode((_HERE / "standard.png").read_bytes())
    return float(score_pixels(load(load_shipped(settings, name)), pixels[None]).score[0])


def _score(pixels: NDArray[np.uint8]) -> float:
    """The film's score by a small network whose weights come from a formula."""
    entry = network("small_cnn")
    net = build(entry)
    with torch.no_grad():
        for number, parameter in enumerate(net.parameters(), 1):
            if parameter.dim() > 1:  # batch norms start as they should; of biases there is one, the last
                parameter.copy_(_scattered(parameter.numel(), number).reshape(parameter.shape))
                parameter.mul_((6 / parameter[0].numel()) ** 0.5)  # keeps the signal's size, as He et al. do
        parameter.zero_()
    return float(probability(logits(net, entry, pixels[None], device=torch.device("cpu")))[0])


def _scattered(n: int, number: int) -> torch.Tensor:
    """Numbers in (-1, 1) that look like noise, from a formula that every processor agrees on to 1e-9."""
    return (torch.sin(torch.arange(n, dtype=torch.float64) * 12.9898 + number * 78.233) * 43758.5453).frac()


def make() -> None:
    """Write the golden film and what is expected of it."""
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
