"""
Columns of films: which group each film belongs to.

- values may be anything that a table says; what is missing names no group
- of more than eight groups the smaller ones are joined into one, so that no film is dropped
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.formats import count, visible

MOST_GROUPS = 8
# Bands of children follow what their chests and their pneumonias have in common: infants, children under five
# (the age of WHO's pneumonia guidelines), school children, adolescents.
AGE_BANDS: Mapping[str, float] = {  # by the age at which a band begins, in years
    "under 1 year": 0,
    "1 to 4 years": 1,
    "5 to 11 years": 5,
    "12 to 17 years": 12,
    "18 to 39 years": 18,
    "40 to 64 years": 40,
    "65 to 79 years": 65,
    "80 years and over": 80,
}
_LONGEST = 60  # characters of a name in a sentence
_OLDEST = 120  # years; higher ages are mistakes
_NOT_STATED = ("", "nan", "None", "<NA>", "NaT")  # as Python and pandas write what is missing


def age_bands(years: ArrayLike) -> NDArray[np.object_]:
    """Return the band of each age, as a name for people; None for a missing or impossible age.

    Parameters
    ----------
    years : array_like of float, (n,)
        Ages in years, fractions too; NaN or None if unknown.
    """
    ages = np.array(
        [math.nan if age is None else float(age) for age in np.asarray(years, object)], np.float64
    )
    names = np.array([*AGE_BANDS], object)
    band = np.searchsorted([*AGE_BANDS.values()], ages, side="right") - 1
    known = (ages >= 0) & (ages <= _OLDEST)
    bands = np.full(ages.shape, None, object)
    bands[known] = names[band[known]]
    return bands


def stated(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.object_]:
    """Return values as text, (n,); empty if they aren't stated."""
    texts = [visible(str(value)).strip() for value in values]
    # As objects: an array of text would give every film the room of the longest.
    return np.array(["" if text in _NOT_STATED else text for text in texts], object)


def cut(name: str) -> str:
    """Return a name as it stands in a sentence or a list: a stranger's may be as long as a report."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST].rstrip()}…"


def named_groups(
    values: Sequence[Any] | NDArray[Any], most: int = MOST_GROUPS
) -> tuple[NDArray[np.object_], list[str]]:
    """Return the group of each film, and the groups in the order in which they are shown.

    Parameters
    ----------
    values : sequence, (n,)
        A value per film.
    most : int
        Groups that are kept if there are more; the others, with fewer films, are joined into one group.

    Returns
    -------
    names : ndarray of object, (n,)
        Empty for a film that belongs to no group.
    groups : list of str
        Bands of age by age, then by name; joined values stand last.
    """
    names = stated(values)
    films = Counter(name for name in names if name)
    if len(films) <= most + 1:  # to join a single value would save no row
        return names, _in_order(films)
    kept = sorted(films, key=lambda name: (-films[name], name))[:most]
    joined = f"{count(len(films) - most)} other values"
    while joined in films:  # which a stranger's table may hold
        joined += "\u2009"
    whole = {name: name for name in kept} | {"": ""}
    return np.array([whole.get(name, joined) for name in names], object), [*_in_order(kept), joined]


def _in_order(names: "Mapping[str, int] | Sequence[str]") -> list[str]:
    order = {name: place for place, name in enumerate(AGE_BANDS)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))
