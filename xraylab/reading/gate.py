"""
The gate: what is unusual about a film for a model.

- the gate warns and never refuses: a film with a warning is scored, and its decision waits for a person
- a note is for information and stops nothing; an unknown age, for example, is no fault of the film
- some checks use the picture alone (size, contrast, inversion), some the tags, one the model (``novelty``)
- a missing tag causes no warning
"""

import math
import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.imaging import SIDE, FileFacts, Signs, StandardFilm

AGES = (1, 5)  # years, both inclusive: ages of the children in the radiograph models' training data
SMALLEST = 112  # pixels of the shorter side; the smallest films in use have about 130
COLOURED = 6.0  # mean distance between a pixel's channels; grey films as JPEG stay below 2
BLANK = 24  # grey levels between the 3rd and the 97th percentile; the flattest training film has 80
INVERTED = -0.2  # see ``_midline``; all 3,652 training films lie above 0.27, so their inversions below -0.27

UNCHECKED = (
    "Not checked: whether the film is like the training films, since this model keeps no record of them."
)

_PROJECTIONS = {"CR", "DX", "DR", "RG"}  # XA and RF are films in motion, with contrast medium
_FRONTAL = re.compile(r"AP|PA|ANTERO|POSTERO|FRONTAL")
_LATERAL = re.compile(r"LL\b|RL\b|.*LAT")
_CHEST = re.compile("CHEST|THORA|TORAX|LUNG|PULM")
_LONGEST_TAG = 24
_RAW = "The file is marked as raw data of the detector (for processing), which looks unlike a finished film."


@dataclass(frozen=True)
class Unusual:
    """One thing that is unusual about a film."""

    kind: str  # "phantom", "no phantom", "small", "colour", "blank", "inverted", "modality", "body part",
    # "lateral", "view", "raw", "age" or "unlike"
    sentence: str


def gate(
    film: StandardFilm, trained_on: str, *, novelty: float = math.nan, age: float | None = None
) -> tuple[Unusual, ...]:
    """Return what is unusual about a film for a model; empty if nothing is.

    Parameters
    ----------
    trained_on : str
        ``radiographs`` or ``phantoms``.
    novelty : float
        Distance from the training films in units of the limit, above 1 too far; NaN if the model can't
        measure it.
    age : float, optional
        Years, stated by a person; it is checked together with the age in the film's tags.
    """
    warnings = (
        *_origin(film.facts.synthetic, trained_on),
        *_picture(film),
        *_tags(film.signs),
        *(_ages(film.signs.age, age) if trained_on == "radiographs" else ()),
    )
    if novelty > 1:
        unlike = Unusual("unlike", "The film is unlike those that the model was trained on.")
        return (*warnings, unlike)
    return warnings


def notes(
    film: StandardFilm, trained_on: str, *, novelty: float = math.nan, age: float | None = None
) -> tuple[str, ...]:
    """Return what else a reader should know about a film; notes stop no decision."""
    sentences = list(film.signs.notes)
    if trained_on == "radiographs" and not film.facts.synthetic and not _known_ages(film.signs.age, age):
        sentences.append(f"Age unknown: this model knows only ages {AGES[0]} to {AGES[1]}.")
    if math.isnan(novelty):
        sentences.append(UNCHECKED)
    return tuple(sentences)


def gate_rows(
    catalog: pd.DataFrame,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    trained_on: str,
    novelty: NDArray[np.float64],
) -> list[tuple[Unusual, ...]]:
    """Run the gate on films of a catalog.

    Parameters
    ----------
    catalog : DataFrame
        One row per film of ``pixels``, with the facts and signs of its file.
    pixels : uint8 array of shape (n, 256, 256)
    rows : int array of shape (m,)
        The films to check.
    trained_on, novelty
        As for ``gate``; novelty of shape (m,).

    Returns
    -------
    list of tuples of Unusual
        One per row.
    """
    records = catalog.iloc[rows].to_dict("records")
    return [
        gate(_film(record, pixels[row]), trained_on, novelty=float(far))
        for record, row, far in zip(records, rows, novelty, strict=True)
    ]


def _film(record: dict[Any, Any], pixels: NDArray[np.uint8]) -> StandardFilm:
    """Build a film from its row of a catalog; signs that the catalog doesn't keep have their defaults."""
    known = {key: value for key, value in record.items() if not np.any(pd.isna(value))}
    facts, signs = (
        {field.name: known[field.name] for field in fields(kind) if field.name in known}
        for kind in (FileFacts, Signs)
    )
    return StandardFilm(pixels, FileFacts(**{"quant_sum": None} | facts), Signs(**signs))


def _origin(synthetic: bool, trained_on: str) -> tuple[Unusual, ...]:
    if synthetic and trained_on != "phantoms":
        sentence = "This is a teaching phantom; the model was trained on radiographs."
        return (Unusual("phantom", sentence),)
    if not synthetic and trained_on == "phantoms":
        sentence = "The model was trained on teaching phantoms; its score says nothing about a real film."
        return (Unusual("no phantom", sentence),)
    return ()


def _picture(film: StandardFilm) -> tuple[Unusual, ...]:
    """Return what is unusual in the picture itself."""
    warnings = []
    facts, pixels = film.facts, film.pixels
    if min(facts.width, facts.height) < SMALLEST:
        sentence = f"The image has only {facts.width} × {facts.height} pixels, too few to show a chest well."
        warnings.append(Unusual("small", sentence))
    if film.signs.colour >= COLOURED:
        warnings.append(Unusual("colour", "The image is in colour, so it is no plain radiograph."))
    dark, light = np.percentile(pixels, (3, 97))
    if light - dark < BLANK:
        warnings.append(Unusual("blank", "The image is blank or almost blank."))
    elif _midline(pixels) < INVERTED:  # asked only of a film with contrast, since it divides by it
        warnings.append(
            Unusual(
                "inverted",
                "The image looks inverted: light at its sides and dark along the middle. Invert it and read "
                "it again.",
            )
        )
    return tuple(warnings)


def _midline(pixels: NDArray[np.uint8]) -> float:
    """Return how much lighter the middle is than the sides, in standard deviations of the film."""
    # Spine and heart are light, and the air beside a child is dark; on an inverted film it is the reverse.
    middle = pixels[80:220, 112:144].mean()
    sides = (pixels[60:200, :12].mean() + pixels[60:200, SIDE - 12 :].mean()) / 2
    return float((middle - sides) / pixels.std())


def _tags(signs: Signs) -> tuple[Unusual, ...]:
    """Return what is unusual in the tags; a missing tag is not."""
    warnings = []
    modality, part, view = (_tag(value) for value in (signs.modality, signs.body_part, signs.view))
    if modality and modality not in _PROJECTIONS:
        sentence = f"The file says that it is no plain radiograph (modality {modality})."
        warnings.append(Unusual("modality", sentence))
    if part and not _CHEST.search(part):
        sentence = f"The file says that it shows another part of the body ({part})."
        warnings.append(Unusual("body part", sentence))
    if view and _LATERAL.match(view):
        warnings.append(Unusual("lateral", f"The file says that this is a lateral film (view {view})."))
    elif view and not _FRONTAL.match(view):
        warnings.append(Unusual("view", f"The file says that this is no frontal film (view {view})."))
    if signs.raw:
        warnings.append(Unusual("raw", _RAW))
    return tuple(warnings)


def _tag(value: str | None) -> str:
    """Return a tag in upper case with letters, digits and spaces only, safe to print."""
    return " ".join(re.findall(r"[A-Z0-9]+", (value or "").upper()))[:_LONGEST_TAG]


def _ages(tagged: float | None, stated: float | None) -> tuple[Unusual, ...]:
    """Warn if the tag or the person names an age that the model doesn't know."""
    low, high = AGES
    # The upper age is inclusive: a child is 5 until the day before it turns 6.
    unknown = [age for age in _known_ages(tagged, stated) if not low <= age < high + 1]
    if not unknown:
        return ()
    years = "under a year" if 0 <= unknown[0] < 1 else f"{math.floor(unknown[0])} years"
    return (Unusual("age", f"The age is {years}; this model knows only ages {low} to {high}."),)


def _known_ages(*ages: float | None) -> list[float]:
    return [age for age in ages if age is not None and not math.isnan(age)]
