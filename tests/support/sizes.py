"""
Sizes of tests that are too large for every run: how much of them ``pytest`` does.

Each has the marker ``sampled``. In ``pytest`` it does enough to notice a gross fault;
``python .ci/stress/full_size.py`` runs the same tests at full size.
"""

import math
import os
from collections.abc import Sequence
from typing import TypeVar

FULL_SIZE = "XRAYLAB_FULL_SIZE"  # the variable that asks for it
_Case = TypeVar("_Case")


def draws(full: int, *, brief: int) -> int:
    """Return how often to draw, or of how many to take: ``full`` if the variable is set, else ``brief``."""
    return full if os.environ.get(FULL_SIZE) else brief


def cases(full: Sequence[_Case], *, brief: int) -> Sequence[_Case]:
    """Return all cases if the variable is set, else the first ``brief`` of them."""
    return full[: draws(len(full), brief=brief)]


def three_errors(share: float, n: int) -> float:
    """Return three standard errors of a share of ``n`` draws.

    The count is binomial with standard deviation sqrt(n p (1 - p)). So if ``share`` is the true share, the
    counted share lies further off in about 3 of 1,000 simulations.
    """
    return 3 * math.sqrt(share * (1 - share) / n)
