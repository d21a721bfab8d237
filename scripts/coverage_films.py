"""Films whose true figures are known, and the intervals that XRayLab computed before version 0.16."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.clustering import PROPORTIONS, PatientSums, _effective_size, _pairs
from xraylab.evaluation.intervals import _obuchowski, auc_interval
from xraylab.evaluation.thresholds import ThresholdTable, threshold_table

SIZES, SHARES = (1, 2, 3, 5, 10), (0.45, 0.25, 0.12, 0.1, 0.08)
CUT = 0.9  # the threshold of the drawn scores: half of the distance between the classes at an AUC of 0.9
_LEVEL = 0.95
_DRAWS = 400  # of the bootstrap
_Z = NormalDist().inv_cdf((1 + _LEVEL) / 2)

Bounds = tuple[float, float]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Films:
    """Drawn films with the scores of two models."""

    labels: Ints  # (n,)
    scores: Floats  # (n,)
    others: Floats  # (n,) of the second model
    patients: Ints  # (n,)

    @property
    def table(self) -> ThresholdTable:
        """The table of the first model's scores."""
        return threshold_table(self.labels, self.scores, self.patients)


def probabilities(scores: Floats) -> Floats:
    """Turn scores into numbers in (0, 1) that are at least 0.5 from the threshold on."""
    values: Floats = 1 / (1 + np.exp(-2 * (scores - CUT)))
    return values


def sizes(rng: np.random.Generator, shape: int | tuple[int, int]) -> Ints:
    """Draw how many films each patient has."""
    return rng.choice(SIZES, size=shape, p=SHARES)


def draw_calls(
    rng: np.random.Generator, shape: tuple[int, int], rate: float, icc: float
) -> tuple[Ints, Ints]:
    """Draw each patient's films that are called rightly, and all of them, (runs, patients) each."""
    films, spread = sizes(rng, shape), 1 / icc - 1 if icc else math.inf
    rates = rng.beta(rate * spread, (1 - rate) * spread, shape) if icc else np.full(shape, rate)
    return rng.binomial(films, rates).astype(np.int64), films


def sizes_of(right: Ints, films: Ints) -> Floats:
    """Return the effective sizes of a sensitivity, (runs,): every run is a row of one threshold table."""
    none, forms = np.zeros_like(right), PROPORTIONS["sensitivity"]
    counts = (right, none, films, none)
    sums = PatientSums(
        first=tuple(each.sum(axis=1) for each in counts),
        second=tuple(tuple((one * other).sum(axis=1) for other in counts) for one in counts),
        patients={"sensitivity": np.full(right.shape[0], right.shape[1])},
        fourth={"sensitivity": _pairs(forms, counts).sum(axis=2)},
    )
    return _effective_size(sums, "sensitivity")


def sizes_before(right: Ints, films: Ints) -> Floats:
    """Return the plain effective sizes of Rao and Scott, (runs,)."""
    total, patients = films.sum(axis=1), films.shape[1]
    rate = right.sum(axis=1) / total
    squares = ((right - rate[:, None] * films) ** 2).sum(axis=1)
    largest = total**2 / (films**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = patients / (patients - 1) * squares / total**2
        estimated = np.minimum(total, total / (total - 1) * rate * (1 - rate) / variance)
    chosen: Floats = np.where((rate > 0) & (rate < 1), estimated, largest)
    return chosen


def draw_films(rng: np.random.Generator, patients: int, areas: tuple[float, float], icc: float) -> Films:
    """Draw as many patients of each class, scored by two models that correlate by one half."""
    films = sizes(rng, 2 * patients)
    people = np.repeat(np.arange(2 * patients), films)
    labels = (people < patients).astype(np.int64)
    by_patient, by_film = rng.normal(size=(3, 2 * patients)), rng.normal(size=(3, people.size))
    first, second = (
        math.sqrt(2) * NormalDist().inv_cdf(area) * labels
        + math.sqrt(icc / 2) * (by_patient[0] + by_patient[1 + model])[people]
        + math.sqrt((1 - icc) / 2) * (by_film[0] + by_film[1 + model])
        for model, area in enumerate(areas)
    )
    return Films(labels, first, second, people)


def _area_variance(films: Films, scores: list[Floats], weights: list[float]) -> tuple[float, float]:
    """Return the weighted sum of areas, and Obuchowski's variance of it."""
    parts = [_obuchowski(films.labels == 1, each, films.patients) for each in scores]
    ill = np.sum([w * part.ill for w, part in zip(weights, parts, strict=True)], axis=0) / parts[0].n_ill
    well = np.sum([w * part.well for w, part in zip(weights, parts, strict=True)], axis=0) / parts[0].n_well
    area = sum(weight * part.area for weight, part in zip(weights, parts, strict=True))
    k1, k0 = parts[0].with_ill, parts[0].with_well
    variance = k1 / (k1 - 1) * (ill @ ill) + k0 / (k0 - 1) * (well @ well)
    return float(area), float(max(variance, 0.0))


def auc_before(films: Films) -> Bounds:
    """The logit interval with the normal quantile."""
    area, variance = _area_variance(films, [films.scores], [1.0])
    if not 0 < area < 1 or not variance:
        return auc_interval(films.labels, films.scores, films.patients)
    half, centre = _Z * math.sqrt(variance) / (area * (1 - area)), math.log(area / (1 - area))
    return 1 / (1 + math.exp(half - centre)), 1 / (1 + math.exp(-half - centre))


def auc_difference_before(films: Films) -> Bounds:
    """The difference plus or minus 1.96 standard errors."""
    apart, variance = _area_variance(films, [films.scores, films.others], [1.0, -1.0])
    half = _Z * math.sqrt(variance)
    return apart - half, apart + half


def _percentiles(rng: np.random.Generator, sums: Floats, ratio: Callable[[Floats], Floats]) -> Bounds:
    """Draw patients 400 times; return percentiles of a function of their summed counts."""
    patients = sums.shape[0]
    drawn = rng.multinomial(patients, np.full(patients, 1 / patients), size=_DRAWS)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = ratio(drawn @ sums)
    known = values[~np.isnan(values)]
    if not known.size:
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def brier_before(films: Films) -> Bounds:
    """Percentiles of the Brier score."""
    lost = np.bincount(films.patients, (probabilities(films.scores) - films.labels) ** 2)
    sums = np.stack([lost, np.bincount(films.patients)], axis=1).astype(np.float64)
    return _percentiles(np.random.default_rng(0), sums, lambda each: each[:, 0] / each[:, 1])


def kappa_before(films: Films) -> Bounds:
    """Percentiles of kappa."""
    called, ill = films.scores >= CUT, films.labels == 1
    cells = (called & ill, called & ~ill, ~called & ~ill, ~called & ill)
    sums = np.stack([np.bincount(films.patients, cell) for cell in cells], axis=1).astype(np.float64)

    def kappa(counts: Floats) -> Floats:
        tp, fp, tn, fn = counts.T
        n, chance = counts.sum(axis=1), (tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)
        value: Floats = (n * (tp + tn) - chance) / (n * n - chance)
        return value

    return _percentiles(np.random.default_rng(0), sums, kappa)
