"""Documents of an evaluation at the lock, and of one under the suite of perturbations."""

from pydantic import Field

from xraylab.documents.intervals import Interval
from xraylab.files import Record


class BandZone(Record):
    """Films above, between or below the two cuts of a review band."""

    films: int
    share: float = Field(description="Of all films.")
    pneumonia: int
    normal: int


class ReviewBand(Record):
    """What a lock's review band does with labelled films; intervals as in ``Evaluated``."""

    review_from: float = Field(description="Films from here up to the threshold need a reader.")
    above: BandZone
    review: BandZone = Field(description="Films that need a reader.")
    below: BandZone = Field(description="Films below both cuts; never called cleared.")
    missed: int = Field(description="Pneumonias below both cuts.")
    missed_rate: float = Field(description="Of all pneumonias.")
    missed_ci: Interval
    false_alarms: int = Field(description="Normal films above both cuts.")
    false_alarm_rate: float = Field(description="Of all normal films.")
    false_alarm_ci: Interval


class Evaluated(Record):
    """How well a model does on labelled films at its lock; intervals are at 95 %, clustered by patient."""

    model: str
    data: str
    split: str | None = Field(description="validation, test or train; null for a source scored whole.")
    n: int
    patients: int
    refused: int
    warned: int | None = Field(
        description="Films with warnings; null where only stored scores were there, not the films."
    )
    auc: float
    auc_ci: Interval
    average_precision: float
    threshold: float
    accuracy: float
    balanced_accuracy: float
    sensitivity: float
    specificity: float
    precision: float
    npv: float
    f1: float
    kappa: float
    intervals: dict[str, Interval]
    confusion: tuple[tuple[int, int], tuple[int, int]] = Field(description="[[tn, fp], [fn, tp]]")
    brier: float
    ece: float
    test_openings: int = Field(description="Openings of the dataset's test split, by any model.")
    lock_after_opening: bool
    band: ReviewBand | None = Field(default=None, description="null where the lock has no review band.")


class UnderPerturbation(Record):
    """How well a model does on held-out films under one perturbation of the suite, at its lock."""

    perturbation: str
    title: str
    left_out: bool = Field(description="Whether nothing of its kind was trained for.")
    auc: float
    auc_ci: Interval
    drop: float = Field(description="AUC of the films as they are less this one.")
    sensitivity: float
    specificity: float
    balanced_accuracy: float


class Robustness(Record):
    """How a model bears the suite of perturbations; intervals are at 95 %, clustered by patient."""

    model: str
    split: str = Field(description="validation or test")
    n: int
    patients: int
    auc: float = Field(description="Of the films as they are.")
    auc_ci: Interval
    threshold: float
    worst: str | None = Field(description="The perturbation with the lowest AUC.")
    rows: list[UnderPerturbation]
