"""Summary: the numbers shown for one model on one set of films at one threshold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.repeated import repeated
from xraylab.evaluation.thresholds import threshold_table

_ECE_BINS = 10
_MOST = 64  # evaluations that are kept; a model's card shows one for each change of the suite


@dataclass(frozen=True)
class Evaluation:
    """Results of a model on some films; intervals are at 95 % and clustered by patient."""

    n: int  # films
    patients: int
    positives: int  # films with the finding
    auc: float
    auc_ci: tuple[float, float]
    average_precision: float
    threshold: float
    point: OperatingPoint
    intervals: Mapping[str, tuple[float, float]]  # sensitivity, specificity, ppv, npv, f1, accuracy
    brier: float
    ece: float


def summarise(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None,
    threshold: float,
) -> Evaluation:
    """Evaluate scores at a threshold.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each; scores in [0, 1], which Brier score and ECE treat as
        probabilities.
    threshold : float
        A film is called positive when score >= threshold.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if the threshold is NaN.
    """
    return _summarised(*checked(labels, scores, groups), threshold)


@repeated(_MOST)
def _summarised(
    truth: NDArray[np.int64], values: NDArray[np.float64], patients: NDArray[np.int64], threshold: float
) -> Evaluation:
    table = threshold_table(truth, values, patients)
    return Evaluation(
        n=table.n,
        patients=table.n_groups,
        positives=table.positives,
        auc=table.auc,
        auc_ci=auc_interval(truth, values, patients),
        average_precision=table.average_precision,
        threshold=threshold,
        point=table.at(threshold),
        intervals={name: table.interval(name, threshold) for name in PROPORTIONS},
        brier=brier_score(truth, values),
        ece=expected_calibration_error(truth, values),
    )


def brier_score(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Return the mean squared distance of scores from labels; 0 is perfect, NaN without films."""
    return float(np.mean((scores - labels) ** 2)) if labels.size else math.nan


def expected_calibration_error(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Return the mean distance between mean score and share of disease, over ten bins of equal width.

    Bins are [0, 0.1), [0.1, 0.2) ... [0.9, 1], each weighted by its number of films; NaN without films.

    References
    ----------
    Naeini MP, Cooper GF, Hauskrecht M (2015), AAAI 29:2901-2907.
    """
    if not labels.size:
        return math.nan
    bins = np.minimum((scores * _ECE_BINS).astype(np.int64), _ECE_BINS - 1)
    gaps = np.bincount(bins, scores - labels, _ECE_BINS)
    return float(np.abs(gaps).sum()) / labels.size
