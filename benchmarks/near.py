"""Find films that are one picture in several versions: among candidates, against all pairs."""

import io
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.frame import Difference
from benchmarks.material import Material
from xraylab.audit.alignment import Texture
from xraylab.audit.near import SAME, near_duplicates

_OF_VERSIONS = 4  # every fourth film has a version
_TURN = 2.0  # degrees
_QUALITY = 60


class NearDuplicates:
    """Pairs of films that are one picture."""

    name = "near_duplicates"
    target = 4.0

    def __init__(self, films: int = 64) -> None:
        self.films = films

    @property
    def compared(self) -> str:
        """Sentence with the number of films."""
        return (
            f"{len(self.pixels)} films, {len(self.pixels) - self.films} of them turned and encoded again: "
            "each film laid over each other one, against learned descriptors, their nearest neighbours, and "
            "only these laid over each other. The first grows with the square of the number of films, the "
            "second with its power 1.5."
        )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Take films, and make versions of some."""
        films = material.files.pixels[: self.films]
        self.films = len(films)
        self.pixels = np.concatenate([films, [_version(film) for film in films[::_OF_VERSIONS]]])

    def check(self) -> Sequence[Difference]:
        """Compare the pairs, which must include all that were made."""
        made = {
            (number * _OF_VERSIONS, row) for number, row in enumerate(range(self.films, len(self.pixels)))
        }
        usual, own = self.baseline(), self.ours()
        return [
            Difference(what="pairs that only one way finds", largest=len(usual ^ own), allowed=0),
            Difference(what="versions that were not found", largest=len(made - own), allowed=0),
        ]

    def baseline(self) -> set[tuple[int, int]]:
        """Lay each film over each other one."""
        textures = [Texture(film) for film in self.pixels]
        pairs = combinations(range(len(textures)), 2)
        return {
            (first, second) for first, second in pairs if textures[first].likeness(textures[second]) >= SAME
        }

    def ours(self) -> set[tuple[int, int]]:
        """Lay only candidates over each other."""
        pairs = near_duplicates(self.pixels)
        return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def _version(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a film that was turned and encoded again."""
    file = io.BytesIO()
    Image.fromarray(film).rotate(_TURN, Image.Resampling.BICUBIC).save(file, "JPEG", quality=_QUALITY)
    return np.asarray(Image.open(file))
