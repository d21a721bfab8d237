"""
File properties: what the file of a film states, and how its picture is framed, as columns for the audit.

- a trace comes from the making of the file alone: compression table, format, size in pixels
- every other property may also depend on the patient: a sick child's film is often taken and cut differently
- a property that is the same for all films is left out; a missing value stays missing
- pixels are needed for the border only, and are read in parts, so that a memory map is enough
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOT_STATED = "not stated"
_UNIFORM = 12  # grey levels; re-encoding as JPEG makes a plain border uneven by about so much
_AT_ONCE = 256  # films, 16 MB
_MOST_LEVELS = 8  # a property with so few values gets a column for each, others are cut into so many parts
_MOST_NAMES = 10  # values of a category with a column of their own
_TRACES = ("quant_sum", "format", "bits", "width", "height")
_WORDS: Mapping[str, str] = {
    "quant_sum": "the JPEG compression table",
    "format": "the file format",
    "bits": "the bits per sample",
    "width": "the width in pixels",
    "height": "the height in pixels",
    "bits_per_pixel": "the compressed bits per pixel",
    "aspect": "the ratio of width to height",
    "sharpness": "the sharpness",
    "border": "the width of a plain border",
    "colour": "the colour",
    "age": "the age",
    "age_stated": "whether the age is stated",
    "modality": "the modality",
    "view": "the view",
    "body_part": "the body part",
}


@dataclass(frozen=True, eq=False)
class FileProperty:
    """One property of all films."""

    name: str
    words: str  # names it in a sentence
    values: Floats  # (n,): NaN if missing; of a category its codes 0, 1, ... without an order
    category: bool
    trace: bool  # whether it comes from the making of the file alone

    @property
    def varies(self) -> bool:
        """Whether two films differ in it."""
        known = self.values[~np.isnan(self.values)]
        return bool(known.size) and (known.min() < known.max() or known.size < self.values.size)

    @property
    def columns(self) -> Floats:
        """Columns for a linear classifier, (n, columns): they follow any course of the chance of a label."""
        return _indicators(self.values) if self.category else _numeric_columns(self.values)


def file_properties(
    catalog: pd.DataFrame, pixels: NDArray[np.uint8] | None = None
) -> dict[str, FileProperty]:
    """Read the properties of the files of a dataset that differ between films.

    Parameters
    ----------
    catalog : DataFrame, n rows
        As ``Dataset.catalog``; columns may be missing.
    pixels : uint8 array of shape (n, 256, 256), optional
        Of the same films, for the width of their borders; a memory map is enough.

    Returns
    -------
    dict of str to FileProperty
        By name; traces first. Bits per pixel of the compressed file don't count as a trace here.
    """
    measured = numbers(catalog, None if pixels is None else border_widths(pixels))
    found = [
        *(FileProperty(name, _WORDS[name], measured[name], False, name in _TRACES) for name in measured),
        *(
            FileProperty(name, _WORDS[name], codes, True, name in _TRACES)
            for name, codes in _coded(catalog).items()
        ),
    ]
    found.sort(key=lambda each: not each.trace)
    return {each.name: each for each in found if each.varies}


def border_widths(pixels: NDArray[np.uint8]) -> Floats:
    """Measure the plain border of films: even rows and columns at the edges, averaged over the four edges.

    Parameters
    ----------
    pixels : uint8 array of shape (n, side, side)

    Returns
    -------
    float64 array of shape (n,)
        In pixels, 0 to side. A row or column is plain if its grey levels differ by at most 12.
    """
    widths = [_border_of(part) for part in parts(pixels)]
    return np.concatenate(widths) if widths else np.empty(0)


def parts(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield films a few at a time, so that a memory map needs little memory."""
    for first in range(0, len(pixels), _AT_ONCE):
        yield np.asarray(pixels[first : first + _AT_ONCE])


def _border_of(films: NDArray[np.uint8]) -> Floats:
    edges = []
    for axis in (1, 2):
        plain = films.max(axis=axis) - films.min(axis=axis) <= _UNIFORM  # (films, side)
        edges += [_run(plain), _run(plain[:, ::-1])]
    widths: Floats = np.mean(edges, axis=0, dtype=np.float64)
    return widths


def _run(plain: NDArray[np.bool_]) -> Ints:
    """Count the true values before the first false one in each row."""
    run: Ints = np.where(plain.all(axis=1), plain.shape[1], plain.argmin(axis=1)).astype(np.int64)
    return run


def numbers(catalog: pd.DataFrame, borders: Floats | None = None) -> dict[str, Floats]:
    """Read what the files of films state as numbers, NaN where it is missing.

    Parameters
    ----------
    catalog : DataFrame, n rows
        As in ``file_properties``.
    borders : float array of shape (n,), optional
        As ``border_widths`` measures them.

    Returns
    -------
    dict of str to float64 array of shape (n,)
        By name of the property, without those that the catalog lacks.
    """
    read: dict[str, Floats | None] = {
        name: _as_numbers(catalog, name) for name in ("quant_sum", "bits", "width", "height")
    }
    width, height, size = read["width"], read["height"], _as_numbers(catalog, "bytes")
    if width is not None and height is not None:
        read["aspect"] = width / height
        read["bits_per_pixel"] = None if size is None else 8 * size / (width * height)
    for name in ("sharpness", "colour", "age"):
        read[name] = _as_numbers(catalog, name)
    read["border"] = borders
    return {name: values for name, values in read.items() if values is not None}


def _as_numbers(catalog: pd.DataFrame, name: str) -> Floats | None:
    """Return a column as float64, NaN for what is missing or no finite number; None without the column."""
    if name not in catalog:
        return None
    values = pd.to_numeric(catalog[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def categories(catalog: pd.DataFrame) -> dict[str, pd.Series]:
    """Read what the files of films state in words, ``NOT_STATED`` where it is missing; by name, (n,) each."""
    texts = {name: catalog[name] for name in ("format", "modality", "view", "body_part") if name in catalog}
    if "age" in catalog:
        texts["age_stated"] = catalog["age"].notna().astype(str)
    return {
        name: values.astype(object).where(values.notna(), NOT_STATED).astype(str)
        for name, values in texts.items()
    }


def _coded(catalog: pd.DataFrame) -> dict[str, Floats]:
    return {
        name: pd.factorize(values, sort=True)[0].astype(np.float64)
        for name, values in categories(catalog).items()
    }


def _numeric_columns(values: Floats) -> Floats:
    """Return the standardised rank, whether it is missing, and its part of the range, (n, columns).

    Ranks, because a size in bytes or pixels may lie far from all others.
    """
    missing = np.isnan(values)
    known = values[~missing]
    ranks = np.zeros(values.size)
    ranks[~missing] = _standardised(np.searchsorted(np.sort(known), known).astype(np.float64))
    levels = np.unique(known)
    if levels.size > _MOST_LEVELS:
        levels = np.unique(np.quantile(known, np.linspace(0, 1, _MOST_LEVELS + 1)[:-1]))
    part = np.where(missing, np.nan, np.searchsorted(levels, values, side="right"))
    return np.column_stack([ranks, _indicators(part)])


def _indicators(values: Floats) -> Floats:
    """Return a column of 0 and 1 for each frequent value, NaN too, (n, values)."""
    found, code, films = np.unique(values, return_inverse=True, return_counts=True)
    frequent = np.argsort(-films, kind="stable")[:_MOST_NAMES]
    columns: Floats = (code[:, None] == frequent[None, :]).astype(np.float64)
    return columns if found.size > 1 else np.empty((values.size, 0))


def _standardised(values: Floats) -> Floats:
    spread = float(values.std())
    standard: Floats = (values - values.mean()) / spread if spread else np.zeros_like(values)
    return standard
