"""
Single elements of a DICOM data set, as text or numbers.

A damaged element counts as missing: a film is worth reading even if a tag of it is not.
"""

import numpy as np
from pydicom.dataset import Dataset


def text(ds: Dataset, keyword: str) -> str:
    """Return the first value of an element as text, stripped; empty if it is missing or damaged."""
    try:
        value = ds.get(keyword)
    except Exception:  # pydicom converts a value when it is first used, and may fail in many ways
        return ""
    if isinstance(value, bytes | None):
        return ""
    return str(value if isinstance(value, str) or not hasattr(value, "__getitem__") else value[0]).strip()


def texts(ds: Dataset, keyword: str) -> list[str]:
    """Return all values of an element as text, stripped; empty if it is missing, damaged or no text."""
    try:
        value = ds.get(keyword)
        values = [value] if isinstance(value, str) else list(value or ())
    except Exception:  # pydicom converts a value when it is first used, and may fail in many ways
        return []
    return [one.strip() for one in values] if all(isinstance(one, str) for one in values) else []


def number(ds: Dataset, keyword: str) -> float | None:
    """Return the first value of an element as a number; None if it is not a finite one."""
    try:
        value = float(text(ds, keyword))
    except (ValueError, IndexError):
        return None
    return value if np.isfinite(value) else None


def numbers(ds: Dataset, keyword: str) -> list[float]:
    """Return all values of an element as numbers; empty if it is missing or one of them is none."""
    try:
        values = ds.get(keyword)
        found = [float(value) for value in ([values] if isinstance(values, str) else values or ())]
    except Exception:  # pydicom converts a value when it is first used, and may fail in many ways
        return []
    return found if np.isfinite(found).all() else []


def whole(ds: Dataset, keyword: str, default: int = 0) -> int:
    """Return the first value of an element as an integer; ``default`` if it is not a number."""
    value = number(ds, keyword)
    return default if value is None else int(value)
