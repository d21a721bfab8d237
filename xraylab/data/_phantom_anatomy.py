"""
The child in a teaching phantom: measures of the chest, and its position before the detector.

- lengths are pixels of a 256 x 256 film, ``x`` to the viewer's right of the spine, ``y`` downwards
- an ``Anatomy`` belongs to a patient, a ``Pose`` to one film of that patient
- nothing here depends on whether the child is ill
"""

import math
from dataclasses import dataclass

import numpy as np

from xraylab.data._phantom_fields import SIZE, Field, Points


@dataclass(frozen=True)
class Thymus:
    """A normal thymus, which widens the upper mediastinum like a sail."""

    side: int  # -1 or 1, the side of the film it hangs over
    reach: float  # px beyond the mediastinal border
    bottom: float  # y of its lower edge, as a share of the lung's height


@dataclass(frozen=True)
class Anatomy:
    """Measures that are the same on all films of a patient."""

    half_width: float  # px from the spine to the inner wall of the chest
    apex: float  # y of the lung tops
    base: float  # y of the diaphragm's dome on the viewer's left, at full inspiration
    dome: float  # px the diaphragm bulges above its angles
    step: float  # px by which the viewer's right dome is lower
    wall: float  # px of chest wall
    heart: tuple[float, float, float, float]  # offset from the spine, height, long and short half axis
    heart_tilt: float  # radians
    mediastinum: float  # half width, px
    trachea: float  # px to one side
    thymus: Thymus
    rib_spacing: float
    rib_width: float  # half width, px
    rib_slope: float
    bone: float  # how dense, about 1
    clavicle: float  # slope
    vessels: float  # how prominent, about 1
    stomach: float  # how much gas, 0 to 1
    jaw: float  # y of the chin, negative when outside the film
    yaw: float  # usual rotation, -1 to 1
    breath: float  # px by which inspiration usually falls short


@dataclass(frozen=True)
class Pose:
    """Position of the child before the detector for one film."""

    shift: tuple[float, float]  # px
    tilt: float  # radians
    zoom: float
    yaw: float  # rotation about the spine, -1 to 1
    breath: float  # px by which inspiration falls short

    def grid(self) -> tuple[Field, Field]:
        """Return the patient's coordinates, (x, y), of every pixel of the film."""
        rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
        x, y = columns - SIZE / 2 - self.shift[0], rows - SIZE / 2 - self.shift[1]
        cos, sin = math.cos(self.tilt) / self.zoom, math.sin(self.tilt) / self.zoom
        return cos * x + sin * y, cos * y - sin * x + SIZE / 2

    def place(self, points: Points) -> Points:
        """Convert points of the patient, (..., 2), into pixels (column, row) of the film."""
        x, y = points[..., 0] * self.zoom, (points[..., 1] - SIZE / 2) * self.zoom
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        column, row = cos * x - sin * y + self.shift[0], sin * x + cos * y + self.shift[1]
        return np.stack([column, row], axis=-1) + SIZE / 2


def draw_anatomy(rng: np.random.Generator, *, nuisance: str | None) -> Anatomy:
    """Draw a patient; ``nuisance`` names a feature that imitates disease, or is None."""
    half_width = rng.uniform(80, 95)
    apex, base = rng.uniform(44, 58), rng.uniform(186, 206)
    heart = (
        rng.uniform(9, 15),
        base - rng.uniform(32, 38),
        half_width * rng.uniform(0.5, 0.6),
        rng.uniform(32, 40),
    )
    # Normal and imitating values are both drawn each time, so that all later draws stay the same.
    small = Thymus(int(rng.choice([-1, 1])), rng.uniform(0, 6), rng.uniform(0.3, 0.42))
    sail = Thymus(small.side, rng.uniform(14, 28), rng.uniform(0.36, 0.5))
    yaw, breath = rng.normal(0, 0.13), rng.uniform(0, 6)
    turned, shallow = rng.choice([-1, 1]) * rng.uniform(0.55, 1.0), rng.uniform(20, 36)
    vessels, busy = rng.uniform(0.6, 1.15), rng.uniform(1.4, 1.9)
    return Anatomy(
        half_width=half_width,
        apex=apex,
        base=base,
        dome=rng.uniform(14, 24),
        step=rng.uniform(-1, 9),
        wall=rng.uniform(8, 15),
        heart=heart,
        heart_tilt=rng.uniform(0.45, 0.85),
        mediastinum=rng.uniform(16, 22),
        trachea=rng.normal(0, 2),
        thymus=sail if nuisance == "thymus" else small,
        rib_spacing=rng.uniform(15.0, 18.5),
        rib_width=rng.uniform(2.4, 3.4),
        rib_slope=rng.uniform(0.8, 1.3),
        bone=rng.uniform(0.75, 1.25),
        clavicle=rng.uniform(0.02, 0.3),
        vessels=busy if nuisance == "vessels" else vessels,
        stomach=rng.uniform(0, 1) ** 2,
        jaw=rng.uniform(-25, 18),
        yaw=turned if nuisance == "rotation" else yaw,
        breath=shallow if nuisance == "inspiration" else breath,
    )


def draw_pose(rng: np.random.Generator, anatomy: Anatomy) -> Pose:
    """Draw the patient's position for one film."""
    return Pose(
        shift=(rng.normal(0, 4), rng.normal(0, 4)),
        tilt=rng.normal(0, 0.025),
        zoom=rng.uniform(0.95, 1.06),
        yaw=float(np.clip(anatomy.yaw + rng.normal(0, 0.07), -1.1, 1.1)),
        breath=anatomy.breath + rng.uniform(0, 4),
    )
