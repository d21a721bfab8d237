"""Documents of an evaluation at the lock, and of one under the suite of perturbations."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from xraylab.documents.calibration import Calibrated
from xraylab.documents.intervals import Interval
from xraylab.documents.older import OLDER, older
from xraylab.files import Record
from xraylab.findings import Finding

if TYPE_CHECKING:
    from xraylab.evaluation.band import Band, Zone


class BandZone(Record):
    """Films above, between or below the two cuts of a review band."""

    films: int
    share: float = Field(description="Share of all films.")
    positives: int = Field(description="Films with the finding.")
    negatives: int
    pneumonia: int | None = OLDER
    normal: int | None = OLDER

    @classmethod
    def of(cls, zone: "Zone", finding: Finding) -> Self:
        """Copy the counts of a zone."""
        counts = {"positives": zone.diseased, "negatives": zone.healthy}
        return cls(
            films=zone.films,
            share=zone.share,
            **counts,
            **older(finding, pneumonia=zone.diseased, normal=zone.healthy),
        )


class ReviewBand(Record):
    """Labelled films above, in and below a lock's review band; intervals as in ``Evaluated``."""

    review_from: float = Field(description="Films from here up to the threshold need a reader.")
    above: BandZone
    between: BandZone = Field(description="Films between the two cuts, which need a reader.")
    review: BandZone = Field(description="The same films as between; an older name.")
    below: BandZone = Field(description="Films below both cuts; never called cleared.")
    below_positive: int = Field(description="Films with the finding below both cuts.")
    below_positive_share: float = Field(description="Share of the films below with the finding, 1 - NPV.")
    below_positive_ci: Interval
    missed: int = Field(description="The same count as below_positive; an older name.")
    missed_rate: float = Field(description="Share of all films with the finding.")
    missed_ci: Interval
    false_alarms: int = Field(description="Films without the finding above both cuts.")
    false_alarm_rate: float = Field(description="Share of all films without it.")
    false_alarm_ci: Interval

    @classmethod
    def of(cls, band: "Band", finding: Finding) -> Self:
        """Lay out the counts and rates of a review band."""
        return cls(
            review_from=band.review_from,
            above=BandZone.of(band.above, finding),
            between=BandZone.of(band.between, finding),
            review=BandZone.of(band.between, finding),
            below=BandZone.of(band.below, finding),
            below_positive=band.missed,
            below_positive_share=band.below.diseased_share,
            below_positive_ci=band.below_interval,
            missed=band.missed,
            missed_rate=band.missed_rate,
            missed_ci=band.missed_interval,
            false_alarms=band.false_alarms,
            false_alarm_rate=band.false_alarm_rate,
            false_alarm_ci=band.false_alarm_interval,
        )


class Overlap(Record):
    """Films of an evaluation that the model was made from: trained on, or used to choose or calibrate."""

    films: int = Field(description="Films that could be read.")
    used: int = Field(description="Films among them that the model was made from, in any way.")
    trained_on: int = Field(description="Films among these that it was trained on.")
    included: bool = Field(description="Whether the figures include these films; by default they don't.")
    known: Literal["all", "some", "none"] = Field(
        description="Whether it is known which films the model was made from."
    )
    sentence: str = Field(description="The same in words; empty if there is nothing to say.")


class Evaluated(Record):
    """Figures of a model on labelled films at its lock; intervals are at 95 %, clustered by patient."""

    model: str
    data: str
    finding: str = Field(default="pneumonia", description="What a positive film shows.")
    split: str | None = Field(description="validation, test or train; null if a whole source was scored.")
    n: int
    patients: int
    refused: int
    warned: int | None = Field(
        description="Films with warnings; null if there were only stored scores and no films."
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
    confusion: tuple[tuple[int, int], tuple[int, int]] = Field(
        description="[[tn, fp], [fn, tp]] of all scored films at the threshold; a band doesn't change it."
    )
    brier: float
    ece: float
    calibration: Calibrated | None = Field(
        default=None, description="Slope, intercept and observed / expected, with intervals."
    )
    test_openings: int = Field(
        description="Openings of these films on record, for any model and under any name."
    )
    lock_after_opening: bool
    band: ReviewBand | None = Field(default=None, description="null if the lock has no review band.")
    overlap: Overlap | None = Field(
        default=None, description="null for films that the model held out, by its own record."
    )
    is_test: bool = Field(
        default=False,
        description="Whether these are films of a test split, and the model was made from none.",
    )


class UnderPerturbation(Record):
    """Figures of a model on held-out films under one perturbation of the suite, at its lock."""

    perturbation: str
    title: str
    left_out: bool = Field(description="Whether its family was left out of the training.")
    auc: float
    auc_ci: Interval
    drop: float = Field(description="AUC of the unchanged films minus this AUC.")
    sensitivity: float
    specificity: float
    balanced_accuracy: float


class Robustness(Record):
    """Figures of a model under the suite of perturbations; intervals are at 95 %, clustered by patient."""

    model: str
    split: str = Field(description="validation or test")
    n: int
    patients: int
    auc: float = Field(description="AUC of the unchanged films.")
    auc_ci: Interval
    threshold: float
    worst: str | None = Field(description="Perturbation with the lowest AUC.")
    rows: list[UnderPerturbation]
