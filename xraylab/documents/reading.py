"""Documents of films that were read, and of the case log."""

from datetime import datetime

from pydantic import Field

from xraylab.files import Record


class Predicted(Record):
    """The result for one file."""

    file: str
    score: float | None
    decision: str | None = Field(description="positive, negative, review or null")
    threshold: float | None
    warnings: list[str] = Field(
        description="Reasons why the film is unusual; a warning prevents the decision."
    )
    notes: list[str] = Field(description="Other facts about the film; a note doesn't prevent a decision.")
    refused: str | None
    heatmap: str | None = Field(description="Path of the overlay, if it was requested.")
    spread: float | None = Field(
        description="Disagreement between an ensemble's models, as a standard deviation; not an interval."
    )
    subtype: dict[str, float] | None = Field(
        description="Kinds of the finding, given the finding; null unless the decision is positive."
    )
    report: str | None = Field(default=None, description="Path of the film's PDF, if it was requested.")
    overridden: bool = Field(
        default=False, description="Whether a person asked for the decision despite warnings."
    )
    review_from: float | None = Field(
        default=None, description="Lower end of the lock's review band; null without one."
    )
    synthetic: bool = Field(default=False, description="Whether the film is a teaching phantom.")


class CaseRow(Record):
    """A film that a reader kept; a deleted case has only its number and times."""

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
    overridden: bool | None = Field(
        default=None, description="Whether a person asked for the decision despite warnings."
    )
    synthetic: bool | None = Field(default=None, description="Whether the film is a teaching phantom.")
    finding: str | None = Field(default=None, description="What the model looked for.")
    call: str | None = Field(
        default=None, description="Call of the reader, such as pneumonia, no pneumonia, unsure."
    )
    blind: bool | None = Field(
        default=None, description="Whether the call was made before the score was shown."
    )
    agrees: bool | None = Field(
        default=None, description="Whether call and decision agree; null if one of them is open."
    )
    note: str | None = None
    film_kept: bool | None = None


class TrailRow(Record):
    """One entry of the trail: the person, the action and the time."""

    case: int | None = Field(description="null if the entry concerns the whole log.")
    actor: str
    action: str = Field(description="created, call, note, exported or deleted")
    changed: str
    at: datetime


class CaseLog(Record):
    """The case log with its trail."""

    schema_: str = Field("xraylab.cases/1", alias="schema")
    cases: list[CaseRow]
    trail: list[TrailRow]
