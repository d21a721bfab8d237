"""
Formats: how numbers, decisions and file names are written on screens and in documents.

- all screens and documents use these functions, so that a number is written the same everywhere
- an unknown number (NaN) is written as a dash, never as zero
- a unit follows its number after a narrow space that doesn't break
"""

import math
import re
from collections.abc import Sequence

DASH = "\N{EN DASH}"
NARROW_SPACE = "\u202f"  # does not break
THIN_SPACE = "\u2009"

_BREAKS = re.compile("[\t-\r\x85\u2028\u2029]+")
# Characters that change the direction of text, move a terminal's cursor, or stand for nothing.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_MINUTE = 60
_SMALLEST_SCORE = 0.001
_ROUNDING = 1e-9  # a share of all films may be computed a little below 1
_TEN, _HUNDRED = 10, 100
_LEVEL = 0.05  # of significance
_MOST_DECIMALS = 17
_NOTHING_ELSE = "No other finding was looked for."


def percent(share: float) -> str:
    """Write a share in [0, 1] as a percentage with one decimal, ``95.1 %``.

    Only none and all read ``0.0 %`` and ``100.0 %``; a share near them reads ``<0.1 %`` or ``>99.9 %``.
    """
    if math.isnan(share):
        return DASH
    written = f"{100 * share:.1f}"
    if written == "100.0" and share < 1 - _ROUNDING:
        written = ">99.9"
    elif written == "0.0" and share > _ROUNDING:
        written = "<0.1"
    return f"{written}{NARROW_SPACE}%"


def interval(low: float, high: float) -> str:
    """Write the bounds of a share's interval as percentages, without the sign: the estimate has it."""
    if math.isnan(low) or math.isnan(high):
        return DASH
    return f"{100 * low:.1f}{DASH}{100 * high:.1f}"


def score(value: float) -> str:
    """Write a score in [0, 1] with three decimals.

    Only 0 and 1 themselves read ``0.000`` and ``1.000``; a score near them reads ``<0.001`` or ``>0.999``,
    since a film at 0.9996 and a threshold of 1 are not the same thing.
    """
    if math.isnan(value):
        return DASH
    written = f"{value:.3f}"
    if written == "1.000" and value < 1:
        return ">0.999"
    if 0 < value < _SMALLEST_SCORE:
        return "<0.001"
    return written


def distance(value: float) -> str:
    """Write a distance between two pictures with two decimals, ``0.31``."""
    return f"{value:.2f}"


def auc(value: float) -> str:
    """Write an area under the curve with three decimals, or a dash if it is undefined."""
    return score(value)


def auc_interval(low: float, high: float) -> str:
    """Write the bounds of an AUC's interval with three decimals each."""
    if math.isnan(low) or math.isnan(high):
        return DASH
    return f"{low:.3f}{DASH}{high:.3f}"


def ratio(value: float) -> str:
    """Write a coefficient or ratio of any size with at most three decimals: ``0.907``, ``191``."""
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if 0 < size < _SMALLEST_SCORE:
        return f"<{_SMALLEST_SCORE}" if value > 0 else f">−{_SMALLEST_SCORE}"
    decimals = 3 if size < 1 else 2 if size < _TEN else 1 if size < _HUNDRED else 0
    return f"{value:,.{decimals}f}".replace(",", THIN_SPACE).replace("-", "−")


def ratio_interval(low: float, high: float) -> str:
    """Write the bounds of a ratio's interval; the upper bound may be infinite."""
    if math.isnan(low) or math.isnan(high):
        return DASH
    return f"{ratio(low)}{DASH}{ratio(high)}"


def p_value(value: float) -> str:
    """Write a p value with three decimals, ``0.012`` or ``<0.001``.

    A p just below 0.05 gets more decimals, so that it doesn't read 0.050: it counts as significant.
    """
    if value < _LEVEL:
        for decimals in range(3, _MOST_DECIMALS):
            written = f"{value:.{decimals}f}"
            if float(written) < _LEVEL:
                return "<0.001" if value < _SMALLEST_SCORE else written
    return DASH if math.isnan(value) else f"{value:.3f}"


def count(number: int) -> str:
    """Write a count with thin spaces between the thousands, ``5 216``."""
    return f"{number:,}".replace(",", THIN_SPACE)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: ``1 film``, ``15 films``."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Join names for a sentence: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def size(n: int) -> str:
    """Write a number of bytes: "4.2 MB", "214 MB", "2.5 GB"."""
    amount, unit = (n / 1e9, "GB") if n >= 999.5e6 else (n / 1e6, "MB")  # noqa: PLR2004 - never "1000 MB"
    return f"{amount:.{0 if amount >= 100 else 1}f} {unit}"  # noqa: PLR2004 - three digits are enough


def duration(seconds: float) -> str:
    """Write a duration in rounded units: ``40 s``, ``2 min``, ``1 h 05 min``."""
    if not math.isfinite(seconds):
        return DASH
    if seconds < 1:
        return f"under 1{NARROW_SPACE}s"
    if round(seconds) < _MINUTE:
        return f"{seconds:.0f}{NARROW_SPACE}s"
    minutes = round(seconds / _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes}{NARROW_SPACE}min"
    return f"{minutes // 60}{NARROW_SPACE}h{_NO_BREAK}{minutes % 60:02d}{NARROW_SPACE}min"


def kept_epoch(best: int, epochs: int, keep: str) -> str:
    """Write which epoch of a training was kept, and why: ``epoch 3 of 9, by validation AUC``."""
    return f"epoch {best} of {epochs}, {'the last' if keep == 'last' else 'by validation AUC'}"


def decision(
    kind: str | None, threshold: float | None, review_from: float | None, *, scored: str
) -> tuple[str, str]:
    """Write the decision on a score at a lock, never as a diagnosis.

    Parameters
    ----------
    kind : str or None
        ``positive``, ``negative``, ``review``, or None for no decision.
    threshold, review_from : float or None
        Of the lock; None without a lock, or without a review band.
    scored : str
        Name of the score, as ``Finding.score`` gives it.

    Returns
    -------
    decision, note : str
        The decision, and a note that must be shown together with it; the note may be empty.
    """
    if threshold is None:
        return "No decision", "This model's threshold is not locked yet."
    thresholds = "the threshold" if review_from is None else "both thresholds"
    if kind == "positive":
        return f"{scored} above {thresholds}", ""
    if kind == "negative":
        return f"{scored} below {thresholds}", _NOTHING_ELSE
    if kind == "review" and review_from is not None:
        between = f"{scored} between the two thresholds, {score(review_from)} and {score(threshold)}."
        return "Needs a reader", f"{between} {_NOTHING_ELSE}"
    return "No decision", "The film is unusual for this model."


def visible(text: str) -> str:
    """Write outside text, such as a file's name, so that it can't reverse or break the text around it."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))
