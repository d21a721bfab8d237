"""Documents of films that were read, and of the case log."""

from datetime import datetime

from pydantic import Field

from xraylab.files import Record


class Predicted(Record):
    """One file that was asked to be scored."""

    file: str
    score: float | None
    decision: str | None = Field(description="positive, negative, review or null")
    threshold: float | None
    warnings: list[str] = Field(description="What is unusual about the film; with any there is no decision.")
    notes: list[str] = Field(description="What else to know of the film; it stops no decision.")
    refused: str | None
    heatmap: str | None = Field(description="Path of the overlay, where asked for.")
    spread: float | None = Field(
        description="Disagreement between an ensemble's models, as a standard deviation; not an interval."
    )
    subtype: dict[str, float] | None = Field(
        description="Kinds of pneumonia by file name, given pneumonia; null unless the decision is positive."
    )
    report: str | None = Field(default=None, description="Path of the film's PDF, where asked for.")
    overridden: bool = Field(default=False, description="Decided in spite of its warnings, by a person.")
    review_from: float | None = Field(
        default=None, description="Lower end of the lock's review band; null without one."
    )
    synthetic: bool = Field(default=False, description="A teaching phantom.")


class CaseRow(Record):
    """A film that a reader kept; a deleted one has its number and times only."""

    case: int
    made_at: datetime
    changed_at: datetime
    deleted_at: datetime | None = None
    model: str | None = None
    model_sha256: str | None = None
    score: float | None = None
    decision: str | None = Field(default=None, description="positive, negative, review or null")
    threshold: float | None = None
    review_from: float | None = None
    warnings: list[str] | None = None
    overridden: bool | None = Field(default=None, description="Decided in spite of its warnings.")
    synthetic: bool | None = Field(default=None, description="A teaching phantom.")
    call: str | None = Field(default=None, description="The reader's own: pneumonia, no pneumonia, unsure.")
    agrees: bool | None = Field(
        default=None, description="Whether call and decision say the same; null where one says nothing."
    )
    note: str | None = None
    film_kept: bool | None = None


class TrailRow(Record):
    """Who did what to a case, and when."""

    case: int | None = Field(description="Null where the whole log was meant.")
    actor: str
    action: str = Field(description="created, call, note, exported or deleted")
    changed: str
    at: datetime


class CaseLog(Record):
    """The case log with its trail."""

    schema_: str = Field("xraylab.cases/1", alias="schema")
    cases: list[CaseRow]
    trail: list[TrailRow]
