"""
Clustering: effective sample sizes for films that share patients.

- five films of one patient tell less than films of five patients, so intervals must be wider
- every metric here is a proportion A/B: patient i has a_i correct calls among b_i films; A and B are sums
- one value for each row of the threshold table, all rows at once, O(n log n)

Each proportion is written as a linear form of a patient's four counts (tp, fp, positives, negatives).
Its variance is then a quadratic form of ten sums of products. Seven of those depend on the threshold and
are accumulated over the films in order of falling score. So are the five sums of fourth order that tell how
certain the variance itself is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.student import NORMAL_95, quantile_95

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Coefficients of (tp, fp, positives, negatives) for each metric: first the correct calls, then the films.
# F1 itself is not a share of films, but tp / (tp + fp + fn) is, and F1 rises with it.
PROPORTIONS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = MappingProxyType(
    {
        "sensitivity": ((1, 0, 0, 0), (0, 0, 1, 0)),
        "specificity": ((0, -1, 0, 1), (0, 0, 0, 1)),
        "ppv": ((1, 0, 0, 0), (1, 1, 0, 0)),
        "npv": ((0, -1, 0, 1), (-1, -1, 1, 1)),
        "f1": ((1, 0, 0, 0), (0, 1, 1, 0)),
        "accuracy": ((1, -1, 0, 1), (0, 0, 1, 1)),
    }
)

# Weight of a correlation of 1, in wrong calls. Chosen by simulation: with less, the intervals of rates near 1
# are too short where films of a patient fail together; with more, they are too wide where they don't.
_WEIGHT = 0.75
_ROUNDING = 1e-12  # products of two calls are of the order of 1


class _OnDemand(Mapping[str, Any]):
    """Something of each metric in ``PROPORTIONS``, computed when it is first asked for."""

    def __init__(self, compute: Callable[[str], Any]) -> None:
        self._compute = compute
        self._known: dict[str, Any] = {}

    def __getitem__(self, metric: str) -> Any:
        if metric not in PROPORTIONS:
            raise KeyError(metric)
        if metric not in self._known:
            self._known[metric] = self._compute(metric)
        return self._known[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(PROPORTIONS)

    def __len__(self) -> int:
        return len(PROPORTIONS)


@dataclass(frozen=True, eq=False)
class PatientSums:
    """Sums over patients at every row of a threshold table."""

    first: tuple[Ints, ...]  # four of (rows,): tp, fp, positives, negatives
    second: tuple[tuple[Ints, ...], ...]  # 4 x 4 of (rows,): their products, summed over patients
    patients: Mapping[str, Ints]  # (rows,): how many patients have a film in the metric's denominator
    fourth: Mapping[str, Ints]  # (5, rows): of each metric, the sums that ``_pairs_squared`` weighs

    def total(self, form: tuple[int, ...]) -> Ints:
        """Sum a linear form of the counts over patients, (rows,)."""
        total = np.zeros_like(self.first[0])
        for weight, counts in zip(form, self.first, strict=True):
            if weight:
                total = total + weight * counts
        return total

    def product(self, left: tuple[int, ...], right: tuple[int, ...]) -> Ints:
        """Sum the product of two linear forms over patients, (rows,)."""
        total = np.zeros_like(self.first[0])
        for i, j in np.argwhere(np.multiply.outer(left, right)):
            total = total + left[i] * right[j] * self.second[i][j]
        return total


def patient_sums(labels: Ints, patients: Ints, ends: Ints) -> PatientSums:
    """Accumulate the patient sums along films sorted by falling score.

    Parameters
    ----------
    labels : ndarray of int64, (n,)
        0 or 1, in order of falling score.
    patients : ndarray of int64, (n,)
        Codes 0 ... K-1, in the same order.
    ends : ndarray of int64, (rows - 1,)
        Index of the last film of each run of equal scores.

    Returns
    -------
    PatientSums
        With one row more than ``ends``: at the first row no film is called positive.
    """
    n_patients = int(patients.max()) + 1 if patients.size else 0
    positives = np.bincount(patients, labels, n_patients).astype(np.int64)
    negatives = np.bincount(patients, minlength=n_patients) - positives
    tp, fp = _earlier_films(labels, patients, n_patients)
    pos, neg, of_pos, of_neg = labels, 1 - labels, positives[patients], negatives[patients]

    def rows(steps: NDArray[np.bool_] | Ints) -> Ints:
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(steps, dtype=np.int64)[ends]])

    def flat(value: int | np.integer) -> Ints:
        return np.broadcast_to(np.int64(value), ends.size + 1)

    # (x + 1)^2 - x^2 = 2x + 1: a patient's square grows by that with each further film.
    tp_tp, fp_fp, tp_fp = rows(pos * (2 * tp + 1)), rows(neg * (2 * fp + 1)), rows(pos * fp + neg * tp)
    tp_pos, tp_neg, fp_pos, fp_neg = (rows(side * of) for side in (pos, neg) for of in (of_pos, of_neg))
    pos_pos, pos_neg, neg_neg = (
        flat(np.dot(left, right))
        for left, right in ((positives, positives), (positives, negatives), (negatives, negatives))
    )
    with_positive, with_negative = np.count_nonzero(positives), np.count_nonzero(negatives)
    return PatientSums(
        first=(rows(pos), rows(neg), flat(positives.sum()), flat(negatives.sum())),
        second=(
            (tp_tp, tp_fp, tp_pos, tp_neg),
            (tp_fp, fp_fp, fp_pos, fp_neg),
            (tp_pos, fp_pos, pos_pos, pos_neg),
            (tp_neg, fp_neg, pos_neg, neg_neg),
        ),
        patients={
            "sensitivity": flat(with_positive),
            "specificity": flat(with_negative),
            "ppv": rows(tp + fp == 0),
            "npv": n_patients - rows(tp + fp + 1 == of_pos + of_neg),
            "f1": with_positive + rows((neg == 1) & (fp == 0) & (of_pos == 0)),
            "accuracy": flat(n_patients),
        },
        fourth=_OnDemand(
            lambda metric: _fourth(
                PROPORTIONS[metric],
                (tp, fp, of_pos, of_neg),
                (pos, neg),
                (positives, negatives),
                ends,
            )
        ),
    )


def _fourth(
    forms: tuple[tuple[int, ...], tuple[int, ...]],
    before: tuple[Ints, Ints, Ints, Ints],
    film: tuple[Ints, Ints],
    classes: tuple[Ints, Ints],
    ends: Ints,
) -> Ints:
    """Accumulate the sums of fourth order of one metric, (5, rows).

    Parameters
    ----------
    forms : pair of tuples
        The metric's entry in ``PROPORTIONS``.
    before : four of (n,)
        The counts of each film's patient before the film is called positive.
    film : two of (n,)
        What the film adds to tp and fp.
    classes : two of (patients,)
        Positives and negatives of each patient.
    ends : (rows - 1,)
        As in ``patient_sums``.
    """
    (tp, fp, *of), none = before, np.zeros_like(classes[0])
    after = (tp + film[0], fp + film[1], *of)
    steps = _pairs(forms, after) - _pairs(forms, before)
    start = _pairs(forms, (none, none, *classes)).sum(axis=1, keepdims=True)
    return np.concatenate([start, start + np.cumsum(steps, axis=1)[:, ends]], axis=1)


def _pairs(forms: tuple[tuple[int, ...], tuple[int, ...]], counts: tuple[Ints, ...]) -> Ints:
    """Return the five coefficients of q^2 as a polynomial in the rate, for each patient, (5, patients).

    q sums (x - r)(y - r) over the ordered pairs of a patient's different films, with x and y 1 for a right
    call. It is u + r v + r^2 w.
    """
    right, films = (
        sum((weight * count for weight, count in zip(form, counts, strict=True)), np.zeros_like(counts[0]))
        for form in forms
    )
    u, v, w = right * (right - 1), -2 * right * (films - 1), films * (films - 1)
    return np.stack([u * u, 2 * u * v, v * v + 2 * u * w, 2 * v * w, w * w])


def effective_sizes(sums: PatientSums) -> Mapping[str, Floats]:
    """Return the effective sample size of each proportion, in independent films, at every row.

    The linearised variance of A/B over K patients, v = K/(K-1) sum((a_i - r b_i)^2) / B^2, is compared
    with that of B independent films, r(1-r)/(B-1); their ratio is the design effect (Rao and Scott). With one
    film per patient the effective size is B, exactly. Two corrections keep Wilson's interval from being too
    short near 0 and 1, where a few patients decide the estimate; ``docs/coverage.md`` shows both.

    - The design effect stands for a correlation between films of one patient. If few calls are wrong (or few
      right), that estimate is mostly chance, and low where the rate looks good. It is therefore averaged with
      a correlation of 1, which counts as much as three quarters of a wrong call. Without any wrong call only
      this is left: B^2 / sum(b_i^2) (Kish).
    - The quantile is Student's, with Satterthwaite's degrees of freedom for the part of the variance that is
      due to pairs of films. It is expressed by a smaller size, so that every user of the size is corrected.
      This never makes the size less than Kish's, unless the estimated one is.

    Besides:

    - never above B: a design effect below one is attributed to chance (Korn and Graubard; also the rule
      of the US National Center for Health Statistics, Parker et al.)
    - with a single patient the data say nothing about the correlation, and it is taken to be 1
    - NaN where B is 0

    Returns
    -------
    mapping of str to ndarray of float64, (rows,)
        Each is computed when it is first asked for. Keyed by sensitivity, specificity, ppv, npv, f1,
        accuracy. ``f1`` holds that of tp / (tp + fp + fn), whose interval can be converted to one of
        F1 (Lam et al.).

    References
    ----------
    Rao JNK, Scott AJ (1992), Biometrics 48:577-585.
    Korn EL, Graubard BI (1998), Survey Methodology 24:193-201, also for the size with Student's quantile.
    Satterthwaite FE (1946), Biometrics Bulletin 2:110-114.
    Parker JD et al. (2017), Vital and Health Statistics 2(175).
    Kish L (1965), Survey Sampling, Wiley, chapter 5.
    Lam KFY, Gopal V, Qian J (2023), arXiv:2309.14621.
    """
    return _OnDemand(lambda metric: _effective_size(sums, metric))


def _effective_size(sums: PatientSums, metric: str) -> Floats:
    right, films = PROPORTIONS[metric]
    total, calls = (sums.total(form).astype(np.float64) for form in (films, right))
    squares = sums.product(films, films)
    patients = sums.patients[metric].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # the last lines replace what these divisions spoil
        rate = calls / total
        residual = (
            sums.product(right, right) - 2 * rate * sums.product(right, films) + rate**2 * squares
        ).clip(min=0)
        variance = patients / (patients - 1) * residual / total**2
        design = (variance * (total - 1) / (rate * (1 - rate))).clip(min=1)
        largest = squares / total  # the design effect if all films of a patient are called the same
        estimated = total / _averaged(design, largest, np.minimum(calls, total - calls), patients > 1)
        spread = _pairs_squared(sums, metric, rate, residual, patients)
        # Rounding leaves traces, also negative ones, of a spread of nothing.
        freedom = np.where(spread > _ROUNDING, 2 * residual**2 / spread, np.inf)
    repeated = (squares > total) & (calls > 0) & (calls < total) & (patients > 1)
    widened = estimated.copy()
    widened[repeated] *= (NORMAL_95 / quantile_95(freedom[repeated])) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.maximum(widened, np.minimum(estimated, total / largest))
    return np.where(total > 0, size, np.nan)


def _averaged(design: Floats, largest: Floats, fewer: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the design effect after its correlation was averaged with a correlation of 1."""
    spare = largest - 1
    correlation = np.where(known & (spare > 0), (design - 1) / np.where(spare > 0, spare, 1), 1.0)
    correlation = np.where(fewer > 0, correlation, 1.0)
    weighted: Floats = 1 + spare * (fewer * correlation + _WEIGHT) / (fewer + _WEIGHT)
    return weighted


def _pairs_squared(
    sums: PatientSums, metric: str, rate: Floats, residual: Floats, patients: Floats
) -> Floats:
    """Estimate the variance of the residual sum that is due to pairs of films of one patient, (rows,).

    Films by themselves don't make it uncertain: their variance follows from the rate. So a patient with one
    film adds nothing, and with one film per patient the degrees of freedom are infinite.
    """
    squared = sum(rate**power * row for power, row in enumerate(sums.fourth[metric]))
    total = sums.total(PROPORTIONS[metric][1])
    mean_part = (residual - rate * (1 - rate) * total) ** 2 / patients
    spread: Floats = (squared - mean_part).clip(min=0)
    return spread


def _earlier_films(labels: Ints, patients: Ints, n_patients: int) -> tuple[Ints, Ints]:
    """Count, for each film, the positives and negatives of its patient that come before it."""
    n = labels.size
    order = np.sort(patients * n + np.arange(n)) % max(n, 1)  # a stable argsort, in a tenth of its time
    sizes = np.bincount(patients, minlength=n_patients)
    starts = np.cumsum(sizes) - sizes
    before = np.cumsum(labels[order]) - labels[order]
    tp, seen = np.empty_like(labels), np.empty_like(labels)
    tp[order] = before - np.repeat(before[starts], sizes)
    seen[order] = np.arange(n) - np.repeat(starts, sizes)
    return tp, seen - tp
