"""What reporting standards ask for: where the films came from, patients, sample size, and the checklists."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from xraylab.documents.intervals import Interval
from xraylab.documents.older import OLDER
from xraylab.files import Record


class Reason(Record):
    """Why some files or films dropped out."""

    reason: str
    files: int


class SplitFlow(Record):
    """Films and patients that a split was given; null if it isn't known."""

    split: str
    films: int
    patients: int | None
    positives: int | None = Field(description="Films with the finding.")
    negatives: int | None
    pneumonia: int | None = OLDER
    normal: int | None = OLDER


class HeldOutFlow(Record):
    """From the films that a split holds to those that its figures stand on."""

    split: str
    films: int
    used_before: int = Field(description="Films left out because the first weights were made from them.")
    trained_on_before: int = Field(description="Of these, films that the first weights were trained on.")
    not_scored: list[Reason] = Field(description="Films without a score, by reason.")
    unlabelled: int = Field(description="Films with a score, but without a label.")
    evaluated: int


class FilmFlow(Record):
    """From the files in the source to the films that the figures stand on."""

    files: int | None = Field(description="Files in the source; null if the dataset isn't here.")
    ignored: list[Reason] | None = Field(description="Files that aren't labelled films, by reason.")
    refused: list[Reason] | None = Field(description="Films that could not be read, by reason.")
    films: int | None = Field(description="Films that were read.")
    patients: int | None
    left_out: int | None = Field(description="Films in no split, because it would share a patient.")
    splits: list[SplitFlow]
    held_out: list[HeldOutFlow] = Field(description="Only splits whose results may be shown.")
    notes: list[str] = Field(description="Notes of the import.")
    unknown: list[str] = Field(description="Sentences about what isn't known.")


class FilmsHash(Record):
    """A hash that identifies the films of a split, whatever their files are called."""

    split: str
    films: int = Field(description="Number of different fingerprints.")
    sha256: str = Field(description="SHA-256 of the sorted fingerprints of 16 bytes each, without repeats.")


class OpeningRow(Record):
    """One time that results on the test films were shown."""

    at: datetime
    model: str
    data: str = Field(description="Name of the dataset, folder or archive.")
    actor: str = Field(description="Empty if the record doesn't tell.")


class Provenance(Record):
    """Where the films of an evaluation came from, and who saw results on them."""

    flow: FilmFlow
    pixel_hash: str = Field(description="SHA-256 of the pixels of all films in the dataset, from the card.")
    hashes: list[FilmsHash] = Field(description="Empty if it isn't known which films these are.")
    openings: list[OpeningRow] = Field(description="Openings of the test films, oldest first.")


class ByPatient(Record):
    """Patients at the lock, each counted once.

    A patient with the finding has at least one film with it, and is found if at least one of these is
    called positive. A patient without the finding is correctly negative if no film is called positive.
    """

    ill: int = Field(description="Patients with the finding.")
    well: int = Field(description="Patients without the finding.")
    both: int = Field(description="Patients with the finding who also have films without.")
    found: int
    sensitivity: float
    sensitivity_interval: Interval = Field(description="Wilson's.")
    negative: int = Field(description="Patients without the finding of whom no film is called positive.")
    specificity: float
    specificity_interval: Interval


class Needed(Record):
    """Films of one class for an interval of a given width."""

    half_width: float
    films: int
    patients: int


class SampleSize(Record):
    """How many films of a class an interval needs, at the observed rate and design effect."""

    figure: Literal["sensitivity", "specificity"]
    observed: float
    films: int
    patients: int
    half_width: float = Field(description="Half of the width of the observed interval, by patient.")
    design_effect: float = Field(description="Films per independent film, as the observed interval has it.")
    needed: list[Needed]


Answer = Literal["yes", "not applicable", "only you"]


class ChecklistItem(Record):
    """One item of a reporting standard, in our own words."""

    number: str
    topic: str
    answer: Answer
    sections: list[str] = Field(description="Keys of the sections of the PDF that answer it; empty if none.")
    remark: str = Field(description="A reason, or what is left to add; may be empty.")


class Checklist(Record):
    """A reporting standard with an answer to each item."""

    name: str
    source: str
    remark: str = Field(description="How this list differs from the published one; may be empty.")
    items: list[ChecklistItem]
