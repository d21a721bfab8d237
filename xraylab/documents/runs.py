"""Documents of imports, trainings and runs, and of what a training can choose from."""

from datetime import datetime

from pydantic import Field

from xraylab.data.datasets import RefusedFile
from xraylab.documents.comparison import Spread
from xraylab.documents.evaluation import Evaluated
from xraylab.files import Record


class Imported(Record):
    """A dataset, in the output of ``import`` and ``datasets``."""

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
    test_openings: int = Field(
        description="Openings of its test films on record, for any model and under any name."
    )
    overlaps: list[str] = Field(
        default=[], description="Models that were made from its test films, in words; only after an import."
    )
    created_at: datetime


class Phantoms(Record):
    """Teaching phantoms that were written."""

    n: int
    labels: dict[str, int]
    folder: str


class SeedRow(Record):
    """One of several trainings that differ in their seed."""

    run: str
    model: str
    seed: int
    val: Evaluated | None = Field(description="null if the training failed or was cancelled.")
    error: str | None = Field(description="Reason why there is no model.")


class Trained(Record):
    """A finished training; with several seeds, the first that ended with a model."""

    run: str
    model: str
    seconds: float
    val: Evaluated
    seeds: list[SeedRow] = Field(default=[], description="One row per seed, if several were requested.")
    spread: dict[str, Spread] = Field(
        default={}, description="Variation of the validation numbers over seeds."
    )


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
    val_auc: float | None = Field(description="Best AUC so far; null before the first epoch.")
    resumable: bool = Field(
        description="Whether the run stopped and can resume after its last complete epoch."
    )
    notes: list[str] = Field(description="Notes about the training, in sentences.")


class NetworkRow(Record):
    """A network in a list."""

    name: str
    title: str
    about: str
    side: int
    pretrained: bool
    weights_here: bool = Field(description="Whether the ImageNet weights are in the home folder.")


class RecipeRow(Record):
    """A preset in a list."""

    name: str
    about: str
    epochs: int
    stages: list[dict[str, object]]
