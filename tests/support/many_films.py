"""A search for near duplicates among very many made-up films: ``.ci/stress/near.py``."""

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.changed import WAYS, changed
from xraylab.audit.near import near_duplicates
from xraylab.imaging import SIDE

FULL = 100_000  # films; the time of fewer is mostly what every search costs, and that of other work
MOST_SECONDS = 600.0  # for so many on two cores
MOST_POWER = 1.7  # of the number of films, by which the time may grow; comparing all pairs takes 2
_EVERY = 50  # every fiftieth film is another one that was changed
_OCTAVES = (4, 8, 16, 32, 64, 128)  # sides of the random pictures that a film is added up from
_CHEST = 0.6  # share of a film that all films have in common


@dataclass
class Found:
    """What was measured, and what went wrong."""

    failures: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)


def films_of(n: int, seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """Yield films that have a coarse picture in common, as chests do, and details of their own."""
    rng = np.random.default_rng(seed)
    common = _picture(np.random.default_rng(1), _OCTAVES[:2])
    for _ in range(n):
        own = _picture(rng, _OCTAVES)
        yield np.clip(_CHEST * common + (1 - _CHEST) * own, 0, 255).astype(np.uint8)


def _picture(rng: np.random.Generator, octaves: tuple[int, ...]) -> NDArray[np.float32]:
    total = np.zeros((SIDE, SIDE), np.float32)
    for side in octaves:
        grey = Image.fromarray(rng.normal(0, 1, (side, side)).astype(np.float32))
        total += np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return 128 + 60 * total / total.std()


def write(file: Path, n: int) -> tuple[NDArray[np.uint8], set[tuple[int, int]]]:
    """Write n films, some of which are changed copies, and return them with the pairs that must be found."""
    films = np.lib.format.open_memmap(file, "w+", np.uint8, (n, SIDE, SIDE))
    made = n - n // _EVERY
    for row, film in enumerate(films_of(made)):
        films[row] = film
    rng, pairs = np.random.default_rng(2), set()
    for row in range(made, n):
        original = int(rng.integers(made))
        films[row] = changed(films[original], WAYS[row % len(WAYS)])
        pairs.add((original, row))
    return films, pairs


def try_search(work: Path, n: int) -> Found:
    """Search among n films and among a quarter of them; what was changed must be found and nothing else."""
    films, pairs = write(work / "films.npy", n)
    found = Found()
    _search(films[: n // 4])  # what is loaded once isn't measured
    quarter, _ = _search(films[: n // 4])
    seconds, told = _search(films)
    # Two changed copies of one film are a pair too.
    origin = {row: original for original, row in pairs}
    wrong = [pair for pair in told if len({origin.get(row, row) for row in pair}) > 1]
    power = float(np.log(seconds / quarter) / np.log(4))
    found.counts |= {
        "films": n,
        "changed copies": len(pairs),
        "found": len(pairs & told),
        "wrong pairs": len(wrong),
        "seconds": round(seconds, 1),
        "power of the number of films": round(power, 2),
        "memory at most, MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }
    if wrong or pairs - told:
        found.failures.append(f"{len(pairs - told)} copies weren't found, {len(wrong)} pairs are none")
    if n >= FULL and seconds > MOST_SECONDS:
        found.failures.append(f"the search took {seconds:.0f} s")
    if n >= FULL and power > MOST_POWER:
        found.failures.append(f"the time grows with the number of films to the power {power:.2f}")
    return found


def _search(films: NDArray[np.uint8]) -> tuple[float, set[tuple[int, int]]]:
    began = time.perf_counter()
    pairs = near_duplicates(films)
    seconds = time.perf_counter() - began
    return seconds, set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
