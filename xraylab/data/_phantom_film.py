"""
The film in a teaching phantom: exposure, grain, film curve, and objects such as wires or markers.

- nothing here depends on whether the child is ill
- noise follows the number of photons: the more the beam is weakened, the grainier the film
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from xraylab.data._phantom_chest import Chest
from xraylab.data._phantom_fields import SIZE, Field, edge, strokes


@dataclass(frozen=True)
class Exposure:
    """Exposure and processing of one film."""

    low: float  # attenuation shown black
    high: float  # attenuation shown white
    steepness: float  # of the film curve
    gamma: float
    noise: float  # of an unweakened beam, in units of the display
    scatter: float  # share of contrast lost
    blur: float  # px
    marker: tuple[str, float, float] | None  # letter, column and row
    margin: tuple[int, int, int, int]  # black collimation: top, right, bottom, left
    lead: bool  # whether a monitoring wire lies over the chest


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Draw an exposure, independent of the patient."""
    letter = str(rng.choice(["R", "L"]))
    column = rng.uniform(8, 26) if letter == "R" else rng.uniform(222, 240)
    marker = (letter, column, rng.uniform(8, 90))
    top, right, bottom, left = (rng.integers(2, 10, 4) * rng.integers(0, 2, 4)).tolist()
    collimated, marked, wired = rng.random(3) < (0.3, 0.7, 0.12)
    return Exposure(
        low=rng.uniform(-0.05, 0.05),
        high=rng.uniform(0.85, 1.0),
        steepness=rng.uniform(1.4, 2.6),
        gamma=rng.uniform(0.88, 1.15),
        noise=rng.uniform(0.004, 0.013),
        scatter=rng.uniform(0, 0.14),
        blur=rng.uniform(0.4, 0.9),
        marker=marker if marked else None,
        margin=(top, right, bottom, left) if collimated else (0, 0, 0, 0),
        lead=bool(wired),
    )


def overlay(chest: Chest, exposure: Exposure, rng: np.random.Generator, *, fold: bool) -> Field:
    """Return the attenuation of a skin fold and of a wire on the child."""
    added = np.zeros_like(chest.x)
    if fold:
        side, slope = float(rng.choice([-1, 1])), rng.uniform(-0.5, 0.5)
        start, strength = rng.uniform(30, 66), rng.uniform(0.05, 0.11)
        beyond = side * chest.x - start - slope * (chest.y - 125)
        fading = np.exp(-np.clip(beyond, 0, None) / 30) * edge(chest.y - rng.uniform(60, 100), 12)
        fading *= edge(chest.base - chest.y, 12)
        added += strength * edge(beyond, 0.8) * fading
    if exposure.lead:
        begin, pull, end = rng.uniform(0, SIZE, 2), rng.uniform(0, SIZE, 2), rng.uniform(60, 200, 2)
        run = np.linspace(0, 1, 24)[:, None]
        wire = (1 - run) ** 2 * begin + 2 * run * (1 - run) * pull + run**2 * end
        added += 0.14 * strokes([(wire[None], 1.2, 1.0)])
    return added


def expose(attenuation: Field, exposure: Exposure, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Convert attenuation into the grey levels of a film, (256, 256) uint8."""
    sharp = _blur(attenuation, exposure.blur)
    sharp = sharp + exposure.scatter * (0.5 - sharp)
    grain = _blur(rng.standard_normal((SIZE, SIZE), dtype=np.float32), 0.5)
    seen = sharp + grain * 1.6 * exposure.noise * np.exp(0.9 * sharp)
    window = (seen - exposure.low) / (exposure.high - exposure.low)
    curve = np.tanh((window - 0.5) * exposure.steepness)
    curve = 0.5 + curve / (2 * math.tanh(0.5 * exposure.steepness))
    grey = np.power(np.clip(curve, 0, 1), exposure.gamma) * 250
    return _furnish(np.rint(grey).astype(np.uint8), exposure)


def _blur(field: Field, sigma: float) -> Field:
    """Blur by less than a pixel; a kernel of three values is enough for that."""
    aside = math.exp(-0.5 / sigma**2)
    centre, aside = 1 / (1 + 2 * aside), aside / (1 + 2 * aside)
    padded = np.pad(field, 1, mode="edge")
    rows = centre * padded[1:-1] + aside * (padded[:-2] + padded[2:])
    return np.asarray(centre * rows[:, 1:-1] + aside * (rows[:, :-2] + rows[:, 2:]), np.float32)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13)


def _furnish(grey: NDArray[np.uint8], exposure: Exposure) -> NDArray[np.uint8]:
    """Add the side marker and the edges of the collimator."""
    film = Image.fromarray(grey)
    if exposure.marker is not None:
        letter, column, row = exposure.marker
        ImageDraw.Draw(film).text((column, row), letter, fill=235, font=_font())
    framed = np.array(film)
    top, right, bottom, left = exposure.margin
    kept = np.zeros_like(framed)
    inside = np.s_[top : SIZE - bottom, left : SIZE - right]
    kept[inside] = framed[inside]
    return kept
