"""Documents of models: their lock, card and members."""

from datetime import datetime

from pydantic import Field

from xraylab.documents.evaluation import Evaluated
from xraylab.documents.intervals import Interval
from xraylab.files import Record


class EnsembleMember(Record):
    """A model in an ensemble, and the Platt scaling of its logits."""

    model: str
    arch: str
    slope: float
    intercept: float


class Ensembled(Record):
    """A new ensemble: its members, and the Platt scaling of their mean probability."""

    model: str
    members: list[EnsembleMember]
    slope: float
    intercept: float
    after_opening: bool = Field(description="Whether the test split was opened for a member before.")
    val: Evaluated


class Locked(Record):
    """A lock: the operating point of a model."""

    model: str
    rule: str
    threshold: float
    review_from: float | None = Field(
        default=None, description="Films from here up to the threshold need a reader; null without a band."
    )
    review_rule: str | None = Field(default=None, description="Rule that chose review_from.")
    after_opening: bool
    one_decision: str | None = Field(
        default=None, description="Says that every validation film gets the same decision; else null."
    )
    val: Evaluated


class ReadingModel(Record):
    """The model that somebody chose to read films."""

    model: str
    chosen_at: datetime


class ModelRow(Record):
    """A model in a list."""

    name: str
    arch: str
    dataset: str
    recipe: str
    threshold: float | None
    rule: str | None
    review_from: float | None = Field(
        default=None, description="Lower end of the lock's review band; null without one."
    )
    val_auc: float
    val_auc_ci: Interval
    few: str | None = Field(
        default=None, description="Says that its validation films are too few to judge it; else null."
    )
    reads: bool = Field(default=False, description="Whether this model reads films unless another is named.")
    created_at: datetime
    shipped: bool = Field(
        description="Whether the model came with XRayLab; it can be locked but not replaced."
    )


class ModelCard(Record):
    """A model's card."""

    model: str
    markdown: str
