"""
A model's folder: immutable but for its lock.

- it holds ``model.safetensors``, ``card.json``, ``predictions.parquet``, ``history.jsonl`` and ``lock.json``
- an ensemble's holds ``members.json`` instead of weights and history: who is in it, and how to calibrate each
- ``scale.json`` says what full colour means in its heatmaps; an ensemble has none
- ``novelty.safetensors`` is there if it can be told what its training films are like; an ensemble has none
- ``suite.parquet`` is there if the held-out films were scored under the suite of perturbations too
- validation predictions are open to everybody; test predictions are sealed until the model is locked and
  the test split has been opened for it, which is logged for good
- of a model that comes with the package nothing is written but a lock, and that into the home
"""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from xraylab import predictions as predictions_file
from xraylab.errors import (
    EnsembleError,
    HonestOrderError,
    NotFoundError,
    WeightsError,
    XRayLabError,
)
from xraylab.evaluation.averaging import ALONE, Averaging
from xraylab.evaluation.calibration import Platt
from xraylab.evaluation.novelty import Novelty
from xraylab.evaluation.rules import FLOOR, Rule, choose
from xraylab.evaluation.thresholds import threshold_table
from xraylab.files import Record, check_name, read_lines, write_text
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models.floor import floor_threshold
from xraylab.models.novelty_file import NOVELTY_FILE, read_novelty
from xraylab.networks.registry import network
from xraylab.predictions import PERTURBATION, Predictions, class_columns, class_probabilities
from xraylab.settings import shipped_models

BACKEND = "fp32"  # what scores unless a card says otherwise
SUITE_FILE = "suite.parquet"
ENSEMBLE = "ensemble"  # what an ensemble's card calls its architecture
_LOCK = "lock.json"


class TrainedOn(Record):
    """The films a model was trained on."""

    name: str
    kind: str  # "radiographs" or "phantoms"
    pixel_hash: str
    patient_key: str
    splits: dict[str, dict[str, int]]


class About(Record):
    """What only a person can say of a model, in sentences; empty where nobody has."""

    users: tuple[str, ...] = ()
    population: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    faults: tuple[str, ...] = Field(default=(), description="Known faults of the data.")
    failures: tuple[str, ...] = Field(default=(), description="Known failures of the model.")
    licences: tuple[str, ...] = ()
    command: str = Field(default="", description="How to repeat it, where its own request doesn't say.")


class Card(Record):
    """What a model is, for whom, and how it was made (``card.json``)."""

    schema_: str = Field("xraylab.card/1", alias="schema")
    name: str
    arch: str
    classes: tuple[str, ...]
    created_at: datetime
    run: str
    dataset: TrainedOn
    weights: str  # what it started from
    weights_sha256: str
    recipe: dict[str, Any]
    best_epoch: int
    epochs: int
    parameters: int
    seconds: float
    device: str
    preprocess_version: int
    model_sha256: str
    versions: dict[str, str]
    members: tuple[str, ...] = Field(default=(), description="The models an ensemble averages; else none.")
    backend: str = Field(default=BACKEND, description="What scored its held-out films and scores others.")
    notes: tuple[str, ...] = Field(default=(), description="What is worth knowing of its training.")
    intended_use: str = "Research and teaching. Not a medical device."
    about: About = Field(default=About(), description="What the model card says beside the numbers.")

    @property
    def calibrated(self) -> bool:
        """Whether a score is a probability, calibrated on validation, as an ensemble's is."""
        return bool(self.members)


class Member(Record):
    """One model in an ensemble, and how its logits are calibrated."""

    model: str
    model_sha256: str
    arch: str
    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)


class Members(Record):
    """What an ensemble is (``members.json``); its hash is the ensemble's."""

    schema_: Literal["xraylab.members/1"] = Field("xraylab.members/1", alias="schema")
    members: tuple[Member, ...] = Field(min_length=2)
    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)

    @property
    def averaging(self) -> Averaging:
        """How the members' logits become one."""
        members = tuple(Platt(member.slope, member.intercept) for member in self.members)
        return Averaging(members, Platt(self.slope, self.intercept))


class Lock(Record):
    """An operating point fixed on validation, before the test split is looked at (``lock.json``)."""

    schema_: str = Field("xraylab.lock/1", alias="schema")
    threshold: float = Field(ge=0, le=1)
    rule: str
    locked_at: datetime
    actor: str  # "app", "command line" or "training"
    backend: str = BACKEND
    preprocess_version: int = PREPROCESS_VERSION
    model_sha256: str
    dataset: str
    n: int  # validation films it was chosen on
    review_from: float | None = Field(
        default=None,
        ge=0,
        description="A film that scores this or more, but less than the threshold, needs a reader; "
        "null without a review band.",
    )
    review_rule: str | None = Field(default=None, description="What chose review_from.")
    after_opening: bool = Field(
        default=False,
        description="Whether the test split had been opened for this model before: a stamp for good.",
    )
    opened_at: tuple[datetime, ...] = Field(default=(), description="Openings of the test split at any lock.")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.review_from is not None and not self.review_from < self.threshold:
            raise ValueError(f"review_from is {self.review_from}, not below the threshold {self.threshold}")
        return self

    @property
    def knows_of_opening(self) -> bool:
        """Whether the test split was opened before it was made, or since."""
        return self.after_opening or bool(self.opened_at)


@dataclass(frozen=True)
class Model:
    """A model's folder; everything in it is read when first asked for."""

    folder: Path
    card: Card
    kept: Path | None = None  # of a shipped model, the folder in the home where its lock is kept

    @property
    def name(self) -> str:
        """Its name, which is its folder's."""
        return self.card.name

    @property
    def shipped(self) -> bool:
        """Whether it came with the package, where nothing is written."""
        return self.kept is not None

    @property
    def remedy(self) -> str:
        """What to do when something in its folder is missing or damaged, as a sentence."""
        if self.shipped:
            return "Install XRayLab again."
        return "Make the ensemble again." if self.card.arch == ENSEMBLE else "Train it again."

    @property
    def weights(self) -> Path:
        """The file of its weights."""
        return self.folder / "model.safetensors"

    def read_weights(self) -> bytes:
        """All of its weights file.

        Raises
        ------
        WeightsError
            If the file can't be read, or isn't the one that the card describes.
        """
        try:
            raw = self.weights.read_bytes()
        except OSError as error:
            raise WeightsError(f"The weights of “{self.name}” can't be read. {self.remedy}") from error
        if hashlib.sha256(raw).hexdigest() != self.card.model_sha256:
            raise WeightsError(
                f"The weights of “{self.name}” have changed since its card was written. {self.remedy}"
            )
        return raw

    @cached_property
    def members(self) -> Members | None:
        """Who is in it and how they are averaged, if it is an ensemble.

        Raises
        ------
        WeightsError
            If that can't be read, or isn't what the card describes.
        """
        if self.card.arch != ENSEMBLE:
            return None
        try:
            raw = (self.folder / "members.json").read_bytes()
            if hashlib.sha256(raw).hexdigest() == self.card.model_sha256:
                return Members.model_validate_json(raw)
        except (OSError, ValidationError):
            pass
        raise WeightsError(f"The list of members of “{self.name}” is missing or has changed. {self.remedy}")

    @property
    def parts(self) -> tuple["Model", ...]:
        """The models whose networks score a film for it: itself, or an ensemble's members.

        Raises
        ------
        WeightsError
            If a member is gone, or isn't the one any more that the ensemble was made of.
        """
        if self.members is None:
            return (self,)
        return tuple(self._part(member) for member in self.members.members)

    def _part(self, member: Member) -> "Model":
        """A member: it lies beside the ensemble, or came with the package."""
        name = check_name(member.model, what="model")
        found = _called(name, self.folder.parent, home=(self.kept or self.folder).parent)
        for part in found:
            if part.card.model_sha256 == member.model_sha256:
                return part
        fate = "was replaced since" if found else "is gone or damaged"
        raise WeightsError(f"“{self.name}” averages “{name}”, which {fate}. {self.remedy}")

    @cached_property
    def novelty(self) -> Novelty | None:
        """What its training films are like, for its own network; None where its folder doesn't tell."""
        try:
            layer = network(self.card.arch).middle
        except NotFoundError:  # an ensemble, or a network of a package that is gone
            return None
        return read_novelty(self.folder / NOVELTY_FILE, model_sha256=self.card.model_sha256, layer=layer)

    @property
    def tells_novelty(self) -> bool:
        """Whether it can tell a film that is unlike those it was trained on.

        Raises
        ------
        WeightsError
            As for ``parts``.
        """
        return any(part.novelty is not None and part.card.backend == BACKEND for part in self.parts)

    @property
    def averaging(self) -> Averaging:
        """How the logits of its parts become one; of a model by itself, as they are."""
        return ALONE if self.members is None else self.members.averaging

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry an epoch of its training."""
        return read_lines(self.folder / "history.jsonl")

    @property
    def lock(self) -> Lock | None:
        """Its lock as it stands on disk now; None if there is none, or it can't be read.

        Of a shipped model the home's goes first, unless it was made for other weights: those of the model
        that came with another version.
        """
        if self.kept is None or not (self.kept / _LOCK).exists():
            return self.lock_as_made
        lock = _read_lock(self.kept / _LOCK)
        made_for_these = lock is None or lock.model_sha256 == self.card.model_sha256
        return lock if made_for_these else self.lock_as_made

    @property
    def lock_as_made(self) -> Lock | None:
        """The lock in its own folder: of a shipped model, the one it came with."""
        return _read_lock(self.folder / _LOCK)

    def require_lock(self) -> Lock:
        """Its lock, for what can't be done without one.

        Raises
        ------
        HonestOrderError
            If there is none yet.
        """
        lock = self.lock
        if lock is None:
            raise HonestOrderError(f"{self.name} has no locked threshold yet. Lock one on validation first.")
        return lock

    @cached_property
    def _predictions(self) -> Predictions:
        try:
            return predictions_file.read(self.folder / "predictions.parquet")
        except XRayLabError as error:
            raise NotFoundError(
                f"The predictions of the model “{self.name}” are missing or damaged. {self.remedy}"
            ) from error

    @cached_property
    def _suite(self) -> Predictions | None:
        """What it said under the suite of perturbations; None if it wasn't asked."""
        file = self.folder / SUITE_FILE
        try:
            return predictions_file.read(file) if self.scored_under_suite else None
        except XRayLabError as error:
            raise NotFoundError(
                f"What “{self.name}” said under the suite of perturbations is damaged. {self.remedy}"
            ) from error

    @property
    def validation(self) -> Predictions:
        """Its predictions on the validation films it was chosen by.

        Raises
        ------
        NotFoundError
            If they are missing or damaged.
        """
        return self._predictions.of_split("validation")

    @property
    def test_opened(self) -> bool:
        """Whether the test split has been opened for this model at its present lock."""
        lock = self.lock
        return lock is not None and any(at >= lock.locked_at for at in lock.opened_at)

    @property
    def test(self) -> Predictions:
        """Its predictions on the test films, once they have been opened.

        Raises
        ------
        HonestOrderError
            If the model isn't locked, or its test split hasn't been opened since.
        NotFoundError
            If the predictions are missing or damaged.
        """
        self._require_opened()
        return self._predictions.of_split("test")

    def _require_opened(self) -> None:
        if not self.test_opened:
            raise HonestOrderError(
                f"The test films of {self.name} are sealed. Lock its threshold, then open the test split."
            )

    @property
    def scored_under_suite(self) -> bool:
        """Whether its held-out films were scored under the suite of perturbations too."""
        return (self.folder / SUITE_FILE).exists()

    def suite(self, split: str) -> Predictions:
        """Its predictions on held-out films under the suite of perturbations; test films once they are open.

        Raises
        ------
        HonestOrderError
            If the test films are sealed.
        NotFoundError
            If it wasn't scored under the suite, or the predictions are damaged.
        """
        if split == "test":
            self._require_opened()
        if self._suite is None:
            raise NotFoundError(
                f"“{self.name}” wasn't scored under the suite of perturbations. Train it by a recipe with "
                "“suite”: true."
            )
        return self._suite.of_split(split)

    def to_choose_by(self, rule: Rule) -> Predictions:
        """The scored films that a rule chooses by: validation, under the suite too if the rule says so.

        Raises
        ------
        NotFoundError
            If they are missing, or the rule asks for a suite that the model wasn't scored under.
        """
        validation = self.validation.scored
        if not rule.suite:
            return validation
        both = pd.concat([validation.frame, self.suite("validation").scored.frame], ignore_index=True)
        return replace(validation, frame=both)

    def choose(self, rule: Rule) -> float:
        """The threshold that a rule finds.

        Raises
        ------
        NotFoundError
            As ``to_choose_by``.
        RecipeError
            If no threshold meets the rule; of a sensitivity floor ``why_no_floor`` tells beforehand.
        """
        if rule.kind == FLOOR:
            return floor_threshold(self, rule.share)
        films = self.to_choose_by(rule)
        return choose(threshold_table(films.labels, films.scores, films.groups), rule)

    def write_lock(
        self,
        threshold: float,
        rule: str,
        *,
        actor: str,
        review_from: float | None = None,
        review_rule: str | None = None,
        after_opening: bool = False,
    ) -> Lock:
        """Fix the operating point; an earlier opening of the test split leaves its stamp.

        A lock that can't be read any more may have known of an opening, so it leaves the stamp too.

        Parameters
        ----------
        review_from : float, optional
            Lower end of the review band, which reaches up to the threshold; by default there is no band.
        review_rule : str, optional
            What chose it.
        after_opening : bool
            Whether the dataset's lineage knows of an opening for a model of this name.

        Raises
        ------
        ValueError
            If the threshold is outside [0, 1], or ``review_from`` outside [0, threshold).
        """
        before = self.lock
        opened = before.opened_at if before else ()
        lock = Lock(
            threshold=threshold,
            rule=rule,
            locked_at=_now(),
            actor=actor,
            backend=self.card.backend,
            model_sha256=self.card.model_sha256,
            dataset=self.card.dataset.name,
            n=len(self.validation.scored),
            review_from=review_from,
            review_rule=review_rule,
            after_opening=after_opening or any(map(_knows_of_opening, self._lock_files)),
            opened_at=opened,
        )
        write_text(self._lock_files[0], lock.model_dump_json(indent=2))
        return lock

    def write_opening(self) -> Lock:
        """Note on the lock that the test split was opened.

        Raises
        ------
        HonestOrderError
            If there is no lock yet.
        """
        lock = self.require_lock()
        lock = lock.model_copy(update={"opened_at": (*lock.opened_at, _now())})
        write_text(self._lock_files[0], lock.model_dump_json(indent=2))
        return lock

    @property
    def _lock_files(self) -> tuple[Path, ...]:
        """Where its locks may be; the first is the one to write."""
        folders = (self.folder,) if self.kept is None else (self.kept, self.folder)
        return tuple(folder / _LOCK for folder in folders)


def _read_lock(file: Path) -> Lock | None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, ValidationError):
        return Lock.model_validate_json(file.read_bytes())
    return None


def _knows_of_opening(file: Path) -> bool:
    """Whether a lock was made after an opening or has seen one; one that can't be read may have."""
    lock = _read_lock(file)
    return file.exists() if lock is None else lock.knows_of_opening


def _called(name: str, folder: Path, *, home: Path) -> list[Model]:
    """The models of a name: in a folder of models, and among the shipped, whose locks the home keeps."""
    found = []
    for place in dict.fromkeys((folder, shipped_models())):
        file = place / name / "card.json"
        kept = home / name if place == shipped_models() else None
        with contextlib.suppress(OSError, ValidationError):
            found.append(Model(file.parent, Card.model_validate_json(file.read_bytes()), kept))
    return found


def check_held_out(one: Model, other: Model) -> None:
    """Make sure that two models of one dataset held out the same films, for the same use.

    Raises
    ------
    EnsembleError
        If they didn't: what one was tested on, the other may have been trained on.
    NotFoundError
        If their predictions are missing or damaged.
    """
    for some, rest in ((one, other), (other, one)):
        films, known = some._predictions.frame, rest._predictions.frame["image_id"]
        strange = films[~films["image_id"].isin(known)]
        if len(strange):
            n = strange["patient"].nunique()
            raise EnsembleError(
                f"“{some.name}” held out {n} {'patient' if n == 1 else 'patients'} that “{rest.name}” didn't "
                "hold out, and may have been trained on. Average models that were trained on one split."
            )
    mine = one._predictions.frame.set_index("image_id")
    theirs = other._predictions.frame.set_index("image_id").loc[mine.index]
    moved = int((mine["split"] != theirs["split"]).sum())
    if moved:
        raise EnsembleError(
            f"“{one.name}” and “{other.name}” use {moved} of the films they held out differently: one for "
            "validation, the other for the test. Average models that were trained on one split."
        )
    if not mine[["label", "group"]].equals(theirs[["label", "group"]]):
        raise EnsembleError(
            f"“{one.name}” and “{other.name}” were told different labels or patients of the same films. "
            "Average models that were trained on one split."
        )


def average_predictions(models: Sequence[Model], averaging: Averaging) -> Predictions:
    """What an ensemble says about the films that its members' trainings held out.

    From the members' stored predictions, the sealed ones of the test films too: they stay in here, and
    what comes out is for an ensemble's folder, where the same seal is on them.

    Parameters
    ----------
    models : sequence of Model
        The members; all have predictions of the same films.

    Returns
    -------
    Predictions
        In the order of the first member's.
    """
    return _average([model._predictions for model in models], models[0].card.classes, averaging)


def average_suites(models: Sequence[Model], averaging: Averaging) -> Predictions | None:
    """The same under the suite of perturbations; None unless every member was scored under it.

    Raises
    ------
    EnsembleError
        If the members were scored under different suites.
    """
    suites = [model._suite for model in models]
    known = [suite for suite in suites if suite is not None]
    if len(known) < len(suites):
        return None
    first = set(known[0].perturbations)
    for model, suite in zip(models, known, strict=True):
        if set(suite.perturbations) != first:
            raise EnsembleError(
                f"“{models[0].name}” and “{model.name}” were scored under different suites of perturbations. "
                "Train one again with this version of XRayLab."
            )
    return _average(known, models[0].card.classes, averaging)


def _average(said: Sequence[Predictions], classes: Sequence[str], averaging: Averaging) -> Predictions:
    """Average what several models said about the same films, in the order of the first."""
    order = _by_film(said[0].frame).index
    frames = [_by_film(one.frame).loc[order] for one in said]
    averaged = averaging.of(np.stack([frame["logit"].to_numpy(np.float64) for frame in frames]))
    frame = said[0].frame.assign(logit=averaged.logit, score=averaged.score, spread=averaged.spread)
    columns = class_columns(classes)
    if columns:
        kinds = averaged.given_pneumonia(np.stack([_kinds(one[columns[1:]]) for one in frames]))
        frame[columns] = class_probabilities(averaged.score, kinds)
    return replace(said[0], frame=frame)


def _by_film(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame under the films' names, and what was done to them."""
    return frame.set_index([name for name in ("image_id", PERTURBATION) if name in frame])


def _kinds(probabilities: pd.DataFrame) -> NDArray[np.float64]:
    """(n, kinds) of pneumonia given pneumonia; alike where the model all but excludes pneumonia."""
    values = probabilities.to_numpy(np.float64)
    total = values.sum(axis=1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1), 1 / values.shape[1])


def _now() -> datetime:
    return datetime.now(UTC)
