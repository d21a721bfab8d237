"""The confidence interval of balanced accuracy, made from those of sensitivity and specificity."""

import math

from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.thresholds import ThresholdTable


def balanced_accuracy_interval(
    table: ThresholdTable, threshold: float, *, level: float = 0.95
) -> tuple[float, float]:
    """Return the confidence interval of balanced accuracy at a threshold, films clustered by patient.

    The distances from each rate to the ends of its interval are added like standard errors (MOVER), so that
    the result behaves well at 0 and 1. A patient may have films of both classes; the correlation of the two
    rates is then estimated from the patients. It is 0 where one of the rates is 0 or 1.

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
        In [0, 1]; (nan, nan) unless there are films of both classes.

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
    correlation = _correlation(table, table.row(threshold), (first, second))
    down = _half_of_sum(first - first_low, second - second_low, correlation)
    up = _half_of_sum(first_high - first, second_high - second, correlation)
    return max(0.0, point.balanced_accuracy - down), min(1.0, point.balanced_accuracy + up)


def _half_of_sum(first: float, second: float, correlation: float) -> float:
    """Return the distance to one end of the interval of a mean of two rates, from theirs and correlation."""
    return math.sqrt(max(0.0, first**2 + second**2 + 2 * correlation * first * second)) / 2


def _correlation(table: ThresholdTable, row: int, rates: tuple[float, float]) -> float:
    """Return the correlation of sensitivity and specificity over patients; 0 where one doesn't vary."""
    forms = PROPORTIONS["sensitivity"], PROPORTIONS["specificity"]

    def spread(i: int, j: int) -> float:
        """Sum over patients the product of their residuals, right calls less expected, for rates i and j."""
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
