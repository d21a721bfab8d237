"""Documents of imports, trainings and runs, and of what a training can choose from."""

from datetime import datetime

from pydantic import Field

from xraylab.data.datasets import RefusedFile
from xraylab.data.mends import MendStep
from xraylab.documents.comparison import Spread
from xraylab.documents.evaluation import Evaluated
from xraylab.files import Record


class Imported(Record):
    """A dataset, in the output of ``import`` and ``datasets``."""

    name: str
    kind: str
    finding: str = Field(default="pneumonia", description="What its labels are about.")
    n: int
    labels: dict[str, int]
    patients: int
    patient_key: str
    patients_from: str = Field(default="", description="Where the patients come from, in words.")
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


class Mended(Imported):
    """A dataset that was made from another one, in the output of ``mend``."""

    made_from: str
    steps: list[MendStep]


class Preview(Record):
    """What was understood of a source, in the output of ``import --preview``; nothing was read or written."""

    layout: str = Field(description="How the source names its films: folders of labels, or which table.")
    finding: str
    present: tuple[str, ...] = Field(description="Labels that say that the finding is present.")
    absent: tuple[str, ...]
    n: int
    classes: dict[str, int] = Field(description="Films without and with the finding.")
    labels: dict[str, int] = Field(description="Labels as the source calls them, with the films of each.")
    patients: int | None = Field(description="null if only the tags of DICOM tell, when the films are read.")
    patients_from: str
    splits: dict[str, int] = Field(description="Films of each split that the source states.")
    ignored: dict[str, int]
    columns: tuple[str, ...] = Field(description="Columns of the table that are kept in the catalog.")
    manifest: str | None = Field(description="The table that names the films.")
    notes: tuple[str, ...]


class Fetched(Record):
    """A public dataset that lies in the home folder, not yet imported, in the output of ``fetch``."""

    name: str
    file: str
    size: int = Field(description="Bytes.")
    preview: Preview = Field(description="What an import of the file would understand.")


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
    notes: list[str] = Field(
        default=[], description="Sentences about the training that a person should know."
    )
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
    weights_here: bool = Field(description="Whether its ImageNet weights are on this machine.")


class RecipeRow(Record):
    """A preset in a list."""

    name: str
    about: str
    epochs: int
    stages: list[dict[str, object]]
