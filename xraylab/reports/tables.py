"""
Tables as CSV.

- a head, commas and CRLF, as RFC 4180 says; a number has all its digits, what isn't known is empty
- a word from outside that a spreadsheet would run as a formula gets an apostrophe before it
"""

import csv
import io
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what a spreadsheet may take a cell for a formula by


def as_csv(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as the text of a CSV file."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(list(map(_cell, head)))
    writer.writerows(list(map(_cell, row)) for row in rows)
    return file.getvalue()


def _cell(value: object) -> str:
    """A number with all its digits, nothing for what isn't known, a word that no spreadsheet runs."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, int | np.integer):
        return str(value)
    word = str(value)
    return f"'{word}" if word.lstrip(" ").startswith(_FORMULA) else word
