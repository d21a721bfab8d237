"""The evaluation report: all numbers of a model's two held-out splits, as one document."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from xraylab.documents.intervals import Interval
from xraylab.files import Record

AverageName = Literal["micro", "macro", "weighted"]


class Estimated(Record):
    """A number with its 95 % interval; null where nothing can be said, or where it has no end."""

    value: float
    interval: Interval = Field(description="Clustered by patient.")
    by_film: Interval = Field(
        description="Details: each film taken as its own patient; too narrow where patients have several."
    )
    method: str = Field(description="How both intervals were made: Wilson, MOVER, DeLong or bootstrap.")


class AboutLock(Record):
    """The operating point that a report is written at."""

    threshold: float
    rule: str
    locked_at: datetime
    actor: str
    n: int = Field(description="Validation films it was chosen on.")
    after_opening: bool = Field(description="Whether the test split had been opened before.")


class ClassRow(Record):
    """One class of a classification report."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    auc: float | None = Field(description="Against all others; null with two classes.")
    auc_ci: Interval | None


class AverageRow(Record):
    """An average over the classes of a classification report."""

    average: AverageName
    precision: float
    recall: float
    f1: float
    support: int
    left_out: dict[str, tuple[str, ...]] = Field(description="By rate, the classes that have none.")


class ClassTable(Record):
    """A classification report with the confusion matrix it is made of, truth by row and calls by column."""

    classes: list[ClassRow]
    averages: list[AverageRow] = Field(description="micro (the accuracy), macro and weighted.")
    confusion: tuple[tuple[int, ...], ...]
    left_out: int = Field(description="Films with pneumonia of no kind that the model knows.")


class KindRow(Record):
    """The films with one kind of pneumonia, and how many of them are found."""

    kind: str
    n: int
    patients: int
    sensitivity: float
    interval: Interval


class Thousand(Record):
    """Whole films of a thousand, if sensitivity and specificity stay as measured."""

    found: int
    missed: int
    false_alarms: int
    rightly_below: int


class AtPrevalence(Record):
    """What the lock comes to where another share of the films has pneumonia."""

    prevalence: float
    ppv: float
    ppv_interval: Interval
    npv: float
    npv_interval: Interval
    thousand: Thousand | None


class Worth(Record):
    """What the calls at the lock are worth, at the films' own share of pneumonia and at another one."""

    threshold_probability: float = Field(description="1 / (1 + cost).")
    cost: float = Field(
        description="False alarms that a missed pneumonia is worth, by the rule, else by the threshold."
    )
    net_benefit: float = Field(description="In found pneumonias a film.")
    net_benefit_of_all: float = Field(description="Of calling every film positive; of calling none it is 0.")
    expected_cost: float = Field(description="In false alarms a film.")
    net_benefit_at_prevalence: float
    expected_cost_at_prevalence: float


class Calibrated(Record):
    """How far scores are from probabilities."""

    brier: float
    ece: float = Field(description="Expected calibration error over ten bins.")
    slope: float
    intercept: float
    why: str | None = Field(description="Why there is no slope.")


class Curves(Record):
    """What the figures of a report are drawn from."""

    normal: list[int] = Field(description="Films without pneumonia by score, in equal bins from 0 to 1.")
    pneumonia: list[int]
    threshold: list[float] = Field(description="Falling; null calls nobody positive. Corners of the curve.")
    tp: list[int] = Field(description="Films with pneumonia that score so much or more.")
    fp: list[int]
    score: list[float] = Field(description="Mean score of the films of a bin, of ten; empty bins left out.")
    share: list[float] = Field(description="Share of them with pneumonia.")
    n: list[int]
    probability: list[float] = Field(description="Threshold probabilities of the decision curve.")
    net_benefit: list[float]
    net_benefit_of_all: list[float]


class SplitReport(Record):
    """How well a model does on one split at its lock."""

    split: str
    n: int
    patients: int
    positives: int
    refused: int = Field(description="Films that could not be scored or have no label.")
    estimates: dict[str, Estimated] = Field(
        description="auc, average_precision, sensitivity, specificity, ppv, npv, f1, accuracy, "
        "balanced_accuracy, kappa, mcc, lr_positive, lr_negative"
    )
    confusion: tuple[tuple[int, int], tuple[int, int]] = Field(description="[[tn, fp], [fn, tp]]")
    calibration: Calibrated
    report: ClassTable
    by_kind: ClassTable | None = Field(description="Over NORMAL and the kinds that the model tells apart.")
    kinds: list[KindRow] = Field(description="By file name, where names tell.")
    at_prevalence: AtPrevalence
    worth: Worth
    curves: Curves


class EvaluationReport(Record):
    """All that is known of how well a model does, as it is exported; intervals are at 95 %."""

    schema_: Literal["xraylab.evaluation/1"] = Field("xraylab.evaluation/1", alias="schema")
    model: str
    model_sha256: str
    arch: str
    classes: tuple[str, ...]
    dataset: str
    kind: str = Field(description="radiographs or phantoms")
    made_at: datetime
    version: str = Field(description="Of XRayLab.")
    lock: AboutLock
    prevalence: float = Field(description="Share of pneumonia that at_prevalence and worth speak of.")
    test_openings: int = Field(description="Openings of the dataset's test split, by any model.")
    validation: SplitReport = Field(description="The films it was chosen by, so these figures flatter it.")
    test: SplitReport | None = Field(description="null until the test split was opened at this lock.")
    card: str = Field(description="The model card, as Markdown.")
