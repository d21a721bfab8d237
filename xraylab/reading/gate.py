"""
The gate: what is unusual about a film for a model.

- the gate warns and never refuses: a film with a warning is scored, and its decision waits for a person
- a note is for information and stops nothing; an unknown age, for example, is no fault of the film
- some checks use the picture alone (size, contrast, inversion), some the tags, one the model (``novelty``)
- a missing tag causes no warning
"""

import math
import re
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.data.patients import is_of_kermany
from xraylab.imaging import SIDE, FileFacts, Signs, StandardFilm, is_lateral
from xraylab.models.schema import Shown

AGES = (1, 5)  # years, both inclusive: the children of the Kermany films, whose files don't state an age
FEWEST_SHOWN = 10  # training films with an age, or of a view, before a model counts as trained on it
_TAILS = (0.01, 0.99)  # of the training films' ages: single films outside, often mistyped, teach nothing
SMALLEST = 112  # pixels of the shorter side; the smallest films in use have about 130
COLOURED = 6.0  # mean distance between a pixel's channels; grey films as JPEG stay below 2
BLANK = 24  # grey levels between the 3rd and the 97th percentile; the flattest training film has 80
INVERTED = -0.2  # see ``_midline``; all 3,652 training films lie above 0.27, so their inversions below -0.27

UNCHECKED = (
    "Not checked: whether the film is like the training films, since this model keeps no record of them."
)

UNKNOWN_AGES = "Not checked: whether the model knows this age, since its training films don't state theirs."

_VIEWS = {"lateral", "view"}  # kinds of ``Unusual`` that training films may make usual
_PROJECTIONS = {"CR", "DX", "DR", "RG"}  # XA and RF are films in motion, with contrast medium
_FRONTAL = re.compile(r"AP|PA|ANTERO|POSTERO|FRONTAL")
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
    film: StandardFilm,
    trained_on: str,
    *,
    shown: Shown | None = None,
    novelty: float = math.nan,
    age: float | None = None,
) -> tuple[Unusual, ...]:
    """Return what is unusual about a film for a model; empty if nothing is.

    Parameters
    ----------
    trained_on : str
        ``radiographs`` or ``phantoms``.
    shown : Shown, optional
        Ages and views of the training films; None for a model of an older version.
    novelty : float
        Distance from the training films in units of the limit, above 1 too far; NaN if the model can't
        measure it.
    age : float, optional
        Years, stated by a person; it is checked together with the age in the film's tags.
    """
    warnings = (
        *_origin(film.facts.synthetic, trained_on),
        *_picture(film),
        *_unknown_to(shown, _tags(film.signs)),
        *_ages(film.signs.age, age, known_ages(trained_on, shown)),
    )
    if novelty > 1:
        unlike = Unusual("unlike", "The film is unlike those that the model was trained on.")
        return (*warnings, unlike)
    return warnings


def notes(
    film: StandardFilm,
    trained_on: str,
    *,
    shown: Shown | None = None,
    novelty: float = math.nan,
    age: float | None = None,
) -> tuple[str, ...]:
    """Return what else a reader should know about a film; notes stop no decision."""
    sentences = list(film.signs.notes)
    if trained_on == "radiographs" and not film.facts.synthetic:
        ages, stated = known_ages(trained_on, shown), _known_ages(film.signs.age, age)
        if ages is None:
            sentences.append(UNKNOWN_AGES)
        elif not stated:
            sentences.append(f"Age unknown: this model knows only ages {ages[0]} to {ages[1]}.")
    if math.isnan(novelty):
        sentences.append(UNCHECKED)
    return tuple(sentences)


def gate_rows(
    catalog: pd.DataFrame,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    trained_on: str,
    novelty: NDArray[np.float64],
    *,
    shown: Shown | None = None,
) -> list[tuple[Unusual, ...]]:
    """Run the gate on films of a catalog.

    Parameters
    ----------
    catalog : DataFrame
        One row per film of ``pixels``, with the facts and signs of its file.
    pixels : uint8 array of shape (n, 256, 256)
    rows : int array of shape (m,)
        The films to check.
    trained_on, novelty, shown
        As for ``gate``; novelty of shape (m,).

    Returns
    -------
    list of tuples of Unusual
        One per row.
    """
    records = catalog.iloc[rows].to_dict("records")
    return [
        gate(_film(record, pixels[row]), trained_on, shown=shown, novelty=float(far))
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


def shown_by(catalog: pd.DataFrame, rows: NDArray[np.intp]) -> Shown:
    """Return the ages and views of training films, which the gate then knows.

    Parameters
    ----------
    catalog : DataFrame
        Of the dataset.
    rows : int array of shape (m,)
        The training films.
    """
    films = catalog.iloc[rows]
    return Shown(ages=_ages_of(films), views=_views_of(films))


def _ages_of(films: pd.DataFrame) -> tuple[int, int] | None:
    """Return the range of ages in whole years, both inclusive; None if too few films state theirs."""
    ages = films["age"].dropna().to_numpy(np.float64) if "age" in films else np.empty(0)
    if ages.size >= FEWEST_SHOWN:
        low, high = np.quantile(ages, _TAILS, method="inverted_cdf")
        return math.floor(low), math.floor(high)
    # No file of the Kermany set states an age, but its publisher states them for all.
    kermany = sum(is_of_kermany(PurePosixPath(path).stem) for path in films["path"])
    return AGES if 2 * kermany > len(films) else None


def _views_of(films: pd.DataFrame) -> tuple[str, ...]:
    """Return the views other than frontal that enough films have, by the gate's own names."""
    signs = [field.name for field in fields(Signs) if field.name not in ("age", "colour", "notes")]
    known = [name for name in signs if name in films]
    counts: Counter[str] = Counter()
    for values, n in films.groupby(known, dropna=False).size().items() if known else ():
        stated = dict(zip(known, values if isinstance(values, tuple) else (values,), strict=True))
        given = {name: value for name, value in stated.items() if not pd.isna(value)}
        for kind in {unusual.kind for unusual in _tags(Signs(**given))} & _VIEWS:
            counts[kind] += int(n)
    return tuple(sorted(kind for kind, n in counts.items() if n >= FEWEST_SHOWN))


def known_ages(trained_on: str, shown: Shown | None) -> tuple[int, int] | None:
    """Return the ages in years that a model knows, both inclusive; None if that isn't known."""
    if trained_on != "radiographs":
        return None
    if shown is None:  # a card of an older version, when all radiographs were those of Kermany
        return AGES
    return None if shown.ages is None else (math.floor(shown.ages[0]), math.floor(shown.ages[1]))


def _unknown_to(shown: Shown | None, tags: tuple[Unusual, ...]) -> tuple[Unusual, ...]:
    """Leave out the views that the model was trained on."""
    views = () if shown is None else shown.views
    return tuple(unusual for unusual in tags if unusual.kind not in views)


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
    if view and is_lateral(view):
        warnings.append(Unusual("lateral", f"The file says that this is a lateral film (view {view})."))
    elif view and not _FRONTAL.match(view):
        warnings.append(Unusual("view", f"The file says that this is no frontal film (view {view})."))
    if signs.raw:
        warnings.append(Unusual("raw", _RAW))
    return tuple(warnings)


def _tag(value: str | None) -> str:
    """Return a tag in upper case with letters, digits and spaces only, safe to print."""
    return " ".join(re.findall(r"[A-Z0-9]+", (value or "").upper()))[:_LONGEST_TAG]


def _ages(tagged: float | None, stated: float | None, ages: tuple[int, int] | None) -> tuple[Unusual, ...]:
    """Warn if the tag or the person names an age that the model doesn't know."""
    if ages is None:
        return ()
    low, high = ages
    # The upper age is inclusive: a child is 5 until the day before it turns 6.
    unknown = [age for age in _known_ages(tagged, stated) if not low <= age < high + 1]
    if not unknown:
        return ()
    years = "under a year" if 0 <= unknown[0] < 1 else f"{math.floor(unknown[0])} years"
    return (Unusual("age", f"The age is {years}; this model knows only ages {low} to {high}."),)


def _known_ages(*ages: float | None) -> list[float]:
    return [age for age in ages if age is not None and not math.isnan(age)]
