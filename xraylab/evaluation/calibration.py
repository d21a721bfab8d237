"""
Calibration: make scores probabilities by Platt scaling, and measure how far scores are from probabilities.

- making: slope and intercept are fitted to films that the network wasn't trained on; the slope is positive,
  so the order of films, and with it the ROC curve, doesn't change
- measuring: slope, intercept, and observed over expected positives, on films that nothing was fitted to
- the two fits differ on purpose: Platt's smoothed targets make a safer map, but a biased measurement
- Platt's fit is scikit-learn's, imported when first needed because it loads slowly
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.errors import CalibrationError
from xraylab.evaluation.firth import Firth, firth
from xraylab.evaluation.labelled import checked
from xraylab.findings import PNEUMONIA, Finding

Interval = tuple[float, float]
FEWEST_PATIENTS = 35  # with films of a class, for intervals
_UNKNOWN = (math.nan, math.nan)
_NOT_FITTED = Firth(math.nan, _UNKNOWN, math.nan, _UNKNOWN)


@dataclass(frozen=True)
class Platt:
    """The map logit -> slope * logit + intercept; its sigmoid is a calibrated probability."""

    slope: float = 1.0  # above 0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.slope < math.inf and math.isfinite(self.intercept)):
            raise ValueError(f"slope {self.slope} and intercept {self.intercept} are no rising map")

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated logits of the same shape; NaN stays NaN."""
        calibrated: NDArray[np.float64] = self.slope * np.asarray(logits, np.float64) + self.intercept
        return calibrated


AS_IS = Platt()  # changes nothing, to the last bit


def fit_platt(labels: ArrayLike, logits: ArrayLike, *, finding: Finding = PNEUMONIA) -> Platt:
    """Fit Platt scaling on held-out films.

    Logistic regression of one variable without a penalty, on Platt's own targets: (P + 1) / (P + 2) for
    the P positives and 1 / (N + 2) for the N negatives instead of 1 and 0. They keep the slope finite
    where the logits separate the classes perfectly, and differ less from 1 and 0 the more films there are.

    Parameters
    ----------
    labels : array_like, (n,)
        0 or 1.
    logits : array_like, (n,)
        Finite.

    Returns
    -------
    Platt

    Raises
    ------
    CalibrationError
        If a class is missing, all logits are equal, positives have lower logits than negatives, or the logits
        are so large or small that the map isn't finite.
    ValueError
        If lengths differ, a logit isn't finite, or a label is neither 0 nor 1.

    References
    ----------
    Platt JC (1999), Probabilistic outputs for support vector machines, in: Advances in Large Margin
    Classifiers, MIT Press, 61-74.
    """
    truth, values, _ = checked(labels, logits, None)
    positives, negatives = int((truth == 1).sum()), int((truth == 0).sum())
    if not positives or not negatives:
        missing = f"{finding.name} film" if not positives else finding.well_film
        raise CalibrationError(
            f"Scores can't be calibrated: there is no {missing} among the {truth.size} held out for it."
        )
    centre, scale = float(values.mean()), float(values.std())
    if not scale > 0:
        raise CalibrationError("Scores can't be calibrated: every film has the same score.")
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = _regress((values - centre) / scale, target)
    if not slope > 0:
        raise CalibrationError(
            f"Scores can't be calibrated: films {finding.ill} don't score higher than "
            f"{'normal ones' if finding.is_against_normal else 'those without'}."
        )
    return _finite_map(slope / scale, intercept - slope * centre / scale)


def _finite_map(slope: float, intercept: float) -> Platt:
    try:
        return Platt(slope, intercept)
    except ValueError as error:  # logits near the largest floats give a slope that rounds to 0
        raise CalibrationError(
            "Scores can't be calibrated: the network's outputs are too large or too small. Train it again."
        ) from error


@dataclass(frozen=True)
class Calibration:
    """Distance of scores from probabilities; intervals are at 95 % and clustered by patient."""

    slope: (
        float  # of a logistic regression of the label on the logit; 1 is perfect, NaN if it can't be fitted
    )
    slope_ci: Interval
    intercept: float  # of the same regression; 0 is perfect
    intercept_ci: Interval
    why: str | None  # reason why there is no slope
    observed: int  # films with the finding
    expected: float  # films with the finding if scores were probabilities: the sum of the scores
    ratio: float  # observed / expected; 1 is perfect
    ratio_ci: Interval
    too_few: str | None  # reason why there are no intervals


def measure_calibration(
    labels: ArrayLike,
    scores: ArrayLike,
    logits: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    finding: Finding = PNEUMONIA,
) -> Calibration:
    """Measure how far a model's scores are from probabilities.

    Slope and intercept are fitted to the labels 0 and 1 themselves by Firth's penalised likelihood. Platt's
    smoothed targets would make the slope of a perfectly calibrated model about 0.8 on 782 films, and plain
    maximum likelihood makes it too large in small sets. The interval of observed / expected comes from the
    variance of a ratio over patients, on the logarithmic scale.

    There are no intervals with fewer than 35 patients in a class: below that the slope leans to 0 and some
    intervals hold the true value in more than 97 % of simulations.

    Parameters
    ----------
    labels, scores : array_like, (n,)
        Labels are 0 or 1, scores lie in [0, 1].
    logits : array_like, (n,)
        Logits of the scores; NaN or infinite if unknown, and then there is no slope.
    groups : sequence, (n,), optional
        The patients; by default each film is its own.
    finding : Finding
        What the labels are about, for the sentences.

    Raises
    ------
    ValueError
        If lengths differ, a label is neither 0 nor 1, or a score isn't finite.

    References
    ----------
    Cox DR (1958), Biometrika 45:562-565.
    Van Calster B et al. (2019), BMC Medicine 17:230.
    """
    truth, values, patients = checked(labels, scores, groups)
    points = np.asarray(logits, np.float64)
    if points.shape != values.shape:
        raise ValueError(f"logits {points.shape} and scores {values.shape} must be of one length")
    why, too_few = _no_slope(truth, points, finding), _too_few(truth, patients, finding)
    fit = _NOT_FITTED if why else firth(truth, points, patients)
    observed, expected = int(truth.sum()), float(values.sum())
    ratio = observed / expected if expected > 0 else math.nan
    return Calibration(
        slope=fit.slope,
        slope_ci=_UNKNOWN if too_few else fit.slope_interval,
        intercept=fit.intercept,
        intercept_ci=_UNKNOWN if too_few else fit.intercept_interval,
        why=why,
        observed=observed,
        expected=expected,
        ratio=ratio,
        ratio_ci=_UNKNOWN if too_few else _ratio_interval(truth, values, patients, ratio),
        too_few=too_few,
    )


def _no_slope(truth: NDArray[np.int64], logits: NDArray[np.float64], finding: Finding) -> str | None:
    """Return the reason why no slope can be fitted, or None."""
    if not np.isfinite(logits).all():
        return "A slope can't be fitted: some films have a score but no finite logit."
    for label, name in ((1, f"{finding.name} film"), (0, finding.well_film)):
        if not (truth == label).any():
            return f"A slope can't be fitted: there is no {name} among the {truth.size}."
    if logits.min() == logits.max():
        return "A slope can't be fitted: every film has the same score."
    return None


def _too_few(truth: NDArray[np.int64], patients: NDArray[np.int64], finding: Finding) -> str | None:
    """Return the reason why there are no intervals, or None."""
    well = f"with {finding.well_films}" if finding.is_against_normal else finding.well
    for label, name in ((0, well), (1, finding.ill)):
        n = np.unique(patients[truth == label]).size
        if n < FEWEST_PATIENTS:
            return (
                f"Too few patients for intervals of the calibration: {n} {name}; it takes {FEWEST_PATIENTS}."
            )
    return None


def _ratio_interval(
    truth: NDArray[np.int64], scores: NDArray[np.float64], patients: NDArray[np.int64], ratio: float
) -> Interval:
    """Return the interval of observed / expected, which is above 0."""
    residual = np.bincount(patients, truth - ratio * scores)
    k = residual.size
    error = math.sqrt(k / (k - 1) * float(residual @ residual)) / float(truth.sum())  # of the logarithm
    factor = math.exp(NormalDist().inv_cdf(0.975) * error)
    return ratio / factor, ratio * factor


def _regress(values: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[float, float]:
    """Fit a logistic regression on targets between 0 and 1; return slope and intercept.

    scikit-learn takes labels of 0 and 1 only. So each film enters twice: as a 1 with the weight of the
    target, and as a 0 with the weight of 1 - target.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)  # C infinite: no penalty
    model.fit(
        np.tile(values, 2)[:, None],
        np.repeat([1, 0], values.size),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    return float(model.coef_[0, 0]), float(model.intercept_[0])
