"""
Fields: arrays of 256 x 256 numbers; a phantom is a sum of them.

- fields are float32; other operands are Python floats, which keep the result float32
- distances are in pixels of the film
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIZE = 256

Field = NDArray[np.floating]  # (SIZE, SIZE)
Points = NDArray[np.float64]  # (..., 2)

_THIN = 2.0  # px; thinner strokes need no round joints, since gaps at their bends aren't visible


def edge(distance: Field, width: float = 1.0) -> Field:
    """Return a soft step: 0 far below zero, 1 far above, rising over about ``width`` pixels."""
    step: Field = 0.5 + 0.5 * np.tanh(distance / width)
    return step


def blob(distance: Field) -> Field:
    """Return a bell curve of a distance that is already divided by its width."""
    bell: Field = np.exp(-np.square(distance))
    return bell


def tube(distance: Field) -> Field:
    """Return a bone's cross-section, marrow in a brighter cortex; ``distance`` is in half widths."""
    marrow: Field = np.sqrt(np.clip(1 - np.square(distance), 0, None))
    return 0.7 * marrow + 0.42 * blob((distance - 0.85) / 0.3)


def join(one: Field, other: Field, reach: float) -> Field:
    """Unite two shapes given as signed distances; fill their inner corners over ``reach`` pixels."""
    overlap = np.clip(1 - np.abs(one - other) / reach, 0, None)
    union: Field = np.maximum(one, other) + np.square(overlap) * (reach / 4)
    return union


def texture(rng: np.random.Generator, cells: int) -> Field:
    """Draw smooth noise of unit variance, ``cells`` bumps across the film."""
    coarse = Image.fromarray(rng.standard_normal((cells + 2, cells + 2), dtype=np.float32))
    fine = np.asarray(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    smooth: Field = fine / fine.std()
    return smooth


def strokes(bundles: list[tuple[Points, float, float]]) -> Field:
    """Draw smooth lines. A bundle is (lines, n, 2) pixels of the film, a width in pixels and a strength."""
    canvas = Image.new("L", (2 * SIZE, 2 * SIZE))  # twice as large, then reduced: smooth edges
    draw = ImageDraw.Draw(canvas)
    for lines, width, strength in bundles:
        joint = "curve" if width > _THIN else None
        for line in (2 * lines).reshape(len(lines), -1).tolist():
            draw.line(line, fill=round(255 * strength), width=max(1, round(2 * width)), joint=joint)
    return np.asarray(canvas.reduce(2), np.float32) / 255


def branches(rng: np.random.Generator, root: Points, side: int, *, depth: int, length: float) -> list[Points]:
    """Grow a tree from a hilum into its lung.

    Returns
    -------
    list of array
        For each generation, thick to thin, its twigs as (twigs, 5, 2) points of the patient.
    """
    angle = np.array([-1.2, -0.6, 0.1, 0.65, 1.05, 1.4]) + rng.normal(0, 0.18, 6)  # downwards positive
    # In an upright child more blood flows to the lung bases, so lower vessels are longer.
    reach = length * (0.82 + 0.2 * np.sin(angle)) * rng.uniform(0.8, 1.2, 6)
    start = np.broadcast_to(root, (6, 2))
    generations = []
    for _ in range(depth + 1):
        bend = angle[:, None] + rng.normal(0, 0.24, (len(angle), 4)).cumsum(axis=1)
        steps = np.stack([side * np.cos(bend), np.sin(bend)], axis=2) * reach[:, None, None] / 4
        twigs = np.concatenate([start[:, None], start[:, None] + steps.cumsum(axis=1)], axis=1)
        generations.append(twigs)
        start = np.repeat(twigs[:, -1], 2, axis=0)
        apart = rng.uniform(0.2, 0.5, (len(angle), 2)) * [1, -1]
        angle = (angle[:, None] + apart).ravel()
        reach = np.repeat(reach, 2) * rng.uniform(0.65, 0.9, len(angle))
    return generations
