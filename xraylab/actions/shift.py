"""Shift: compare the scores of other labelled films with those of a model's validation films."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xraylab import documents
from xraylab.actions.datasets import Progress
from xraylab.actions.labelled import count_warned, read_source, score_films
from xraylab.actions.overlap import Overlap, overlap, overlap_of_held_out
from xraylab.errors import NotFoundError
from xraylab.evaluation.rules import FLOOR
from xraylab.evaluation.shift import ClassShift, Films, Shift, Side, verdict
from xraylab.evaluation.shift import shift as shift_of
from xraylab.findings import Finding
from xraylab.models import Model, load_model
from xraylab.predictions import Predictions
from xraylab.reports.calibration import calibrated
from xraylab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from xraylab.reading.loaded import LoadedModel

_NO_FLOOR = (
    " The sensitivity floor that the model is locked by was found on one validation film per patient, and is "
    "void for films that score differently."
)
TEST = "test"  # stands for the model's own test films, once they are open


@dataclass(frozen=True, eq=False)
class Shifted:
    """Other films against a model's validation films, at its lock."""

    document: documents.Shift
    comparison: Shift  # what the document was written from; the curves are drawn from it
    validation: Predictions  # only films that could be scored and have a label
    other: Predictions


def shift(
    settings: Settings,
    name: str,
    other: str = TEST,
    *,
    on_progress: Progress | None = None,
    load: "Callable[[Model], LoadedModel] | None" = None,
) -> Shifted:
    """Compare the scores of other films with those of a model's validation films; opens nothing.

    Parameters
    ----------
    other : str
        ``test`` for the opened test films, or the path of a labelled zip or folder, which is scored whole
        as ``evaluate`` does.
    load : callable, optional
        Returns the model with its weights in memory, for a program that keeps them; called if films are
        scored.

    Raises
    ------
    HonestOrderError
        If the model isn't locked, the test films haven't been opened at its present lock, or the model was
        made from all of the other films.
    NotFoundError, DatasetError
        If there is no such model or path, its predictions are missing or damaged, or the path can't be used.
    WeightsError
        If its stored predictions are those of other weights.
    ComparisonError
        If one of the two sets has no film.
    """
    model = load_model(settings, name)
    lock = model.require_lock()
    # First the quick half, which may refuse: scoring other films takes minutes.
    validation = model.films("validation").scored
    predictions, refused, shared = _other(settings, model, other, on_progress, load)
    scored = predictions.scored
    comparison = shift_of(_films(validation), _films(scored), lock.threshold)
    # A floor was promised for films like those of validation, and these aren't.
    floor_void = comparison.fires and lock.rule.startswith(f"{FLOOR}:")
    document = documents.Shift(
        model=name,
        data=other,
        threshold=lock.threshold,
        rule=lock.rule,
        fires=comparison.fires,
        verdict=verdict(comparison) + (_NO_FLOOR if floor_void else ""),
        overlap=shared.document(included=False),
        floor_void=floor_void,
        classes=[_class(of_class, model.card.finding) for of_class in comparison.classes],
        validation=_side(comparison.validation),
        other=_side(comparison.other, refused=refused, warned=count_warned(predictions)),
        differences={
            rate: documents.Difference(value=apart.value, low=apart.low, high=apart.high)
            for rate, apart in comparison.differences.items()
        },
    )
    return Shifted(document, comparison, validation, scored)


def _other(
    settings: Settings,
    model: Model,
    other: str,
    on_progress: Progress | None,
    load: "Callable[[Model], LoadedModel] | None",
) -> tuple[Predictions, int, Overlap]:
    """Return predictions on the other films, the number that couldn't be read, and the overlap left out."""
    if other == TEST:
        return model.films("test"), 0, overlap_of_held_out(model, "test")
    if not Path(other).exists():
        raise NotFoundError(
            f"“{other}” isn't a path on this machine. Give that of a labelled zip archive or folder, or "
            f"“{TEST}” for the opened test films."
        )
    films = read_source(Path(other), model.card.finding, on_progress)
    shared = overlap(settings, model, films.fingerprints)
    # Films that made the model score as the validation films do, so no difference would be found.
    shared.check_any_left()
    loaded = load(model) if load else None
    scored = score_films(settings, model, films.without(shared.used), on_progress, loaded=loaded)
    return scored, films.refused, shared


def _films(scored: Predictions) -> Films:
    """Return films as the comparison takes them; it fits the calibration to logits, not to scores."""
    logits = scored.frame["logit"].to_numpy(np.float64)
    return Films(scored.labels, scored.scores, logits, scored.groups, scored.finding)


def _class(of_class: ClassShift, finding: Finding) -> documents.ShiftOfClass:
    return documents.ShiftOfClass(
        label=finding.classes[of_class.label],
        n=of_class.n,
        patients=of_class.patients,
        chance=of_class.chance.value,
        chance_ci=(of_class.chance.low, of_class.chance.high),
        p=of_class.chance.p,
        adjusted_p=of_class.adjusted_p,
        fires=of_class.fires,
    )


def _side(side: Side, *, refused: int = 0, warned: int | None = None) -> documents.ShiftSide:
    """Lay out one of the two sets of films; a slope that can't be fitted is NaN, with the reason."""
    figures, fit = side.figures, side.calibration
    return documents.ShiftSide(
        n=figures.n,
        patients=figures.patients,
        refused=refused,
        warned=warned,
        prevalence=side.prevalence,
        prevalence_ci=side.prevalence_ci,
        auc=figures.auc,
        auc_ci=figures.auc_ci,
        sensitivity=figures.point.sensitivity,
        sensitivity_ci=figures.intervals["sensitivity"],
        specificity=figures.point.specificity,
        specificity_ci=figures.intervals["specificity"],
        brier=figures.brier,
        ece=figures.ece,
        slope=fit.slope,
        intercept=fit.intercept,
        no_slope=fit.why,
        calibration=calibrated(fit, brier=figures.brier, ece=figures.ece),
    )
