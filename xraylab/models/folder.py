"""
A model's folder: immutable but for its lock.

- it holds ``model.safetensors``, ``card.json``, ``predictions.parquet``, ``history.jsonl`` and ``lock.json``
- an ensemble's folder holds ``members.json`` instead of weights and history
- ``scale.json`` gives the strength that full colour stands for in its heatmaps; an ensemble has none
- ``novelty.safetensors`` describes its training films, if they were enough; an ensemble has none
- ``films.parquet`` tells which films the model was made from, see ``films_file``
- ``suite.parquet`` is there if the held-out films were scored under the suite of perturbations too
- nothing is written into the folder of a shipped model: its lock goes into the home
- ``Model.films`` and ``Model.table`` are the only ways to its numbers: they check the name of the split, the
  seal on the test films, and that the stored predictions are whole and those of the model's own weights
"""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from xraylab.errors import HonestOrderError, NotFoundError, WeightsError, XRayLabError
from xraylab.evaluation.averaging import ALONE, Averaging
from xraylab.evaluation.novelty import Novelty
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.files import check_name, write_text
from xraylab.formats import visible
from xraylab.models.films_file import FILMS_FILE, MadeFrom, read_films
from xraylab.models.held_out import HeldOut, read_held_out
from xraylab.models.lock_file import knows_of_opening, read_lock
from xraylab.models.novelty_file import NOVELTY_FILE, read_novelty
from xraylab.models.schema import BACKEND, ENSEMBLE, Card, Lock, Member, Members
from xraylab.networks.registry import network
from xraylab.predictions import Predictions
from xraylab.settings import shipped_models
from xraylab.stored import WEIGHTS_BYTES, read_file, read_lines

HELD_OUT = ("validation", "test")  # the splits that a model has stored predictions for
SUITE_FILE = "suite.parquet"
_PREDICTIONS = "predictions.parquet"
LOCK_FILE = "lock.json"
_DAMAGED = "The model “{}” was written by another version of XRayLab, or is damaged. Train it again."
_DAMAGED_SHIPPED = "The model “{}”, which comes with XRayLab, is missing or damaged. Install XRayLab again."
_RENAMED = (
    "The folder “{0}” holds the model “{1}”, so it was renamed or copied and isn't used. Name the folder "
    "“{1}” again, or remove the copy."
)
_Folder = TypeVar("_Folder", bound="ModelFolder")


@dataclass(frozen=True)
class ModelFolder:
    """The folder of a model: card, weights, members. Each file is read when it is first needed."""

    folder: Path
    card: Card
    kept: Path | None = None  # for a shipped model, the folder in the home that keeps its lock
    listed_as: str | None = None  # for a model in the home that has the name of a shipped one

    @classmethod
    def read(cls, folder: Path, kept: Path | None = None, *, listed_as: str | None = None) -> Self:
        """Read the card in a folder and return its model.

        Raises
        ------
        NotFoundError
            If the card is missing or damaged, another version of XRayLab wrote it, or it describes a model of
            another name than the folder's.
        """
        try:
            card = Card.model_validate_json(read_file(folder / "card.json"))
        except (OSError, ValidationError) as error:
            words = _DAMAGED_SHIPPED if kept else _DAMAGED
            raise NotFoundError(words.format(folder.name)) from error
        # A copy under another name would be opened, locked and chosen as if it were another model.
        if card.name != folder.name:
            raise NotFoundError(_RENAMED.format(folder.name, visible(card.name)))
        return cls(folder, card, kept, listed_as)

    @property
    def name(self) -> str:
        """Name of the model in lists and commands; that of its folder, unless a shipped model has it."""
        return self.listed_as or self.card.name

    @property
    def shipped(self) -> bool:
        """Whether the model came with the package, where nothing is written."""
        return self.kept is not None

    @property
    def remedy(self) -> str:
        """What to do if a file in the folder is missing or damaged, as a sentence."""
        if self.shipped:
            return "Install XRayLab again."
        return "Make the ensemble again." if self.card.arch == ENSEMBLE else "Train it again."

    @property
    def weights(self) -> Path:
        """Path of the file with the weights."""
        return self.folder / "model.safetensors"

    def read_weights(self) -> bytes:
        """Return the whole file with the weights.

        Raises
        ------
        WeightsError
            If the file can't be read, or isn't the one that the card describes.
        """
        try:
            raw = read_file(self.weights, WEIGHTS_BYTES)
        except OSError as error:
            raise WeightsError(f"The weights of “{self.name}” can't be read. {self.remedy}") from error
        if hashlib.sha256(raw).hexdigest() != self.card.model_sha256:
            raise WeightsError(
                f"The weights of “{self.name}” have changed since its card was written. {self.remedy}"
            )
        return raw

    @cached_property
    def members(self) -> Members | None:
        """Members of an ensemble and their calibration; None for any other model.

        Raises
        ------
        WeightsError
            If the file can't be read, or isn't the one that the card describes.
        """
        if self.card.arch != ENSEMBLE:
            return None
        # The hash is checked before the content: a changed list of members is another ensemble.
        with contextlib.suppress(OSError, ValidationError):
            raw = read_file(self.folder / "members.json")
            if hashlib.sha256(raw).hexdigest() == self.card.model_sha256:
                return Members.model_validate_json(raw)
        raise WeightsError(f"The list of members of “{self.name}” is missing or has changed. {self.remedy}")

    @property
    def parts(self) -> tuple[Self, ...]:
        """Models whose networks score a film: the members of an ensemble, else the model itself.

        Raises
        ------
        WeightsError
            If a member is gone, or was replaced since the ensemble was made.
        """
        # Callers never ask whether a model is an ensemble: one network is a tuple of one.
        if self.members is None:
            return (self,)
        return tuple(_find_member(self, member) for member in self.members.members)

    @cached_property
    def novelty(self) -> Novelty | None:
        """What the training films are like to the model's own network; None if the folder doesn't say."""
        try:
            layer = network(self.card.arch).middle
        except NotFoundError:  # an ensemble, or a network of a package that is gone
            return None
        return read_novelty(self.folder / NOVELTY_FILE, model_sha256=self.card.model_sha256, layer=layer)

    @property
    def tells_novelty(self) -> bool:
        """Whether the model can tell a film that is unlike its training films.

        Raises
        ------
        WeightsError
            As for ``parts``.
        """
        # Other backends run the network as a whole and don't give the activations that are compared.
        return any(part.novelty is not None and part.card.backend == BACKEND for part in self.parts)

    @property
    def averaging(self) -> Averaging:
        """How the logits of the parts become one; the logit of a single model stays as it is."""
        return ALONE if self.members is None else self.members.averaging

    @property
    def made_from(self) -> MadeFrom | None:
        """Films the model was made from; None if the folder doesn't say, as in earlier versions."""
        return read_films(self.folder / FILMS_FILE)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry per epoch of the training."""
        return read_lines(self.folder / "history.jsonl")


@dataclass(frozen=True)
class Model(ModelFolder):
    """A model with its numbers and its lock: the scores of the films it held out, and how it decides."""

    # Whether the numbers include held-out films that the first weights were made from, so the model saw them.
    include_used: bool = False

    def films(self, split: str) -> Predictions:
        """Return the stored predictions on the films of one split.

        Parameters
        ----------
        split : str
            ``validation``, or ``test`` once it has been opened at the present lock.

        Raises
        ------
        HonestOrderError
            If the test films are sealed.
        NotFoundError
            If there is no such split, or the predictions are missing or damaged.
        WeightsError
            If the stored predictions are those of other weights.
        """
        self._check_may_look(split)
        return (self._held_out if self.include_used else self._unseen).films(split)

    def table(self, split: str) -> ThresholdTable:
        """Return the exact threshold table of the scored films of one split, counted only once.

        Parameters
        ----------
        split : str
            As in ``films``.

        Raises
        ------
        HonestOrderError, NotFoundError, WeightsError
            As ``films``, at every call: a new lock seals a table that was counted before.
        """
        self._check_may_look(split)
        return (self._held_out if self.include_used else self._unseen).table(split)

    def suite(self, split: str) -> Predictions:
        """Return the stored predictions under the suite of perturbations on the films of one split.

        Parameters
        ----------
        split : str
            As in ``films``.

        Raises
        ------
        NotFoundError
            As ``films``, or if the model wasn't scored under the suite.
        HonestOrderError, WeightsError
            As ``films``.
        """
        self._check_may_look(split)
        suite = self.unsealed_suite
        if suite is None:
            raise NotFoundError(
                f"“{self.name}” wasn't scored under the suite of perturbations. Train it by a recipe with "
                "“suite”: true."
            )
        return HeldOut(suite).without(self._used_before).films(split)

    @property
    def scored_under_suite(self) -> bool:
        """Whether the held-out films were scored under the suite of perturbations too."""
        return (self.folder / SUITE_FILE).exists()

    @property
    def unsealed(self) -> Predictions:
        """Predictions on all held-out films, the sealed ones too: only for making an ensemble.

        Raises
        ------
        NotFoundError, WeightsError
            As ``films``.
        """
        return self._held_out.predictions

    @property
    def unsealed_suite(self) -> Predictions | None:
        """The same under the suite of perturbations; None if the model wasn't scored under it.

        Raises
        ------
        NotFoundError, WeightsError
            As ``films``.
        """
        if not self.scored_under_suite:
            return None
        words = f"The scores of “{self.name}” under the suite of perturbations are damaged."
        return _read_own(self, SUITE_FILE, words).predictions

    @property
    def _unseen(self) -> HeldOut:
        """Predictions on the held-out films that the first weights weren't made from."""
        return self._held_out.without(self._used_before)

    @property
    def _used_before(self) -> frozenset[str]:
        return frozenset() if self.made_from is None else frozenset(self.made_from.used_before)

    @property
    def _held_out(self) -> HeldOut:
        words = f"The predictions of the model “{self.name}” are missing or damaged."
        return _read_own(self, _PREDICTIONS, words)

    def _check_may_look(self, split: str) -> None:
        """Check that there is such a split, and that its films may be looked at now."""
        if split not in HELD_OUT:
            raise NotFoundError(
                f"There is no split “{split}” with stored predictions. Choose {' or '.join(HELD_OUT)}."
            )
        if split == "test" and not self.test_opened:
            raise HonestOrderError(
                f"The test films of {self.name} are sealed. Lock its threshold, then open the test split."
            )

    @property
    def test_opened(self) -> bool:
        """Whether the test split has been opened for this model at its present lock."""
        lock = self.lock
        return lock is not None and lock.opened_here

    @property
    def lock(self) -> Lock | None:
        """The lock that is on disk now; None if it is missing or can't be read.

        For a shipped model the home's lock wins, unless it was made for other weights.
        """
        if self.kept is None or not os.path.lexists(self.kept / LOCK_FILE):
            return self.lock_as_made
        lock = read_lock(self.kept / LOCK_FILE)
        # A later version of XRayLab may ship other weights under the same name.
        made_for_these = lock is None or lock.model_sha256 == self.card.model_sha256
        return lock if made_for_these else self.lock_as_made

    @property
    def lock_as_made(self) -> Lock | None:
        """The lock in the model's own folder: for a shipped model, the one that it came with."""
        return read_lock(self.folder / LOCK_FILE)

    def require_lock(self) -> Lock:
        """Return the lock.

        Raises
        ------
        HonestOrderError
            If the model isn't locked yet.
        """
        lock = self.lock
        if lock is None:
            raise HonestOrderError(
                self.lock_fault or f"{self.name} has no locked threshold yet. Lock one on validation first."
            )
        return lock

    @property
    def lock_fault(self) -> str | None:
        """Why the lock on disk can't be used, and what to do, as a sentence; None without such a lock."""
        if self.lock is not None or not any(os.path.lexists(file) for file in self._lock_files):
            return None
        return (
            f"The lock of “{self.name}” was written by another version of XRayLab, or is damaged, so nothing "
            "is decided by it. Lock a threshold again."
        )

    def write_lock(
        self,
        threshold: float,
        rule: str,
        *,
        actor: str,
        review_from: float | None = None,
        review_rule: str | None = None,
        after_opening: bool = False,
        openings_before: int | None = None,
    ) -> Lock:
        """Fix the operating point, and stamp it if the test split was opened before.

        Parameters
        ----------
        threshold : float
            In [0, 1].
        rule : str
            The rule that chose it.
        actor : str
            Who locks: ``app``, ``command line`` or ``training``.
        review_from : float, optional
            Lower end of the review band, below the threshold; by default there is no band.
        review_rule : str, optional
            The rule that chose ``review_from``.
        after_opening : bool
            Whether the test films were opened before for this model, or for one that it is averaged with.
        openings_before : int, optional
            Openings of the test films that are on record now, for any model.

        Raises
        ------
        ValueError
            If the threshold is outside [0, 1], or ``review_from`` outside [0, threshold).
        NotFoundError, WeightsError
            As ``films``, for the validation films.
        """
        before = self.lock
        lock = Lock(
            threshold=threshold,
            rule=rule,
            locked_at=datetime.now(UTC),
            actor=actor,
            backend=self.card.backend,
            model_sha256=self.card.model_sha256,
            dataset=self.card.dataset.name,
            n=len(self.films("validation").scored),
            review_from=review_from,
            review_rule=review_rule,
            after_opening=after_opening or any(map(knows_of_opening, self._lock_files)),
            openings_before=openings_before,
            opened_at=before.opened_at if before else (),
            opened=False,
        )
        write_text(self._lock_files[0], lock.model_dump_json(indent=2))
        return lock

    def write_opening(self) -> Lock:
        """Note on the lock that the test split was opened.

        Raises
        ------
        HonestOrderError
            If the model isn't locked yet.
        """
        lock = self.require_lock()
        openings = (*lock.opened_at, datetime.now(UTC))
        lock = lock.model_copy(update={"opened_at": openings, "opened": True})
        write_text(self._lock_files[0], lock.model_dump_json(indent=2))
        return lock

    @property
    def _lock_files(self) -> tuple[Path, ...]:
        """Where the locks may be; the first is the one to write."""
        folders = (self.folder,) if self.kept is None else (self.kept, self.folder)
        return tuple(folder / LOCK_FILE for folder in folders)


def _read_own(model: Model, file: str, damaged: str) -> HeldOut:
    """Read predictions of a model, and reject those that its present weights didn't make."""
    try:
        held_out = read_held_out(model.folder / file)
    except XRayLabError as error:
        raise NotFoundError(f"{damaged} {model.remedy}") from error
    if unexplained := held_out.predictions.unexplained:
        raise WeightsError(
            f"“{model.name}” gave no finite score for {unexplained} of its held-out films, so its numbers "
            f"can't be used. {model.remedy}"
        )
    # A number of other weights looks as good as any: without this check a lock would be chosen on it.
    if held_out.predictions.model_hash != model.card.model_sha256:
        raise WeightsError(
            f"The stored predictions of “{model.name}” are those of other weights. {model.remedy}"
        )
    return held_out


def _find_member(ensemble: _Folder, member: Member) -> _Folder:
    """Find a member of an ensemble: in the folder of models next to it, or among the shipped models."""
    name = check_name(member.model, what="model")  # it comes from a file and becomes part of a path
    home = (ensemble.kept or ensemble.folder).parent
    matches = []
    for place in dict.fromkeys((ensemble.folder.parent, shipped_models())):
        kept = home / name if place == shipped_models() else None
        with contextlib.suppress(NotFoundError):
            matches.append(type(ensemble).read(place / name, kept))
    for part in matches:
        if part.card.model_sha256 == member.model_sha256:
            return part
    fate = "was replaced since" if matches else "is gone or damaged"
    raise WeightsError(f"“{ensemble.name}” averages “{name}”, which {fate}. {ensemble.remedy}")
