"""
The perturbation suite: what other machines, files and windows do to a film, in fixed amounts.

- a network is scored on films under each perturbation too: its loss there predicts its loss elsewhere
- the suite was fixed before any training, and is never tuned to a result
- amounts in pixels refer to a film 224 pixels wide, the side of most networks' input; films are stored with
  256, so the amounts are scaled to that side
- a recipe that is chosen by the suite leaves two of the families out of its augmentation, so that the suite
  also measures changes that weren't trained for
"""

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

_WIDTH = 224  # pixels; amounts in pixels refer to this width
_WHITE = 255


@dataclass(frozen=True)
class Perturbation:
    """One change that is applied to films."""

    name: str
    title: str
    family: str  # a recipe calls its augmentations by the same names
    change: Callable[[Pixels], Pixels]

    def __call__(self, pixels: Pixels) -> Pixels:
        """Change a film.

        Parameters
        ----------
        pixels : uint8 array of shape (side, side)

        Returns
        -------
        uint8 array of the same shape
            Always the same for the same film.
        """
        return self.change(pixels)


def _jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    def change(pixels: Pixels) -> Pixels:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="JPEG", quality=quality)
        return np.asarray(Image.open(buffer)).copy()

    return change


def _blur(sigma: float) -> Callable[[Pixels], Pixels]:
    def change(pixels: Pixels) -> Pixels:
        from scipy.ndimage import gaussian_filter  # late: screens only name the suite

        return _bytes(
            gaussian_filter(pixels.astype(np.float64), sigma * len(pixels) / _WIDTH, mode="nearest")
        )

    return change


def _down_and_up(width: int) -> Callable[[Pixels], Pixels]:
    def change(pixels: Pixels) -> Pixels:
        side = len(pixels)
        reduced = round(width * side / _WIDTH)
        small = Image.fromarray(pixels).resize((reduced, reduced), Image.Resampling.BILINEAR)
        return np.asarray(small.resize((side, side), Image.Resampling.BILINEAR)).copy()

    return change


def _gamma(exponent: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: _bytes(_WHITE * (pixels / _WHITE) ** exponent)


def _window(width: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: _bytes((pixels - _WHITE / 2) / width + _WHITE / 2)


def _noise(deviation: float) -> Callable[[Pixels], Pixels]:
    def change(pixels: Pixels) -> Pixels:
        # Seeded by the film itself, so that its noise doesn't depend on the order of scoring.
        generator = np.random.default_rng(zlib.crc32(pixels.tobytes()))
        return _bytes(pixels + generator.normal(0, deviation, pixels.shape))

    return change


def _bytes(values: NDArray[np.floating[Any]]) -> Pixels:
    whole: Pixels = np.rint(values).clip(0, _WHITE).astype(np.uint8)
    return whole


SUITE = (
    Perturbation("jpeg-30", "JPEG at quality 30", "jpeg", _jpeg(30)),
    Perturbation("jpeg-60", "JPEG at quality 60", "jpeg", _jpeg(60)),
    Perturbation("blur-1", "blur of 1 pixel", "blur", _blur(1)),
    Perturbation("rescale-112", "shrunk to 112 and enlarged", "rescaling", _down_and_up(112)),
    Perturbation("gamma-0.7", "gamma 0.7", "gamma", _gamma(0.7)),
    Perturbation("gamma-1.4", "gamma 1.4", "gamma", _gamma(1.4)),
    Perturbation("window-0.8", "window 20 % narrower", "contrast", _window(0.8)),
    Perturbation("window-1.2", "window 20 % wider", "contrast", _window(1.2)),
    Perturbation("noise-5", "noise of 5 grey levels", "noise", _noise(5)),
)
FAMILIES = tuple(dict.fromkeys(perturbation.family for perturbation in SUITE))
