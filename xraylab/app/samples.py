"""
Sample films: phantoms that no training has seen, each with the lesion that it was drawn with.

- their pictures are files, because to draw a phantom takes a library that a first screen shouldn't wait for;
  ``python -m scripts.samples`` writes them, and a test draws them anew
"""

import io
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from xraylab.data import phantoms
from xraylab.data.phantoms import Phantom
from xraylab.imaging import Film
from xraylab.models import Model, list_models
from xraylab.settings import Settings

_FOLDER = Path(__file__).parent / "sample_films"
_SEED = 1_000_003  # far from the small seeds that training films are drawn with
_PATIENTS = (1, 2, 3, 16)  # of that seed: focal, normal, interstitial, and normal on expiration
_SIDE = 1024  # pixels of the outline, so that it is a line and no stairs
_WORDS = {
    "focal": "Drawn with one focal opacity, inside the white line.",
    "interstitial": "Drawn with interstitial opacities, inside the white line.",
    "normal": "Drawn without a lesion.",
}
_MIMICS = {
    "thymus": "a large thymus",
    "rotation": "a turned patient",
    "inspiration": "shallow inspiration",
    "fold": "a skin fold",
    "vessels": "prominent vessels",
}


class Sample:
    """A phantom to read.

    Parameters
    ----------
    number : int
        From 1.
    patient : int
        The phantom's patient.
    """

    def __init__(self, number: int, patient: int) -> None:
        self._patient = patient
        self.film = Film(f"Sample {number}", (_FOLDER / f"{number}.png").read_bytes())

    @cached_property
    def phantom(self) -> Phantom:
        """The film as it was drawn, with its lesion; drawn anew when it is first needed."""
        return phantoms.phantom(self._patient, 1, seed=_SEED)

    @property
    def truth(self) -> str:
        """What the film was drawn with, as a sentence."""
        if self.phantom.mimic is not None:
            return f"Drawn without a lesion, but with {_MIMICS[self.phantom.mimic]}, which can look like one."
        return _WORDS[self.phantom.pattern]


@cache
def samples() -> tuple[Sample, ...]:
    """Return films with a focal lesion, none, an interstitial one, and none but what looks like one."""
    return tuple(Sample(number, patient) for number, patient in enumerate(_PATIENTS, 1))


def reader_of_samples(settings: Settings) -> Model | None:
    """Return the shipped model that was trained on phantoms; None if it isn't here."""
    known = (model for model in list_models(settings) if model.shipped)
    return next((model for model in known if model.card.dataset.kind == "phantoms"), None)


def outlined(overlay: bytes, lesion: NDArray[np.bool_]) -> bytes:
    """Return a heatmap with a white line round the lesion, as PNG.

    Parameters
    ----------
    overlay : bytes
        The heatmap, as RGBA PNG.
    lesion : bool array of shape (side, side)
        Where the lesion was drawn; may be empty.
    """
    size = (_SIDE, _SIDE)
    smooth = Image.fromarray(lesion.astype(np.uint8) * 255).resize(size, Image.Resampling.BICUBIC)
    area = smooth.point(lambda value: 255 if value > 127 else 0)  # noqa: PLR2004 - half of 255
    inner = area.filter(ImageFilter.MinFilter(9))
    line = Image.fromarray(np.asarray(area) - np.asarray(inner))
    with Image.open(io.BytesIO(overlay)) as heatmap:
        made = heatmap.convert("RGBA").resize(size, Image.Resampling.BILINEAR)
    made.paste((255, 255, 255, 255), mask=line)
    data = io.BytesIO()
    made.save(data, "PNG", compress_level=1)
    return data.getvalue()
