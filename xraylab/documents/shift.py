"""Documents of a shift: other films compared with the validation films."""

from pydantic import Field

from xraylab.documents.calibration import Calibrated
from xraylab.documents.evaluation import Overlap
from xraylab.documents.intervals import Interval
from xraylab.files import Record


class Difference(Record):
    """Difference of a number: other films minus validation."""

    value: float
    low: float
    high: float


class ShiftSide(Record):
    """Figures of a model on one of two sets of films, at its lock."""

    n: int
    patients: int
    refused: int
    warned: int | None = Field(description="Films with warnings; null if there were only stored scores.")
    prevalence: float = Field(description="Share of films with the finding.")
    prevalence_ci: Interval
    auc: float
    auc_ci: Interval
    sensitivity: float
    sensitivity_ci: Interval
    specificity: float
    specificity_ci: Interval
    brier: float
    ece: float
    slope: float = Field(description="As in calibration.")
    intercept: float = Field(description="As in calibration.")
    no_slope: str | None = Field(description="Reason why there is no slope.")
    calibration: Calibrated


class ShiftOfClass(Record):
    """Comparison of the scores of one class with validation."""

    label: str
    n: tuple[int, int] = Field(description="Number of films: validation, other.")
    patients: tuple[int, int]
    chance: float = Field(
        description="Probability that another film scores above a validation film; ties count half."
    )
    chance_ci: Interval
    p: float = Field(description="Two-sided p of a probability of one half.")
    adjusted_p: float = Field(description="p adjusted by Holm's method over both classes.")
    fires: bool = Field(description="Whether the adjusted p is below 0.05.")


class Shift(Record):
    """Other films compared with validation; intervals are at 95 %, clustered by patient."""

    model: str
    data: str = Field(description="test, or the path of the other films.")
    threshold: float
    rule: str
    fires: bool = Field(description="Whether any class scores differently.")
    verdict: str
    overlap: Overlap | None = Field(
        default=None, description="Other films that the model was made from; they are left out."
    )
    floor_void: bool = Field(
        description="Whether the lock is a sensitivity floor, which holds on one film per patient, and the "
        "films differ."
    )
    classes: list[ShiftOfClass]
    validation: ShiftSide
    other: ShiftSide
    differences: dict[str, Difference] = Field(description="Differences: other films minus validation.")
