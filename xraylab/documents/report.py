"""The evaluation report: all numbers of a model's two held-out splits, as one document."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from xraylab.documents.calibration import Calibrated, CalibrationBin
from xraylab.documents.evaluation import ReviewBand
from xraylab.documents.intervals import Interval
from xraylab.documents.older import OLDER
from xraylab.documents.standards import ByPatient, Checklist, Provenance, SampleSize
from xraylab.files import Record
from xraylab.findings import PNEUMONIA, Finding

AverageName = Literal["micro", "macro", "weighted"]


class Estimated(Record):
    """A number with its 95 % interval; null if it is unknown or infinite."""

    value: float
    interval: Interval = Field(description="Interval clustered by patient.")
    by_film: Interval = Field(
        description="Detail: each film taken as its own patient; too narrow if patients have several films."
    )
    method: str = Field(description="Method of both intervals: Wilson, MOVER, DeLong or jackknife.")


class AboutLock(Record):
    """The operating point of a report."""

    threshold: float
    rule: str
    locked_at: datetime
    actor: str
    n: int = Field(description="Number of validation films that it was chosen on.")
    after_opening: bool = Field(description="Whether the test split was opened before this lock.")
    openings_before: int | None = Field(
        default=None,
        description="Openings of the test films on record when the lock was made, for any model; null if "
        "an earlier version made it.",
    )
    review_from: float | None = Field(
        default=None, description="Films from here up to the threshold need a reader; null without a band."
    )
    review_rule: str | None = Field(default=None, description="Rule that chose review_from.")
    one_decision: str | None = Field(
        default=None, description="Says that every validation film gets the same decision; else null."
    )


class ClassRow(Record):
    """One class of a classification report."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    auc: float | None = Field(description="AUC against all other classes; null with two classes.")
    auc_ci: Interval | None


class AverageRow(Record):
    """An average over the classes of a classification report."""

    average: AverageName
    precision: float
    recall: float
    f1: float
    support: int
    left_out: dict[str, tuple[str, ...]] = Field(description="For each rate, the classes that don't have it.")


class ClassTable(Record):
    """A classification report with its confusion matrix, truth by row and calls by column."""

    classes: list[ClassRow]
    averages: list[AverageRow] = Field(description="Averages: micro (the accuracy), macro and weighted.")
    confusion: tuple[tuple[int, ...], ...]
    left_out: int = Field(description="Films with the finding of a kind that the model doesn't know.")


class KindRow(Record):
    """The films with one kind of the finding, and the number found."""

    kind: str
    n: int
    patients: int
    sensitivity: float
    interval: Interval


class Thousand(Record):
    """Films in a thousand, if sensitivity and specificity stay as measured."""

    found: int
    missed: int
    false_alarms: int
    rightly_below: int


class BandThousand(Record):
    """Films in a thousand by the zones of a review band, if the share of each class in them stays."""

    review_from: float
    above: int
    between: int = Field(description="Films that need a reader.")
    below: int
    above_positive: int = Field(description="Films with the finding above both cuts.")
    between_positive: int
    below_positive: int


class AtPrevalence(Record):
    """Predictive values of the lock at another prevalence, at its threshold."""

    prevalence: float
    ppv: float
    ppv_interval: Interval
    npv: float
    npv_interval: Interval
    thousand: Thousand | None
    probability_at_threshold: float = Field(
        description="Probability of the finding at a score equal to the threshold, at this prevalence, "
        "by the prior odds; null if the scores aren't calibrated."
    )
    npv_below: float | None = Field(
        default=None, description="NPV of the films below both cuts; null without a review band."
    )
    npv_below_interval: Interval | None = None
    band_thousand: BandThousand | None = Field(
        default=None, description="The same films by the zones of the review band; null without one."
    )


class Worth(Record):
    """Net benefit and cost of the calls at the lock; null if nobody said what a missed case costs."""

    threshold_probability: float = Field(description="1 / (1 + cost).")
    cost: float = Field(
        description="False alarms that one missed case is worth: as the user says, else by a cost rule."
    )
    net_benefit: float = Field(description="In cases found per film.")
    net_benefit_of_all: float = Field(
        description="Net benefit of calling every film positive; calling none has 0."
    )
    expected_cost: float = Field(description="In false alarms per film.")
    net_benefit_at_prevalence: float
    expected_cost_at_prevalence: float


class DecisionAt(Record):
    """Decision curve at a prevalence, over threshold probabilities of 1 to 50 %."""

    prevalence: float
    measured_at: float = Field(
        description="Share of the finding among the validation films; scores are moved from it by prior odds."
    )
    calibrated: bool = Field(
        description="Whether the scores were calibrated; if not, they are read as probabilities anyway."
    )
    probability: list[float]
    net_benefit: list[float] = Field(description="In cases found per film; calling none has 0.")
    low: list[float] = Field(description="Lower ends of the intervals of net_benefit, by patient (MOVER).")
    high: list[float]
    net_benefit_of_all: list[float]


class Curves(Record):
    """Data of the figures of a report."""

    negatives: list[int] = Field(description="Films without the finding by score, in equal bins from 0 to 1.")
    positives: list[int]
    normal: list[int] | None = OLDER
    pneumonia: list[int] | None = OLDER
    threshold: list[float] = Field(description="Corners of the curve, falling; null calls no film positive.")
    tp: list[int] = Field(description="Films with the finding at or above the threshold.")
    fp: list[int]
    score: list[float] = Field(description="Mean score of the films in each of ten bins, without empty bins.")
    share: list[float] = Field(description="Share of these films with the finding.")
    n: list[int]
    bins: list[CalibrationBin] = Field(
        description="Films in bins that are even on the logit scale, without empty bins."
    )
    probability: list[float] = Field(
        description="Threshold probabilities of the decision curve at the films' own prevalence."
    )
    net_benefit: list[float]
    net_benefit_of_all: list[float]


class SplitReport(Record):
    """Figures of a model on one split at its lock."""

    split: str
    finding: Finding = Field(default=PNEUMONIA, description="What a positive film shows.")
    n: int
    patients: int
    positives: int
    refused: int = Field(description="Films that could not be scored or have no label.")
    estimates: dict[str, Estimated] = Field(
        description="auc, average_precision, sensitivity, specificity, ppv, npv, f1, accuracy, "
        "balanced_accuracy, kappa, mcc, lr_positive, lr_negative"
    )
    confusion: tuple[tuple[int, int], tuple[int, int]] = Field(
        description="[[tn, fp], [fn, tp]] of all scored films at the threshold; a band doesn't change it."
    )
    band: ReviewBand | None = Field(default=None, description="null if the lock has no review band.")
    calibration: Calibrated
    report: ClassTable
    by_kind: ClassTable | None = Field(
        description="Report over the films without the finding and the kinds that the model distinguishes."
    )
    kinds: list[KindRow] = Field(description="Kinds by file name, if file names contain them.")
    by_patient: ByPatient | None = Field(default=None, description="Figures with each patient counted once.")
    warned: int | None = Field(
        default=None,
        description="Films that the gate warns of; null, because stored predictions don't hold warnings.",
    )
    sample_size: list[SampleSize] = Field(
        default=[], description="Films for narrower intervals; empty without films of a class."
    )
    at_prevalence: AtPrevalence
    worth: Worth
    decision: DecisionAt
    curves: Curves


class EvaluationReport(Record):
    """The whole evaluation of a model, as it is exported; intervals are at 95 %."""

    schema_: Literal["xraylab.evaluation/1"] = Field("xraylab.evaluation/1", alias="schema")
    model: str
    model_sha256: str
    arch: str
    classes: tuple[str, ...]
    dataset: str
    kind: str = Field(description="radiographs or phantoms")
    finding: Finding = Field(default=PNEUMONIA, description="What a positive film shows.")
    made_at: datetime
    version: str = Field(description="Version of XRayLab.")
    lock: AboutLock
    prevalence: float = Field(description="Prevalence that at_prevalence and worth refer to.")
    test_openings: int = Field(
        description="Openings of the test films on record, for any model and under any name."
    )
    validation_used_for: tuple[str, ...] = Field(
        default=(), description="What the validation films chose, such as epoch, calibration and threshold."
    )
    provenance: Provenance | None = Field(
        default=None, description="Flow of the films, their hashes and the openings; null if not looked up."
    )
    checklists: list[Checklist] = Field(default=[], description="TRIPOD+AI, CLAIM 2024 and STARD-AI.")
    order: str = Field(default="", description="Whether the test films were seen before the lock, in words.")
    validation: SplitReport = Field(
        description="Figures on the films that the lock was chosen on, so they are optimistic."
    )
    test: SplitReport | None = Field(description="null until the test split was opened at this lock.")
    card: str = Field(description="The model card, as Markdown.")
