"""Models: list them, and look one up by name. Weights are loaded when a film is read, not here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from xraylab import actions, documents, formats, models
from xraylab.front.evaluations import Evaluation
from xraylab.front.films import FilmSource
from xraylab.front.operating_points import LockedModel, evaluate, lock
from xraylab.front.reader import read
from xraylab.front.readings import DecisionLock, FilmReading
from xraylab.front.results import Measure, Result, Rows, labelled, number
from xraylab.reports.film_words import calibration_films
from xraylab.settings import Settings, load_settings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class TrainedModel(Result):
    """A model on this machine: what it is, how good it is on validation, and where it is locked.

    Attributes
    ----------
    name, arch, dataset, recipe : str
        ``arch`` is the name of the network, or ``ensemble``.
    validation_auc : Measure
        Area under the ROC curve on the validation films, with its 95 % interval by patient.
    operating_point : DecisionLock or None
        The lock; None before the first.
    calibrated : bool
        Whether scores were calibrated on the validation films.
    calibrated_on : str
        The films that they were calibrated on, in words; empty without a calibration.
    shipped : bool
        Whether it came with XRayLab. Such a model can be locked, but not replaced.
    created_at : datetime
    intended_use : str
    """

    name: str
    arch: str
    dataset: str
    recipe: str
    validation_auc: Measure
    operating_point: DecisionLock | None
    calibrated: bool
    calibrated_on: str
    shipped: bool
    created_at: datetime
    intended_use: str
    # Kept for the methods; not compared, since two homes may hold the same model.
    settings: Settings = field(repr=False, compare=False)

    def read(
        self, films: FilmSource | Iterable[FilmSource], *, age: float | None = None
    ) -> FilmReading | Any:
        """Read films with this model; see ``xraylab.read``."""
        return read(films, self, age=age, settings=self.settings)

    def lock(self, rule: str | float, *, review: str | None = None) -> LockedModel:
        """Lock this model's operating point; see ``xraylab.lock``."""
        return lock(self, rule, review=review, settings=self.settings)

    def evaluate(self, data: str, *, split: str = "test") -> Evaluation:
        """Evaluate this model at its lock; see ``xraylab.evaluate``."""
        return evaluate(self, data, split=split, settings=self.settings)

    def predictions(self, split: str = "validation") -> "pd.DataFrame":
        """Return the scores that the model gave the films it held out.

        Parameters
        ----------
        split : str
            ``validation``; or ``test``, once the test split has been opened at the present lock.

        Returns
        -------
        pandas.DataFrame
            One row per film: ``image_id``, ``patient``, ``group``, ``label`` (0 or 1), ``score`` and more.

        Raises
        ------
        NotFoundError
            If there is no such split, or the predictions are missing or damaged.
        HonestOrderError
            If the test films are sealed.
        WeightsError
            If the stored predictions are those of other weights.
        """
        # Read anew: a lock or an opening since then decides whether the test films are sealed.
        return models.load_model(self.settings, self.name).films(split).frame.copy()

    def card(self) -> str:
        """Return the model card as Markdown."""
        return actions.model_card(self.settings, self.name)

    def lines(self) -> list[str]:
        """Return what the model is, its AUC and its lock, a fact per line."""
        lock_line = "none yet" if self.operating_point is None else repr(self.operating_point)
        return [
            f"{self.name}: {self.arch}, trained on {self.dataset} by {self.recipe}",
            labelled("AUC", f"{self.validation_auc!r} on validation"),
            labelled("lock", lock_line),
            labelled("scores", self._calibration()),
            self.intended_use,
        ]

    def _calibration(self) -> str:
        return f"calibrated on {self.calibrated_on}" if self.calibrated else "not calibrated"


@dataclass(frozen=True, repr=False)
class ModelList(Rows[TrainedModel]):
    """The models on this machine: the user's own, newest first, then those that came with XRayLab."""

    columns: ClassVar[tuple[str, ...]] = (
        *("name", "arch", "dataset", "recipe", "auc", "auc_low", "auc_high", "threshold", "rule"),
        *("review_from", "calibrated", "calibrated_on", "shipped", "created_at"),
    )

    def cells(self, result: TrainedModel) -> tuple[Any, ...]:
        """Return one model as a row of the frame."""
        auc, point = result.validation_auc, result.operating_point
        return (
            *(result.name, result.arch, result.dataset, result.recipe, auc.value, auc.low, auc.high),
            *(number(point.threshold if point else None), point.rule if point else None),
            number(point.review_from if point else None),
            *(result.calibrated, result.calibrated_on, result.shipped, result.created_at),
        )

    def title(self) -> str:
        """Return how many models there are."""
        return f"{len(self)} {'model' if len(self) == 1 else 'models'}; AUC on validation, 95 % interval"

    def brief(self, result: TrainedModel) -> str:
        """Return name, AUC and lock."""
        point = result.operating_point
        locked = "not locked" if point is None else f"lock {formats.score(point.threshold)}"
        return f"{result.name:<20}  AUC {result.validation_auc!r}, {locked}"


def list_models(*, settings: Settings | None = None) -> ModelList:
    """List the models on this machine.

    Returns
    -------
    ModelList
        A sequence of ``TrainedModel`` with ``frame()``; models that can't be read are left out.
    """
    used = settings or load_settings()
    by_name = {model.name: model for model in models.list_models(used)}
    # A model may appear or vanish between the two look-ups, when a training ends.
    rows = actions.model_rows(used)
    return ModelList(tuple(_trained(used, by_name[row.name], row) for row in rows if row.name in by_name))


def load_model(name: str, *, settings: Settings | None = None) -> TrainedModel:
    """Look up a model by name; its weights are loaded when it first reads a film.

    Raises
    ------
    NotFoundError
        If there is no model of that name, or it is damaged.
    """
    used = settings or load_settings()
    return _trained(used, models.load_model(used, name), actions.model_row(used, name))


def _trained(settings: Settings, model: models.Model, row: documents.ModelRow) -> TrainedModel:
    lock, films = model.lock, model.card.calibrated_on
    return TrainedModel(
        name=row.name,
        arch=row.arch,
        dataset=row.dataset,
        recipe=row.recipe,
        validation_auc=Measure(row.val_auc, *row.val_auc_ci),
        operating_point=None if lock is None else DecisionLock.of(lock),
        calibrated=model.card.calibrated,
        calibrated_on="" if films is None else calibration_films(films.films, films.copies),
        shipped=row.shipped,
        created_at=row.created_at,
        intended_use=model.card.intended_use,
        settings=settings,
    )
