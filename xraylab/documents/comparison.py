"""Documents of a comparison: models, pairs, and the spread over seeds."""

from datetime import datetime

from pydantic import Field

from xraylab.files import Record


class Spread(Record):
    """One number over the seeds that ended with a model: its variation, not a confidence interval."""

    n: int = Field(description="Number of seeds for which the number is defined.")
    mean: float
    sd: float = Field(description="Standard deviation with n - 1; null for a single seed.")
    low: float = Field(description="Lowest value.")
    high: float = Field(description="Highest value.")


class Estimate(Record):
    """A number and its interval at 95 %, films clustered by patient; null where it is unknown."""

    value: float
    low: float
    high: float


class ComparedModel(Record):
    """One of several models compared on their validation films, at its lock; or the seeds of a training."""

    model: str
    seeds: list[str] = Field(
        description="Models of one training under several seeds; empty for a single model."
    )
    arch: str
    recipe: str
    parameters: int
    seconds: float = Field(description="Seconds of the training; for seeds, the mean.")
    threshold: float | None = Field(description="null for seeds, because each has its own.")
    n: int
    patients: int
    films: str = Field(description="Hash of the films' ids and labels.")
    metrics: dict[str, Estimate] = Field(description="Numbers of a single model; ece has no interval.")
    spread: dict[str, Spread] = Field(description="Variation of the same numbers over seeds.")
    calibrated: bool = Field(
        default=False,
        description="Whether the scores were calibrated, on these same films: then brier and ece look better "
        "than they are, and can't be compared with those of other models.",
    )


class ComparedPair(Record):
    """Difference of two models, first minus second, on the same films, each at its own lock."""

    first: str
    second: str
    n: int
    patients: int
    auc: Estimate = Field(description="Difference of AUC, by DeLong, clustered by patient.")
    auc_p: float
    auc_p_holm: float = Field(description="Adjusted for all pairs by Holm's method.")
    sensitivity: Estimate
    specificity: Estimate
    average_precision: Estimate = Field(description="By jackknife of patients, like f1 and kappa.")
    f1: Estimate
    kappa: Estimate
    mcnemar_p: float = Field(description="p of the hypothesis that both are correct equally often.")
    mcnemar_p_holm: float
    first_only: int = Field(description="Films that only the first model called correctly.")
    second_only: int
    verdict: str


class ComparedModels(Record):
    """Several models on the same validation films; the first is the reference."""

    n: int
    patients: int
    models: list[ComparedModel]
    pairs: list[ComparedPair] = Field(description="First model minus each other; no pair includes seeds.")
    verdict: str
    notes: list[str]


class NamedPair(Record):
    """Two models that were named beforehand for a test against each other on the test films."""

    first: str
    second: str
    dataset: str
    named_at: datetime
    actor: str
    state: str = Field(description="tested, waiting or void")
    reason: str | None = Field(description="Reason why the pair is waiting or void.")
    result: ComparedPair | None = Field(description="Result on the test films, once both were opened.")
    pairs: int = Field(description="Pairs named for these films; p is adjusted for all of them.")
    notes: list[str]
