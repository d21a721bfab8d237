"""
The JSON documents of the command line: what an action did, as typed data.

- keys here are a contract; a test holds their schema against a committed copy
- a number that isn't defined is null in JSON and NaN in Python
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from xraylab.data.datasets import RefusedFile
from xraylab.files import Record

Interval = tuple[float, float]
AverageName = Literal["micro", "macro", "weighted"]


class Imported(Record):
    """A dataset, as ``import`` and ``datasets`` tell it."""

    name: str
    kind: str
    n: int
    labels: dict[str, int]
    patients: int
    patient_key: str
    splits: dict[str, dict[str, int]]
    ignored: dict[str, int]
    refused: list[RefusedFile]
    notes: list[str]
    test_openings: int
    created_at: datetime


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


class SeedRow(Record):
    """One of several trainings that differ in their seed."""

    run: str
    model: str
    seed: int
    val: Evaluated | None = Field(description="null when it failed or was cancelled.")
    error: str | None = Field(description="Why there is no model.")


class Spread(Record):
    """One number over the seeds that ended with a model; how it varied, not a confidence interval."""

    n: int = Field(description="Seeds for which it is defined.")
    mean: float
    sd: float = Field(description="Standard deviation (n - 1 below the line); null for a single seed.")
    low: float = Field(description="The lowest.")
    high: float = Field(description="The highest.")


class Estimate(Record):
    """A number and its interval at 95 %, films clustered by patient; null where nothing can be said."""

    value: float
    low: float
    high: float


class ComparedModel(Record):
    """One of several models compared on their validation films, at its lock; or the seeds of a training."""

    model: str
    seeds: list[str] = Field(description="The models of one training under several seeds; else none.")
    arch: str
    recipe: str
    parameters: int
    seconds: float = Field(description="Of its training; of seeds, their mean.")
    threshold: float | None = Field(description="null for seeds, of which each has its own.")
    n: int
    patients: int
    films: str = Field(description="Hash of the films' ids and labels.")
    metrics: dict[str, Estimate] = Field(description="Of one model; ece has no interval.")
    spread: dict[str, Spread] = Field(description="Of seeds: how the same numbers vary with them.")


class ComparedPair(Record):
    """The first of two models less the second, on the same films, each at its own lock."""

    first: str
    second: str
    n: int
    patients: int
    auc: Estimate = Field(description="DeLong, clustered.")
    auc_p: float
    auc_p_holm: float = Field(description="Adjusted for all pairs by Holm's method.")
    sensitivity: Estimate
    specificity: Estimate
    average_precision: Estimate = Field(description="By bootstrap of patients, as f1 and kappa.")
    f1: Estimate
    kappa: Estimate
    mcnemar_p: float = Field(description="Of both being right equally often.")
    mcnemar_p_holm: float
    first_only: int = Field(description="Films that only the first called rightly.")
    second_only: int
    verdict: str


class ComparedModels(Record):
    """Several models on the same validation films; the first is what the others are held against."""

    n: int
    patients: int
    models: list[ComparedModel]
    pairs: list[ComparedPair] = Field(description="The first less each other; none with seeds.")
    verdict: str
    notes: list[str]


class NamedPair(Record):
    """Two models that somebody said beforehand would be tested against each other on the test films."""

    first: str
    second: str
    dataset: str
    named_at: datetime
    actor: str
    state: str = Field(description="tested, waiting or void")
    reason: str | None = Field(description="Why it is waiting or void.")
    result: ComparedPair | None = Field(description="On the test films, once both were opened.")
    pairs: int = Field(description="Pairs named for these films; p is adjusted for all of them.")
    notes: list[str]


class Trained(Record):
    """A finished training; of several seeds, the first that ended with a model."""

    run: str
    model: str
    seconds: float
    val: Evaluated
    seeds: list[SeedRow] = Field(default=[], description="One a seed, where several were asked for.")
    spread: dict[str, Spread] = Field(default={}, description="How validation numbers vary with the seed.")


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
    after_opening: bool = Field(description="Whether a member's test split had been opened before.")
    val: Evaluated


class Locked(Record):
    """A lock."""

    model: str
    rule: str
    threshold: float
    review_from: float | None = Field(
        default=None, description="Films from here up to the threshold need a reader; null without a band."
    )
    review_rule: str | None = Field(default=None, description="What chose review_from.")
    after_opening: bool
    val: Evaluated


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
    created_at: datetime
    shipped: bool = Field(description="Whether it came with XRayLab; it can be locked, but not replaced.")


class ModelCard(Record):
    """A model's card."""

    model: str
    markdown: str


class RunRow(Record):
    """A run in a list."""

    run: str
    name: str
    state: str
    dataset: str
    arch: str
    recipe: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    epoch: int
    val_auc: float | None = Field(description="Best so far; null before the first epoch.")
    resumable: bool = Field(description="Whether it stopped and can go on from its last whole epoch.")
    notes: list[str] = Field(description="What is worth knowing about the training, in sentences.")


class NetworkRow(Record):
    """A network in a list."""

    name: str
    title: str
    about: str
    side: int
    pretrained: bool
    weights_here: bool = Field(description="Whether its ImageNet weights lie in the home.")


class RecipeRow(Record):
    """A preset in a list."""

    name: str
    about: str
    epochs: int
    stages: list[dict[str, object]]


class Phantoms(Record):
    """Teaching phantoms that were written."""

    n: int
    labels: dict[str, int]
    folder: str


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


class Check(Record):
    """One thing that ``doctor`` looked at."""

    name: str
    ok: bool
    detail: str


class Doctor(Record):
    """The state of this installation."""

    ok: bool
    checks: list[Check]
