"""
The JSON documents of the command line: what an action did, as typed data.

- keys here are a contract; a test holds their schema against a committed copy
- a number that isn't defined is null in JSON and NaN in Python
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from xraylab.data.datasets import RefusedFile
from xraylab.evaluation.summary import Evaluation
from xraylab.files import Record

Interval = tuple[float, float]


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


class Evaluated(Record):
    """How well a model does on labelled films at its lock; intervals are at 95 %, clustered by patient."""

    model: str
    data: str
    split: str | None = Field(description="validation, test or train; null for a source scored whole.")
    n: int
    patients: int
    refused: int
    warned: int
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
    after_opening: bool
    val: Evaluated


class Predicted(Record):
    """One file that was asked to be scored."""

    file: str
    score: float | None
    decision: str | None = Field(description="positive, negative, review or null")
    threshold: float | None
    warnings: list[str]
    refused: str | None
    heatmap: str | None = Field(description="Path of the overlay, where asked for.")
    spread: float | None = Field(
        description="Disagreement between an ensemble's models, as a standard deviation; not an interval."
    )
    subtype: dict[str, float] | None = Field(
        description="Kinds of pneumonia by file name, given pneumonia; null unless the decision is positive."
    )


class ModelRow(Record):
    """A model in a list."""

    name: str
    arch: str
    dataset: str
    recipe: str
    threshold: float | None
    rule: str | None
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


class Check(Record):
    """One thing that ``doctor`` looked at."""

    name: str
    ok: bool
    detail: str


class Doctor(Record):
    """The state of this installation."""

    ok: bool
    checks: list[Check]


def evaluated(
    evaluation: Evaluation,
    *,
    model: str,
    data: str,
    split: str | None,
    refused: int = 0,
    warned: int = 0,
    test_openings: int = 0,
    lock_after_opening: bool = False,
) -> Evaluated:
    """Lay out an evaluation as the command line tells it; precision, npv and f1 are those of PNEUMONIA."""
    point = evaluation.point
    return Evaluated(
        model=model,
        data=data,
        split=split,
        n=evaluation.n,
        patients=evaluation.patients,
        refused=refused,
        warned=warned,
        auc=evaluation.auc,
        auc_ci=evaluation.auc_ci,
        average_precision=evaluation.average_precision,
        threshold=evaluation.threshold,
        accuracy=point.accuracy,
        balanced_accuracy=point.balanced_accuracy,
        sensitivity=point.sensitivity,
        specificity=point.specificity,
        precision=point.ppv,
        npv=point.npv,
        f1=point.f1,
        kappa=point.kappa,
        intervals=_intervals(evaluation.intervals),
        confusion=((point.tn, point.fp), (point.fn, point.tp)),
        brier=evaluation.brier,
        ece=evaluation.ece,
        test_openings=test_openings,
        lock_after_opening=lock_after_opening,
    )


def _intervals(intervals: Mapping[str, Interval]) -> dict[str, Interval]:
    """The intervals under the names of this document: precision is what the evaluation calls ppv."""
    return {("precision" if name == "ppv" else name): bounds for name, bounds in intervals.items()}
