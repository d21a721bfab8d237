"""
Wording: how numbers and names are written on the screens.

- pure functions, no Streamlit: the same words serve pages, components and reports
- what cannot be known (NaN) is a dash, never a zero
- a unit follows its number after a narrow space that does not break
"""

import math
import re
from datetime import datetime

DASH = "\N{EN DASH}"
NARROW_SPACE = "\u202f"  # does not break
THIN_SPACE = "\u2009"

_MINUTE = 60
_HOUR = 3600
_THOUSAND = 1000
_SMALLEST_SCORE = 0.001
_TEENS = (12.5, 17.5)  # where a rough number is 15
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:])")


def percent(share: float) -> str:
    """Write a share in [0, 1] as a percentage with one decimal, ``95.1 %``."""
    return DASH if math.isnan(share) else f"{100 * share:.1f}{NARROW_SPACE}%"


def interval(low: float, high: float) -> str:
    """Write the ends of a share's interval as percentages without the sign; it stands behind its estimate."""
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


def auc(value: float) -> str:
    """Write an area under the curve with three decimals; a dash when it is not defined."""
    return score(value)


def auc_interval(low: float, high: float) -> str:
    """Write the ends of an AUC's interval with three decimals each."""
    if math.isnan(low) or math.isnan(high):
        return DASH
    return f"{low:.3f}{DASH}{high:.3f}"


def count(number: int) -> str:
    """Write a count with thin spaces between the thousands, ``5 216``."""
    return f"{number:,}".replace(",", THIN_SPACE)


def duration(seconds: float) -> str:
    """Write a stretch of time as a person would say it: ``40 s``, ``2 min``, ``1 h 05 min``."""
    if math.isnan(seconds):
        return DASH
    if seconds < 1:
        return f"under 1{NARROW_SPACE}s"
    if round(seconds) < _MINUTE:
        return f"{seconds:.0f}{NARROW_SPACE}s"
    minutes = round(seconds / _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes}{NARROW_SPACE}min"
    return f"{minutes // 60}{NARROW_SPACE}h {minutes % 60:02d}{NARROW_SPACE}min"


def epochs(number: int) -> str:
    """Write a number of epochs, ``1 epoch``, ``15 epochs``."""
    return f"{count(number)} {'epoch' if number == 1 else 'epochs'}"


def trained_part(trains: str) -> str:
    """Write what a stage of a recipe trains: ``head``, ``tail:N`` or ``all``."""
    if trains.startswith("tail:"):
        n = trains.removeprefix("tail:")
        return "the head and the last stage" if n == "1" else f"the head and the last {n} stages"
    return {"head": "the head", "all": "everything"}.get(trains, trains)


def model(name: str, *, shipped: bool) -> str:
    """Write a model's name so that it is seen whose it is: ``ensemble · shipped``."""
    return f"{name} · shipped" if shipped else name


def when(moment: datetime, *, now: datetime | None = None) -> str:
    """Write a point in time, ``12 May, 14:05``; the year is added when it isn't this one.

    Parameters
    ----------
    moment : datetime
        With a time zone it is turned to this machine's; without one it is taken as it stands.
    now : datetime, optional
        The present, by default the clock's.
    """
    local = moment if moment.tzinfo is None else moment.astimezone()
    this_year = (now or datetime.now()).year
    day = f"{local.day} {_MONTHS[local.month - 1]}"
    year = "" if local.year == this_year else f" {local.year}"
    return f"{day}{year}, {local:%H:%M}"


def bytes_size(size: int) -> str:
    """Write a size in bytes with decimal units, ``1.2 GB``."""
    if size < _THOUSAND:
        return f"{size}{NARROW_SPACE}B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= _THOUSAND
        if round(value, 1) < _THOUSAND:
            return f"{value:.1f}{NARROW_SPACE}{unit}"
    return f"{value / _THOUSAND:.1f}{NARROW_SPACE}TB"


def plain(text: str) -> str:
    """Keep a name from outside, such as a file's, from being read as Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)


def time_to_expect(low: float, high: float) -> str:
    """Write how long something will take: ``about 12 min``, or ``roughly 10 to 30 min`` for a range.

    Parameters
    ----------
    low, high : float
        Seconds; the same twice where it is known well. The ends of a range are rounded to one digit that
        says no more than is known, and told in the unit of the longer one.
    """
    if low == high:
        return f"about {duration(low)}"
    size, unit = next(
        (size, unit) for size, unit in ((_HOUR, "h"), (_MINUTE, "min"), (1, "s")) if high >= size or size == 1
    )
    shortest, longest = _rough(low / size), _rough(high / size)
    return f"roughly {f'{shortest} to {longest}' if shortest != longest else longest}{NARROW_SPACE}{unit}"


def _rough(value: float) -> str:
    """A number as a rough guess says it: 0.5, 1, 2, ... 10, 15, 20, 30, ... 90, 100, 200 and so on."""
    if value < 1:
        return "0.5"
    digit = 10 ** math.floor(math.log10(value))
    return f"{round(value / digit) * digit:g}" if value < _TEENS[0] or value >= _TEENS[1] else "15"
