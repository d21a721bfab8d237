"""
The gate: what is unusual about a film for a model.

- warnings, never refusals: a film with a warning is scored, and its decision waits for a person
- a note is for information and stops nothing: an age that nobody knows is no fault of the film
- some checks ask the film alone (size, contrast, inversion), some its tags, one the model (see ``novelty``);
  a tag that isn't there is not held against a film
"""

import math
import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.imaging import SIDE, FileFacts, Signs, StandardFilm

AGES = (1, 5)  # years, both inclusive: the children on the films that the radiograph models know
SMALLEST = 112  # pixels of the shorter side; the smallest films in use have about 130
COLOURED = 6.0  # mean distance of a pixel's channels; grey films as JPEG stay below 2
BLANK = 24  # grey levels between the 3rd and the 97th hundredth; the flattest training film has 80
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
    """What is unusual about a film for a model; nothing if it is one the model knows.

    Parameters
    ----------
    trained_on : str
        ``radiographs`` or ``phantoms``.
    novelty : float
        How unlike the training films it is, in units of the limit; NaN where the model can't tell.
    age : float, optional
        Years, as a person says; beside what the film's tag says.
    """
    found = (
        *_origin(film.facts.synthetic, trained_on),
        *_picture(film),
        *_tags(film.signs),
        *(_ages(film.signs.age, age) if trained_on == "radiographs" else ()),
    )
    if novelty > 1:
        unlike = Unusual("unlike", "The film is unlike those that the model was trained on.")
        return (*found, unlike)
    return found


def notes(
    film: StandardFilm, trained_on: str, *, novelty: float = math.nan, age: float | None = None
) -> tuple[str, ...]:
    """What a reader should know of a film beside warnings; it stops no decision."""
    said = list(film.signs.notes)
    if trained_on == "radiographs" and not film.facts.synthetic and not _known_ages(film.signs.age, age):
        said.append(f"Age unknown: this model knows only ages {AGES[0]} to {AGES[1]}.")
    if math.isnan(novelty):
        said.append(UNCHECKED)
    return tuple(said)


def gate_rows(
    catalog: pd.DataFrame,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    trained_on: str,
    novelty: NDArray[np.float64],
) -> list[tuple[Unusual, ...]]:
    """The gate for films of a catalog.

    Parameters
    ----------
    catalog : DataFrame
        One row a film of ``pixels``, with what the files said.
    rows : int array of shape (m,)
        Which films.
    novelty : float64 array of shape (m,)
    """
    records = catalog.iloc[rows].to_dict("records")
    return [
        gate(_film(record, pixels[row]), trained_on, novelty=float(far))
        for record, row, far in zip(records, rows, novelty, strict=True)
    ]


def _film(record: dict[Any, Any], pixels: NDArray[np.uint8]) -> StandardFilm:
    """A film from its row of a catalog; signs that the catalog doesn't keep are as if the file had none."""
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
    """What the picture itself shows."""
    found = []
    facts, pixels = film.facts, film.pixels
    if min(facts.width, facts.height) < SMALLEST:
        sentence = f"The image has only {facts.width} × {facts.height} pixels, too few to show a chest well."
        found.append(Unusual("small", sentence))
    if film.signs.colour >= COLOURED:
        found.append(Unusual("colour", "The image is in colour, so it is no plain radiograph."))
    dark, light = np.percentile(pixels, (3, 97))
    if light - dark < BLANK:
        found.append(Unusual("blank", "The image is blank or almost blank."))
    elif _midline(pixels) < INVERTED:
        found.append(
            Unusual(
                "inverted",
                "The image looks inverted: light at its sides and dark along the middle. Invert it and read "
                "it again.",
            )
        )
    return tuple(found)


def _midline(pixels: NDArray[np.uint8]) -> float:
    """How much lighter the middle is than the sides, in standard deviations of the film.

    Spine and heart are light, the air beside a child is dark; inverted it is the reverse.
    """
    middle = pixels[80:220, 112:144].mean()
    sides = (pixels[60:200, :12].mean() + pixels[60:200, SIDE - 12 :].mean()) / 2
    return float((middle - sides) / pixels.std())


def _tags(signs: Signs) -> tuple[Unusual, ...]:
    """What the tags of the file say, where they say anything."""
    found = []
    modality, part, view = (_tag(one) for one in (signs.modality, signs.body_part, signs.view))
    if modality and modality not in _PROJECTIONS:
        sentence = f"The file says that it is no plain radiograph (modality {modality})."
        found.append(Unusual("modality", sentence))
    if part and not _CHEST.search(part):
        sentence = f"The file says that it shows another part of the body ({part})."
        found.append(Unusual("body part", sentence))
    if view and _LATERAL.match(view):
        found.append(Unusual("lateral", f"The file says that this is a lateral film (view {view})."))
    elif view and not _FRONTAL.match(view):
        found.append(Unusual("view", f"The file says that this is no frontal film (view {view})."))
    if signs.raw:
        found.append(Unusual("raw", _RAW))
    return tuple(found)


def _tag(value: str | None) -> str:
    """A tag's text to compare and to print: upper case, without what isn't a letter, digit or space."""
    return " ".join(re.findall(r"[A-Z0-9]+", (value or "").upper()))[:_LONGEST_TAG]


def _ages(tagged: float | None, said: float | None) -> tuple[Unusual, ...]:
    """A warning if the tag or the person names an age that the model doesn't know."""
    low, high = AGES
    unknown = [age for age in _known_ages(tagged, said) if not low <= age < high + 1]
    if not unknown:
        return ()
    years = "under a year" if 0 <= unknown[0] < 1 else f"{math.floor(unknown[0])} years"
    return (Unusual("age", f"The age is {years}; this model knows only ages {low} to {high}."),)


def _known_ages(*ages: float | None) -> list[float]:
    return [age for age in ages if age is not None and not math.isnan(age)]
