"""Films as other programs keep them: encoded again, cut, brightened, turned, resized, or two of these."""

import io
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from PIL import Image

Change = Callable[[Image.Image], Image.Image]


def _encoded(film: Image.Image) -> Image.Image:
    file = io.BytesIO()
    film.save(file, "JPEG", quality=40)
    return Image.open(file)


def _cut(film: Image.Image) -> Image.Image:
    width, height = film.size
    box = (0.02 * width, 0.02 * height, 0.98 * width, 0.98 * height)
    return film.resize(film.size, Image.Resampling.BICUBIC, box=box)


def _resized(film: Image.Image) -> Image.Image:
    width, height = film.size
    small = film.resize((width // 2, height // 2), Image.Resampling.BILINEAR)
    return small.resize(film.size, Image.Resampling.BILINEAR)


CHANGES: dict[str, Change] = {
    "encoded": _encoded,
    "cut": _cut,
    "brighter": lambda film: film.point(lambda grey: min(255, round(1.1 * grey))),
    "darker": lambda film: film.point(lambda grey: max(0, grey - 25)),
    "turned": lambda film: film.rotate(3, Image.Resampling.BICUBIC),
    "turned back": lambda film: film.rotate(-2, Image.Resampling.BICUBIC),
    "resized": _resized,
}
OF_ONE_KIND = ({"brighter", "darker"}, {"turned", "turned back"})
WAYS = [
    *((name,) for name in CHANGES),
    *(names for names in combinations(CHANGES, 2) if set(names) not in OF_ONE_KIND),
]


def changed(pixels: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return a copy of a film, uint8 of shape (side, side), after changes, one after another."""
    film = Image.fromarray(pixels)
    for name in names:
        film = CHANGES[name](film)
    return np.asarray(film)
