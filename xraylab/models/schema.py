"""
The records in a model's folder, as they stand in its JSON files.

- plain data: nothing here reads or writes a file
- a record is frozen, and a file's ``schema`` key names its version
- a field that older versions didn't write has a default, so that their files can still be read
- a file may come from a stranger: a record with a number, a time or a recipe that can't be used isn't read
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from xraylab.data.datasets import DatasetInfo
from xraylab.evaluation.averaging import Averaging
from xraylab.evaluation.calibration import Platt
from xraylab.files import Record
from xraylab.findings import PNEUMONIA, Finding
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.imaging.perturbations import SUITE
from xraylab.stored import Count, Finite, Label, Moment

BACKEND = "fp32"  # the backend that scores unless a card names another
# Weights that no validation film can have chosen; any other weights may have been.
FRESH_WEIGHTS = ("none", "imagenet")
ENSEMBLE = "ensemble"  # the architecture in an ensemble's card


_ADULT = 18  # years
_MOST_CLASSES, _MOST_STAGES, _MOST_MEMBERS = 16, 10_000, 100


class _StageAsTrained(BaseModel):
    """The fields of a stage that are read from the recipe in a card."""

    trains: Label = ""
    epochs: Count = 0


class _RecipeAsTrained(BaseModel):
    """The fields of a recipe that are read from a card; a card outlives the recipes of its version."""

    name: Label = ""
    stages: tuple[_StageAsTrained, ...] = Field(default=(), max_length=_MOST_STAGES)
    keep: Label | None = None
    patience: Count | None = None
    seed: int | Label | None = None
    rule: Label = ""


def _readable(recipe: dict[str, Any]) -> dict[str, Any]:
    """Check the fields of a recipe that screens and cards read, and that every number in it is finite."""
    _RecipeAsTrained.model_validate(recipe)
    _check_plain(recipe)
    return recipe


def _check_plain(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the recipe holds {value}, which is not a finite number")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_plain(inner)


class Shown(Record):
    """What the tags of a model's training films say of them: the gate knows a film by it."""

    ages: tuple[Annotated[Finite, Field(ge=0)], Annotated[Finite, Field(ge=0)]] | None = Field(
        default=None, description="Youngest and oldest age in whole years; null if the films don't state it."
    )
    views: tuple[Label, ...] = Field(
        default=(), description="Views other than frontal that are among them, by the gate's names."
    )


class TrainedOn(Record):
    """The films a model was trained on."""

    name: Label
    kind: Label  # "radiographs" or "phantoms"
    finding: Finding = Field(
        default=PNEUMONIA, description="What the labels are about; older versions knew pneumonia only."
    )
    pixel_hash: Label
    patient_key: Label
    patients_from: dict[Label, Count] | None = Field(
        default=None, description="As of the dataset; null in cards of older versions."
    )
    splits: dict[Label, dict[Label, Count]]
    shown: Shown | None = Field(
        default=None, description="Ages and views of the training films; null in cards of older versions."
    )

    @property
    def of_children(self) -> bool:
        """Whether the training films are known to show children only, as those of older versions do."""
        if self.shown is None:
            return self.kind == "radiographs"
        return self.shown.ages is not None and self.shown.ages[1] < _ADULT

    def is_of(self, info: DatasetInfo) -> bool:
        """Return whether a dataset has these films and this split, under any name."""
        # The same films imported by another patient key have another split: test films that were trained on.
        own = (self.pixel_hash, self.patient_key, self.splits, self.finding)
        return own == (info.pixel_hash, info.patient_key, info.splits, info.finding)


class About(Record):
    """Facts about a model that only a person knows, in sentences; empty until somebody fills them."""

    users: tuple[str, ...] = ()
    population: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    faults: tuple[str, ...] = Field(default=(), description="Known faults of the data.")
    failures: tuple[str, ...] = Field(default=(), description="Known failures of the model.")
    licences: tuple[str, ...] = ()
    command: str = Field(
        default="", description="How to repeat the training, if the model's own request doesn't say it."
    )


class CalibratedOn(Record):
    """The films that an ensemble's calibration was fitted to."""

    films: Count
    patients: Count
    copies: Count = Field(description="Perturbed copies of each film, fitted together with the film itself.")

    @property
    def rows(self) -> int:
        """Number of scores that the calibration was fitted to: films and copies."""
        return self.films * (1 + self.copies)


class Card(Record):
    """Description of a model: its use, and how it was made (``card.json``)."""

    schema_: Literal["xraylab.card/1"] = Field("xraylab.card/1", alias="schema")
    name: Label
    arch: Label
    classes: tuple[Label, ...] = Field(min_length=2, max_length=_MOST_CLASSES)
    created_at: Moment
    sequence: Count | None = Field(
        default=None,
        description="Number of the model in its home, by which the newest is known, because a clock may be "
        "set back; null in cards of older versions, which come before all others.",
    )
    run: Label
    dataset: TrainedOn
    weights: Label  # the weights that the training started from
    weights_sha256: Label
    # A plain dictionary: a card outlives the recipes of its version.
    recipe: Annotated[dict[str, Any], AfterValidator(_readable)]
    validation_chose: tuple[str, ...] | None = Field(
        default=None,
        description="What the validation films chose before the threshold: epoch, early stop, weights, "
        "recipe, calibration. null if only the recipe tells it, as in cards of older versions.",
    )
    best_epoch: Count
    epochs: Count
    parameters: Count
    seconds: Annotated[Finite, Field(ge=0)]
    device: Label
    preprocess_version: Count
    model_sha256: Label
    versions: dict[Label, Label]
    members: tuple[Label, ...] = Field(
        default=(), description="The models that an ensemble averages; empty for any other model."
    )
    backend: Label = Field(
        default=BACKEND, description="The backend that scored the held-out films and scores other films."
    )
    notes: tuple[str, ...] = Field(default=(), description="Remarks on the training.")
    fitted_to: CalibratedOn | None = Field(
        default=None,
        description="The films that the calibration was fitted to; null for a single model, and for an "
        "ensemble of an older version.",
    )
    intended_use: str = "Research and teaching. Not a medical device."
    about: About = Field(default=About(), description="What the model card says in addition to the numbers.")

    @property
    def finding(self) -> Finding:
        """What a positive score stands for, as the training films were labelled."""
        return self.dataset.finding

    @property
    def age(self) -> tuple[int, Moment]:
        """What sorts models from the oldest to the newest: their numbers, and times where there are none."""
        return self.sequence or 0, self.created_at

    @property
    def chosen_by_validation(self) -> tuple[str, ...]:
        """What the validation films chose before the threshold; derived if the card doesn't say it.

        A derived answer can't contain the recipe: nothing records which recipes a person has compared.
        """
        if self.validation_chose is not None:
            return self.validation_chose
        stages = self.recipe.get("stages", ())
        chosen = {
            "epoch": not self.members and self.recipe.get("keep") != "last",
            # A person may have ended the training, and may have looked at the validation curve to do so.
            "early stop": self.recipe.get("patience") is not None
            or self.epochs < sum(stage.get("epochs", 0) for stage in stages),
            "weights": not self.members and self.weights not in FRESH_WEIGHTS,
            "calibration": self.calibrated,
        }
        return tuple(name for name, happened in chosen.items() if happened)

    @property
    def calibrated(self) -> bool:
        """Whether a score is a probability that was calibrated on validation, as an ensemble's is."""
        return bool(self.members)

    @property
    def calibrated_on(self) -> CalibratedOn | None:
        """The films that the calibration was fitted to; None if the scores aren't calibrated."""
        if not self.calibrated or self.fitted_to is not None:
            return self.fitted_to
        # Older versions didn't count them, but fitted to all validation films, and to their copies if the
        # rule of the making had the suite.
        films = self.dataset.splits.get("validation", {})
        copies = len(SUITE) if str(self.recipe.get("rule", "")).endswith("@suite") else 0
        return CalibratedOn(films=films.get("films", 0), patients=films.get("patients", 0), copies=copies)


class Member(Record):
    """One model in an ensemble, and the calibration of its logits."""

    model: Label
    model_sha256: Label
    arch: Label
    # A slope of 0 or less would turn the order of the films round, so it can't be a calibration.
    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)


class Members(Record):
    """The members of an ensemble (``members.json``); the hash of this file is the ensemble's own."""

    schema_: Literal["xraylab.members/1"] = Field("xraylab.members/1", alias="schema")
    members: tuple[Member, ...] = Field(min_length=2, max_length=_MOST_MEMBERS)
    # The calibration of the members' mean: an average of probabilities leans to the middle.
    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)

    @property
    def averaging(self) -> Averaging:
        """How the members' logits become one logit."""
        members = tuple(Platt(member.slope, member.intercept) for member in self.members)
        return Averaging(members, Platt(self.slope, self.intercept))


class Lock(Record):
    """An operating point that was fixed on validation, before the test split is opened (``lock.json``)."""

    schema_: Literal["xraylab.lock/1"] = Field("xraylab.lock/1", alias="schema")
    threshold: float = Field(ge=0, le=1, allow_inf_nan=False)
    rule: Label  # as it is written: a later version may know other rules
    locked_at: Moment
    actor: Label  # "app", "command line" or "training"
    backend: Label = BACKEND
    preprocess_version: Count = PREPROCESS_VERSION
    model_sha256: Label
    dataset: Label
    n: Count  # validation films that it was chosen on
    review_from: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="A film needs a reader if its score is at least this and less than the threshold; "
        "null without a review band.",
    )
    review_rule: Label | None = Field(default=None, description="The rule that chose review_from.")
    after_opening: bool = Field(
        default=False,
        description="Whether the test split had been opened for this model before. This stamp never goes.",
    )
    openings_before: Count | None = Field(
        default=None,
        description="Openings of the test films on record when this lock was made, for any model; null in "
        "locks of earlier versions.",
    )
    opened_at: tuple[Moment, ...] = Field(default=(), description="Openings of the test split at any lock.")
    opened: bool | None = Field(
        default=None,
        description="Whether the test split was opened at this very lock; null in locks of earlier versions, "
        "where the times of the openings tell it.",
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.review_from is not None and not self.review_from < self.threshold:
            raise ValueError(f"review_from is {self.review_from}, not below the threshold {self.threshold}")
        return self

    @property
    def knows_of_opening(self) -> bool:
        """Whether the test split was opened before this lock was made, or since."""
        return self.after_opening or bool(self.opened_at)

    @property
    def opened_here(self) -> bool:
        """Whether the test split was opened at this very lock, and not only at an earlier one."""
        # Stated, because times don't tell: the clock may have been set back between lock and opening.
        if self.opened is not None:
            return self.opened and bool(self.opened_at)
        return any(at >= self.locked_at for at in self.opened_at)

    def fits(self, card: Card) -> bool:
        """Return whether this lock was made for the weights, backend and preprocessing of a card."""
        # A score made in another way isn't comparable with the threshold, though it looks just as sure.
        made_for = (self.model_sha256, self.backend, self.preprocess_version)
        return made_for == (card.model_sha256, card.backend, card.preprocess_version)
