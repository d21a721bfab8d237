"""Measure how coloured a film is; most radiographs have no colour at all."""

import numpy as np
from PIL import Image

_SMALL = 64  # pixels; the side at which the colour of a film is measured


def colour_of(image: Image.Image) -> float:
    """Return how coloured an image is.

    Parameters
    ----------
    image : PIL.Image.Image
        In any mode and size; it is measured at 64 × 64 pixels at most.

    Returns
    -------
    float
        Mean distance between the largest and the smallest channel of a pixel, 0 to 255.
    """
    # A palette may hold transparency, which Pillow converts without a warning only by way of RGBA.
    rgb = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else image.convert("RGB")
    if max(rgb.size) > _SMALL:
        rgb = rgb.resize((_SMALL, _SMALL), Image.Resampling.BOX)
    return float(np.ptp(np.asarray(rgb).astype(np.int16), axis=2).mean())
