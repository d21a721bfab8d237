"""
Tables as CSV, safe to open in a spreadsheet.

- a header, commas and CRLF, as in RFC 4180; numbers have all their digits, unknown values are empty
- outside text that a spreadsheet would run as a formula gets an apostrophe in front, also after a semicolon:
  in countries with a decimal comma a spreadsheet begins a new cell there
- line breaks, terminal commands and marks that reverse text are taken out of every text
"""

import csv
import io
import math
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from xraylab.formats import visible

# A cell that begins with one of these may be a formula; spaces and quotes before it may be dropped.
_FORMULA = re.compile(r"""(^|;)(?=[\s"']*[=+\-@＝＋－＠])""")


def as_csv(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a table as the text of a CSV file."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(list(map(_cell, head)))
    writer.writerows(list(map(_cell, row)) for row in rows)
    return file.getvalue()


def _cell(value: object) -> str:
    """Write one cell: a number with all its digits, empty if unknown, text that no spreadsheet runs."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, bool):  # before numbers: in Python a bool is an int
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else repr(float(value))
    if isinstance(value, int | np.integer):
        return str(value)
    return _FORMULA.sub(r"\1'", visible(str(value)))
