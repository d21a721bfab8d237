"""
Compare the shipped phantom model's heatmaps with lesions whose place is known.

``python -m scripts.heatmaps [--films N]`` draws phantoms that no model has seen, until the model at its lock
has called N phantoms with a lesion positive. It counts how often the brightest point of the heatmap lies
within the lesion (the pointing game), and how often the heatmaps of other films point there. It writes
``docs/heatmaps.md`` and the picture in it.
"""

import argparse
import math
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
from xraylab.documents import Interval
from xraylab.evaluation.intervals import wilson_interval
from xraylab.models import load_shipped
from xraylab.reading.heatmap import heatmap, heatmaps, laid_over
from xraylab.reading.loaded import LoadedModel, load
from xraylab.reading.scoring import score_pixels
from xraylab.settings import load_settings

PAGE = DOCS / "heatmaps.md"
PICTURE = DOCS / "images" / "heatmaps.png"
SEED = 4_004  # no model was trained on these patients
Maps = NDArray[np.float32]  # (n, side, side)
PATTERNS = ("focal", "interstitial")
LARGEST = 0.15  # share of the lungs; a larger focal lesion is hard to miss
_SHOWN = 6
_CHUNK = 50  # phantoms scored at once
_RESAMPLES = 1000
_OUTLINE = np.array([90, 200, 250], dtype=np.uint8)


@dataclass(frozen=True)
class Pointed:
    """Counts of the phantoms with one pattern of lesion."""

    drawn: int
    positive: int
    own: int  # heatmaps that point into the film's own lesion
    others: float  # share of the heatmaps of other positive films that point into a film's lesion
    others_ci: Interval
    average: int  # films whose lesion holds the brightest point of the average map of the other films
    area: float  # mean share of the film that the lesions of positive phantoms cover

    @property
    def cells(self) -> tuple[str, ...]:
        """Cells of the table's line."""
        return (
            str(self.drawn),
            str(self.positive),
            self._share(self.own),
            percent(self.others, self.others_ci),
            self._share(self.average),
            f"{100 * self.area:.1f} %",
        )

    def _share(self, hits: int) -> str:
        return percent(hits / self.positive, wilson_interval(hits, self.positive))


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
    """Count how many heatmaps of positive films point into the lesion, and how many of other films do."""
    maps = np.stack([heatmaps(loaded, film.pixels)[0].strength for film in positive])
    masks = np.stack([film.mask for film in positive])
    into = points_into(maps, masks)
    return Pointed(
        drawn,
        len(positive),
        own=int(np.diag(into).sum()),
        others=share_of_others(into, np.ones(len(into))),
        others_ci=_interval(into),
        average=int(np.diag(points_into(others_average(maps), masks)).sum()),
        area=float(masks.mean()),
    )


def points_into(maps: Maps, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether the brightest point of a map lies in a lesion, (films of the lesions, maps).

    An empty map points nowhere.
    """
    n, side = len(maps), maps.shape[1]
    rows, columns = np.unravel_index(maps.reshape(n, -1).argmax(axis=1), maps.shape[1:])
    scale = masks.shape[1] / side
    into = masks[:, ((rows + 0.5) * scale).astype(int), ((columns + 0.5) * scale).astype(int)]
    pointing: NDArray[np.bool_] = into & maps.reshape(n, -1).any(axis=1)
    return pointing


def others_average(maps: Maps) -> Maps:
    """Return for each film the average map of the other films, each map scaled to the same sum."""
    shares = maps / np.maximum(maps.sum(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
    average: Maps = (shares.sum(axis=0) - shares) / max(1, len(maps) - 1)
    return average


def share_of_others(into: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    """Return the share of pairs of different films in which one's map points into the other's lesion.

    Parameters
    ----------
    into : bool array of shape (n, n)
        As ``points_into`` returns it.
    weights : float array of shape (n,)
        How often each film counts.

    Returns
    -------
    float
        NaN without a pair.
    """
    pairs = weights.sum() ** 2 - (weights**2).sum()
    if not pairs:  # a resample of few films may hold one film only
        return math.nan
    return float((weights @ into @ weights - (weights**2 * np.diag(into)).sum()) / pairs)


def _interval(into: NDArray[np.bool_]) -> Interval:
    """Return the 95 % interval of the share of other films' maps, by a bootstrap of films."""
    rng = np.random.default_rng(SEED)
    n = len(into)
    shares = [
        share_of_others(into, np.bincount(rng.integers(n, size=n), minlength=n).astype(float))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.nanquantile(shares, (0.025, 0.975))
    return float(low), float(high)


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
    columns = (
        "Pattern",
        "Drawn",
        "Called positive",
        "Its own map points into the lesion",
        "Maps of other films do",
        "The average map does",
        "Share of the film that the lesion covers",
    )
    return f"""# Heatmaps against known lesions

Written by `python -m scripts.heatmaps` with the shipped model `{PHANTOM}`; don't edit.

Nobody knows exactly where a network should look on a child's film. On a teaching phantom the place is known
to the pixel. These phantoms were drawn anew, one per patient, and no model has seen them. More were drawn
until the model had called enough of them positive at its lock ({threshold:.3f}). For these, the table
counts how often the brightest point of the Grad-CAM lies within the lesion. Focal lesions here fill less
than {100 * LARGEST:.0f} % of the lungs.

A random point of the film would hit the lesion as often as its area says. That is no honest comparison:
lesions lie in the lungs, and a map that always shows the same place in the lungs would beat it without
having looked at the film. So the same game is played with the heatmaps of *other* positive phantoms of the
pattern, and with the average map of these others. Only what a film's own map hits beyond that tells where
the lesion of this film is. Intervals are at 95 %: Wilson's, and for other films' maps a bootstrap of films.

{table(columns, [(name, *pointed.cells) for name, pointed in patterns.items()])}

{" ".join(_judged(name, pointed) for name, pointed in patterns.items())}

![Above, phantoms with their lesion outlined; below, the heatmaps of the same films.](images/{PICTURE.name})

Above are the first {_SHOWN} focal phantoms that were called positive, with their lesion outlined. Below are
the same films with the heatmap. They are the first ones, not the best ones. A heatmap shows what raised the
score, not that the score is right. What holds for phantoms and a small network may not hold for films and a
large one.
"""


def _judged(name: str, pointed: Pointed) -> str:
    """Say how much a film's own map adds, in one sentence."""
    own, others = pointed.own / pointed.positive, pointed.others
    return (
        f"For {name} lesions a film's own map hits in {100 * own:.1f} % and another film's map in "
        f"{100 * others:.1f} %: the own map adds {100 * (own - others):.1f} points."
    )


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
