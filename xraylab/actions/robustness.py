"""How a model bears the suite of perturbations, on films that it wasn't trained on."""

import math

from xraylab import documents
from xraylab.errors import NotFoundError
from xraylab.evaluation.summary import Evaluation, summarise
from xraylab.imaging.perturbations import SUITE
from xraylab.models import Model, load_model
from xraylab.predictions import Predictions
from xraylab.settings import Settings

_SPLITS = ("validation", "test")


def robustness(settings: Settings, name: str, *, split: str = "validation") -> documents.Robustness:
    """A model's numbers at its lock, film by film under each perturbation of the suite.

    Parameters
    ----------
    split : str
        validation, or test once it has been opened for the model.

    Raises
    ------
    HonestOrderError
        If the model isn't locked, or the test films are sealed.
    NotFoundError
        If there is no such model or split, or it wasn't scored under the suite.
    """
    if split not in _SPLITS:
        raise NotFoundError(f"There is no split “{split}” to look at here. Choose {' or '.join(_SPLITS)}.")
    model = load_model(settings, name)
    threshold = model.require_lock().threshold
    under = model.suite(split).perturbations
    plain = _summary(model.test if split == "test" else model.validation, threshold)
    left_out = _left_out(model)
    rows = []
    for one in SUITE:
        if one.name not in under:
            continue
        found = _summary(under[one.name], threshold)
        rows.append(
            documents.UnderPerturbation(
                perturbation=one.name,
                title=one.title,
                left_out=one.family in left_out,
                auc=found.auc,
                auc_ci=found.auc_ci,
                drop=plain.auc - found.auc,
                sensitivity=found.point.sensitivity,
                specificity=found.point.specificity,
                balanced_accuracy=found.point.balanced_accuracy,
            )
        )
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


def _summary(predictions: Predictions, threshold: float) -> Evaluation:
    scored = predictions.scored
    return summarise(scored.labels, scored.scores, scored.groups, threshold)


def _left_out(model: Model) -> set[str]:
    """The families that no network of it was trained on."""
    return set.intersection(*(set(part.card.recipe.get("leave_out", ())) for part in model.parts))
