"""
The report of one film: its score, the decision at the lock, and the model's validation results.

- plain values, filled in by the caller; PDF, picture and DICOM are drawn from these values alone
- nothing here identifies the patient: the film is named by the first digits of its file's hash, with which
  a person who has the file can find it again
- rates are those of the validation films, with 95 % intervals clustered by patient; NaN if unknown
"""

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from xraylab import formats
from xraylab.evaluation.band import review_band
from xraylab.evaluation.prevalence import USUAL
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import PNEUMONIA, Finding
from xraylab.reports import film_words

BURNED_IN = "RESEARCH, NOT FOR DIAGNOSIS"
SYNTHETIC = "SYNTHETIC"
_FILM, _HASH = 12, 16  # number of digits shown of a film's and of a model's hash

Interval = tuple[float, float]
_UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class Standing:
    """A model, with its results on the validation films at its lock."""

    model: str
    model_sha256: str
    arch: str
    dataset: str  # the films it was trained and judged on
    backend: str
    rule: str | None  # of the lock, in words; None without one
    n: int  # validation films
    patients: int
    positives: int  # validation films with the finding
    sensitivity: float = math.nan
    sensitivity_interval: Interval = _UNKNOWN
    specificity: float = math.nan
    specificity_interval: Interval = _UNKNOWN
    missed_below: float = math.nan  # share of the findings below a review band
    missed_below_interval: Interval = _UNKNOWN
    calibrated: bool = False  # whether a score is a probability at the prevalence of those films
    copies: int = 0  # perturbed copies of each film that the calibration was fitted to as well
    models: int = 1  # number of networks whose scores are averaged
    finding: Finding = PNEUMONIA
    films: ThresholdTable | None = field(default=None, repr=False)  # the validation films, for comparison
    test: ThresholdTable | None = field(default=None, repr=False)  # the test films, if they were opened

    @property
    def prevalence_words(self) -> str:
        """Sentences on whether a score is a probability, and at which prevalence."""
        return film_words.prevalence(
            self.positives,
            self.n,
            calibrated=self.calibrated,
            copies=self.copies,
            finding=self.finding,
        )

    def below_words(self, threshold: float, review_from: float | None, prevalence: float) -> list[str]:
        """Return what "below" means on the validation films, and on the test films if they were opened."""
        splits = {"validation": self.films, "test": self.test}
        return [
            film_words.below(films, threshold, review_from, prevalence=prevalence, split=split)
            for split, films in splits.items()
            if films is not None
        ]


@dataclass(frozen=True, eq=False)
class DrawnHeatmap:
    """A heatmap as drawn over a film, with its description."""

    png: bytes  # RGBA, of the size of the film
    method: str  # its title
    grids: tuple[tuple[int, int], ...]  # rows and columns of each network's true grid
    fixed: bool  # whether full colour is the same on every film
    strongest: float  # its strongest place as a share of full colour, 0 to 1; 0 if it is blank
    finding: Finding = PNEUMONIA  # what the score is about
    faithful: tuple[int, int] | None = None  # random maps that it beats, and their number; None if not tested

    @property
    def faint(self) -> bool:
        """Whether the heatmap isn't blank but hardly visible."""
        return 0 < self.strongest < film_words.FAINT

    @property
    def words(self) -> str:
        """Sentences that describe the heatmap, and how faithful it is to the model."""
        description = film_words.heatmap(
            self.method, self.grids, fixed=self.fixed, strongest=self.strongest, finding=self.finding
        )
        return (
            description if self.faithful is None else f"{description} {film_words.faithful(*self.faithful)}"
        )


@dataclass(frozen=True, eq=False)
class FilmReport:
    """One film with a model's score and decision."""

    standing: Standing
    film_sha256: str  # of the whole file
    film: NDArray[np.uint8]  # (height, width), as shown to a reader
    overlay: DrawnHeatmap | None  # None if none was drawn
    score: float  # 0 to 1
    decision: str | None  # positive, negative, review or None
    threshold: float | None
    review_from: float | None
    warnings: tuple[str, ...]
    overridden: bool
    synthetic: bool
    made_at: datetime
    version: str  # of XRayLab
    call: str | None = None  # the reader's own call
    blind: bool = False  # whether it was made before the score was shown
    note: str = ""
    notes: tuple[str, ...] = ()  # further remarks on the film, in sentences; they prevent no decision
    spread: float | None = None  # disagreement between an ensemble's models; None for one model
    kinds: tuple[tuple[str, float], ...] = ()  # of the finding, given the finding; empty unless positive
    prevalence: float = USUAL  # share of films with the finding where the film is read, in (0, 1)

    @property
    def decided(self) -> bool:
        """Whether there is a decision; without one the score is a detail."""
        return self.decision is not None

    @property
    def below_words(self) -> list[str]:
        """What "below" means at the lock, in sentences; empty without a lock."""
        if self.threshold is None:
            return []
        return self.standing.below_words(self.threshold, self.review_from, self.prevalence)

    @property
    def known_by(self) -> str:
        """Name of the film: the first digits of its file's hash."""
        return self.film_sha256[:_FILM]

    @property
    def model_known_by(self) -> str:
        """First digits of the model's hash."""
        return self.standing.model_sha256[:_HASH]

    @property
    def decision_words(self) -> tuple[str, str]:
        """The decision in words, and a note that must be shown together with it."""
        return formats.decision(
            self.decision, self.threshold, self.review_from, scored=self.standing.finding.score
        )

    @property
    def despite_warnings(self) -> str:
        """Whether a decision was made despite warnings; empty without warnings or without a lock."""
        if self.overridden:
            return film_words.OVERRIDDEN
        return film_words.NOT_DECIDED if self.warnings and self.threshold is not None else ""

    @property
    def about_score(self) -> list[str]:
        """Sentences that explain the score: its meaning, and how much the models of an ensemble differ."""
        standing = self.standing
        sentences = [standing.prevalence_words]
        if self.decided and standing.n:
            sentences.append(
                film_words.probability(
                    self.score,
                    standing.positives,
                    standing.n,
                    self.prevalence,
                    calibrated=standing.calibrated,
                    finding=standing.finding,
                )
            )
        if self.spread is not None:
            sentences.append(film_words.disagreement(self.spread, self.standing.models))
        return sentences


def standing_rates(
    table: ThresholdTable, threshold: float, review_from: float | None
) -> dict[str, float | Interval]:
    """Compute the rates of a ``Standing`` at a lock, by the names of its fields."""
    point = table.at(threshold)
    rates: dict[str, float | Interval] = {
        "sensitivity": point.sensitivity,
        "sensitivity_interval": table.interval("sensitivity", threshold),
        "specificity": point.specificity,
        "specificity_interval": table.interval("specificity", threshold),
    }
    if review_from is not None:
        band = review_band(table, review_from, threshold)
        rates |= {"missed_below": band.missed_rate, "missed_below_interval": band.missed_interval}
    return rates
