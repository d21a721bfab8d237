"""The interval of balanced accuracy, from those of sensitivity and specificity."""

import math

from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.thresholds import ThresholdTable


def balanced_accuracy_interval(
    table: ThresholdTable, threshold: float, *, level: float = 0.95
) -> tuple[float, float]:
    """Confidence interval of balanced accuracy at a threshold, films clustered by patient.

    The distances of the ends of both rates' intervals from the rates are added as standard errors are
    (MOVER), so that it behaves at 0 and 1 as they do. A patient may have films of both classes; how far the
    two rates then vary together is estimated from the patients, and is nothing where one of them is 0 or 1.

    Parameters
    ----------
    table : ThresholdTable
    threshold : float
        Any threshold.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    low, high : float
        In [0, 1]; (nan, nan) unless both classes are there.

    References
    ----------
    Zou GY, Donner A (2008), Statistics in Medicine 27:1693-1702.
    Zou GY (2007), American Journal of Epidemiology 165:1115-1118, for rates that vary together.
    """
    point = table.at(threshold)
    if math.isnan(point.balanced_accuracy):
        return math.nan, math.nan
    first, second = point.sensitivity, point.specificity
    (first_low, first_high), (second_low, second_high) = (
        table.interval(name, threshold, level=level) for name in ("sensitivity", "specificity")
    )
    together = _correlation(table, table.row(threshold), (first, second))
    down = _half_of_sum(first - first_low, second - second_low, together)
    up = _half_of_sum(first_high - first, second_high - second, together)
    return max(0.0, point.balanced_accuracy - down), min(1.0, point.balanced_accuracy + up)


def _half_of_sum(one: float, other: float, together: float) -> float:
    """How far the mean of two rates reaches, whose own reach and correlation are given."""
    return math.sqrt(max(0.0, one**2 + other**2 + 2 * together * one * other)) / 2


def _correlation(table: ThresholdTable, row: int, rates: tuple[float, float]) -> float:
    """How sensitivity and specificity vary together from patient to patient; 0 where one doesn't vary."""
    forms = PROPORTIONS["sensitivity"], PROPORTIONS["specificity"]

    def spread(i: int, j: int) -> float:
        """Sum over patients of the product of what is right beyond the rate, for rates i and j."""
        (right, films), (other_right, other_films) = forms[i], forms[j]
        product = table.sums.product
        total = (
            product(right, other_right)
            - rates[j] * product(right, other_films)
            - rates[i] * product(films, other_right)
            + rates[i] * rates[j] * product(films, other_films)
        )
        return float(total[row])

    both = spread(0, 0) * spread(1, 1)
    return max(-1.0, min(1.0, spread(0, 1) / math.sqrt(both))) if both > 0 else 0.0
