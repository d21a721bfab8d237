"""Evaluate scores: the whole threshold table, and intervals clustered by patient, against scikit-learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from benchmarks.frame import Difference
from benchmarks.material import Material
from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.summary import summarise
from xraylab.evaluation.thresholds import threshold_table

Floats = NDArray[np.float64]
_THRESHOLD = 0.5
_EDGE = 0.025  # left out at either end of the resamples for 95 %


class Thresholds:
    """Every threshold of n films."""

    target = 2.0

    def __init__(self, name: str, films: int) -> None:
        self.name, self.films = name, films

    @property
    def compared(self) -> str:
        """Sentence with the number of films."""
        return (
            f"All thresholds of {self.films:,} made-up films, half of them tied: scikit-learn's `roc_curve`, "
            "`precision_recall_curve`, `roc_auc_score` and `average_precision_score`, against one threshold "
            "table, its rates and its two areas. Patients, which scikit-learn doesn't know, are left out."
        )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Make up films with ties, and with scores of exactly 0 and 1."""
        self.labels, self.scores, _ = _made_up_films(self.films, self.films)
        self.scores[::2] = self.scores[::2].round(3)
        self.scores[:4] = 0, 0, 1, 1

    def check(self) -> Sequence[Difference]:
        """Compare every value of every column."""
        usual, own = self.baseline(), self.ours()
        return [Difference(what=what, largest=_apart(usual[what], own[what]), allowed=1e-9) for what in usual]

    def baseline(self) -> dict[str, Floats]:
        """Compute curves and areas with scikit-learn, highest threshold first."""
        alarms, sensitivities, thresholds = roc_curve(self.labels, self.scores, drop_intermediate=False)
        precision, recall, _ = precision_recall_curve(self.labels, self.scores)
        areas = [roc_auc_score(self.labels, self.scores), average_precision_score(self.labels, self.scores)]
        return {
            "thresholds": thresholds,
            "false alarm rates": alarms,
            "sensitivities": sensitivities,
            "precisions": precision[::-1],
            "recalls": recall[::-1],
            "AUC and AP": np.array(areas),
        }

    def ours(self) -> dict[str, Floats]:
        """Compute the same from a threshold table."""
        table = threshold_table(self.labels, self.scores)
        sensitivity = table.tp / table.positives
        return {
            "thresholds": table.threshold,
            "false alarm rates": table.fp / table.negatives,
            "sensitivities": sensitivity,
            # without a positive call there is no precision; scikit-learn's curve begins at 1
            "precisions": np.append(1.0, table.tp[1:] / (table.tp[1:] + table.fp[1:])),
            "recalls": sensitivity,
            "AUC and AP": np.array([table.auc, table.average_precision]),
        }


class Intervals:
    """Intervals of seven numbers, films clustered by patient."""

    name = "intervals"
    target = 1_000.0

    def __init__(self, resamples: int = 2_000) -> None:
        self.resamples = resamples

    @property
    def compared(self) -> str:
        """Sentence with the number of resamples."""
        return (
            "95 % intervals of sensitivity, specificity, PPV, NPV, F1 and accuracy at a threshold, and of "
            "AUC, on 5,000 made-up films of about 2,000 patients: patients resampled "
            f"{self.resamples:,} times, and each draw evaluated by scikit-learn (one call for the first five "
            "numbers, one each for the others), against XRayLab's summary, which computes the intervals by "
            "formula, and more numbers too."
        )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Make up films whose scores depend on the patient too."""
        self.labels, self.scores, codes = _made_up_films(5_000, 2_200)
        self.patients = [f"person{code}" for code in codes]

    def check(self) -> Sequence[Difference]:
        """Compare both ends of all seven intervals, with all resamples."""
        apart = np.abs(self.baseline() - self.ours()).max()
        return [Difference(what="ends of the intervals", largest=float(apart), allowed=0.01)]

    def baseline(self) -> Floats:
        """Compute the intervals by resampling patients, (7, 2)."""
        random = np.random.default_rng(0)
        codes = np.unique(self.patients, return_inverse=True)[1]
        films = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
        drawn = []
        for _ in range(self.resamples):
            chosen = np.concatenate([films[code] for code in random.integers(0, len(films), len(films))])
            drawn.append(_evaluated(self.labels[chosen], self.scores[chosen]))
        return np.quantile(drawn, [_EDGE, 1 - _EDGE], axis=0).T

    def ours(self) -> Floats:
        """Compute the intervals by formula, (7, 2)."""
        summary = summarise(self.labels, self.scores, self.patients, _THRESHOLD)
        return np.array([*(summary.intervals[name] for name in PROPORTIONS), summary.auc_ci])


def _evaluated(labels: NDArray[np.int64], scores: Floats) -> list[float]:
    """Return the six proportions in their order, then AUC, all by scikit-learn."""
    called = scores >= _THRESHOLD
    (npv, ppv), (specificity, sensitivity), (_, f1), _ = precision_recall_fscore_support(labels, called)
    accuracy, area = accuracy_score(labels, called), roc_auc_score(labels, scores)
    return [sensitivity, specificity, ppv, npv, f1, accuracy, area]


def _made_up_films(n: int, patients: int) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """Return labels, scores in (0, 1) and patient codes; some patients have films of both classes."""
    random = np.random.default_rng(0)
    codes = random.integers(0, patients, n)
    labels = (random.random(patients) < 0.6).astype(np.int64)[codes] ^ (random.random(n) < 0.05)
    logits = random.normal(3 * labels - 1.5, 1.5) + random.normal(0, 1, patients)[codes]
    return labels, 1 / (1 + np.exp(-logits)), codes


def _apart(usual: NDArray[Any], own: NDArray[Any]) -> float:
    """Return the largest difference: 0 for two infinities, infinity for columns of different lengths."""
    if usual.shape != own.shape:
        return np.inf
    return float(np.abs(np.subtract(usual, own, out=np.zeros_like(usual), where=usual != own)).max())
