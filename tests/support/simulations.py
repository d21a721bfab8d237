"""
Sizes and bounds of the simulations: tests that draw films at random many times and count what comes out.

Each has the marker ``simulation``. In ``pytest`` it draws often enough to notice a gross fault;
``python .ci/stress/simulations.py`` runs the same tests at full size.
"""

import math
import os

FULL_SIZE = "XRAYLAB_SIMULATIONS"  # the variable that asks for it


def draws(full: int, *, brief: int) -> int:
    """Return how often to draw: ``full`` if the variable is set, else ``brief``."""
    return full if os.environ.get(FULL_SIZE) else brief


def three_errors(share: float, n: int) -> float:
    """Return three standard errors of a share of ``n`` draws.

    The count is binomial with standard deviation sqrt(n p (1 - p)). So if ``share`` is the true share, the
    counted share lies further off in about 3 of 1,000 simulations.
    """
    return 3 * math.sqrt(share * (1 - share) / n)
