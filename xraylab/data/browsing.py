"""
Browsing: what a catalog says of its films, as a person chooses among them.

- every column that tells films apart can be chosen by, also those that were kept from a table
- a column of a few values is chosen by value, numbers by a range, and everything else by a part of its text
- films come mixed by default: in the order of the catalog, all films of one class come first
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.data.datasets import KEPT
from xraylab.findings import Finding
from xraylab.formats import visible

NOT_STATED = "not stated"
MIXED = "mixed"
_THREE_DIGITS = 100
_MOST_VALUES = 30  # that a person chooses among; a column with more is searched by text
_FEW_NUMBERS = 8  # numbers up to which each is a value of its own, such as bits per pixel
_WORDS = {
    "split": "Split",
    "label": "Label",
    "subtype": "Kind",
    "patient": "Patient",
    "path": "Name of file",
    "view": "View",
    "age": "Age (years)",
    "sex": "Sex",
    "body_part": "Part of the body",
    "modality": "Modality",
    "format": "Format of file",
    "width": "Width (pixels)",
    "height": "Height (pixels)",
    "bytes": "Size of file (bytes)",
    "bits": "Bits per grey value",
    "quant_sum": "Sum of the JPEG table",
    "sharpness": "Sharpness",
    "colour": "Colour",
    "raw": "Grey values not prepared for viewing",
    "synthetic": "Teaching phantom",
}
_FOR_MACHINES = ("image_id", "group", "sha256", "pixel_sha256")  # told by other columns, or no words
_NAMES = ("patient", "path")  # searched by text, also if they are numbers
_ALWAYS = ("split", "label")  # offered even if all films are alike


@dataclass(frozen=True)
class Column:
    """A column of a catalog that films can be chosen by."""

    name: str  # in the catalog
    words: str  # for people
    values: tuple[str, ...] = ()  # if there are a few, in the order in which they are offered
    span: tuple[float, float] | None = None  # of a column of numbers

    @property
    def kind(self) -> Literal["values", "numbers", "text"]:
        """How films are chosen by it."""
        return "values" if self.values else "text" if self.span is None else "numbers"


@dataclass(frozen=True)
class Condition:
    """What films must meet: one of some values, a range with both ends, or a part of the text."""

    column: str
    values: frozenset[str] = frozenset()
    span: tuple[float, float] | None = None
    text: str = ""


def columns_of(catalog: pd.DataFrame, finding: Finding) -> list[Column]:
    """Return the columns that films of a catalog can be chosen by.

    Parameters
    ----------
    catalog : DataFrame
        Of n films, as ``Dataset.catalog``.
    finding : Finding
        Names the labels.
    """
    found = [_column(name, catalog, finding) for name in names_of(catalog)]
    return [column for column in found if column is not None]


def names_of(catalog: pd.DataFrame) -> list[str]:
    """Return the columns of a catalog that say something to people, the usual ones first."""
    known = [name for name in _WORDS if name in catalog.columns]
    return [*known, *(name for name in catalog.columns if name not in (*known, *_FOR_MACHINES))]


def matching(catalog: pd.DataFrame, conditions: Iterable[Condition], finding: Finding) -> NDArray[np.intp]:
    """Return the rows of the films that meet all conditions, in the order of the catalog."""
    keep = np.ones(len(catalog), np.bool_)
    for condition in conditions:
        keep &= _meets(catalog, condition, finding)
    return np.flatnonzero(keep)


def ordered(catalog: pd.DataFrame, rows: NDArray[np.intp], column: str = MIXED) -> NDArray[np.intp]:
    """Return rows sorted by a column; films without a value come last. Mixed is always the same order."""
    values = catalog["sha256" if column == MIXED else column]
    by = values.dropna().map(str) if _numbers(values) is None else pd.to_numeric(values, errors="coerce")
    place = by.reindex(values.index).iloc[rows].reset_index(drop=True)
    order: NDArray[np.intp] = rows[place.sort_values(kind="stable", na_position="last").index.to_numpy()]
    return order


def texts(catalog: pd.DataFrame, column: str, finding: Finding) -> pd.Series:
    """Return the values of a column in words, ``NOT_STATED`` where there is none."""
    values = catalog[column]
    if column == "label":
        return values.map(dict(enumerate(finding.classes)))
    if pd.api.types.is_bool_dtype(values):
        return values.map({True: "yes", False: "no"})
    words = values.astype("object").where(values.notna(), NOT_STATED).map(_written)
    return words.where(words != "", NOT_STATED)


def words_of(column: str) -> str:
    """Return the name of a column for people."""
    return _WORDS.get(column, visible(column.removeprefix(KEPT)))


def _written(value: object) -> str:
    if not isinstance(value, float):
        return visible(str(value)).strip()
    # Digits that nobody reads would make a value of every film.
    return f"{value:.0f}" if value == round(value) or abs(value) >= _THREE_DIGITS else f"{value:.3g}"


def _column(name: str, catalog: pd.DataFrame, finding: Finding) -> Column | None:
    words, different = words_of(name), catalog[name].nunique(dropna=False)
    if different < 2 and name not in _ALWAYS:  # noqa: PLR2004 (one value tells no films apart)
        return None
    if name in _NAMES:
        return Column(name, words)
    numbers = _numbers(catalog[name])
    if numbers is not None and different > _FEW_NUMBERS:
        return Column(name, words, span=(float(numbers.min()), float(numbers.max())))
    if different > _MOST_VALUES:
        return Column(name, words)
    return Column(name, words, values=tuple(sorted(texts(catalog, name, finding).unique())))


def _numbers(values: pd.Series) -> pd.Series | None:
    """Return the stated values of a column of numbers, which a file may have brought as text; else None."""
    stated = values.dropna()
    if pd.api.types.is_bool_dtype(values) or stated.empty:
        return None
    numbers = pd.to_numeric(stated, errors="coerce")
    return numbers if np.isfinite(numbers.astype(float)).all() else None


def _meets(catalog: pd.DataFrame, condition: Condition, finding: Finding) -> NDArray[np.bool_]:
    values = catalog[condition.column]
    if condition.span is not None:
        low, high = condition.span
        return pd.to_numeric(values, errors="coerce").between(low, high).fillna(False).to_numpy(np.bool_)
    words = texts(catalog, condition.column, finding)
    if condition.text:
        return words.str.contains(condition.text, case=False, regex=False).to_numpy(np.bool_)
    if condition.values:
        return words.isin(condition.values).to_numpy(np.bool_)
    return np.ones(len(catalog), np.bool_)
