"""
Openings of a model's test films, for any model, under any name.

- the record belongs to the films: the same films in another dataset, folder or archive have the same openings
- shipped models bring the openings that happened where they were made, in their locks
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from xraylab.data.datasets import Dataset
from xraylab.data.openings import Opening, openings_on
from xraylab.formats import count
from xraylab.imaging.fingerprint import FINGERPRINT_BYTES, Fingerprints
from xraylab.models.folder import Model
from xraylab.models.schema import Lock
from xraylab.models.shelf import dataset_of, films_of, list_models
from xraylab.settings import Settings


def openings_of(settings: Settings, model: Model) -> list[Opening]:
    """Return every known opening of the films that a model held out for test, oldest first.

    They may have been opened for any model, as a split of any dataset, as a folder or as an archive.
    If neither the model nor a dataset tells which films these are, only openings for the model are known.
    """
    films = test_fingerprints(settings, model)
    if not len(films):
        return _noted(model, model.lock)
    known = openings_on_films(settings, Fingerprints.of_stored(films))
    return sorted(known + _earlier(dataset_of(settings, model)), key=lambda opening: opening.at)


def openings_of_dataset(settings: Settings, dataset: Dataset) -> list[Opening]:
    """Return every known opening of the films in a dataset's test split, oldest first."""
    known = openings_on_films(settings, dataset.fingerprints("test"))
    return sorted(known + _earlier(dataset), key=lambda opening: opening.at)


def openings_on_films(settings: Settings, films: Fingerprints) -> list[Opening]:
    """Return the openings in this home and of shipped models that showed at least one of these films."""
    shipped = [model for model in list_models(settings) if model.shipped]
    brought = [
        opening
        for model in shipped
        if _shares_test(model, films)
        for opening in _noted(model, model.lock_as_made)
    ]
    return brought + openings_on(settings, films)


def order_words(lock: Lock, openings: int) -> str:
    """Say in what order a lock was made and the test films were seen; no more than the record holds.

    Parameters
    ----------
    openings : int
        Openings of the test films on record now, for any model.
    """
    if lock.after_opening:
        order = (
            "Test results had been seen for this model before the lock was made, so they may have "
            "influenced it."
        )
    elif lock.openings_before is None:
        order = "How often the test films had been opened before the lock was made isn't on record."
    elif lock.openings_before == 0:
        order = "On record, no results on the test films had been seen before the lock was made."
    else:
        order = (
            f"Results on the test films had been seen {_times(lock.openings_before)} before the lock was "
            "made, for other models, so they may have influenced what was trained."
        )
    total = f"On record, the test films have been opened {_times(openings)}, for all models together."
    return f"{order} {total}" if openings else order


def _times(n: int) -> str:
    return "once" if n == 1 else f"{count(n)} times"


def opened_before(settings: Settings, model: Model) -> bool:
    """Return whether the test films were opened for a model before, or for a model that it is averaged with.

    An opening for a member counts for its ensemble, and an opening for an ensemble counts for its members.
    An opening for another model doesn't stamp the lock: the lock counts it in ``openings_before``.
    """
    return _stamps(settings, model, openings_of(settings, model))


@dataclass(frozen=True)
class SeenBefore:
    """What a new lock of a model has to say about the openings of its test films."""

    after_opening: bool  # as ``opened_before`` returns it
    openings: int  # on record now, for any model


def seen_before(settings: Settings, model: Model) -> SeenBefore:
    """Look up the openings of a model's test films once, for a lock that is about to be made."""
    openings = openings_of(settings, model)
    return SeenBefore(_stamps(settings, model, openings), len(openings))


def _stamps(settings: Settings, model: Model, openings: list[Opening]) -> bool:
    """Return whether openings concern a model, its members, or an ensemble with it."""
    # A person who has seen a member's test result may have chosen the members by it, and an ensemble's
    # result is made of its members' results.
    known = list_models(settings)
    names = (*model.names, *model.card.members, *_names_of_members(model, known))
    if any(opening.concerns(name) for opening in openings for name in names):
        return True
    # A lock in the home that was made for a shipped model remembers too.
    related = [
        other
        for other in known
        if model.shipped and other.shipped and (other.name in names or model.name in other.card.members)
    ]
    return any(lock.knows_of_opening for other in related if (lock := other.lock))


def _names_of_members(model: Model, known: list[Model]) -> list[str]:
    """Return every name of an ensemble's members, which may have been renamed since it was made."""
    return [
        name for other in known if not set(other.names).isdisjoint(model.card.members) for name in other.names
    ]


def test_fingerprints(settings: Settings, model: Model) -> NDArray[np.uint8]:
    """Return the stored fingerprints of the films that a model held out for the test, uint8 (n, 16).

    There are none if neither the model's folder nor a dataset in this home tells.
    """
    films = films_of(settings, model)
    return np.empty((0, FINGERPRINT_BYTES), np.uint8) if films is None else films.test.fingerprints


def _shares_test(model: Model, films: Fingerprints) -> bool:
    made_from = model.made_from
    return made_from is not None and bool((films.find(made_from.test.fingerprints) >= 0).any())


def _noted(model: Model, lock: Lock | None) -> list[Opening]:
    """Return the openings that a lock of a model has noted."""
    return [_opening(model, at) for at in lock.opened_at] if lock else []


def _opening(model: Model, at: datetime) -> Opening:
    return Opening(
        at=at, actor="", model=model.name, members=model.card.members, data=model.card.dataset.name
    )


def _earlier(dataset: Dataset | None) -> list[Opening]:
    """Return the openings that earlier versions wrote into a dataset's lineage."""
    if dataset is None:
        return []
    openings = (_as_opening(dataset.info.name, event) for event in dataset.earlier_openings)
    return [opening for opening in openings if opening is not None]


def _as_opening(data: str, event: Mapping[str, Any]) -> Opening | None:
    """Return an opening in a dataset's lineage; None for a line that can't be read."""
    facts = {name: event[name] for name in ("at", "actor", "model", "members") if name in event}
    try:
        return Opening.model_validate({"actor": "", "model": "", **facts, "data": data})
    except ValidationError:
        return None
