"""
Compare the shipped phantom model's heatmaps with lesions whose place is known.

``python -m scripts.heatmaps [--films N]`` draws phantoms that no model has seen, until the model at its lock
has called N phantoms with a lesion positive. It counts how often the brightest point of the heatmap lies
within the lesion (the pointing game). It writes ``docs/heatmaps.md`` and the picture in it.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scripts import DOCS
from scripts.results import percent, table
from scripts.starter import PHANTOM
from xraylab.data import phantoms
from xraylab.data.phantoms import Phantom
from xraylab.evaluation.intervals import wilson_interval
from xraylab.models import load_shipped
from xraylab.reading.heatmap import heatmap, heatmaps, laid_over
from xraylab.reading.loaded import LoadedModel, load
from xraylab.reading.scoring import score_pixels
from xraylab.settings import load_settings

PAGE = DOCS / "heatmaps.md"
PICTURE = DOCS / "images" / "heatmaps.png"
SEED = 4_004  # no model was trained on these patients
PATTERNS = ("focal", "interstitial")
LARGEST = 0.15  # share of the lungs; a larger focal lesion is hard to miss
_SHOWN = 6
_CHUNK = 50  # phantoms scored at once
_OUTLINE = np.array([90, 200, 250], dtype=np.uint8)


@dataclass(frozen=True)
class Pointed:
    """Counts of the phantoms with one pattern of lesion."""

    drawn: int
    positive: int
    hits: int
    chance: float  # mean share of the film that the lesions of positive phantoms cover

    @property
    def cells(self) -> tuple[str, ...]:
        """Cells of the table's line."""
        share = percent(self.hits / self.positive, wilson_interval(self.hits, self.positive))
        return (
            str(self.drawn),
            str(self.positive),
            f"{self.hits} of {self.positive}, {share}",
            f"{100 * self.chance:.1f} %",
        )


def ill(pattern: str) -> Iterator[Phantom]:
    """Yield phantoms of a pattern without end, one per patient; focal lesions are below ``LARGEST``."""
    for patient in count():
        made = phantoms.phantom(patient, 1, seed=SEED)
        small = made.mask.sum() < LARGEST * made.lungs.sum()
        if made.pattern == pattern and (small or pattern != "focal"):
            yield made


def called_positive(
    loaded: LoadedModel, films: Iterator[Phantom], threshold: float, n: int
) -> tuple[int, list[Phantom]]:
    """Return how many films were drawn, and the first ``n`` that the model calls positive."""
    positive: list[Phantom] = []
    drawn = 0
    while True:
        chunk = list(islice(films, _CHUNK))
        scores = score_pixels(loaded, np.stack([film.pixels for film in chunk])).score
        for film, score in zip(chunk, scores, strict=True):
            drawn += 1
            if score >= threshold:
                positive.append(film)
            if len(positive) == n:
                return drawn, positive


def point(loaded: LoadedModel, positive: list[Phantom], drawn: int) -> Pointed:
    """Count how many heatmaps of positive films point into the lesion."""
    hits = sum(_points_into(heatmaps(loaded, film.pixels)[0].strength, film.mask) for film in positive)
    share = float(np.mean([film.mask.mean() for film in positive]))
    return Pointed(drawn, len(positive), hits, share)


def _points_into(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool:
    """Return whether the brightest point lies in the lesion; an empty map points nowhere."""
    if not values.any():
        return False
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    scale = len(mask) / len(values)
    return bool(mask[int((row + 0.5) * scale), int((column + 0.5) * scale)])


def sheet(loaded: LoadedModel, films: list[Phantom]) -> Image.Image:
    """Draw films with their lesion outlined, above the same films with their heatmap."""
    columns = []
    for film in films:
        outlined = np.array(Image.fromarray(film.pixels).convert("RGB"))
        outlined[_edge(film.mask)] = _OUTLINE
        laid = laid_over(film.pixels, heatmap(loaded, film.pixels))
        columns.append(np.vstack([outlined, phantoms.burn_in(laid)]))
    return Image.fromarray(np.hstack(columns))


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask that touch its outside."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def page(patterns: dict[str, Pointed], threshold: float) -> str:
    """Return the text of ``docs/heatmaps.md``."""
    columns = ("Pattern", "Drawn", "Called positive", "Points into the lesion", "By chance")
    return f"""# Heatmaps against known lesions

Written by `python -m scripts.heatmaps` with the shipped model `{PHANTOM}`; don't edit.

Nobody knows exactly where a network should look on a child's film. On a teaching phantom the place is known
to the pixel. These phantoms were drawn anew, one per patient, and no model has seen them. More were drawn
until the model had called enough of them positive at its lock ({threshold:.3f}). For these, the table
counts how often the brightest point of the Grad-CAM lies within the lesion. By chance, that share would
equal the share of the film that the lesion covers. Focal lesions here fill less than {100 * LARGEST:.0f} %
of the lungs. Intervals are at 95 % (Wilson).

{table(columns, [(name, *pointed.cells) for name, pointed in patterns.items()])}

![Above, phantoms with their lesion outlined; below, the heatmaps of the same films.](images/{PICTURE.name})

Above are the first {_SHOWN} focal phantoms that were called positive, with their lesion outlined. Below are
the same films with the heatmap. They are the first ones, not the best ones. A heatmap shows what raised the
score, not that the score is right. What holds for phantoms and a small network may not hold for films and a
large one.
"""


def main() -> None:
    """Count and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=int, default=500, help="Positive phantoms of each pattern.")
    n = parser.parse_args().films
    model = load_shipped(load_settings(), PHANTOM)
    loaded, threshold = load(model), model.require_lock().threshold
    patterns: dict[str, Pointed] = {}
    for pattern in PATTERNS:
        drawn, positive = called_positive(loaded, ill(pattern), threshold, n)
        patterns[pattern] = point(loaded, positive, drawn)
        if pattern == "focal":
            sheet(loaded, positive[:_SHOWN]).save(PICTURE, optimize=True)
    PAGE.write_text(page(patterns, threshold), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
