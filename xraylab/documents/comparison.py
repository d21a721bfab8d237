"""Documents of a comparison: models, pairs, and the spread over seeds."""

from datetime import datetime

from pydantic import Field

from xraylab.files import Record


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
