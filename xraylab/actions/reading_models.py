"""Which model reads films, and the way back to the threshold that a shipped model came with."""

from xraylab import documents, trail
from xraylab.actions.operating_points import locked
from xraylab.errors import NotFoundError
from xraylab.models import choose_to_read, load_model, model_that_reads, restore_shipped_lock
from xraylab.settings import Settings


def use_for_reading(settings: Settings, name: str, *, actor: str) -> documents.ReadingModel:
    """Choose the model that reads films from now on, in every session and on the command line.

    Raises
    ------
    NotFoundError
        If there is no such model.
    StorageError
        If the home can't be written.
    """
    model = load_model(settings, name)
    objects = {"model": model.card.model_sha256}
    with trail.entered(settings, trail.MODEL, "used", actor=actor, name=name, objects=objects):
        chosen = choose_to_read(settings, model, actor=actor)
    return documents.ReadingModel(model=chosen.model, chosen_at=chosen.chosen_at)


def reading_model(settings: Settings) -> str:
    """Return the name of the model that reads films: the chosen one, by default the shipped ensemble.

    Raises
    ------
    NotFoundError
        If there is no model at all.
    """
    model = model_that_reads(settings)
    if model is None:
        raise NotFoundError("There is no model to read a film with. Train one first.")
    return model.name


def restore_lock(settings: Settings, name: str, *, actor: str = trail.PYTHON) -> documents.Locked:
    """Make the threshold that a shipped model came with valid again; the record of its openings stays.

    Raises
    ------
    NotFoundError
        If there is no such model, or its predictions are missing or damaged.
    XRayLabError
        If the model didn't come with XRayLab.
    StorageError
        If the home can't be written.
    """
    model = load_model(settings, name)
    objects = {"model": model.card.model_sha256}
    with trail.entered(settings, trail.MODEL, "lock restored", actor=actor, name=name, objects=objects):
        lock = restore_shipped_lock(model)
    return locked(settings, name, lock)
