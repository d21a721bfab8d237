"""
Tables as CSV, safe to open in a spreadsheet.

- a header, commas and CRLF, as in RFC 4180; numbers have all their digits, unknown values are empty
- outside text that a spreadsheet would run as a formula gets an apostrophe in front
"""

import csv
import io
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # a cell that begins with one of these may be a formula


def as_csv(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a table as the text of a CSV file."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(list(map(_cell, head)))
    writer.writerows(list(map(_cell, row)) for row in rows)
    return file.getvalue()


def _cell(value: object) -> str:
    """Write one cell: a number with all its digits, empty if unknown, text that no spreadsheet runs."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):  # before numbers: in Python a bool is an int
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, int | np.integer):
        return str(value)
    word = str(value)
    return f"'{word}" if word.lstrip(" ").startswith(_FORMULA) else word
