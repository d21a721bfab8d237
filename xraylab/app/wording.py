"""
Wording: how the screens write numbers, names, decisions and calls.

- pure functions, no Streamlit, so that pages and components use the same words
- ``xraylab.formats`` writes rates, scores, counts and times, on screens and in documents
"""

import math
import re
from collections.abc import Callable
from datetime import datetime

from xraylab.formats import (
    DASH,
    NARROW_SPACE,
    count,
    duration,
    p_value,
    visible,
)
from xraylab.records import NewCase

DECISIONS = {"positive": "above", "negative": "below", "review": "needs a reader", None: "not decided"}
_MINUTE = 60
_HOUR = 3600
_THOUSAND = 1000
_MINUS = "\N{MINUS SIGN}"
_TEENS = (12.5, 17.5)  # a rough number between these is written as 15
# Spelled out here: strftime("%b") would follow the server's locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# With ":" for icons and "$" for formulas, which Streamlit adds to Markdown.
_OPTION = re.compile(r" \(--[a-z-]+\)")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:])")


def apart(value: float, low: float, high: float, write: Callable[[float], str]) -> tuple[str, str]:
    """Write a difference with its sign, and its interval; a difference that rounds to zero has no sign.

    Parameters
    ----------
    value, low, high : float
        NaN if unknown.
    write : callable
        Writes a number that isn't negative.
    """

    def signed(number: float) -> str:
        # Compared as written: -0.0004 would otherwise read "−0.0".
        written = write(abs(number))
        sign = "" if written == write(0.0) else _MINUS if number < 0 else "+"
        return f"{sign}{written}"

    if math.isnan(value):
        return DASH, ""
    return signed(value), "" if math.isnan(low) else f"{signed(low)} to {signed(high)}"


def points(value: float, low: float, high: float) -> tuple[str, str]:
    """Write a difference of two rates in percentage points, and its interval."""
    return apart(value, low, high, lambda number: f"{100 * number:.1f}")


def p_words(value: float) -> str:
    """Write a p value with its letter, ``p = 0.032`` or ``p <0.001``."""
    written = p_value(value)
    return f"p {written}" if written in ("<0.001", DASH) else f"p = {written}"


def epochs(number: int) -> str:
    """Write a number of epochs: ``1 epoch``, ``15 epochs``."""
    return f"{count(number)} {'epoch' if number == 1 else 'epochs'}"


def times(number: int) -> str:
    """Write how often something was done: ``never``, ``once``, ``3 times``."""
    return {0: "never", 1: "once"}.get(number, f"{count(number)} times")


def trained_part(trains: str) -> str:
    """Write which part a stage of a recipe trains, given ``head``, ``tail:N`` or ``all``."""
    if trains.startswith("tail:"):
        n = trains.removeprefix("tail:")
        return "the head and the last stage" if n == "1" else f"the head and the last {n} stages"
    return {"head": "the head", "all": "everything"}.get(trains, trains)


def model(name: str, *, shipped: bool) -> str:
    """Write a model's name, and whether it was shipped with XRayLab: ``ensemble · shipped``."""
    return f"{name} · shipped" if shipped else name


def call(case: NewCase) -> str:
    """Write the reader's call on a case: ``no pneumonia``, or ``pneumonia, blind``; a dash without one."""
    return f"{case.call_words or DASH}{', blind' if case.blind else ''}"


def when(moment: datetime, *, now: datetime | None = None) -> str:
    """Write a point in time, ``12 May, 14:05``, with the year if it isn't the present one.

    Parameters
    ----------
    moment : datetime
        With a time zone it is converted to local time; without one it is local time already.
    now : datetime, optional
        The present time, by default the clock's.
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
        if round(value, 1) < _THOUSAND:  # rounded, or 999.95 kB would read 1000.0 kB
            return f"{value:.1f}{NARROW_SPACE}{unit}"
    return f"{value / _THOUSAND:.1f}{NARROW_SPACE}TB"


def plain(text: str) -> str:
    """Escape a name from outside, such as a file's, so that it can't act as Markdown or move other text."""
    return _MARKDOWN.sub(r"\\\1", visible(text))


def on_screen(sentence: str) -> str:
    """Leave out the option of a command that a sentence names; a screen has a field for it."""
    return _OPTION.sub("", sentence)


def time_to_expect(low: float, high: float) -> str:
    """Write an expected duration: ``about 12 min``, or ``roughly 10 to 30 min`` for a range.

    Parameters
    ----------
    low, high : float
        Seconds; equal if the duration is known well. The ends of a range are rounded to one digit, so that
        they don't look exact, and both have the unit of the longer one.
    """
    if low == high:
        return f"about {duration(low)}"
    # The largest unit that the longer end reaches.
    size, unit = next(
        (size, unit) for size, unit in ((_HOUR, "h"), (_MINUTE, "min"), (1, "s")) if high >= size or size == 1
    )
    shortest, longest = _rough(low / size), _rough(high / size)
    return f"roughly {f'{shortest} to {longest}' if shortest != longest else longest}{NARROW_SPACE}{unit}"


def _rough(value: float) -> str:
    """Round a number as a rough guess: 0.5, 1, 2, ... 10, 15, 20, 30, ... 90, 100, 200 and so on."""
    if value < 1:
        return "0.5"
    digit = 10 ** math.floor(math.log10(value))  # the value of the first digit
    return f"{round(value / digit) * digit:g}" if value < _TEENS[0] or value >= _TEENS[1] else "15"
