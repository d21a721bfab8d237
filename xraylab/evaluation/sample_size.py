"""
Sample size: how many films an interval of a wanted width needs.

- plain numbers in, plain numbers out
- the answer holds if the rate and the design effect stay as they were observed
"""

import math
from statistics import NormalDist


def films_needed(rate: float, half_width: float, *, design_effect: float = 1.0, level: float = 0.95) -> int:
    """Return how many films of a class make the interval of their rate as narrow as wanted.

    The interval is Wilson's, which XRayLab reports. Its width from end to end is twice ``half_width``, and
    near a rate of 1 it isn't symmetrical about the rate. The plain formula z² p (1 - p) / d² of Buderer asks
    for no films at all at a rate of 1; for large n the two agree.

    Parameters
    ----------
    rate : float
        Expected sensitivity or specificity, in [0, 1].
    half_width : float
        Half of the width of the interval, in (0, 0.5).
    design_effect : float
        Films per independent film, at least 1: films of one patient tell less than films of several.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    int
        Films of the class, at least 1.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Piegorsch WW (2004), Comput Stat Data Anal 46:309-316, for Wilson's interval.
    Buderer NMF (1996), Acad Emerg Med 3:895-900, for sensitivity and specificity.
    Kish L (1965), Survey Sampling, Wiley, for the design effect.
    """
    if not (0 <= rate <= 1 and 0 < half_width < 0.5 and design_effect >= 1 and 0 < level < 1):  # noqa: PLR2004
        raise ValueError(
            f"rate {rate}, half width {half_width}, design effect {design_effect}, level {level}"
        )
    z, spread, d = NormalDist().inv_cdf((1 + level) / 2), rate * (1 - rate), half_width
    # The width of Wilson's interval, solved for the number of trials: a quadratic equation.
    root = math.sqrt(spread**2 + d**2 * (1 - 4 * spread))
    independent = z**2 * (spread - 2 * d**2 + root) / (2 * d**2)
    return max(1, math.ceil(design_effect * independent))
