"""Robustness: a model's numbers under the suite of perturbations, on films that it wasn't trained on."""

import math

from xraylab import documents
from xraylab.evaluation.summary import Evaluation, summarise
from xraylab.imaging.perturbations import SUITE
from xraylab.models import Model, load_model
from xraylab.predictions import Predictions
from xraylab.settings import Settings


def robustness(settings: Settings, name: str, *, split: str = "validation") -> documents.Robustness:
    """Return a model's numbers at its lock under each perturbation of the suite.

    Parameters
    ----------
    split : str
        ``validation``, or ``test`` once it has been opened for the model.

    Raises
    ------
    HonestOrderError
        If the model isn't locked, or the test films are sealed.
    NotFoundError
        If there is no such model or split, its predictions are missing or damaged, or it wasn't scored under
        the suite.
    WeightsError
        If its stored predictions are those of other weights.
    """
    model = load_model(settings, name)
    threshold = model.require_lock().threshold
    under = model.suite(split).perturbations
    plain = _summary(model.films(split), threshold)
    rows = _rows(model, plain, {name: _summary(films, threshold) for name, films in under.items()})
    # A set of one class has no AUC under any perturbation, so no perturbation is the worst.
    known = [row for row in rows if math.isfinite(row.auc)]
    return documents.Robustness(
        model=name,
        split=split,
        n=plain.n,
        patients=plain.patients,
        auc=plain.auc,
        auc_ci=plain.auc_ci,
        threshold=threshold,
        worst=min(known, key=lambda row: row.auc).perturbation if known else None,
        rows=rows,
    )


def _rows(model: Model, plain: Evaluation, under: dict[str, Evaluation]) -> list[documents.UnderPerturbation]:
    """Return one row per perturbation, in the order of the suite."""
    left_out = _left_out(model)
    return [
        documents.UnderPerturbation(
            perturbation=change.name,
            title=change.title,
            left_out=change.family in left_out,
            auc=under[change.name].auc,
            auc_ci=under[change.name].auc_ci,
            drop=plain.auc - under[change.name].auc,
            sensitivity=under[change.name].point.sensitivity,
            specificity=under[change.name].point.specificity,
            balanced_accuracy=under[change.name].point.balanced_accuracy,
        )
        for change in SUITE
        if change.name in under  # a model of an earlier version may know fewer perturbations
    ]


def _summary(predictions: Predictions, threshold: float) -> Evaluation:
    scored = predictions.scored
    return summarise(scored.labels, scored.scores, scored.groups, threshold)


def _left_out(model: Model) -> set[str]:
    """Return the families of perturbations that none of the model's networks saw in training."""
    return set.intersection(*(set(part.card.recipe.get("leave_out", ())) for part in model.parts))
