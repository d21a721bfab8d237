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

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from xraylab.errors import HonestOrderError, NotFoundError, WeightsError, XRayLabError
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.files import write_text
from xraylab.models.held_out import HeldOut, read_held_out
from xraylab.models.lock_file import knows_of_opening, read_lock
from xraylab.models.parts import ModelFolder
from xraylab.models.schema import Lock
from xraylab.predictions import Predictions

HELD_OUT = ("validation", "test")  # the splits that a model has stored predictions for
SUITE_FILE = "suite.parquet"
_PREDICTIONS = "predictions.parquet"
LOCK_FILE = "lock.json"


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
                f"The test films of {self.name} are sealed. Lock its threshold, then reveal the test results."
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
        held_out = read_held_out(model.folder / file, model.card.finding)
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
