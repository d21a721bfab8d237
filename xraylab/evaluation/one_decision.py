"""
One decision: say when a lock decides every film alike, so that its decision tells nothing about a film.

- a model that learnt to predict one class does this at many thresholds, and any model at a threshold of 0
- plain numbers in, a sentence out
"""

from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.formats import count


def one_decision(table: ThresholdTable, threshold: float, review_from: float | None = None) -> str | None:
    """Say that a lock gives all validation films the same decision.

    Parameters
    ----------
    table : ThresholdTable
        The validation films.
    threshold : float
    review_from : float, optional
        Lower end of the lock's review band.

    Returns
    -------
    str or None
        Such as "All 14 validation films lie above the threshold, …"; None if there are two decisions, or
        fewer than two films.
    """
    above = _called_positive(table, threshold)
    not_below = above if review_from is None else _called_positive(table, review_from)
    shares = {
        "above the threshold" if review_from is None else "above both thresholds": above,
        "between the two thresholds": not_below - above,
        "below the threshold" if review_from is None else "below both thresholds": table.n - not_below,
    }
    place = next((place for place, films in shares.items() if films == table.n), None)
    if place is None or table.n < 2:  # noqa: PLR2004 - a single film can't differ from another
        return None
    one_score = len(table) == 2  # noqa: PLR2004 - the first row is +inf
    return (
        f"All {count(table.n)} validation films lie {place}, so every film gets the same decision, which "
        f"says nothing about it.{' The model gives them all the same score.' if one_score else ''}"
    )


def _called_positive(table: ThresholdTable, threshold: float) -> int:
    point = table.at(threshold)
    return point.tp + point.fp
