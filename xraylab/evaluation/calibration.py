"""
Calibration: turn a network's logit into the logit of a probability, by Platt scaling.

- two numbers, slope and intercept, are fitted to films that the network wasn't trained on
- the slope is positive, so the order of films, and with it the ROC curve, doesn't change
- the fit is scikit-learn's logistic regression, imported when first needed because it loads slowly
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.errors import CalibrationError
from xraylab.evaluation.labelled import checked


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


def fit_platt(labels: ArrayLike, logits: ArrayLike) -> Platt:
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
        If a class is missing, all logits are equal, or positives have lower logits than negatives.
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
        missing = "pneumonia" if not positives else "normal"
        raise CalibrationError(
            f"Scores can't be calibrated: there is no {missing} film among the {truth.size} held out for it."
        )
    centre, scale = float(values.mean()), float(values.std())
    if not scale > 0:
        raise CalibrationError("Scores can't be calibrated: every film has the same score.")
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = _regress((values - centre) / scale, target)
    if not slope > 0:
        raise CalibrationError(
            "Scores can't be calibrated: films with pneumonia don't score higher than normal ones."
        )
    return Platt(slope / scale, intercept - slope * centre / scale)


def platt_or_why(labels: ArrayLike, logits: ArrayLike) -> Platt | str:
    """Fit Platt scaling, or return a sentence that says why these films don't allow it.

    Screens show the slope and intercept of a model: near 1 and 0 if its scores are probabilities already.

    Parameters
    ----------
    labels, logits
        As in ``fit_platt``, (n,) each; but here a logit may be NaN or infinite.

    Raises
    ------
    ValueError
        If lengths differ, or a label is neither 0 nor 1.
    """
    if not np.isfinite(np.asarray(logits, np.float64)).all():
        return "A slope can't be fitted: some films have a score but no finite logit."
    try:
        return fit_platt(labels, logits)
    except CalibrationError as error:
        return str(error)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Share of diseased films among films of similar score; one entry per bin that isn't empty."""

    score: NDArray[np.float64]  # (bins,) mean score
    share: NDArray[np.float64]  # (bins,) share of films with disease
    n: NDArray[np.int64]  # (bins,) films


def reliability(labels: ArrayLike, scores: ArrayLike, *, bins: int = 10) -> Reliability:
    """Bin films by score, into bins of equal width.

    Parameters
    ----------
    labels, scores : array_like, (n,)
        Labels are 0 or 1, scores lie in [0, 1].
    bins : int
        Number of bins, above 0; the last bin includes a score of 1.

    Raises
    ------
    ValueError
        If lengths differ, a label is neither 0 nor 1, or a score is outside [0, 1].

    References
    ----------
    Murphy AH, Winkler RL (1977), Journal of the Royal Statistical Society C 26:41-47.
    """
    truth, values, _ = checked(labels, scores, None)
    if values.size and not 0 <= values.min() <= values.max() <= 1:
        raise ValueError("scores must be in [0, 1]")
    bin_of = np.minimum((values * bins).astype(np.int64), bins - 1)
    n = np.bincount(bin_of, minlength=bins)
    filled = n > 0
    score, share = (np.bincount(bin_of, summed, bins)[filled] / n[filled] for summed in (values, truth))
    return Reliability(score, share, n[filled])


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
