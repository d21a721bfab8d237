"""
The grey scale of a film whose file names none: its own darkest and brightest parts become black and white.

- percentiles, not extremes: a burnt-in marker or one defective pixel must not set the range
- DICOM files without a usable window and other files of 16 bits share this rule
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_WINDOW = "The file names no grey scale, so it was set from the darkest and brightest parts of the film."

_RANGE = (0.5, 99.5)  # percentiles that become black and white
_SAMPLED = 2**20  # pixels that the percentiles are computed from


def step_of(height: int, width: int) -> int:
    """Return n, where every n-th row and column of a film is enough for its percentiles."""
    return max(1, int(np.sqrt(height * width / _SAMPLED)))


def own_range(sample: NDArray[Any]) -> tuple[float, float]:
    """Return the values that become black and white.

    Parameters
    ----------
    sample : array of any shape
        Values of the film, without what is no part of it.

    Returns
    -------
    low, high : float
        high is greater than low, so that it is safe to divide by their difference.
    """
    low, high = np.percentile(sample, _RANGE) if sample.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-9))
