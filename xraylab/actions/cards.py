"""Model cards: gather what there is of a model, and have it written."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from xraylab import documents
from xraylab.actions.robustness import robustness
from xraylab.errors import XRayLabError
from xraylab.models import Model, load_model, openings_of
from xraylab.models.heatmap_scale import MapScale, read_scale
from xraylab.reports import card
from xraylab.settings import Settings

_Found = TypeVar("_Found")


def model_card(settings: Settings, name: str) -> str:
    """A model's card as Markdown; what is sealed or damaged is a sentence in it.

    Raises
    ------
    NotFoundError
        If there is no such model, or its card can't be read.
    """
    model = load_model(settings, name)
    return card.model_card(
        model.card,
        lock=model.lock,
        members=_or_why(lambda: model.members),
        validation=_or_why(lambda: model.validation),
        test=_or_why(lambda: model.test),
        openings=len(openings_of(settings, model)),
        suites=_suites(settings, model),
        tells_novelty=_or_why(lambda: model.tells_novelty),
        scales=_or_why(partial(_scales, model)),
    )


def _scales(model: Model) -> dict[str, MapScale]:
    """The scales of a model's heatmaps, by the model of each network; without those that have none."""
    found = {part.name: read_scale(part) for part in model.parts}
    return {name: scale for name, scale in found.items() if scale is not None}


def _suites(settings: Settings, model: Model) -> list[documents.Robustness | str]:
    """What the suite leaves of a model on films that may be looked at; none if it wasn't scored under it."""
    if not model.scored_under_suite or model.lock is None:
        return []
    splits = ["validation", "test"] if model.test_opened else ["validation"]
    return [_or_why(partial(robustness, settings, model.name, split=split)) for split in splits]


def _or_why(look: Callable[[], _Found]) -> _Found | str:
    try:
        return look()
    except XRayLabError as error:
        return str(error)
