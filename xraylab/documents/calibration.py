"""Calibration of a model on labelled films, as all documents show it."""

from pydantic import Field

from xraylab.documents.intervals import Interval
from xraylab.files import Record


class Calibrated(Record):
    """Distance of scores from probabilities; intervals are at 95 %, clustered by patient."""

    brier: float
    ece: float = Field(description="Expected calibration error over ten bins.")
    slope: float = Field(
        description="Slope of a logistic regression of the label on the logit, by Firth's penalised "
        "likelihood; 1 is perfect."
    )
    slope_ci: Interval
    intercept: float = Field(description="Intercept of the same regression; 0 is perfect.")
    intercept_ci: Interval
    why: str | None = Field(description="Reason why there is no slope.")
    observed: int = Field(description="Films with the finding.")
    expected: float = Field(description="Films with the finding if scores were probabilities: their sum.")
    observed_expected: float = Field(
        description="Calibration in the large: observed / expected; 1 is perfect."
    )
    observed_expected_ci: Interval
    too_few: str | None = Field(description="Reason why there are no intervals.")


class CalibrationBin(Record):
    """Films of similar score."""

    low: float = Field(description="Lower edge of the bin, included.")
    high: float = Field(description="Upper edge, excluded; 1 is included.")
    n: int
    score: float = Field(description="Mean score.")
    share: float = Field(description="Share of the films with the finding.")
    interval: Interval = Field(description="Interval of share at 95 %, clustered by patient.")
