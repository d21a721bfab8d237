"""
The chest in a teaching phantom: all structures that the beam crosses, as smooth fields of attenuation.

- attenuation is in display units: 0 is air outside the body, about 0.8 the spine behind the heart
- air in the lungs reduces attenuation; heart, thymus and vessels replace air
- nothing here depends on whether the child is ill
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.data._phantom_anatomy import Anatomy, Pose
from xraylab.data._phantom_fields import Field, Points, blob, branches, edge, join, strokes, texture, tube

AIR = 0.42  # how much darker a full depth of lung is than the same depth of soft tissue
_SEEN = 0.2  # depth above which a reader recognises lung
_HIDDEN = 0.5  # share of heart or thymus above which a reader no longer recognises lung


@dataclass(frozen=True, eq=False)
class Chest:
    """A chest on one film, without disease and before exposure."""

    x: Field  # the patient's coordinates of each pixel
    y: Field
    tissue: Field  # attenuation as if the lungs held no air
    air: Field  # depth of aerated lung, 0 to about 1
    lungs: NDArray[np.bool_]  # the lung fields a reader would outline
    hila: Points  # (2, 2) the patient's coordinates of both hila
    base: float  # y of the dome on this film


def build_chest(anatomy: Anatomy, pose: Pose, rng: np.random.Generator) -> Chest:
    """Project a patient onto the detector.

    ``rng`` draws details that belong to the patient but aren't in ``Anatomy``, such as the vessels. Pass a
    generator in the same state for each film of a patient.
    """
    x, y = pose.grid()
    side = np.sign(x)
    base = anatomy.base - pose.breath
    outer = _outer(anatomy, y, base)
    depth = _lung_depth(anatomy, x, y, outer, base)
    middle = _mediastinum(anatomy, pose, x, y, base)
    air = depth * (1 - 0.93 * middle)
    air *= 1 - 0.16 * pose.yaw * side  # the lung turned away from the detector looks whiter
    air *= 1 + 0.05 * texture(rng, 5)
    air *= 1 - 0.005 * pose.breath * edge(y - base + 40, 18)  # shallow breath crowds the bases
    hila = _hila(anatomy, pose, base)
    vessels = _vessels(anatomy, pose, hila, rng)
    air *= 1 - 0.42 * anatomy.vessels * vessels
    tissue = _body(anatomy, x, y, outer, base)
    tissue += 0.04 * middle
    tissue += anatomy.bone * _ribs(anatomy, x, y, outer, base)
    tissue += anatomy.bone * _spine(anatomy, x - 3 * pose.yaw, y)
    tissue += anatomy.bone * _shoulders(anatomy, pose, x, y)
    tissue -= _airway(anatomy, pose, x, y)
    tissue -= _stomach(anatomy, x, y, base)
    lungs = (depth > _SEEN) & (middle < _HIDDEN)
    return Chest(x, y, tissue, air, lungs, hila, base)


def _outer(anatomy: Anatomy, y: Field, base: float) -> Field:
    """Return the distance from the spine to the inner wall of the chest at each height."""
    rise = np.clip((y - anatomy.apex) / (0.8 * (base - anatomy.apex)), 0, 1)
    bell = np.power(1 - np.square(1 - rise), 0.62)
    width: Field = anatomy.half_width * (0.4 + 0.6 * bell)
    return width


def _diaphragm(anatomy: Anatomy, x: Field, base: float) -> Field:
    """Return the height of the diaphragm at each pixel's column."""
    offset = (np.abs(x) - 0.42 * anatomy.half_width) / (0.58 * anatomy.half_width)
    low = anatomy.step * edge(x, 12)
    height: Field = base + low + anatomy.dome * np.abs(offset) ** 3
    return height


def _lung_depth(anatomy: Anatomy, x: Field, y: Field, outer: Field, base: float) -> Field:
    """Return the depth of lung that the beam would cross without a heart; 0 outside, 1 at most."""
    across = np.abs(x)
    centre, reach = 0.37 * anatomy.half_width, 0.3 * anatomy.half_width
    top = anatomy.apex + 12 * np.square((across - centre) / reach)
    depth = np.tanh(np.clip(outer - across, 0, None) / 11)
    depth *= np.tanh(np.clip(y - top, 0, None) / 26)
    depth *= np.tanh(np.clip(_diaphragm(anatomy, x, base) - y, 0, None) / 10)
    return depth * edge(across - 5, 3)


def _mediastinum(anatomy: Anatomy, pose: Pose, x: Field, y: Field, base: float) -> Field:
    """Draw heart, great vessels and thymus, 0 to 1."""
    offset, height, long, short = anatomy.heart
    squeeze = 1 + 0.006 * pose.breath  # a higher diaphragm makes the heart look wider
    centre_x, centre_y = offset + 11 * pose.yaw, height - 0.75 * pose.breath
    cos, sin = math.cos(anatomy.heart_tilt), math.sin(anatomy.heart_tilt)
    dx, dy = x - centre_x, y - centre_y
    along = (cos * dx + sin * dy) / (long * squeeze)
    aside = (cos * dy - sin * dx) / (short * squeeze)
    heart = (1 - np.hypot(along, aside)) * short
    # From the neck downwards the strip widens on both sides.
    share = (y - anatomy.apex) / (base - anatomy.apex)
    border = anatomy.mediastinum * (0.82 + 0.3 * np.clip(share, 0, 1))
    strip = border - np.abs(x - 6 * pose.yaw)
    shadow = edge(join(heart, strip, 16), 1.6)
    whole: Field = np.maximum(shadow, _thymus(anatomy, pose, x, border, share))
    return whole


def _thymus(anatomy: Anatomy, pose: Pose, x: Field, border: Field, share: Field) -> Field:
    """Draw the thymus like a sail: wider downwards, with a sharp lower edge, slightly translucent."""
    thymus = anatomy.thymus
    beyond = thymus.side * (x - 6 * pose.yaw) - border
    width = thymus.reach * np.clip(share / thymus.bottom, 0, 1)
    below = (thymus.bottom - share) * 110 - 0.2 * np.clip(beyond, 0, None)
    shape = -join(beyond - width, -below, 9)  # a round corner, not a spike
    return 0.78 * edge(shape, 1.8) * edge(beyond + 8, 3)


def _hila(anatomy: Anatomy, pose: Pose, base: float) -> Points:
    height = anatomy.apex + 0.45 * (base - anatomy.apex)
    out = anatomy.mediastinum + 1
    return np.array([[-out + 6 * pose.yaw, height], [out + 6 * pose.yaw, height - 4]])


def _vessels(anatomy: Anatomy, pose: Pose, hila: Points, rng: np.random.Generator) -> Field:
    """Draw the pulmonary vessels from the hila outwards, 0 to 1, thinner and fainter at each branching."""
    trees = [
        branches(rng, root, side, depth=3, length=0.27 * anatomy.half_width)
        for side, root in zip((-1, 1), hila, strict=True)
    ]
    widths, strengths = (3.8, 2.4, 1.5, 1.0), (0.55, 0.42, 0.32, 0.22)
    twigs = zip(*(map(pose.place, generations) for generations in trees), strict=True)
    levels = list(zip(map(np.concatenate, twigs), widths, strengths, strict=True))
    return strokes(levels[::-1])  # thick vessels are drawn over thin ones


def _body(anatomy: Anatomy, x: Field, y: Field, outer: Field, base: float) -> Field:
    """Draw the soft tissue: trunk, neck, shoulders, arms and belly."""
    across = np.abs(x)
    trunk = outer + anatomy.wall
    below = np.clip((y - base) / 60, 0, 1)
    trunk = trunk - 6 * below * below
    shoulder = anatomy.apex - 22 + 0.16 * across
    hang = np.clip((across - 80) / 40, -1, 1)  # the arms reach lower towards the film's edge
    arms = edge(y - shoulder, 2.5) * edge(anatomy.apex + 70 + 22 * hang - y, 14)
    neck = edge(30 + 10 * edge(y - (anatomy.apex - 26), 8) - across, 2)
    thick = np.sqrt(np.clip(1 - np.power(np.clip(across / trunk, 0, 1), 5), 0, None)) * edge(y - shoulder, 6)
    body = np.maximum(np.maximum(0.62 * thick, 0.3 * arms), 0.42 * neck)
    body += 0.2 * edge(anatomy.jaw - np.square(across / 48) * 22 - y, 2)
    belly: Field = body + 0.07 * edge(y - _diaphragm(anatomy, x, base), 3) * edge(trunk - across, 6)
    return belly


def _ribs(anatomy: Anatomy, x: Field, y: Field, outer: Field, base: float) -> Field:
    """Draw the posterior and anterior arcs of eleven pairs of ribs."""
    across, spacing = np.abs(x), anatomy.rib_spacing
    out = np.clip(across / outer, 0, 1)
    height = np.clip((y - anatomy.apex) / (base - anatomy.apex), 0, 1.3)
    slope = anatomy.rib_slope * (0.55 + 0.75 * height)
    above = y - (anatomy.apex + 3)
    cage = edge(outer + 3 - across, 1.2)
    rim = 1 + 0.7 * blob((across - outer) / 5)
    back = above / spacing - slope * np.power(out, 2.4) + 0.5 * out * (1 - out)
    front = above / spacing - slope - 1.9 * (1 - out)
    arcs = 0.125 * _arcs(back, anatomy) * edge(across - 9, 2)
    arcs += 0.075 * _arcs(front, anatomy) * edge((out - 0.45) * 60, 6)
    return arcs * cage * rim


def _arcs(phase: Field, anatomy: Anatomy) -> Field:
    """Draw a bone at every whole number of ``phase`` from 0 to 10."""
    distance = np.abs(phase - np.rint(phase)) * (anatomy.rib_spacing / anatomy.rib_width)
    return tube(distance) * edge((phase + 0.6) * 8) * edge((10.6 - phase) * 8)


def _spine(anatomy: Anatomy, x: Field, y: Field) -> Field:
    """Draw vertebral bodies with discs, pedicles and spinous processes."""
    phase = (y - anatomy.apex) / anatomy.rib_spacing
    between = np.abs(phase - np.rint(phase))  # 0 in the middle of a body, 0.5 in a disc
    body = edge(10.5 - 2.5 * between - np.abs(x), 1.4)
    disc = blob((between - 0.5) / 0.11)
    pedicle = blob(np.hypot((np.abs(x) - 6.5) / 2.2, between * anatomy.rib_spacing / 3.2))
    process = blob(np.hypot(x / 1.8, (between - 0.3) * anatomy.rib_spacing / 4))
    return body * (0.1 - 0.06 * disc) + 0.035 * (pedicle + process)


def _shoulders(anatomy: Anatomy, pose: Pose, x: Field, y: Field) -> Field:
    """Draw clavicles, shoulder blades and upper arms."""
    across = np.abs(x - 4 * pose.yaw)
    run = across / anatomy.half_width
    rise = (anatomy.apex + 9) - anatomy.clavicle * 60 * run
    line = rise + 4 * np.sin(5.2 * run)
    distance = np.abs(y - line) / (1.15 * anatomy.rib_width)
    clavicle = 0.2 * tube(distance) * edge(across - 9, 2) * edge(104 - 100 * run, 3)
    dx, dy = across - 1.02 * anatomy.half_width, y - (anatomy.apex + 34)
    blade = edge(1 - np.hypot((dx + 0.25 * dy) / 20, dy / 40), 0.06) * edge(dx + 40, 20)
    head = edge(1 - np.hypot((dx - 14) / 11, (dy + 30) / 12), 0.1)
    shaft = edge(6 - np.abs(dx - 18 - 0.28 * dy), 1.2) * edge(dy + 24, 3)
    bones: Field = clavicle + 0.045 * blade + 0.13 * np.maximum(head, shaft)
    return bones


def _airway(anatomy: Anatomy, pose: Pose, x: Field, y: Field) -> Field:
    """Return the attenuation that air in trachea and main bronchi removes."""
    fork = anatomy.apex + 46
    down = np.clip(y - fork, 0, None)
    centre = anatomy.trachea + 4 * pose.yaw
    aside = np.abs(x - centre)
    bore = blob((aside - 0.9 * down) / (4.6 - 1.4 * edge(y - fork, 4)))
    return 0.11 * bore * edge(fork + 18 - y, 6) * edge(y - 12, 8)


def _stomach(anatomy: Anatomy, x: Field, y: Field, base: float) -> Field:
    """Return the attenuation that gas in the stomach removes, under the viewer's right dome."""
    dx = (x - 0.45 * anatomy.half_width) / 20
    dy = (y - (base + anatomy.step + 22)) / 12
    return 0.2 * anatomy.stomach * edge(1 - np.hypot(dx, dy), 0.3)
