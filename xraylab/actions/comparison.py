"""Compare two models on the validation films that both held out, each at its own lock."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from xraylab.errors import ComparisonError
from xraylab.evaluation.comparison import Comparison, Scored
from xraylab.evaluation.comparison import compare as compare_scored
from xraylab.models import Model, load_model
from xraylab.settings import Settings


@dataclass(frozen=True, eq=False)
class Compared:
    """Two models on the same films."""

    comparison: Comparison
    films: pd.DataFrame  # (n,) the first model's predictions, in the order of the comparison's rows


def compare(settings: Settings, first: str, second: str) -> Compared:
    """Compare two models on validation; the test films stay sealed.

    Raises
    ------
    NotFoundError
        If there is no such model, or its predictions are gone.
    HonestOrderError
        If one of them isn't locked.
    ComparisonError
        If it is the same model twice, or they weren't scored on the same films under the same labels.
    """
    if first == second:
        raise ComparisonError(f"“{first}” can't be compared with itself. Choose another model.")
    models = [load_model(settings, name) for name in (first, second)]
    thresholds = [model.require_lock().threshold for model in models]
    frames = [_films(model) for model in models]
    scored = [
        Scored(model.name, list(frame["image_id"]), frame["score"].to_numpy(np.float64), threshold)
        for model, frame, threshold in zip(models, frames, thresholds, strict=True)
    ]
    labels = [frame["label"].to_numpy(np.int8) for frame in frames]
    found = compare_scored(labels[0], frames[0]["group"].to_numpy(object), *scored)
    if not np.array_equal(labels[0], labels[1]):
        raise ComparisonError(
            f"{first} and {second} know some films under different labels, so they can't be compared. Train "
            "both on one import."
        )
    return Compared(found, frames[0])


def _films(model: Model) -> pd.DataFrame:
    """A model's validation films, in an order that doesn't depend on the model."""
    return model.validation.scored.frame.sort_values("image_id", ignore_index=True)
