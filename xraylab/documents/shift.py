"""Documents of a shift: other films against the validation films."""

from pydantic import Field

from xraylab.documents.intervals import Interval
from xraylab.files import Record


class Difference(Record):
    """How much larger a number is on other films than on validation."""

    value: float
    low: float
    high: float


class ShiftSide(Record):
    """How well a model does on one of two sets of films, at its lock."""

    n: int
    patients: int
    refused: int
    warned: int | None = Field(description="Films with warnings; null where only stored scores were there.")
    prevalence: float = Field(description="Share of films with pneumonia.")
    prevalence_ci: Interval
    auc: float
    auc_ci: Interval
    sensitivity: float
    sensitivity_ci: Interval
    specificity: float
    specificity_ci: Interval
    brier: float
    ece: float
    slope: float = Field(description="Of a logistic regression of pneumonia on the logit; 1 is perfect.")
    intercept: float = Field(description="Of the same; 0 is perfect.")
    no_slope: str | None = Field(description="Why there is no slope.")


class ShiftOfClass(Record):
    """Whether the other films of one class score like validation's."""

    label: str
    n: tuple[int, int] = Field(description="Films of validation, of the others.")
    patients: tuple[int, int]
    chance: float = Field(description="That one of the others scores above one of validation, ties half.")
    chance_ci: Interval
    p: float = Field(description="Two-sided, of a chance of one half.")
    adjusted_p: float = Field(description="The same, by Holm's method over both classes.")
    fires: bool = Field(description="Whether the adjusted p is below 0.05.")


class Shift(Record):
    """Other films against validation; intervals are at 95 %, clustered by patient."""

    model: str
    data: str = Field(description="test, or the path of the other films.")
    threshold: float
    rule: str
    fires: bool = Field(description="Whether any class scores differently.")
    verdict: str
    floor_void: bool = Field(description="Whether the lock is a sensitivity floor and the films differ.")
    classes: list[ShiftOfClass]
    validation: ShiftSide
    other: ShiftSide
    differences: dict[str, Difference] = Field(description="The others less validation.")
