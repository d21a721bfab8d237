"""
Duplicates: pictures that occur more than once, and what is wrong about it.

- exact copies have the same standard pixels; near copies are versions of one picture, see ``near``
- a picture in two splits, or with both labels, makes figures wrong; within a patient of one split it only
  counts twice
- films that an import left out of every split don't count as films of a split
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.audit.found import MOST_FILMS, Check, Found, Mend, Severity
from xraylab.audit.near import NearPairs, near_duplicates
from xraylab.data.datasets import SPLITS
from xraylab.findings import Finding
from xraylab.formats import count, counted


@dataclass(frozen=True)
class Picture:
    """A picture that several films show."""

    films: tuple[str, ...]  # image ids, at least two
    labels: frozenset[int]
    patients: frozenset[str]
    splits: frozenset[str]  # of these films
    splits_of_patients: frozenset[str]  # of all films of these patients

    @property
    def harm(self) -> int:
        """How much is wrong about it: 3 both labels or two splits, 2 patients in two splits, 1, or 0."""
        if len(self.labels) > 1 or len(self.splits) > 1:
            return 3
        return 2 if len(self.splits_of_patients) > 1 else int(len(self.patients) > 1)


def exact_pictures(catalog: pd.DataFrame) -> list[Picture]:
    """Return the pictures that several films of a catalog show with the same standard pixels."""
    return _pictures(catalog, pd.factorize(catalog["pixel_sha256"])[0])


def find_near(
    catalog: pd.DataFrame,
    pixels: NDArray[np.uint8],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> NearPairs:
    """Find near duplicates among the films of a dataset; of exact copies only the first is compared.

    Parameters
    ----------
    catalog : DataFrame
        Of n films, with ``pixel_sha256``.
    pixels : uint8 array of shape (n, 256, 256)
        May be a memory map.
    on_progress : callable, optional
        As for ``near_duplicates``.
    """
    first = np.flatnonzero(~catalog["pixel_sha256"].duplicated().to_numpy())
    return near_duplicates(pixels, first, on_progress=on_progress)


def near_pictures(catalog: pd.DataFrame, pairs: NearPairs) -> list[Picture]:
    """Return the pictures that films of a catalog show in several versions.

    A version that occurs more than once brings all its films along.
    """
    from scipy.sparse import coo_matrix  # imported here: slow to load
    from scipy.sparse.csgraph import connected_components

    version = pd.factorize(catalog["pixel_sha256"])[0]
    size = int(version.max(initial=-1)) + 1
    ends = (version[pairs.first], version[pairs.second])
    links = coo_matrix((np.ones(len(pairs)), ends), shape=(size, size))
    picture = connected_components(links, directed=False)[1][version]
    # A version without another one is a picture of its own, however often it occurs.
    alone = ~np.isin(version, ends)
    return _pictures(catalog, np.where(alone, -1, picture))


def check_duplicates(pictures: Sequence[Picture], finding: Finding) -> Found:
    """Judge the pictures that occur more than once with the same pixels."""
    if not pictures:
        return Found(check="duplicates", severity="none", figure=0, sentence="No two films are identical.")
    return _judged("duplicates", pictures, finding, occur="more than once", keep="film")


def check_near_duplicates(pictures: Sequence[Picture], finding: Finding) -> Found:
    """Judge the pictures that occur in several versions."""
    if not pictures:
        sentence = "No film was found to be another film that was encoded, cut, turned or brightened."
        return Found(check="near_duplicates", severity="none", figure=0, sentence=sentence)
    occur = "in several versions (encoded, cut, turned or brightened)"
    return _judged("near_duplicates", pictures, finding, occur=occur, keep="version")


def _judged(check: Check, pictures: Sequence[Picture], finding: Finding, *, occur: str, keep: str) -> Found:
    verb = "occurs" if len(pictures) == 1 else "occur"
    mend, mend_by = _mend(pictures, keep)
    return Found(
        check=check,
        severity=_severity(pictures),
        figure=len(pictures),
        sentence=_sentence(f"{counted(len(pictures), 'picture')} {verb} {occur}", pictures, finding),
        films=_examples(pictures),
        mend=mend,
        mend_by=mend_by,
    )


def _pictures(catalog: pd.DataFrame, numbers: NDArray[np.integer[Any]]) -> list[Picture]:
    """Describe the pictures that several films show, by the number of each film's picture; -1 for none."""
    splits = catalog["split"].where(catalog["split"].isin(SPLITS))
    of_patient: dict[str, set[str]] = {}
    for patient, split in zip(catalog["patient"], splits, strict=True):
        of_patient.setdefault(patient, set()).update({split} if isinstance(split, str) else ())
    films = catalog[["image_id", "label", "patient"]].assign(split=splits)
    several = pd.Series(numbers, catalog.index).duplicated(keep=False) & (numbers >= 0)
    return [
        Picture(
            films=tuple(rows["image_id"]),
            labels=frozenset(rows["label"].tolist()),
            patients=frozenset(rows["patient"]),
            splits=frozenset(rows["split"].dropna()),
            splits_of_patients=frozenset(chain.from_iterable(of_patient[name] for name in rows["patient"])),
        )
        for _, rows in films[several].groupby(numbers[several.to_numpy()], sort=False)
    ]


def _severity(pictures: Sequence[Picture]) -> Severity:
    return "high" if max(picture.harm for picture in pictures) > 1 else "low"


def _sentence(begin: str, pictures: Sequence[Picture], finding: Finding) -> str:
    films = sum(len(picture.films) for picture in pictures)
    clauses = [
        (sum(len(picture.splits) > 1 for picture in pictures), "in more than one split"),
        (sum(len(picture.labels) > 1 for picture in pictures), f"labelled {' and '.join(finding.classes)}"),
        (sum(len(picture.patients) > 1 for picture in pictures), "under more than one patient"),
        (sum(picture.harm == 2 for picture in pictures), "of patients who have films in different splits"),  # noqa: PLR2004
    ]
    told = [f"{count(n)} {'is' if n == 1 else 'are'} {what}" for n, what in clauses if n]
    if not told:
        it = "it" if len(pictures) == 1 else "each"
        told = [f"{it} is of one patient, in one split and under one label"]
    return f"{begin}, in {count(films)} films: {', '.join(told)}."


def _mend(pictures: Sequence[Picture], keep: str) -> tuple[str, tuple[Mend, ...]]:
    steps: list[tuple[str, Mend]] = []
    if any(len(picture.labels) > 1 for picture in pictures):
        steps.append(("leave out the films whose label is wrong", "leave out"))
    if any(len(picture.splits_of_patients) > 1 for picture in pictures):
        steps.append(("split again with each picture in one split", "split again"))
    if not steps:  # the picture only counts twice
        steps.append((f"leave out all but one {keep} of each picture", "leave out"))
    words, mend_by = zip(*steps, strict=True)
    return f"Mend it: {', then '.join(words)}.", mend_by


def _examples(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Return films of the worst pictures, those of one picture one after another."""
    worst = sorted(pictures, key=lambda picture: -picture.harm)
    return tuple(film for picture in worst for film in picture.films)[:MOST_FILMS]
