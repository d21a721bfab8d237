"""Model cards: collect everything that a card shows, and write it as Markdown."""

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

_T = TypeVar("_T")


def model_card(settings: Settings, name: str) -> str:
    """Write a model's card as Markdown; a sentence stands for everything that is sealed or damaged.

    Raises
    ------
    NotFoundError
        If there is no such model, or its card can't be read.
    """
    model = load_model(settings, name)
    return card.model_card(
        model.card,
        lock=model.lock,
        members=_or_sentence(lambda: model.members),
        validation=_or_sentence(lambda: model.films("validation")),
        test=_or_sentence(lambda: model.films("test")),
        openings=len(openings_of(settings, model)),
        suites=_suites(settings, model),
        tells_novelty=_or_sentence(lambda: model.tells_novelty),
        scales=_or_sentence(partial(_scales, model)),
    )


def _scales(model: Model) -> dict[str, MapScale]:
    """Return the heatmap scale of each network of a model, by the network's model, if it has one."""
    scales = {part.name: read_scale(part) for part in model.parts}
    return {name: scale for name, scale in scales.items() if scale is not None}


def _suites(settings: Settings, model: Model) -> list[documents.Robustness | str]:
    """Return the numbers under the suite for each split that may be looked at."""
    # Robustness is measured at the lock, so without one there is nothing to show and nothing to say.
    if not model.scored_under_suite or model.lock is None:
        return []
    splits = ["validation", "test"] if model.test_opened else ["validation"]
    return [_or_sentence(partial(robustness, settings, model.name, split=split)) for split in splits]


def _or_sentence(compute: Callable[[], _T]) -> _T | str:
    """Return a result, or the sentence of the error: one damaged file must not cost the whole card."""
    try:
        return compute()
    except XRayLabError as error:
        return str(error)
