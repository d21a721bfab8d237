"""
Mends: what to mend of a dataset, and the record of each step.

- a step is one sentence for a person, and the hashes of the manifest before and after it
- what has no effect is refused
- a test film becomes a training film only on request, and then the step says it
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from xraylab.data import patients
from xraylab.data.catalog import manifest_sha256
from xraylab.data.datasets import Dataset
from xraylab.data.split import LEFT_OUT
from xraylab.errors import DatasetError
from xraylab.files import Record
from xraylab.formats import count, counted, listed
from xraylab.stored import Count, Label

FILMS_LEFT_OUT, ONE_ENCODING, SPLIT_AGAIN = "films left out", "one encoding", "split again"
_MOST_NAMED = 3  # films in a sentence


@dataclass(frozen=True)
class Mends:
    """What to mend of a dataset; the steps are done in this order."""

    left_out: Mapping[str, str] = field(default_factory=dict)  # image id of a film -> the reason
    one_encoding: bool = False
    split_again: bool = False
    patient_key: str | None = None  # joins patients further, see ``patients.patient_key``
    new_test: bool = False  # whether the test split is drawn anew too

    def check(self, parent: Dataset) -> None:
        """Check that there is something to mend, and that it can be done.

        Raises
        ------
        DatasetError
            If nothing is chosen, an option has no effect, or a film to leave out isn't there.
        """
        if not (self.left_out or self.one_encoding or self.split_again):
            raise DatasetError("Choose what to mend: split again, one encoding, or films to leave out.")
        if (self.patient_key or self.new_test) and not self.split_again:
            raise DatasetError(
                "A patient key and a new test split have an effect only if the films are split again. Choose "
                "that too."
            )
        patients.patient_key(self.patient_key or "none")
        self._check_films(parent)

    def _check_films(self, parent: Dataset) -> None:
        catalog = parent.catalog
        unknown = sorted(set(self.left_out) - set(catalog["image_id"]))
        if unknown:
            named = [f"“{film}”" for film in unknown[:_MOST_NAMED]]
            if more := len(unknown) - len(named):
                named.append(f"{count(more)} more")
            raise DatasetError(
                f"{listed(named)} can't be left out: “{parent.info.name}” has no such film. Write names as "
                "the audit does, with their folders."
            )
        kept = catalog.loc[~catalog["image_id"].isin(list(self.left_out)), "label"]
        for label, name in enumerate(parent.info.finding.classes):
            if not (kept == label).any():
                raise DatasetError(f"No {name} film would be left. Leave out fewer films.")


class MendStep(Record):
    """What one step of a mend did, as a line of the lineage and in the output of ``mend``."""

    step: Label
    films: Count  # that were left out, encoded, or are in another split than before
    note: str  # in a sentence or two
    reasons: Mapping[str, tuple[str, ...]] = {}  # of films that were left out: reason -> image ids
    manifest_before: str  # SHA-256, see ``catalog.manifest_sha256``
    manifest_after: str


class Chain:
    """A catalog on its way through the steps; its index are the rows in the parent."""

    def __init__(self, catalog: pd.DataFrame) -> None:
        self.catalog = catalog
        self.steps: list[MendStep] = []
        self._manifest = manifest_sha256(catalog)

    def add(
        self,
        step: str,
        catalog: pd.DataFrame,
        films: int,
        note: str,
        reasons: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Take the catalog that a step has made, and write the step down."""
        before, self._manifest = self._manifest, manifest_sha256(catalog)
        self.catalog = catalog
        self.steps.append(
            MendStep(
                step=step,
                films=films,
                note=note,
                reasons=reasons or {},
                manifest_before=before,
                manifest_after=self._manifest,
            )
        )


def leave_out(chain: Chain, reasons: Mapping[str, str], opened: int) -> None:
    """Drop films that a person wants left out.

    Parameters
    ----------
    reasons : mapping of str to str
        Image id of a film -> the reason.
    opened : int
        How often results on the parent's test films were revealed.
    """
    films = chain.catalog
    out = films["image_id"].isin(list(reasons))
    by_reason: dict[str, list[str]] = {}
    for film in films.loc[out, "image_id"]:
        by_reason.setdefault(reasons[film], []).append(film)
    test = int((films.loc[out, "split"] == "test").sum())
    note = f"{_films_were(int(out.sum()))} left out by hand."
    if test:
        note += f" {count(test)} of them {'was' if test == 1 else 'were'} in the test split{_seen(opened)}."
    grouped = {reason: tuple(names) for reason, names in by_reason.items()}
    chain.add(FILMS_LEFT_OUT, films[~out], int(out.sum()), note, grouped)


def told_split(before: pd.Series, after: pd.Series, mends: Mends, opened: int) -> str:
    """Say what a new split did to the films.

    Parameters
    ----------
    before, after : Series
        The split of each film.
    opened : int
        How often results on the parent's test films were revealed.
    """
    joined = f", or that may be of one by {patients.rule(mends.patient_key)}," if mends.patient_key else ""
    told = [
        f"Films of one picture or patient{joined} were brought into one split: "
        f"{counted(int((before != after).sum()), 'film')} changed the split."
    ]
    tested, still = (before == "test"), (before == "test") & (after == "test")
    if mends.new_test:
        gone = f"{count(int((tested & ~still).sum()))} of its {counted(int(tested.sum()), 'film')}"
        told.append(
            f"The test split was drawn anew, and {gone} went to training or validation{_seen(opened)}."
        )
    else:
        told.append(f"The test split kept its {counted(int(still.sum()), 'film')}.")
    if out := int((after == LEFT_OUT).sum()):
        told.append(
            f"{_films_were(out)} left out of every split: the same patient or picture is in the test."
        )
    return " ".join(told)


def _films_were(n: int) -> str:
    return f"{counted(n, 'film')} {'was' if n == 1 else 'were'}"


def _seen(opened: int) -> str:
    times = "once" if opened == 1 else f"{count(opened)} times"
    return f", after results on the test films had been revealed {times}" if opened else ""
