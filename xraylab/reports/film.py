"""
What a document says of one film: its score, what the lock makes of it, and how good the model was there.

- plain values, filled in by whoever has the model; the PDF, the picture and DICOM are drawn from these alone
- nothing here tells whose film it is: it is known by the first digits of its file's hash, which say nothing
  of anybody and let a person who has the file find it again
- rates are those of the validation films, with 95 % intervals clustered by patient, NaN where there is none
"""

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from xraylab import formats
from xraylab.evaluation.band import review_band
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.reports import film_words

BURNED_IN = "RESEARCH, NOT FOR DIAGNOSIS"
SYNTHETIC = "SYNTHETIC"
_FILM, _HASH = 12, 16  # digits of a film's and of a model's hash that are written

Interval = tuple[float, float]
_UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class Standing:
    """A model and how it did on its validation films at its lock."""

    model: str
    model_sha256: str
    arch: str
    dataset: str  # the films it was trained and judged on
    backend: str
    rule: str | None  # of the lock, in words; None without one
    n: int  # validation films
    patients: int
    positives: int  # validation films with pneumonia
    sensitivity: float = math.nan
    sensitivity_interval: Interval = _UNKNOWN
    specificity: float = math.nan
    specificity_interval: Interval = _UNKNOWN
    missed_below: float = math.nan  # share of the pneumonias that lie below a review band
    missed_below_interval: Interval = _UNKNOWN
    calibrated: bool = False  # whether a score is a probability where pneumonia is as common as there
    models: int = 1  # networks that a score is the mean of
    films: ThresholdTable | None = field(default=None, repr=False)  # the validation films, to stand among

    @property
    def prevalence_words(self) -> str:
        """Whether a score is a probability, and at which share of pneumonia."""
        return film_words.prevalence(self.positives, self.n, calibrated=self.calibrated)


@dataclass(frozen=True, eq=False)
class DrawnHeatmap:
    """A heatmap as it was drawn over a film, and what it is."""

    png: bytes  # RGBA, stretched to the film
    method: str  # its title
    grids: tuple[tuple[int, int], ...]  # rows and columns of each network's true grid
    fixed: bool  # whether full colour is the same on every film
    strongest: float  # its strongest place in parts of full colour, 0 to 1; 0 if it is blank
    faithful: tuple[int, int] | None = None  # random maps that it beats, of how many; None if not judged

    @property
    def faint(self) -> bool:
        """Whether it is there and hardly to be seen."""
        return 0 < self.strongest < film_words.FAINT

    @property
    def words(self) -> str:
        """What it is, and how faithful to the model, in sentences."""
        told = film_words.heatmap(self.method, self.grids, fixed=self.fixed, strongest=self.strongest)
        return told if self.faithful is None else f"{told} {film_words.faithful(*self.faithful)}"


@dataclass(frozen=True, eq=False)
class FilmReport:
    """One film as a model read it."""

    standing: Standing
    film_sha256: str  # of the whole file
    film: NDArray[np.uint8]  # (height, width), as it is looked at
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
    call: str | None = None  # the reader's own
    note: str = ""
    notes: tuple[str, ...] = ()  # what else to know of the film, in sentences; they stopped no decision
    spread: float | None = None  # disagreement between an ensemble's models; None for one model
    kinds: tuple[tuple[str, float], ...] = ()  # of pneumonia, given pneumonia; none unless it is positive

    @property
    def known_by(self) -> str:
        """What the film is called: some digits of its file's hash."""
        return self.film_sha256[:_FILM]

    @property
    def model_known_by(self) -> str:
        """Some digits of the model's hash."""
        return self.standing.model_sha256[:_HASH]

    @property
    def said(self) -> tuple[str, str]:
        """The decision in the house's words, and what has to stand beside it."""
        return formats.decision(self.decision, self.threshold, self.review_from)

    @property
    def despite_warnings(self) -> str:
        """Whether the decision was made in spite of warnings; nothing where there was none to make."""
        if self.overridden:
            return film_words.OVERRIDDEN
        return film_words.NOT_DECIDED if self.warnings and self.threshold is not None else ""

    @property
    def about_score(self) -> list[str]:
        """What it takes to read the score: what it means, and how alike the models are."""
        told = [self.standing.prevalence_words]
        if self.spread is not None:
            told.append(film_words.disagreement(self.spread, self.standing.models))
        return told


def standing_rates(
    table: ThresholdTable, threshold: float, review_from: float | None
) -> dict[str, float | Interval]:
    """The rates of a ``Standing`` at a lock, by the names of its fields."""
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
