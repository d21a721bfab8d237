"""
Looks: simple measures of a film and of its file, by which two sets of films can differ.

- of the picture: brightness, contrast, sharpness, plain border
- of the file and the patient: size, compression, format, age, sex, view, as far as the catalog states them
- a word that some films state and others don't becomes a measure of its own: whether the film states it
- each measure has words for its two directions, so that a difference can be said in a sentence
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.audit.file_properties import NOT_STATED, border_widths, categories, numbers, parts

Floats = NDArray[np.float64]

Kind = Literal["picture", "file", "patient"]

_IN_PICTURE = ("brightness", "contrast", "sharpness", "border")
_OF_PATIENT = ("age", "sex", "view", "body_part", "modality")
_LEVELS = 256
_MOST_VALUES = 5  # of a category, the most frequent ones
_LONGEST = 40  # characters of a value, which may come from a stranger's file
_WORDS: Mapping[str, tuple[str, str]] = {
    "brightness": ("brighter", "darker"),
    "contrast": ("richer in contrast", "poorer in contrast"),
    "sharpness": ("sharper", "less sharp"),
    "border": ("framed by a wider plain border", "framed by a narrower plain border"),
    "colour": ("more coloured", "less coloured"),
    "age": ("of older patients", "of younger patients"),
    "quant_sum": ("compressed more", "compressed less"),
    "bits_per_pixel": ("stored in more bytes per pixel", "stored in fewer bytes per pixel"),
    "bits": ("of more bits per sample", "of fewer bits per sample"),
    "width": ("wider in pixels", "narrower in pixels"),
    "height": ("taller in pixels", "lower in pixels"),
    "aspect": ("wider for their height", "narrower for their height"),
}
_CATEGORIES: Mapping[str, str] = {
    "format": "files of format",
    "modality": "of modality",
    "view": "of view",
    "body_part": "of body part",
    "sex": "of patients of sex",
}


@dataclass(frozen=True, eq=False)
class Look:
    """One measure of all films."""

    name: str
    values: Floats  # (n,): NaN if missing
    more: str  # follows “films are” where the values are higher
    less: str

    @property
    def kind(self) -> Kind:
        """Whether it is seen in the picture, comes from the file, or is stated of the patient or the view."""
        name = self.name.partition(":")[0]
        return "picture" if name in _IN_PICTURE else "patient" if name in _OF_PATIENT else "file"


def described(catalog: pd.DataFrame, pixels: NDArray[np.uint8]) -> pd.DataFrame:
    """Add brightness, contrast and the width of the border to a catalog, measured on its pixels.

    Parameters
    ----------
    catalog : DataFrame, n rows
    pixels : uint8 array of shape (n, 256, 256)
        A memory map is enough.
    """
    levels = np.concatenate([np.empty((0, _LEVELS)), *map(_histograms, parts(pixels))])  # (n, 256)
    grey = np.arange(_LEVELS)
    films = np.maximum(levels.sum(axis=1), 1)
    brightness = levels @ grey / films
    contrast = np.sqrt(np.maximum(levels @ grey**2 / films - brightness**2, 0))
    return catalog.assign(brightness=brightness, contrast=contrast, border=border_widths(pixels))


def _histograms(films: NDArray[np.uint8]) -> Floats:
    """Count the pixels of each grey level of films, (films, 256), which is faster than to average pixels."""
    return np.stack([np.bincount(film.ravel(), minlength=_LEVELS) for film in films]).astype(np.float64)


def looks(catalog: pd.DataFrame) -> list[Look]:
    """List the measures in which films of a catalog differ from each other.

    Parameters
    ----------
    catalog : DataFrame, n rows
        As ``described`` returns it, or several such catalogs below each other.
    """
    in_picture = {name: catalog[name].to_numpy(np.float64) for name in ("brightness", "contrast")}
    measured = in_picture | numbers(catalog, catalog["border"].to_numpy(np.float64))
    found = [Look(name, values, *_WORDS[name]) for name, values in measured.items()]
    return [look for look in (*found, *_stated(catalog)) if np.unique(look.values).size > 1]


def _stated(catalog: pd.DataFrame) -> Iterator[Look]:
    """Yield a measure for each frequent value of a category: 1 where a film has it, otherwise 0."""
    texts = categories(catalog)
    if "sex" in catalog:
        texts["sex"] = catalog["sex"].fillna(NOT_STATED).astype(str)
    for name, words in _CATEGORIES.items():
        if name not in texts:
            continue
        for value in texts[name].value_counts().index[:_MOST_VALUES]:
            more = f"more often {words} {_named(str(value))}"
            yield Look(
                f"{name}: {value}", (texts[name] == value).to_numpy(np.float64), more, f"less {more[5:]}"
            )


def _named(value: str) -> str:
    return value if value == NOT_STATED else f"“{value[:_LONGEST]}”"
