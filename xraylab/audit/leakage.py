"""
Leakage: patients whose films are in more than one split, by every way to name patients.

- a model is tested on what it learned from, if films of one patient are on both sides
- by the dataset's own patients, and by pictures that occur more than once, leakage makes figures wrong; by a
  more cautious reading of file names it is only possible
- films that an import left out of every split don't count
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from xraylab.audit.duplicates import Picture
from xraylab.audit.found import MOST_FILMS, Found
from xraylab.data import patients
from xraylab.data.catalog import people
from xraylab.data.datasets import SPLITS, DatasetInfo
from xraylab.formats import count

OWN, SHARED = "own", "shared pictures"


@dataclass(frozen=True)
class Straddling:
    """Patients with films in more than one split, by one way to name patients."""

    key: str  # OWN, SHARED, or one of ``patients.PATIENT_KEYS``
    words: str  # the way, for a sentence
    patients: int  # all
    films: tuple[tuple[str, ...], ...]  # image ids of each patient who is in more than one split

    @property
    def divided(self) -> int:
        """Number of patients with films in more than one split."""
        return len(self.films)

    @property
    def amount(self) -> str:
        """Such as "7 of 548 patients (21 films)"."""
        films = sum(map(len, self.films))
        return f"{count(self.divided)} of {count(self.patients)} patients ({count(films)} films)"


def straddling(info: DatasetInfo, catalog: pd.DataFrame, pictures: Sequence[Picture]) -> list[Straddling]:
    """Count the patients with films in more than one split.

    Parameters
    ----------
    info : DatasetInfo
        Where the dataset's patients come from.
    catalog : DataFrame
    pictures : sequence of Picture
        Exact and near duplicates; patients who share a picture are counted as one.

    Returns
    -------
    list of Straddling
        By the dataset's own patients, by shared pictures if there are any, and by each preset that joins
        patients further.
    """
    catalog = catalog[catalog["split"].isin(SPLITS)]
    own = _divided(OWN, patients.told(info.patient_key, info.patients_from), catalog, catalog["patient"])
    ways = [own]
    if pictures:
        names = names_of(pictures)
        shown = pd.Series([names.get(film, film) for film in catalog["image_id"]], catalog.index)
        ways.append(_divided(SHARED, "shared pictures", catalog, shown))
    return [*ways, *_more_cautious(catalog, own.patients)]


def check_patient_leakage(ways: Sequence[Straddling]) -> Found:
    """Judge the patients who are in more than one split, as ``straddling`` counts them."""
    own, *others = ways
    divided = [way for way in ways if way.divided]
    known = own.words != patients.NOBODY
    if not divided:
        without = 0 if known else None
        return Found(
            check="patient_leakage", severity="none", figure=without, sentence=_sentence(own, others)
        )
    worst = divided[0]
    return Found(
        check="patient_leakage",
        severity="high" if worst.key in (OWN, SHARED) else "low",
        figure=worst.divided,
        sentence=_sentence(own, others),
        films=tuple(chain.from_iterable(worst.films))[:MOST_FILMS],
        mend=_mend(worst.key, most_cautious=divided[-1].key),
        mend_by=("split again",),
    )


def _divided(key: str, words: str, catalog: pd.DataFrame, linked_by: pd.Series) -> Straddling:
    """Count the divided patients, if films that share a patient or a link are one patient's."""
    person = patients.groups(catalog["patient"].astype(str).tolist(), linked_by.astype(str).tolist())
    films = catalog[["image_id", "split"]].assign(person=person)
    divided = films[films.groupby("person")["split"].transform("nunique") > 1]
    of_each = divided.groupby("person", sort=False)["image_id"].agg(tuple)
    return Straddling(key, words, len(np.unique(person)), tuple(of_each))


def names_of(pictures: Sequence[Picture]) -> dict[str, str]:
    """Map films to a name of the picture that they show; a picture may be part of another."""
    names: dict[str, str] = {}
    for picture in pictures:
        name = next((names[film] for film in picture.films if film in names), picture.films[0])
        names |= dict.fromkeys(picture.films, name)
    return names


def _more_cautious(catalog: pd.DataFrame, fewest: int) -> Iterator[Straddling]:
    """Yield each preset that joins patients whom the dataset, and the presets before it, keep apart."""
    for preset in patients.PATIENT_KEYS:
        way = _divided(preset, patients.rule(preset), catalog, people(catalog, preset))
        if way.patients < fewest:
            fewest = way.patients
            yield way


def _sentence(own: Straddling, others: Sequence[Straddling]) -> str:
    if own.words == patients.NOBODY:
        told = ["Nothing names the patients, so it can't be told whether one is in more than one split."]
    else:
        who = own.amount if own.divided else "no patient"
        told = [f"By {own.words}, {who} {_have(own)} films in more than one split."]
    for way in others:
        if way.key != SHARED:
            told.append(f"By {way.words}, {way.amount if way.divided else 'no patient'} would.")
        elif way.divided > own.divided:
            told.append(f"If patients who share a picture are one, {way.amount} {_have(way)}.")
    return " ".join(told)


def _have(way: Straddling) -> str:
    return "has" if way.divided <= 1 else "have"


def _mend(worst: str, *, most_cautious: str) -> str:
    if worst == OWN:
        return "Mend it: split again with each patient in one split."
    if worst == SHARED:
        return "Mend it: split again with each picture in one split."
    return (
        f"Mend it: split again by the patient key “{most_cautious}”, which keeps films that may be of one "
        "patient in one split."
    )
