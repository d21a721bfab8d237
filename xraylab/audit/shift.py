"""
Shift: whether two sets of films differ by more than chance, in their pictures or their files.

- each class is compared by itself, since a different share of ill patients alone changes all films together
- each simple measure is compared by the chance that a film of one set has a higher value than one of the
  other, ties counted half; one half means no difference
- p is that of a rank test of patients, adjusted by Holm's method over everything tested: splits that were
  drawn at random by patient are accused in at most 5 of 100 datasets
- how large a difference is decides how grave it is: with many films even a tiny one is certain
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.audit.found import MOST_EXAMPLES, Found, Severity
from xraylab.audit.looks import Kind, Look, described, looks
from xraylab.data.datasets import SPLITS
from xraylab.evaluation.comparison import holm
from xraylab.evaluation.intervals import AreaEstimate, auc_estimate
from xraylab.files import Record
from xraylab.findings import Finding, capital
from xraylab.formats import count, interval, listed, percent
from xraylab.stored import Count, Finite, Label

FEWEST_PATIENTS = 10  # of a class in each set
# A difference of 0.2 and of 0.8 standard deviations, which Cohen called small and large, as a chance.
NOTICEABLE, STRONG = 0.56, 0.71
_SIGNIFICANT = 0.05
_HALF = 0.5
_MOST_NAMED = 2  # measures that a sentence names for a class
_DIFFER: Mapping[Kind, str] = {
    "picture": "look different",
    "file": "differ in their files",
    "patient": "differ in their patients or views",
}
_MEND = (
    "Expect other results on one split than on another, and a threshold from validation to be off. Train by "
    "the recipe “robust”, and test the model on films from elsewhere."
)


class Differing(Record):
    """One measure in which the films of one class differ between two sets, the second against the first."""

    label: Count  # 0 without the finding, 1 with it
    measure: Label
    words: str  # follows “these films are”
    kind: Kind  # seen in the picture, of the file, or stated of the patient or the view
    n: tuple[Count, Count]  # films of this class that have the measure: in the first set, in the second
    patients: tuple[Count, Count]
    chance: Finite  # that a film of the second set has a higher value than one of the first
    low: Finite  # at 95 %, clustered by patient
    high: Finite
    adjusted_p: Finite  # Holm's, over everything that was tested

    @property
    def size(self) -> float:
        """The chance in the direction of the words, from one half to 1."""
        return max(self.chance, 1 - self.chance)

    @property
    def fires(self) -> bool:
        """Whether it is more than chance, and large enough for a sentence."""
        return self.adjusted_p < _SIGNIFICANT and self.size >= NOTICEABLE


@dataclass(frozen=True, eq=False)
class _Sets:
    """Two sets of films of one catalog, as a test takes them."""

    second: NDArray[np.bool_]  # (n,): whether a film is in the second set
    labels: NDArray[np.int64]
    patients: NDArray[np.int64]


def differences(catalog: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> list[list[Differing]]:
    """Compare sets of films by all their measures, within each class.

    Parameters
    ----------
    catalog : DataFrame
        As ``looks.described`` returns it, with ``split``, ``label`` and ``group``; a group, whose films are
        of one patient, lies in one split.
    pairs : sequence of (str, str)
        Names of splits to compare, the first one as the reference. p is adjusted over all pairs together.

    Returns
    -------
    list of list of Differing
        For each pair all that could be tested, the largest differences first.

    References
    ----------
    Mann HB, Whitney DR (1947), Annals of Mathematical Statistics 18:50-60.
    Obuchowski NA (1997), Biometrics 53:567-578, for the intervals.
    Holm S (1979), Scandinavian Journal of Statistics 6:65-70.
    McGraw KO, Wong SP (1992), Psychological Bulletin 111:361-365, for a difference as a chance.
    """
    tested = [list(_tested(catalog[catalog["split"].isin(pair)], pair[1])) for pair in pairs]
    adjusted = iter(holm([one.adjusted_p for each in tested for one in each]).tolist())
    return [
        sorted(
            (one.model_copy(update={"adjusted_p": next(adjusted)}) for one in each), key=lambda one: -one.size
        )
        for each in tested
    ]


def check_shift(catalog: pd.DataFrame, pixels: NDArray[np.uint8], finding: Finding) -> Found:
    """Judge whether validation and test films differ from the training films of the same class.

    Parameters
    ----------
    catalog, pixels
        As ``Dataset.catalog`` and ``Dataset.pixels``.
    finding : Finding
        What the labels are about, for the sentence.

    Returns
    -------
    Found
        Its figure is the largest chance that a film of one split has a higher value than one of another, from
        0.5 to 1. “high” if a measure differs significantly with a chance of at least 0.71, “low” from 0.56.
    """
    measured = described(catalog, pixels)
    names = [name for name in SPLITS[1:] if (catalog["split"] == name).any()]
    results = dict(zip(names, differences(measured, [(SPLITS[0], name) for name in names]), strict=True))
    tested = [one for each in results.values() for one in each]
    if not tested:
        sentence = (
            f"Whether the splits differ can't be told: it takes at least {FEWEST_PATIENTS} patients of one "
            "class in each of two splits."
        )
        return Found(check="shift", severity="none", figure=None, sentence=sentence)
    figure, worst = max(one.size for one in tested), severity([one for one in tested if one.fires])
    if worst == "none":
        return Found(check="shift", severity="none", figure=figure, sentence=_nothing(tested))
    return Found(
        check="shift",
        severity=worst,
        figure=figure,
        sentence=" ".join(_sentences(results, finding)),
        films=_examples(measured, results),
        mend=_MEND,
    )


def severity(found: Sequence[Differing]) -> Severity:
    """Judge what differs: “high” from a chance of 0.71, “low” for anything else that fires."""
    sizes = [one.size for one in found if one.fires]
    return "none" if not sizes else "high" if max(sizes) >= STRONG else "low"


def told(found: Sequence[Differing], finding: Finding, films: str, others: str) -> list[str]:
    """Say how the films of the second set differ: in their pictures, their files, and who is on them.

    Parameters
    ----------
    films, others : str
        The second and the first set, such as "The test films" and "the training films of the same class".

    Returns
    -------
    list of str
        Sentences; empty if nothing fires.
    """
    sentences: list[str] = []
    for kind, differ in _DIFFER.items():
        clauses = [*_clauses([one for one in found if one.fires and one.kind == kind], finding)]
        if clauses:
            subject = "They also" if sentences else films
            from_others = "" if sentences else f" from {others}"
            sentences.append(f"{subject} {differ}{from_others}: {'; '.join(clauses)}.")
    return sentences


def _clauses(fired: Sequence[Differing], finding: Finding) -> Iterator[str]:
    for label, name in enumerate((finding.well_films, f"films {finding.ill}")):
        of_class = [_figured(one) for one in fired if one.label == label]
        if of_class:
            yield f"{name} are {listed(of_class[:_MOST_NAMED])}"


def _tested(films: pd.DataFrame, second: str) -> Iterator[Differing]:
    sets = _Sets(
        (films["split"] == second).to_numpy(),
        films["label"].to_numpy(np.int64),
        films["group"].factorize()[0].astype(np.int64),
    )
    for look in looks(films):
        for label in (0, 1):
            tested = _compared(look, sets, label)
            if tested is not None:
                yield tested


def _compared(look: Look, sets: _Sets, label: int) -> Differing | None:
    """Compare one measure in one class; None if there are too few patients, or all values are the same."""
    chosen = (sets.labels == label) & ~np.isnan(look.values)
    values, second, patients = look.values[chosen], sets.second[chosen], sets.patients[chosen]
    films = int((~second).sum()), int(second.sum())
    people = np.unique(patients[~second]).size, np.unique(patients[second]).size
    if min(people) < FEWEST_PATIENTS or np.ptp(values) == 0:
        return None
    chance: AreaEstimate = auc_estimate(second.astype(np.int64), values, patients)
    return Differing(
        label=label,
        measure=look.name,
        words=look.more if chance.value > _HALF else look.less,
        kind=look.kind,
        n=films,
        patients=people,
        chance=chance.value,
        low=chance.low,
        high=chance.high,
        adjusted_p=_p_of_patients(values, second, patients),
    )


def _p_of_patients(
    values: NDArray[np.float64], second: NDArray[np.bool_], patients: NDArray[np.int64]
) -> float:
    """Return p of a rank test of the patients' means: patients, not films, are independent."""
    from scipy.stats import mannwhitneyu  # imported here: slow to load

    code = np.unique(patients, return_inverse=True)[1]
    films = np.bincount(code)
    means = np.bincount(code, values) / films
    of_second = np.bincount(code, second) == films
    if np.ptp(means) == 0:  # the values differ only within patients
        return 1.0
    return float(mannwhitneyu(means[of_second], means[~of_second]).pvalue)


def _figured(one: Differing) -> str:
    bounds = (one.low, one.high) if one.chance > _HALF else (1 - one.high, 1 - one.low)
    return f"{one.words} (in {percent(one.size)} of pairs, {interval(*bounds)})"


def _sentences(results: dict[str, list[Differing]], finding: Finding) -> Iterator[str]:
    for name, found in results.items():
        yield from told(found, finding, f"The {name} films", "the training films of the same class")
    yield (
        f"Without a difference it would be {percent(_HALF)} of pairs. A split that is drawn by chance hardly "
        "differs so much: these films were probably taken elsewhere, or at another time."
    )


def _nothing(tested: Sequence[Differing]) -> str:
    patients = min(min(one.patients) for one in tested)
    measures = len({one.measure for one in tested})
    return capital(
        f"films of the same class don't differ between the splits in any of {count(measures)} measures, such "
        f"as brightness and sharpness, by more than chance; with {count(patients)} patients in the smallest "
        "group, a small difference could stay unseen."
    )


def _examples(catalog: pd.DataFrame, results: dict[str, list[Differing]]) -> tuple[str, ...]:
    """Return the films that show the largest difference most clearly."""
    name, worst = max(
        ((name, one) for name, found in results.items() for one in found if one.fires),
        key=lambda pair: pair[1].size,
    )
    films = catalog[(catalog["split"] == name) & (catalog["label"] == worst.label)]
    look = next((look for look in looks(films) if look.name == worst.measure), None)
    if look is None:  # all of these films have the same value
        return tuple(films["image_id"].astype(str)[:MOST_EXAMPLES])
    order = np.argsort(look.values if worst.chance < _HALF else -look.values, kind="stable")
    return tuple(films["image_id"].astype(str).iloc[order[:MOST_EXAMPLES]])
