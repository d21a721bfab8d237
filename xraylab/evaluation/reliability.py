"""
Reliability: share of films with disease among films of similar score.

- bins are even on the logit scale, where most scores of a good model lie far from one half
- bins of equal width on the score itself would put nine in ten films into the two at the ends
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.labelled import checked
from xraylab.evaluation.thresholds import threshold_table

Interval = tuple[float, float]

EDGES = (0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 1.0)
TENTHS = tuple(np.linspace(0, 1, 11).tolist())
_HALF = 0.5  # between labels 0 and 1


@dataclass(frozen=True, eq=False)
class Reliability:
    """Share of diseased films among films of similar score; one entry per bin that isn't empty."""

    low: NDArray[np.float64]  # (bins,) lower edge, which belongs to the bin
    high: NDArray[np.float64]  # (bins,) upper edge, which belongs to the next bin, or to the last one
    score: NDArray[np.float64]  # (bins,) mean score
    share: NDArray[np.float64]  # (bins,) share of films with disease
    interval: tuple[Interval, ...]  # (bins,) of the share, at 95 %, clustered by patient
    n: NDArray[np.int64]  # (bins,) films

    @property
    def share_of_films(self) -> NDArray[np.float64]:
        """Share of all films that lies in each bin, (bins,)."""
        return self.n / max(int(self.n.sum()), 1)


def reliability(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    edges: Sequence[float] = EDGES,
) -> Reliability:
    """Bin films by score, and count the films with disease in each bin.

    Parameters
    ----------
    labels, scores : array_like, (n,)
        Labels are 0 or 1, scores lie in [0, 1].
    groups : sequence, (n,), optional
        The patients; by default each film is its own.
    edges : sequence of float
        Rising, from 0 to 1; the last bin includes a score of 1.

    Raises
    ------
    ValueError
        If lengths differ, a label is neither 0 nor 1, or a score is outside [0, 1].

    References
    ----------
    Murphy AH, Winkler RL (1977), Journal of the Royal Statistical Society C 26:41-47.
    """
    truth, values, patients = checked(labels, scores, groups)
    if values.size and not 0 <= values.min() <= values.max() <= 1:
        raise ValueError("scores must be in [0, 1]")
    bounds = np.asarray(edges, np.float64)
    bins = bounds.size - 1
    bin_of = np.minimum(np.searchsorted(bounds, values, side="right") - 1, bins - 1)
    n = np.bincount(bin_of, minlength=bins)
    filled = np.flatnonzero(n)
    score, share = (np.bincount(bin_of, summed, bins)[filled] / n[filled] for summed in (values, truth))
    return Reliability(
        low=bounds[filled],
        high=bounds[filled + 1],
        score=score,
        share=share,
        interval=tuple(share_interval(truth[bin_of == each], patients[bin_of == each]) for each in filled),
        n=n[filled],
    )


def share_interval(truth: NDArray[np.int64], patients: NDArray[np.int64]) -> Interval:
    """Return the interval of the share of films with label 1, clustered by patient."""
    return threshold_table(np.ones_like(truth), truth, patients).interval("sensitivity", _HALF)
