"""
Pneumonia in a teaching phantom: fluid and cells that replace air in the lungs.

- a lesion is a density in [0, 1]: the share of air that fluid or cells have replaced
- so a dense lesion next to the heart or diaphragm hides that border, as on a real film
- severity varies widely, from obvious to nearly invisible
"""

import math

import numpy as np
from numpy.typing import NDArray

from xraylab.data._phantom_anatomy import Pose
from xraylab.data._phantom_chest import Chest
from xraylab.data._phantom_fields import Field, Points, blob, branches, edge, strokes, texture

NORMAL, FOCAL, INTERSTITIAL = "normal", "focal", "interstitial"
VISIBLE = 0.35  # share of its peak attenuation above which a lesion counts as visible in its mask
_FISSURED = 0.35  # share of consolidations with a straight border along a fissure
_AERATED = 0.3  # smallest depth of lung at the centre of a consolidation


def density(pattern: str, chest: Chest, pose: Pose, rng: np.random.Generator) -> Field:
    """Draw a lesion of this pattern with a random severity; return zeros for ``NORMAL``."""
    severity = float(rng.beta(1.25, 1.2))
    if pattern == FOCAL:
        return focal(chest, pose, rng, severity=severity)
    if pattern == INTERSTITIAL:
        return interstitial(chest, pose, rng, severity=severity)
    return np.zeros_like(chest.air)


def focal(chest: Chest, pose: Pose, rng: np.random.Generator, *, severity: float) -> Field:
    """Draw a consolidation of one lobe or segment; ``severity`` in [0, 1] sets its size and density."""
    side = int(rng.choice([-1, 1], p=[0.58, 0.42]))  # the right lung, on the viewer's left, is more often ill
    centre_x, centre_y = _centre(chest, side, rng)
    radius = (18 + 22 * severity) * rng.uniform(0.85, 1.2)
    dx, dy = chest.x - centre_x, chest.y - centre_y
    aspect, turn = rng.uniform(0.75, 1.35), rng.uniform(0, math.pi)
    cos, sin = math.cos(turn), math.sin(turn)
    distance = np.hypot((cos * dx + sin * dy) * aspect, (cos * dy - sin * dx) / aspect)
    border = radius * (1 + 0.22 * texture(rng, 9))
    shape = edge(border - distance, radius * rng.uniform(0.45, 0.8))
    if rng.random() < _FISSURED:
        shape = shape * edge(_fissure(dx, dy, side, radius, rng), 1.5)
    lost = shape * (0.42 + 0.5 * severity) * rng.uniform(0.8, 1.15)
    lost *= 1 + 0.16 * texture(rng, 30)
    if rng.random() < severity:
        lost *= 1 - 0.32 * _bronchi(chest, pose, side, rng)
    one_sided: Field = np.clip(lost, 0, 0.92) * edge(side * chest.x, 3)
    return one_sided


def interstitial(chest: Chest, pose: Pose, rng: np.random.Generator, *, severity: float) -> Field:
    """Draw haze and streaks around both hila; ``severity`` in [0, 1] sets their extent and density."""
    reach = 26 + 26 * severity
    envelope = np.zeros_like(chest.x)
    lines: list[tuple[Points, float, float]] = []
    for side, root in zip((-1, 1), chest.hila, strict=True):
        lean = rng.uniform(0.75, 1.1)
        hilum_x, hilum_y = root.tolist()
        distance = np.hypot(chest.x - hilum_x, (chest.y - hilum_y - 10) * 0.75)
        envelope = np.maximum(envelope, lean * blob(distance / reach))
        grown = branches(rng, root, side, depth=3, length=0.3 * reach)
        lines += [(pose.place(twigs), 1.6 - 0.2 * g, 0.9 - 0.15 * g) for g, twigs in enumerate(grown)]
    streaks = strokes(lines)
    net = np.clip(0.9 - np.abs(texture(rng, 44)) * 1.6, 0, None)
    haze = 0.5 * (1 + 0.35 * texture(rng, 10))
    lost = envelope * (haze + 0.55 * net + 0.5 * streaks)
    clipped: Field = np.clip(lost * (0.16 + 0.48 * severity), 0, 0.9)
    return clipped


def outline(added: Field, lungs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a lesion's mask: where it adds, smoothed, more than ``VISIBLE`` of its peak in the lungs."""
    from scipy.ndimage import uniform_filter  # imported here, because it is slow to load

    inside = np.where(lungs, uniform_filter(added, 7), 0)
    seen: NDArray[np.bool_] = inside > VISIBLE * inside.max()
    return seen


def _centre(chest: Chest, side: int, rng: np.random.Generator) -> tuple[float, float]:
    """Choose a point in one lung, more often low than high."""
    in_lung = chest.lungs & (np.sign(chest.x) == side) & (chest.air > _AERATED)
    candidates = np.flatnonzero(in_lung)
    pixel = candidates[min(int(rng.beta(1.6, 1.1) * len(candidates)), len(candidates) - 1)]
    return float(chest.x.flat[pixel]), float(chest.y.flat[pixel])


def _fissure(dx: Field, dy: Field, side: int, radius: float, rng: np.random.Generator) -> Field:
    """Return the signed distance from a nearly horizontal line through the lesion, positive if ill."""
    level = rng.normal(0.12 * side, 0.12)
    above = float(rng.choice([-1, 1]))
    return above * (dy - level * dx) + 0.3 * radius


def _bronchi(chest: Chest, pose: Pose, side: int, rng: np.random.Generator) -> Field:
    """Draw bronchi, whose air is visible against a consolidation."""
    root = chest.hila[0 if side < 0 else 1]
    grown = branches(rng, root, side, depth=2, length=26)
    return strokes([(pose.place(twigs), 3.0 - 0.6 * g, 0.9 - 0.2 * g) for g, twigs in enumerate(grown)])
